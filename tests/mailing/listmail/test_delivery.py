"""Mail from the lists over a real SMTP server."""

import email
import email.policy
import re
from email.message import EmailMessage

import pytest
from flask import Flask

from ctm import files
from ctm.extensions import db
from ctm.mailing.engine.command import build_worker
from ctm.mailing.listmail import drafts, progress
from ctm.models import (
    Consent,
    DocumentKind,
    DocumentTemplate,
    MessageFile,
    SmtpAccount,
    SqlField,
    User,
)
from tests import factories
from tests.mailing.engine.servers import SmtpSink
from tests.mailing.listmail import office

pytestmark = pytest.mark.one_database

BLOCK = (
    "<table><tr><td>[titoli.scadenza;block=tr;frm='dd/mm/YYYY']</td>"
    "<td>[titoli.importo;frm='0.000,00 €']</td></tr></table>"
)


@pytest.fixture
def sender(app: Flask, sink: SmtpSink) -> tuple[User, SmtpAccount]:
    return office.sender_with_account(port=sink.port)


def received(sink: SmtpSink) -> list[EmailMessage]:
    """The mails the server took, in the order of their recipients."""
    parts = re.split(rb"^X-Client-Addr: .*$", sink.content(), flags=re.MULTILINE)[1:]
    found = []
    for part in parts:
        text = re.sub(rb"\A\s*(X-[\w-]+:.*\n|Received:.*\n(\s+.*\n)*)*", b"", part.lstrip(b"\n"))
        message = email.message_from_bytes(text, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        found.append(message)
    return sorted(found, key=lambda each: str(each["To"]))


def test_grouped_recipients_copies_receipt_and_files_reach_the_server(
    sink: SmtpSink, sender: tuple[User, SmtpAccount]
) -> None:
    anna = factories.customer(first_name="Anna")
    draft = office.draft_of(
        *sender,
        "clienti",
        [anna],
        edit=True,
        group=True,
        to="one@x.example, two@x.example",
        cc="seen@x.example, too@x.example",
        bcc="hidden@x.example, secret@x.example",
        read_receipt=True,
    )
    drafts.attach(draft, files.store(b"price list", "list.txt", "text/plain"))
    mailing = office.send(draft)
    assert build_worker().run(until_idle=True) == 1
    assert set(sink.deliveries()) == {
        *("one@x.example", "two@x.example", "seen@x.example", "too@x.example"),
        *("hidden@x.example", "secret@x.example"),
    }
    (mail,) = received(sink)
    assert re.sub(r"\s+", " ", str(mail["To"])) == "one@x.example, two@x.example"
    assert re.sub(r"\s+", " ", str(mail["Cc"])) == "seen@x.example, too@x.example"
    assert mail["Bcc"] is None
    assert mail["Subject"] == "Dear Anna"
    assert mail["Disposition-Notification-To"] == sender[1].from_email
    (attached,) = mail.iter_attachments()
    assert attached.get_filename() == "list.txt"
    db.session.expire_all()
    assert progress.figures(mailing)["sent"] == 1
    assert mailing.state == "finished"


def test_a_notice_with_the_clients_instalments_its_pdf_and_its_sheet(
    sink: SmtpSink, sender: tuple[User, SmtpAccount]
) -> None:
    clients = [factories.customer(first_name=name) for name in ("Anna", "Ugo")]
    due = [each for who in clients for each in office.instalments(who, "1000.50", "20")]
    pdf = office.save(
        DocumentTemplate(
            kind=DocumentKind.PDF,
            module="titoli_anagrafica",
            name="Notice",
            filename="notice [clienti.nome]",
            html="<p>[clienti.nome]</p>" + BLOCK,
        )
    )
    sheet = office.save(
        DocumentTemplate(
            kind=DocumentKind.EXCEL,
            module="titoli_anagrafica",
            name="Sheet",
            options={"columns": [{"content": "[titoli.importo]", "title": "Importo"}]},
        )
    )
    draft = office.draft_of(
        *sender,
        "titoli_anagrafica",
        due,
        body_html="<p>Totale [titoli.totale;frm='0.000,00 €']</p>" + BLOCK,
        pdf_template_id=pdf.id,
        excel_template_id=sheet.id,
    )
    mailing = office.send(draft)
    assert [each.server_words for each in office.mails(mailing)] == ["", ""]
    assert build_worker().run(until_idle=True) == 2
    for mail in received(sink):
        body = mail.get_body(("html",))
        assert body is not None
        text = body.get_content()
        assert "Totale 1.020,50 €" in text
        assert text.count("<tr>") == 2
        assert "15/02/2027" in text
        first, second = mail.iter_attachments()
        assert str(first.get_filename()).endswith(".pdf")
        assert first.get_payload(decode=True)[:5] == b"%PDF-"  # type: ignore[index]
        assert str(second.get_filename()).endswith(".xlsx")
    assert len(db.session.scalars(db.select(MessageFile)).all()) == 4


def test_a_field_defined_by_a_query_is_filled_in_for_each_row(
    sink: SmtpSink, sender: tuple[User, SmtpAccount]
) -> None:
    office.save(
        SqlField(
            name="data_scadenza",
            query="select DATE_FORMAT(data_titolo,'%d/%m/%Y') as d from titoli WHERE id = {{idt}}",
        )
    )
    due = office.instalments(factories.customer(), "10", "20")
    draft = office.draft_of(
        *sender, "titoli", due, body_html="<p>Scade il {{data_scadenza}}</p>", subject="Scadenza"
    )
    office.send(draft)
    assert build_worker().run(until_idle=True) == 2
    texts = {part.get_content() for mail in received(sink) if (part := mail.get_body(("plain",)))}
    assert {re.search(r"\d\d/\d\d/\d{4}", text)[0] for text in texts} == {  # type: ignore[index]
        "15/01/2027",
        "15/02/2027",
    }


def test_who_withdraws_between_queueing_and_sending_gets_nothing(
    sink: SmtpSink, sender: tuple[User, SmtpAccount]
) -> None:
    marketing = office.purpose(needs_consent=True, marketing=True)
    stays, leaves = factories.customer(), factories.customer()
    for each in (stays, leaves):
        office.agree(each, marketing)
    mailing = office.send(
        office.draft_of(*sender, "clienti", [stays, leaves], purpose_id=marketing.id)
    )
    db.session.execute(
        db.update(Consent).where(Consent.client_id == leaves.id).values(state="withdrawn")
    )
    db.session.commit()
    assert build_worker().run(until_idle=True) == 1
    assert set(sink.deliveries()) == {stays.email1}
    db.session.expire_all()
    assert [(each.state, each.reason) for each in office.mails(mailing)] == [
        ("sent", ""),
        ("skipped", "no_consent"),
    ]


def test_hand_written_mail_leaves_before_a_waiting_campaign(
    sink: SmtpSink, sender: tuple[User, SmtpAccount]
) -> None:
    from ctm.campaigns import members
    from ctm.mailing import control
    from ctm.models import Client, Message

    campaign = factories.campaign(account=sender[1])
    for _ in range(3):
        client = factories.customer()
        members.add_clients(campaign, db.select(Client.id).where(Client.id == client.id))
    control.start(campaign)
    mailing = office.send(office.draft_of(*sender, "clienti", [factories.customer()]))
    sender[1].limits = [[1, 3600]]
    db.session.commit()
    build_worker().run(until_idle=True)
    db.session.expire_all()
    sent = db.session.scalars(db.select(Message.mailing_id).where(Message.state == "sent")).all()
    assert sent == [mailing.id]
