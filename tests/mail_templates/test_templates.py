"""Mail templates: what can be kept, their versions, their usage."""

import io
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask

from ctm import files, templates
from ctm.consent import purposes
from ctm.errors import Conflict, InvalidInput, NotFound
from ctm.extensions import db
from ctm.models import (
    DocumentTemplate,
    Instalment,
    Mailing,
    MailingKind,
    MailTemplate,
    Message,
    Policy,
    SqlField,
)
from ctm.templates import previewing
from tests import factories

BASE = {
    "name": "Reminder",
    "module": "titoli",
    "subject": "Instalment [titoli.numero]",
    "body_html": "<p>Dear [clienti.nome]</p>",
}


def template(**values: Any) -> MailTemplate:
    return templates.save(BASE | values)[0]


def document(kind: str = "pdf", module: str = "titoli", name: str = "Notice") -> DocumentTemplate:
    made = DocumentTemplate(kind=kind, module=module, name=name)
    db.session.add(made)
    db.session.commit()
    return made


def put_file(on: MailTemplate, name: str = "brochure.pdf", content_id: str = "") -> None:
    templates.attach(on, files.store(io.BytesIO(b"content"), name, "application/pdf"), content_id)


def test_a_template_is_offered_in_its_module_while_it_is_active(app: Flask) -> None:
    mine, other = template(), template(name="Birthday", module="clienti", subject="")
    gone = template(name="Old")
    templates.set_active(gone, False)

    assert templates.of_module("titoli") == [mine]
    assert templates.of_module("clienti") == [other]


def test_all_of_a_template_is_in_its_snapshot(app: Flask) -> None:
    pdf, purpose = document(), purposes.create({"name": "Due dates"})
    made = template(
        purpose_id=str(purpose.id),
        cc="a@example.com; B@Example.com",
        bcc="c@example.com",
        read_receipt=True,
        pdf_template_id=str(pdf.id),
    )
    put_file(made)

    found = templates.snapshot(made)
    assert (found["cc"], found["bcc"]) == ("a@example.com, B@example.com", "c@example.com")
    assert (found["purpose"], found["pdf_template"]) == ("Due dates", "Notice")
    assert found["read_receipt"] is True
    assert [each["name"] for each in found["attachments"]] == ["brochure.pdf"]
    assert found["version"] == 2


@pytest.mark.parametrize(
    ("values", "field", "words"),
    [
        ({"name": ""}, "name", "name"),
        ({"name": "x" * 161}, "name", "160"),
        ({"name": "REMINDER"}, "name", "Another"),
        ({"module": "titolo"}, "module", "list"),
        ({"module": ""}, "module", "list"),
        ({"subject": "[titoli.nmero]"}, "subject", "Line 1, column 1"),
        (
            {"body_html": "<p>\n[clienti.nome] [clienti.cogome]</p>"},
            "body_html",
            "Line 2, column 16",
        ),
        ({"body_html": "[titoli.importo;frm='?']"}, "body_html", "column 1"),
        ({"body_format": "text", "body_text": "[clienti.x]"}, "body_text", "clienti.x"),
        ({"module": "clienti"}, "subject", "titoli.numero"),
        ({"cc": "nobody"}, "cc", "nobody"),
        ({"bcc": "a@example.com, b@"}, "bcc", "b@"),
        ({"cc": ",".join(f"a{n}@example.com" for n in range(51))}, "cc", "50"),
        ({"purpose_id": "77"}, "purpose_id", "purposes"),
        ({"purpose_id": "x"}, "purpose_id", "purposes"),
        ({"pdf_template_id": "99"}, "pdf_template_id", "document"),
        ({"pdf_template_id": "-1"}, "pdf_template_id", "document"),
        ({"subject": "x" * 501}, "subject", "500"),
        ({"body_html": "x" * (2 * 1024 * 1024 + 1)}, "body_html", "2 MB"),
    ],
)
def test_what_cannot_be_kept_is_refused_where_it_stands(
    app: Flask, values: dict[str, Any], field: str, words: str
) -> None:
    template()
    with pytest.raises(InvalidInput) as refused:
        templates.save(BASE | {"name": "Second"} | values)
    assert refused.value.field == field
    assert words in refused.value.message
    db.session.rollback()
    assert [each.name for each in db.session.scalars(templates.find())] == ["Reminder"]


@pytest.mark.parametrize(
    ("kind", "module", "field"),
    [
        ("excel", "titoli", "pdf_template_id"),
        ("pdf", "titoli", "excel_template_id"),
        ("pdf", "clienti", "pdf_template_id"),
        ("excel", "polizze", "excel_template_id"),
    ],
)
def test_a_document_of_another_kind_or_module_is_refused(
    app: Flask, kind: str, module: str, field: str
) -> None:
    wrong = document(kind, module)
    with pytest.raises(InvalidInput) as refused:
        template(**{field: str(wrong.id)})
    assert refused.value.field == field


def test_changing_the_module_checks_the_fields_again(app: Flask) -> None:
    made = template()
    with pytest.raises(InvalidInput) as refused:
        templates.save({"module": "ind_tlm"}, made)
    assert "titoli.numero" in refused.value.message
    db.session.rollback()

    templates.save({"module": "ind_tlm", "subject": "For you"}, made)
    assert (made.module, made.version) == ("ind_tlm", 2)


def test_changing_the_module_is_refused_while_its_document_is_of_the_old_one(app: Flask) -> None:
    made = template(subject="Hello", pdf_template_id=str(document().id))
    with pytest.raises(InvalidInput) as refused:
        templates.save({"module": "clienti"}, made)
    assert refused.value.field == "pdf_template_id"


def test_scripts_are_taken_out_and_named(app: Flask) -> None:
    made, removed = templates.save(BASE | {"body_html": "<p>Hi</p><script>alert(1)</script>"})
    assert "script" not in made.body_html
    assert removed == ["<script>"]


def test_every_save_is_a_version_and_none_is_made_for_nothing(app: Flask) -> None:
    made = template()
    templates.save({"subject": "Second"}, made)
    templates.save({"subject": "Second"}, made)
    put_file(made)
    templates.detach(made, made.attachments[0].id)

    kept = templates.versions(made)
    assert [each.number for each in kept] == [4, 3, 2, 1]
    assert templates.version(made, 1).content["subject"] == "Instalment [titoli.numero]"
    assert len(templates.version(made, 3).content["attachments"]) == 1
    with pytest.raises(NotFound):
        templates.version(made, 5)


def test_two_versions_stand_beside_each_other(app: Flask) -> None:
    made = template()
    templates.save({"subject": "Second", "cc": "a@example.com"}, made)

    pairs = {
        each.name: (each.before, each.after)
        for each in templates.differences(
            templates.version(made, 1).content, templates.version(made, 2).content
        )
        if each.changed
    }
    assert pairs == {
        "subject": ("Instalment [titoli.numero]", "Second"),
        "cc": ("", "a@example.com"),
    }


def test_an_old_version_comes_back_as_a_new_one_with_its_files(app: Flask) -> None:
    made = template()
    put_file(made)
    templates.detach(made, made.attachments[0].id)
    templates.save(
        {"name": "Renamed", "subject": "Now", "body_format": "text", "body_text": "x"}, made
    )

    assert templates.restore(made, 2) == []

    assert (made.name, made.subject, made.body_format) == (
        "Renamed",
        "Instalment [titoli.numero]",
        "html",
    )
    assert [each.file.name for each in made.attachments] == ["brochure.pdf"]
    assert made.version == 5


def test_restoring_names_what_is_gone_meanwhile(app: Flask) -> None:
    pdf, purpose = document(), purposes.create({"name": "Offers"})
    made = template(pdf_template_id=str(pdf.id), purpose_id=str(purpose.id))
    templates.save({"pdf_template_id": "", "purpose_id": ""}, made)
    db.session.delete(pdf)
    db.session.delete(purpose)
    db.session.commit()

    assert templates.restore(made, 1) == ["Notice", "Offers"]
    assert (made.pdf_template_id, made.purpose_id) == (None, None)


def test_who_saves_over_anothers_version_is_told(app: Flask) -> None:
    made = template()
    templates.save({"subject": "Theirs"}, made, seen=1)
    with pytest.raises(Conflict):
        templates.save({"subject": "Mine"}, made, seen=1)
    assert made.subject == "Theirs"


def test_a_copy_has_everything_but_the_name_and_the_history(app: Flask) -> None:
    made = template(cc="a@example.com")
    put_file(made)
    templates.set_active(made, False)

    copy = templates.duplicate(made)
    again = templates.duplicate(made)

    assert (copy.name, again.name) == ("Reminder (2)", "Reminder (3)")
    assert (copy.cc, copy.module, copy.active, copy.version) == ("a@example.com", "titoli", True, 1)
    assert [each.file.name for each in copy.attachments] == ["brochure.pdf"]
    templates.detach(copy, copy.attachments[0].id)
    assert len(made.attachments) == 1


def test_attachments_too_large_for_a_mail_are_refused(app: Flask) -> None:
    made = template()
    stored = files.store(io.BytesIO(b"x"), "film.mp4")
    stored.size = 21 * 1024 * 1024
    with pytest.raises(InvalidInput):
        templates.attach(made, stored)
    with pytest.raises(NotFound):
        templates.detach(made, 99)


def test_usage_says_which_mailings_and_how_many_mails(app: Flask) -> None:
    made, account = template(), factories.account()
    mailing = Mailing(
        kind=MailingKind.LIST,
        account_id=account.id,
        from_email=account.from_email,
        subject="Reminder",
        template_id=made.id,
        template_version=1,
    )
    db.session.add(mailing)
    db.session.flush()
    for number, state in enumerate(("sent", "sent", "failed")):
        db.session.add(
            Message(
                mailing_id=mailing.id,
                account_id=account.id,
                recipient_key=f"a{number}@example.com",
                to_address=f"a{number}@example.com",
                message_id=f"<{number}@example.com>",
                state=state,
            )
        )
    db.session.commit()

    (use,) = templates.uses(made)
    assert (use.mailing.id, use.mails, use.sent) == (mailing.id, 3, 2)


def test_the_list_is_searched_by_words_of_name_and_subject(app: Flask) -> None:
    mine = template(name="Sollecito Può", subject="Scadenza")
    template()

    def found(*asked: str) -> list[MailTemplate]:
        return list(db.session.scalars(templates.find(*asked)))

    assert found("scadenza sollecito") == [mine]
    assert found("100%") == []
    assert found("", "clienti") == []
    with pytest.raises(InvalidInput):
        templates.find("", "", "perhaps")


def test_the_legend_has_the_modules_fields_and_the_sql_fields(app: Flask) -> None:
    db.session.add(SqlField(name="data_scadenza", label="Due", query="select 1"))
    db.session.commit()

    def copied(module: str) -> set[str]:
        return {each.text for group in templates.legend_of(module) for each in group.entries}

    codes = copied("titoli_anagrafica")
    assert {"[clienti.nome]", "[titoli.importo]", "{{data_scadenza}}"} <= codes
    assert "[titoli.importo]" not in copied("clienti")


def test_the_preview_uses_the_chosen_clients_row_or_samples(app: Flask) -> None:
    client = factories.customer(first_name="Ada")
    policy = Policy(client_id=client.id, number="P-1")
    db.session.add(policy)
    db.session.flush()
    for number, month in (("T-2", 5), ("T-1", 3)):
        db.session.add(
            Instalment(
                policy_id=policy.id,
                client_id=client.id,
                number=number,
                due_date=date(2026, month, 1),
                amount=Decimal(100),
            )
        )
    db.session.commit()
    made = template()

    first = previewing.shown(made, client)
    second = previewing.shown(made, client, previewing.rows_of(made, client)[1].id)
    sample = previewing.shown(made, None)

    assert (first.subject, second.subject) == ("Instalment T-1", "Instalment T-2")
    assert "Ada" in (first.html or "")
    assert "Giulia" in (sample.html or "")
    assert previewing.shown(made, factories.customer()).subject == sample.subject


def test_manual_invio_a_tutti_i_contatti_a_template_of_clients_is_copied_for_contacts(
    app: Flask,
) -> None:
    """“Invio mail a tutti i contatti di una sola anagrafica”: duplicate, choose IND_TLM, rename."""
    of_clients = template(name="Circolare", module="clienti", subject="Per [clienti.nome]")
    copy = templates.duplicate(of_clients)
    changes = {
        "module": "ind_tlm",
        "name": "Circolare ai contatti",
        "subject": "Per [ind_tlm.nome] di [clienti.nominativo]",
    }

    templates.save(changes, copy)

    assert templates.of_module("ind_tlm") == [copy]
    assert templates.of_module("clienti") == [of_clients]
    assert of_clients.subject == "Per [clienti.nome]"


def test_manual_titoli_and_titoli_anagrafica_are_two_modules_of_a_template(app: Flask) -> None:
    """“Invio Mail da Titoli”: one mail for each instalment, or one for each client."""
    table = "<table><tr><td>[titoli.numero;block=tr]</td></tr></table>"
    grouped = template(name="Grouped", module="titoli_anagrafica", subject="", body_html=table)
    each = template(name="Each")

    assert templates.of_module("titoli_anagrafica") == [grouped]
    assert templates.of_module("titoli") == [each]
    with pytest.raises(InvalidInput):
        template(name="Wrong", module="titoli_anagrafica", subject="[titoli.numero]")
