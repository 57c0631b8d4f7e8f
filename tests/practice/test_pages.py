"""The pages of the practice mailbox."""

from collections.abc import Callable
from email.message import EmailMessage

import pytest
from flask.testing import FlaskClient

from ctm import practice
from ctm.extensions import db
from ctm.models import AuditEntry, PracticeMail
from tests import factories

Login = Callable[[str], FlaskClient]
ROLES = ("administrator", "manager", "operator", "supervisor")
PIXEL = b"\x89PNG\r\n\x1a\n" + b"\x00" * 20


def message(html: str = "<p>Gentile <b>Mario</b></p>", **headers: str) -> EmailMessage:
    made = EmailMessage()
    made["From"] = "Agenzia <agenzia@brera.example>"
    made["To"] = "mario.rossi@posta.example"
    made["Subject"] = "Rinnovo"
    for name, value in headers.items():
        made[name.replace("_", "-")] = value
    made.set_content("Gentile Mario")
    made.add_alternative(html, subtype="html")
    return made


def keep(made: EmailMessage | bytes, to: str = "mario.rossi@posta.example") -> PracticeMail:
    raw = made if isinstance(made, bytes) else made.as_bytes()
    return practice.store("agenzia@brera.example", [to], raw)


def test_anonymous_visitors_are_sent_to_the_login_page(client: FlaskClient) -> None:
    factories.user()
    mail = keep(message())
    for path in ("", "/list.json", f"/{mail.id}", f"/{mail.id}/html", f"/{mail.id}/source.eml"):
        answer = client.get(f"/practice{path}")
        assert answer.status_code == 302
        assert "/login" in answer.location
    assert "/login" in client.post("/practice/delete-all").location
    assert practice.count() == 1


@pytest.mark.parametrize("role", ROLES)
def test_every_role_reads_what_arrived(login_as: Login, role: str) -> None:
    mail = keep(message())
    browser = login_as(role)
    page = browser.get("/practice")
    assert page.status_code == 200
    assert "mario.rossi@posta.example" in page.text
    page = browser.get(f"/practice/{mail.id}")
    assert "Rinnovo" in page.text
    assert f'src="/practice/{mail.id}/html"' in page.text


def test_the_newest_mail_stands_first(login_as: Login) -> None:
    keep(message(), "prima@posta.example")
    keep(message(), "seconda@posta.example")
    text = login_as("operator").get("/practice").text
    assert text.index("seconda@posta.example") < text.index("prima@posta.example")


def test_the_list_refreshes_itself_and_says_when_nothing_changed(login_as: Login) -> None:
    browser = login_as("operator")
    first = browser.get("/practice/list.json")
    assert first.json["total"] == 0
    again = browser.get("/practice/list.json", headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304
    keep(message())
    changed = browser.get("/practice/list.json", headers={"If-None-Match": first.headers["ETag"]})
    assert changed.json["total"] == 1
    assert "mario.rossi@posta.example" in changed.json["list"]


def test_long_lists_come_in_pages(login_as: Login) -> None:
    for number in range(practice.PAGE + 3):
        keep(b"Subject: M%d\r\n\r\n" % number)
    browser = login_as("operator")
    first = browser.get("/practice").text
    assert f">M{practice.PAGE + 2}<" in first
    assert ">M2<" not in first
    oldest = db.session.query(PracticeMail).order_by(PracticeMail.id).offset(3).first()
    assert ">M2<" in browser.get(f"/practice?before={oldest.id}").text


def test_search_finds_recipients_and_subjects_and_takes_percent_signs_as_they_are(
    login_as: Login,
) -> None:
    keep(message(), "anna@posta.example")
    keep(message(), "bruno@posta.example")
    browser = login_as("operator")
    text = browser.get("/practice?q=ANNA").text
    assert "anna@posta.example" in text
    assert "bruno@posta.example" not in text
    assert "No practice mail matches" in browser.get("/practice?q=%25").text


def test_the_html_is_shown_in_a_sandbox_without_scripts(login_as: Login) -> None:
    mail = keep(
        message(
            '<html><head><title>x</title></head><body onload="alert(1)"><script>alert(2)</script>'
            '<a href="javascript:alert(3)">x</a><a href="http://mail.test/c/t/1">ok</a></body></html>'
        )
    )
    answer = login_as("operator").get(f"/practice/{mail.id}/html")
    csp = answer.headers["Content-Security-Policy"]
    assert csp.startswith("sandbox allow-popups allow-popups-to-escape-sandbox;")
    assert "default-src 'none'" in csp
    assert "allow-scripts" not in csp
    assert "allow-same-origin" not in csp
    assert "alert" not in answer.text
    assert 'href="http://mail.test/c/t/1"' in answer.text
    assert '<base target="_blank">' in answer.text


def test_the_pixel_may_load_from_the_public_address(login_as: Login) -> None:
    mail = keep(message('<img src="http://mail.test/o/t.gif">'))
    answer = login_as("operator").get(f"/practice/{mail.id}/html")
    assert "http://mail.test" in answer.headers["Content-Security-Policy"]
    assert "http://mail.test/o/t.gif" in answer.text


def test_html_in_names_and_subjects_is_text(login_as: Login) -> None:
    mail = keep(b"From: <script>a@b</script>\r\nSubject: <img src=x onerror=y>\r\n\r\n<b>no</b>")
    text = login_as("operator").get(f"/practice/{mail.id}").text
    assert "<img src=x" not in text
    assert "&lt;img src=x onerror=y&gt;" in text
    assert "<b>no</b>" not in text


def test_inline_images_are_shown_and_attachments_only_downloaded(login_as: Login) -> None:
    made = message('<p><img src="cid:logo@brera"></p>')
    made.get_payload()[1].add_related(PIXEL, "image", "png", cid="<logo@brera>")
    made.add_attachment(
        b"<script>alert(1)</script>",
        "text",
        "html",
        filename='po"li\r\nzza.html'.replace("\r\n", ""),
    )
    mail = keep(made)
    browser = login_as("operator")
    shown = browser.get(f"/practice/{mail.id}/html").text
    inline, attached = practice.open_mail(mail).images[0], practice.open_mail(mail).attachments[0]
    assert f"/practice/{mail.id}/part/{inline.index}" in shown
    image = browser.get(f"/practice/{mail.id}/part/{inline.index}")
    assert (image.content_type, image.data) == ("image/png", PIXEL)
    file = browser.get(f"/practice/{mail.id}/part/{attached.index}")
    assert file.content_type == "application/octet-stream"
    assert file.headers["Content-Disposition"].startswith("attachment;")
    assert file.headers["X-Content-Type-Options"] == "nosniff"


def test_the_source_is_downloaded_byte_for_byte(login_as: Login) -> None:
    mail = keep(b"Subject: x\r\n\r\n\xff\xfe\r\n")
    answer = login_as("supervisor").get(f"/practice/{mail.id}/source.eml")
    assert answer.data == b"Subject: x\r\n\r\n\xff\xfe\r\n"


def test_one_click_is_offered_only_for_this_installations_own_address(login_as: Login) -> None:
    post = "List-Unsubscribe=One-Click"
    foreign = keep(
        message(List_Unsubscribe="<https://evil.example/users/1>", List_Unsubscribe_Post=post)
    )
    inside = keep(
        message(
            List_Unsubscribe="<http://mail.test/practice/delete-all>", List_Unsubscribe_Post=post
        )
    )
    mailto = keep(message(List_Unsubscribe="<mailto:a@b.example>", List_Unsubscribe_Post=post))
    browser = login_as("operator")
    for mail in (foreign, inside, mailto):
        assert "data-one-click" not in browser.get(f"/practice/{mail.id}").text


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x00\xff\xfe",
        b"Content-Type: multipart/mixed\r\n\r\nno boundary",
        b"Content-Type: text/html; charset=no-such\r\n\r\n<p>x</p>",
        b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!not base64!!!",
        b"From: =?utf-8?q?=ff?= <<<>>>@\r\nTo: ,,,;\r\nSubject: =?x?b?zzz?=\r\n\r\n",
        b"Date: yesterday\r\nContent-Disposition: attachment; filename*=bad''%zz\r\n\r\nx",
        b"Content-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nhello",
    ],
    ids=["empty", "zeros", "boundary", "charset", "base64", "addresses", "date", "nested"],
)
def test_a_malformed_mail_shows_what_can_be_read(login_as: Login, raw: bytes) -> None:
    mail = keep(raw)
    browser = login_as("operator")
    assert browser.get(f"/practice/{mail.id}").status_code == 200
    assert browser.get(f"/practice/{mail.id}/html").status_code == 200


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/practice/99999", 404),
        ("/practice/99999/html", 404),
        ("/practice/1/part/99", 404),
        ("/practice/99999999999999999999", 404),
        ("/practice?before=abc", 400),
        ("/practice?before=-1", 400),
        ("/practice/list.json?before=9999999999999999999999", 400),
        ("/practice/abc", 404),
    ],
)
def test_bad_addresses_have_a_clear_answer(login_as: Login, path: str, status: int) -> None:
    keep(message())
    assert login_as("operator").get(path).status_code == status


def test_emptying_it_is_for_those_who_send_and_is_recorded(login_as: Login) -> None:
    keep(message())
    assert login_as("supervisor").post("/practice/delete-all").status_code == 403
    assert login_as("operator").get("/practice/delete-all").status_code == 405
    assert practice.count() == 1
    answer = login_as("operator").post("/practice/delete-all", follow_redirects=True)
    assert "1 practice mail deleted" in answer.text
    assert practice.count() == 0
    assert db.session.query(AuditEntry).filter_by(action="practice.emptied").count() == 1


def test_the_oldest_mails_go_when_there_are_too_many_or_they_are_too_large(login_as: Login) -> None:
    for number in range(10):
        keep(b"Subject: %d\r\n\r\n" % number)
    assert practice.trim(keep_mails=4) == 6
    assert practice.newest()[-1].subject == "6"
    size = practice.newest()[0].size
    assert practice.trim(keep_mails=100, keep_bytes=2 * size) == 2
    assert [mail.subject for mail in practice.newest()] == ["9", "8"]
