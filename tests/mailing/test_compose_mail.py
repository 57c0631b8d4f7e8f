"""Whole mails: read back with the standard library, beside ones it has built itself."""

import email
import re
from datetime import UTC, datetime, timedelta, timezone
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import parseaddr
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctm.mailing.compose import Attachment, ComposeError, compile_mail, preview
from ctm.mailing.merge import CATALOGUE, MergeError
from tests.mailing.compose_helpers import BASE, WHEN, body, content, parse, render, sent

PNG = b"\x89PNG\r\n"
PDF = Attachment("polizza.pdf", "application/pdf", bytes(range(256)) * 20)
LOGO = Attachment("logo.png", "image/png", PNG, "logo")

SHOWN = st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="\u2028\u2029\ue0f0")
WORDS = st.text(SHOWN | st.sampled_from(" àèéìòù€😀אבجד.=_?\"<>&'"), max_size=200)
VALUES = WORDS | st.sampled_from(
    [
        "",
        ".",
        "..\n.\n..",
        "x" * 300,
        "=" * 80,
        "a\r\nb\rc\nd",
        "fine ",
        "\tx\t",
        "From me",
        "è" * 90,
    ]
)


def one_line(text: str) -> str:
    return " ".join(text.split())


def lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


@given(name=VALUES, place=VALUES)
def test_a_mail_reads_as_one_built_by_the_standard_library(name: str, place: str) -> None:
    mail = content(
        subject="Per [clienti.nome] è",
        html='<p title="x">[clienti.nome]</p><p>=.\n.[clienti.citta]</p>',
        text="Ciao [clienti.nome],\n.\n..[clienti.citta] =\n",
        from_name="Agenzia Perù, “Srl”",
        attachments=(PDF, LOGO),
    )
    values = {"clienti.nome": name, "clienti.citta": place}
    naive = EmailMessage(policy=SMTP)
    naive["Subject"] = one_line(f"Per {lines(name)} è")
    naive.set_content(f"Ciao {lines(name)},\n.\n..{lines(place)} =\n", cte="quoted-printable")
    html = preview(mail, values).html or ""
    naive.add_alternative(html, subtype="html", cte="quoted-printable")
    naive.add_attachment(PDF.data, maintype="application", subtype="pdf", filename=PDF.filename)

    found, expected = sent(mail, values), parse(naive.as_bytes())
    assert found["Subject"] == one_line(f"Per {lines(name)} è")
    assert found["Subject"] == expected["Subject"]
    assert body(found, "plain") == body(expected, "plain")
    assert body(found, "html") == body(expected, "html")
    attached, wanted = next(found.iter_attachments()), next(expected.iter_attachments())
    assert attached.get_content() == wanted.get_content() == PDF.data
    assert attached.get_filename() == wanted.get_filename()
    assert str(found["From"].addresses[0].display_name) == "Agenzia Perù, “Srl”"


@given(VALUES)
def test_names_of_recipients_read_back(name: str) -> None:
    written = email.message_from_bytes(render(content(), to_name=name))["To"]
    display, address = parseaddr(re.sub(r"\r\n", "", written))
    assert address == "anna@example.it"
    # Python 3.11's structured parser puts spaces between encoded words, against RFC 2047, 6.2
    assert str(make_header(decode_header(display))) == (one_line(lines(name)) or "")


@pytest.mark.parametrize(
    "name", ["a\\", 'Anna "Zoé"', 'a\\"b', "Rossi, Mario", "<x@y.it>", "a@b.it", "(nota)", "=?x?="]
)
def test_names_with_signs_of_the_grammar_stay_names(name: str) -> None:
    (address,) = sent(content(), to_name=name)["To"].addresses
    assert (address.display_name, address.addr_spec) == (name, "anna@example.it")


def test_spaces_at_the_end_of_a_line_survive_the_way() -> None:
    assert body(sent(content(text="a \nb\t\n[clienti.nome]")), "plain") == "a \nb\t\n\n"


def structure(message: EmailMessage) -> list[str]:
    return [part.get_content_type() for part in message.walk()]


def test_the_structure_has_only_the_levels_it_needs() -> None:
    html = "<p>x</p>"
    assert structure(sent(content())) == ["text/plain"]
    alternative = ["multipart/alternative", "text/plain", "text/html"]
    assert structure(sent(content(html=html))) == alternative
    assert structure(sent(content(html=html, attachments=(PDF,)))) == [
        "multipart/mixed",
        *alternative,
        "application/pdf",
    ]
    assert structure(sent(content(html=html, attachments=(PDF, LOGO)))) == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "multipart/related",
        "text/html",
        "image/png",
        "application/pdf",
    ]
    assert structure(sent(content(attachments=(LOGO,)))) == [
        "multipart/mixed",
        "text/plain",
        "image/png",
    ]


def test_an_inline_image_is_found_by_its_cid() -> None:
    message = sent(content(html='<img src="cid:logo">', attachments=(LOGO,)))
    image = next(part for part in message.walk() if part.get_content_type() == "image/png")
    assert image["Content-ID"] == "<logo>"
    assert image.get_content_disposition() == "inline"
    assert image.get_content() == LOGO.data


def test_a_pasted_image_becomes_an_inline_part() -> None:
    source = '<img src="data:image/png;base64,iVBORw0K">'
    message = sent(content(html=f"{source}<p>{source}</p>", attachments=(LOGO,)))
    images = [part for part in message.walk() if part.get_content_maintype() == "image"]
    assert [part.get_content() for part in images] == [PNG, PNG]
    cid = str(images[1]["Content-ID"])[1:-1]
    assert body(message, "html").count(f'src="cid:{cid}"') == 2
    assert "data:" not in body(message, "html")


def test_a_pasted_image_that_cannot_be_read_stays_as_it_is() -> None:
    source = '<img src="data:image/png;base64,A">'
    message = sent(content(html=source))
    assert source in body(message, "html")
    assert structure(message) == ["multipart/alternative", "text/plain", "text/html"]


def test_large_pasted_images_do_not_count_as_html() -> None:
    picture = "iVBORw0K" * 200_000
    message = sent(content(html=f'<img src="data:image/png;base64,{picture}">'))
    (image,) = [part for part in message.walk() if part.get_content_maintype() == "image"]
    assert len(image.get_content()) == 1_200_000


def test_the_text_part_is_derived_from_html() -> None:
    message = sent(content(html="<p>Ciao [clienti.nome]</p>", text=None), {"clienti.nome": "<Zoé>"})
    assert body(message, "plain") == "Ciao <Zoé>\n"
    assert "Ciao &lt;Zoé&gt;" in body(message, "html")


def test_css_is_inlined() -> None:
    message = sent(content(html="<style>p{color:red}</style><p>x</p>"))
    assert '<p style="color: red;">x</p>' in body(message, "html")


def test_css_that_cannot_be_inlined_stays_a_style_sheet() -> None:
    html = "<style>@charset 'x'; @foo</style><p>x</p>"
    assert "<style>@charset 'x'; @foo</style>" in body(sent(content(html=html)), "html")


@pytest.mark.parametrize(
    ("source", "kept"),
    [
        ('<meta charset="latin1">', '<meta charset="utf-8">'),
        (
            '<meta http-equiv="Content-Type" content="text/html; charset=iso-8859-1">',
            '<meta http-equiv="Content-Type" content="text/html; charset=utf-8">',
        ),
    ],
)
def test_the_html_says_the_charset_it_has(source: str, kept: str) -> None:
    html = body(sent(content(html=f"<html><head>{source}</head><body>è</body></html>")), "html")
    assert html == f"<html><head>{kept}</head><body>è</body></html>\n"


@pytest.mark.parametrize(
    ("source", "kept"),
    [
        ("<!doctype html>", "<!DOCTYPE html>"),
        (
            '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "http://www.w3.org/x.dtd">',
            '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "http://www.w3.org/x.dtd">',
        ),
        ("<!DOCTYPE html PUBLIC 'a\"b'>", "<!DOCTYPE html>"),
    ],
)
def test_the_document_type_stays(source: str, kept: str) -> None:
    page = "<html><head></head><body>x</body></html>"
    assert body(sent(content(html=source + page)), "html") == f"{kept}{page}\n"


def test_what_a_mail_must_not_carry_is_gone() -> None:
    message = sent(content(html="<p onclick=x>a</p><script>alert(1)</script>", text=None))
    assert "script" not in body(message, "html")
    assert "onclick" not in body(message, "html")


def test_headers_of_a_campaign() -> None:
    mail = content(
        public_url=f"{BASE}/",
        unsubscribe=True,
        reply_to="risposte@example.it",
        cc=("uno@example.it", "due@perù.it"),
        read_receipt_to="ricevute@example.it",
        extra_headers=(("X-Campaign", "rinnovi è"),),
    )
    message = sent(mail)
    assert message["List-Unsubscribe"] == f"<{BASE}/r/t0k-en_1>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["Reply-To"] == "risposte@example.it"
    assert message["Cc"] == "uno@example.it, due@xn--per-6na.it"
    assert message["Disposition-Notification-To"] == "ricevute@example.it"
    assert message["X-Campaign"] == "rinnovi è"
    assert message["MIME-Version"] == "1.0"
    assert message["Message-ID"] == "<1.a@example.it>"
    assert message["Auto-Submitted"] is None
    assert message["Bcc"] is None
    assert len(message.items()) == len(set(message.keys()))


def test_no_list_headers_where_nobody_can_leave() -> None:
    assert sent(content(public_url=BASE))["List-Unsubscribe"] is None
    assert sent(content(unsubscribe=True))["List-Unsubscribe"] is None


@pytest.mark.parametrize(
    ("when", "shown"),
    [
        (WHEN, "Tue, 20 Jan 2026 09:30:05 +0000"),
        (datetime(2026, 1, 20, 9, 30, 5, 999), "Tue, 20 Jan 2026 09:30:05 +0000"),
        (
            datetime(2026, 7, 1, 8, 0, tzinfo=timezone(timedelta(hours=2))),
            "Wed, 01 Jul 2026 08:00:00 +0200",
        ),
    ],
)
def test_the_date(when: datetime, shown: str) -> None:
    assert sent(content(), date=when)["Date"] == shown


def test_two_offsets_of_one_instant_keep_their_own() -> None:
    mail = content()
    rome = datetime(2026, 7, 1, 10, 0, tzinfo=timezone(timedelta(hours=2)))
    assert str(sent(mail, date=rome)["Date"]).endswith("+0200")
    assert str(sent(mail, date=rome.astimezone(UTC))["Date"]).endswith("+0000")


def test_international_recipients() -> None:
    message = sent(content(), to_address="anna@città.it")
    assert message["To"] == "Anna <anna@xn--citt-3na.it>"
    with pytest.raises(ComposeError, match="international"):
        render(content(), to_address="zoé@example.it")
    data = render(content(), to_address="zoé@città.it", utf8=True)
    assert "To: Anna <zoé@xn--citt-3na.it>\r\n".encode() in data


def test_an_international_sender_needs_a_server_that_takes_it() -> None:
    mail = content(from_email="zoé@example.it")
    assert compile_mail(mail, CATALOGUE).needs_utf8
    with pytest.raises(ComposeError, match="international"):
        render(mail)
    assert "From: zoé@example.it\r\n".encode() in render(mail, utf8=True)


def test_what_the_compiled_mail_says_of_itself() -> None:
    mail = content(
        subject="[clienti.nome]",
        html='<p>[clienti.citta]</p><a href="https://x.it/1">1</a>',
        text=None,
        public_url=BASE,
    )
    compiled = compile_mail(mail, CATALOGUE)
    assert compiled.fields == ("clienti.nome", "clienti.citta")
    assert compiled.links == ("https://x.it/1",)
    assert abs(compiled.size_estimate - len(render(mail))) < 0.3 * compiled.size_estimate


def test_one_compiled_mail_makes_many_without_mixing_them() -> None:
    mail = compile_mail(content(text="[clienti.nome]\n"), CATALOGUE)
    made = [
        mail.render(
            to_address=f"c{number}@example.it",
            to_name="",
            values={"clienti.nome": f"n{number}"},
            token="t",
            message_id=f"<{number}@x.it>",
            date=WHEN,
        )
        for number in range(3)
    ]
    for number, data in enumerate(made):
        message = parse(data)
        assert body(message, "plain") == f"n{number}\n"
        assert message["To"] == f"c{number}@example.it"


@pytest.mark.parametrize(
    ("filename", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Documenti\\polizza.pdf", "polizza.pdf"),
        ('a"b\r\nBcc: x@y.it.pdf', "a_b Bcc_ x@y.it.pdf"),
        ("polizza 😀 già.pdf", "polizza 😀 già.pdf"),
        ("\u202efdp.exe", "fdp.exe"),
        ("", "attachment"),
        ("...", "attachment"),
        ("nul\0l.txt", "nul l.txt"),
        ("è" * 400 + ".pdf", "è" * 146 + ".pdf"),
        ("lon\ud800e.txt", "lon e.txt"),
    ],
)
def test_file_names(filename: str, kept: str) -> None:
    attachment = Attachment(filename, "application/pdf", b"x")
    message = sent(content(attachments=(attachment,)))
    (found,) = message.iter_attachments()
    assert found.get_filename() == kept
    assert PurePosixPath(kept).name == kept
    assert message["Bcc"] is None


@pytest.mark.parametrize(
    ("given_type", "kept"),
    [
        ("application/pdf", "application/pdf"),
        ("text/csv; charset=latin-1", "text/csv"),
        ("", "application/octet-stream"),
        ("pdf", "application/octet-stream"),
        ("text/html\r\nX: y", "application/octet-stream"),
        ("message/rfc822", "application/octet-stream"),
        ("multipart/mixed", "application/octet-stream"),
    ],
)
def test_types_of_attachments(given_type: str, kept: str) -> None:
    message = sent(content(attachments=(Attachment("a.bin", given_type, b"\0\xff\r\n"),)))
    (found,) = message.iter_attachments()
    assert found.get_content_type() == kept
    assert found.get_payload(decode=True) == b"\0\xff\r\n"


@pytest.mark.parametrize(
    "changes",
    [
        {"text": None},
        {"text": " \n", "html": "  "},
        {"from_email": "nessuno"},
        {"from_email": "a@b.it\r\nBcc: c@d.it"},
        {"reply_to": "a@b.it>, <c@d.it"},
        {"cc": ("a@b.it", "c d@e.it")},
        {"read_receipt_to": "a@b.it\nX: y"},
        {"extra_headers": (("Bcc", "a@b.it"),)},
        {"extra_headers": (("X-A: b\r\nBcc", "a@b.it"),)},
        {"extra_headers": (("", "x"),)},
        {"public_url": "javascript:alert(1)"},
        {"public_url": "https://x.it/\r\nBcc: a@b.it"},
        {"html": "<p>x", "attachments": (Attachment("a.png", "image/png", b"", "a>\r\nX: y"),)},
        {"html": "<b>" * 50_000},
        {"html": "x" * 500_001},
    ],
)
def test_a_mail_that_cannot_be_made_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ComposeError):
        compile_mail(content(**changes), CATALOGUE)


@pytest.mark.parametrize(
    "changes",
    [
        {"to_address": ""},
        {"to_address": "anna"},
        {"to_address": "anna@example.it\r\nBcc: x@y.it"},
        {"to_address": "a@b.it, c@d.it"},
        {"to_address": "<a@b.it>"},
        {"to_address": "zoé@\0.it", "utf8": True},
        {"message_id": "<a@b>\r\nBcc: x@y.it"},
        {"message_id": "senza"},
        {"message_id": "<è@b>"},
    ],
)
def test_a_recipient_that_cannot_stand_in_a_header_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ComposeError):
        render(content(), **changes)


@pytest.mark.parametrize("token", ["", "a b", 'a"b', "a\r\nb", "è", "x" * 76])
def test_a_token_that_is_none_is_refused(token: str) -> None:
    with pytest.raises(ComposeError):
        render(content(public_url=BASE, unsubscribe=True), token=token)


def test_errors_in_fields_tell_their_place_in_the_source() -> None:
    with pytest.raises(MergeError) as caught:
        compile_mail(content(html="<p>a</p>\n<p>[clienti.nme]</p>"), CATALOGUE)
    assert (caught.value.line, caught.value.column) == (2, 4)
    with pytest.raises(MergeError):
        compile_mail(content(subject="[clienti.nme]"), CATALOGUE)


INJECTION = "x\r\nBcc: evil@x.it\r\n\r\n<b>corpo\0\x1b\u2028\ud800"


def test_nothing_a_value_holds_becomes_a_header() -> None:
    mail = content(
        subject=f"[clienti.nome] {INJECTION}",
        text="[clienti.nome]",
        html="<p>[clienti.nome]</p>",
        from_name=INJECTION,
        extra_headers=(("X-Note", INJECTION),),
    )
    message = sent(mail, {"clienti.nome": INJECTION}, to_name=INJECTION)
    assert message["Bcc"] is None
    assert set(message.keys()) == {
        "Date",
        "Message-ID",
        "To",
        "Subject",
        "From",
        "X-Note",
        "MIME-Version",
        "Content-Type",
    }
    assert "<b>" not in body(message, "html")


@pytest.mark.parametrize(
    "subject", ["parola " * 1000, "x" * 5000, "è" * 5000, "=?utf-8?q?x?=", "", " "]
)
def test_strange_subjects(subject: str) -> None:
    data = render(content(subject=subject))
    head = data.partition(b"\r\n\r\n")[0].split(b"\r\n")
    assert max(map(len, head)) <= 78
    shown = str(parse(data)["Subject"])
    assert shown == " ".join(subject[:4000].split())
