"""The ActNow manual's paragraphs on sending mail from the lists, one by one."""

import pytest
from flask import Flask

from ctm import files, suppressions
from ctm.extensions import db
from ctm.mailing.listmail import drafts, forecasting, letters
from ctm.models import MailTemplate, MailTemplateFile, MessageState, SmtpAccount, User
from tests import factories
from tests.mailing.listmail import office


@pytest.fixture
def sender(app: Flask) -> tuple[User, SmtpAccount]:
    return office.sender_with_account()


Sender = tuple[User, SmtpAccount]


def test_inviare_una_mail_ad_un_singolo_cliente(sender: Sender) -> None:
    anna = factories.customer(first_name="Anna", email1="anna@example.com")
    (mail,) = office.mails(office.send(office.draft_of(*sender, "clienti", [anna])))
    assert (mail.to_address, mail.state, mail.client_id) == ("anna@example.com", "queued", anna.id)
    assert mail.merge_values == {"clienti.nome": "Anna", "clienti.cognome": anna.last_name}


def test_se_nel_profilo_non_e_riportata_una_mail_il_sistema_indica_che_non_e_stata_inviata(
    sender: Sender,
) -> None:
    nobody, anna = factories.customer(email1=""), factories.customer()
    draft = office.draft_of(*sender, "clienti", [nobody, anna])
    found = forecasting.forecast(letters.read(draft))
    assert found.left_out == {"no_address": (1, [(nobody.display_name, "")])}
    assert found.will_go == 1
    left_out, _sent = office.mails(office.send(draft))
    assert (left_out.state, left_out.reason) == ("skipped", "no_address")


def test_invio_multiplo_a_clienti_diversi(sender: Sender) -> None:
    clients = [factories.customer() for _ in range(3)]
    found = office.mails(office.send(office.draft_of(*sender, "clienti", clients)))
    assert [each.to_address for each in found] == [each.email1 for each in clients]


def test_modifica_destinatario_una_mail_per_ogni_destinatario_con_i_dati_del_cliente(
    sender: Sender,
) -> None:
    anna = factories.customer(first_name="Anna")
    draft = office.draft_of(
        *sender, "clienti", [anna], edit=True, to="one@test.example; two@test.example"
    )
    found = office.mails(office.send(draft))
    assert [each.to_address for each in found] == ["one@test.example", "two@test.example"]
    assert {each.merge_values["clienti.nome"] for each in found if each.merge_values} == {"Anna"}


def test_modifica_destinatario_per_aggiungerne(sender: Sender) -> None:
    anna = factories.customer(email1="anna@example.com")
    draft = office.draft_of(
        *sender, "clienti", [anna], edit=True, mode="besides", to="me@office.example"
    )
    found = office.mails(office.send(draft))
    assert [each.to_address for each in found] == ["anna@example.com", "me@office.example"]


def test_raggruppa_destinatari_solo_insieme_a_modifica_destinatario(sender: Sender) -> None:
    anna = factories.customer()
    draft = office.draft_of(*sender, "clienti", [anna], group=True)
    assert drafts.content_of(draft)["group"] is False
    draft = office.draft_of(
        *sender,
        "clienti",
        [anna],
        edit=True,
        group=True,
        to="a@x.example, b@x.example, c@x.example",
    )
    (mail,) = office.mails(office.send(draft))
    assert (mail.to_address, mail.to_others) == ("a@x.example", "b@x.example, c@x.example")


@pytest.mark.parametrize("group", [False, True])
@pytest.mark.parametrize("mode", ["instead", "besides"])
def test_a_clients_own_address_typed_by_hand_is_asked_for_consent_and_used_once(
    sender: Sender, mode: str, group: bool
) -> None:
    marketing = office.purpose(needs_consent=True)
    anna = factories.customer(email1="anna@example.com", email2="other@example.com")
    draft = office.draft_of(
        *sender,
        "clienti",
        [anna],
        purpose_id=marketing.id,
        edit=True,
        mode=mode,
        group=group,
        to="ANNA@example.com",
    )
    found = forecasting.forecast(letters.read(draft))
    assert found.will_go == 0
    assert found.left_out["no_consent"][0] == 1
    office.agree(anna, marketing)
    (mail,) = office.mails(office.send(draft))
    assert (mail.state, mail.to_address.lower(), mail.to_others) == (
        "queued",
        "anna@example.com",
        "",
    )


def test_cc_e_bcc_possono_essere_suggeriti_dal_template(sender: Sender) -> None:
    template = office.save(
        MailTemplate(
            module="clienti",
            name="Auguri",
            subject="Auguri [clienti.nome]",
            body_html="<p>Auguri!</p>",
            cc="boss@office.example",
            bcc="archive@office.example, copy@office.example",
            read_receipt=True,
            purpose_id=office.purpose().id,
        )
    )
    draft = drafts.create("clienti", [factories.customer().id], sender[0])
    assert not drafts.change(draft, {"template_id": str(template.id), "subject": "typed before"})
    content = drafts.content_of(draft)
    assert content["subject"] == "Auguri [clienti.nome]"
    assert (content["cc"], content["bcc"]) == (template.cc, template.bcc)
    assert content["account_id"] == sender[1].id
    mailing = office.send(draft)
    assert (mailing.cc, mailing.bcc, mailing.read_receipt) == (template.cc, template.bcc, True)
    assert (mailing.template_id, mailing.template_version) == (template.id, 1)


def test_allegato_default_template_e_allegato_caricato_dal_pc(sender: Sender, app: Flask) -> None:
    brochure = files.store(b"brochure", "brochure.pdf", "application/pdf")
    letter = files.store(b"letter", "letter.txt", "text/plain")
    template = office.save(
        MailTemplate(module="clienti", name="With a file", subject="s", body_html="<p>b</p>")
    )
    template.attachments.append(MailTemplateFile(file_id=brochure.id))
    db.session.commit()
    draft = drafts.create("clienti", [factories.customer().id], sender[0])
    drafts.change(draft, {"template_id": template.id})
    drafts.change(draft, {"purpose_id": office.purpose().id})
    drafts.attach(draft, letter)
    mailing = office.send(draft)
    assert [each.file.name for each in mailing.attachments] == ["brochure.pdf", "letter.txt"]


def test_finalita_campo_obbligatorio_per_il_controllo_del_consenso(sender: Sender) -> None:
    marketing = office.purpose(needs_consent=True, marketing=True)
    willing, refusing, unasked = (factories.customer() for _ in range(3))
    office.agree(willing, marketing)
    office.agree(refusing, marketing, "refused")
    draft = office.draft_of(*sender, "clienti", [willing, refusing, unasked], purpose_id=None)
    assert [name for name, _words in letters.check(letters.read(draft))] == ["purpose_id"]
    drafts.change(draft, {"purpose_id": marketing.id})
    found = forecasting.forecast(letters.read(draft))
    assert found.left_out["no_consent"][0] == 2
    states = [(each.client_id, each.state) for each in office.mails(office.send(draft))]
    assert states == [
        (willing.id, MessageState.QUEUED),
        (refusing.id, MessageState.SKIPPED),
        (unasked.id, MessageState.SKIPPED),
    ]


def test_invio_mail_a_tutti_i_contatti_di_una_sola_anagrafica(sender: Sender) -> None:
    family = factories.customer(first_name="Ugo")
    contacts = [
        office.contact(family, "ada@example.com", first_name="Ada"),
        office.contact(family, "bea@example.com", first_name="Bea"),
        office.contact(family, "ADA@example.com", first_name="Ada again"),
        office.contact(family, ""),
    ]
    draft = office.draft_of(
        *sender, "ind_tlm", contacts, subject="[ind_tlm.nome]", body_html="<p>[clienti.nome]</p>"
    )
    found = office.mails(office.send(draft))
    assert [(each.to_name, each.reason) for each in found] == [
        ("Ada", ""),
        ("Bea", ""),
        ("Ada again", "duplicate"),
        ("", "no_address"),
    ]
    assert found[1].merge_values == {"ind_tlm.nome": "Bea", "clienti.nome": "Ugo"}


def test_con_il_modulo_titoli_parte_una_mail_per_ogni_titolo(sender: Sender) -> None:
    anna = factories.customer(email1="anna@example.com")
    due = office.instalments(anna, "100.50", "200")
    draft = office.draft_of(
        *sender, "titoli", due, subject="[titoli.importo]", body_html="<p>[titoli.scadenza]</p>"
    )
    found = office.mails(office.send(draft))
    assert [each.to_address for each in found] == ["anna@example.com"] * 2
    assert [each.merge_values["titoli.importo"] for each in found if each.merge_values] == [
        "100.5",
        "200",
    ]


def test_con_il_modulo_titoli_anagrafica_una_sola_mail_per_ogni_cliente_con_la_lista(
    sender: Sender,
) -> None:
    anna, ugo = factories.customer(), factories.customer()
    due = [*office.instalments(anna, "10", "20", "30"), *office.instalments(ugo, "5")]
    draft = office.draft_of(
        *sender,
        "titoli_anagrafica",
        [due[2], due[0], due[3]],
        subject="[clienti.nome]: [titoli.totale]",
        body_html="<p>[titoli.numero_titoli]</p>",
    )
    first, second = office.mails(office.send(draft))
    assert (first.row_id, second.row_id) == (anna.id, ugo.id)
    assert first.merge_values is not None
    assert first.merge_values["titoli.numero_titoli"] == 2
    assert first.merge_values["titoli.totale"] == "40"


def test_who_removed_itself_gets_nothing(sender: Sender) -> None:
    gone, stays = factories.customer(), factories.customer()
    suppressions.suppress(gone.email1)
    found = office.mails(office.send(office.draft_of(*sender, "clienti", [gone, stays])))
    assert [(each.state, each.reason) for each in found] == [
        ("skipped", "removed"),
        ("queued", ""),
    ]


def test_empty_fields_are_named_before_sending_and_left_out_if_wanted(sender: Sender) -> None:
    anna = factories.customer(first_name="")
    ugo = factories.customer(first_name="Ugo")
    draft = office.draft_of(*sender, "clienti", [anna, ugo])
    found = forecasting.forecast(letters.read(draft))
    assert found.empty == {"[clienti.nome]": (1, [anna.display_name])}
    assert found.will_go == 2
    drafts.change(draft, {"empty": "leave"})
    found = forecasting.forecast(letters.read(draft))
    assert found.left_out == {"empty": (1, [(anna.display_name, anna.email1)])}
    assert [each.reason for each in office.mails(office.send(draft))] == ["empty", ""]
