"""The pages of mail templates: what they do, whom they let in."""

import io
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from ctm import templates
from ctm.extensions import db
from ctm.models import MailTemplate
from tests import factories

Login = Callable[[str], FlaskClient]
FORM = {
    "name": "Reminder",
    "module": "clienti",
    "subject": "For [clienti.nome]",
    "body_format": "html",
    "body_html": "<p>Dear [clienti.nome]</p>",
}


@pytest.fixture
def kept(app: Flask) -> MailTemplate:
    return templates.save(FORM)[0]


PAGES = ("/", "/1", "/1/preview", "/1/preview/html", "/1/versions", "/1/versions/1", "/1/usage")
CHANGES = (
    "/new?module=clienti",
    "/1",
    "/1/duplicate",
    "/1/deactivate",
    "/1/files",
    "/1/files/1/delete",
    "/1/versions/1/restore",
)


@pytest.mark.parametrize("path", [*PAGES, "/new"])
def test_anonymous_visitors_go_to_the_login(client: FlaskClient, people: object, path: str) -> None:
    answer = client.get(f"/mail-templates{path}")
    assert answer.location.startswith("/login")


@pytest.mark.parametrize("role", ["operator", "supervisor"])
def test_operators_and_supervisors_read_and_change_nothing(
    login_as: Login, kept: MailTemplate, role: str
) -> None:
    browser = login_as(role)
    for path in PAGES:
        assert browser.get(f"/mail-templates{path}").status_code == 200, path
    assert browser.get("/mail-templates/new").status_code == 403
    for path in CHANGES:
        assert browser.post(f"/mail-templates{path}", data=FORM).status_code == 403, path
    db.session.refresh(kept)
    assert (kept.version, kept.active) == (1, True)


def test_a_template_is_made_changed_duplicated_and_put_away(login_as: Login) -> None:
    browser = login_as("manager")
    assert "titoli_anagrafica" in browser.get("/mail-templates/new").text
    page = browser.get("/mail-templates/new?module=titoli").text
    assert "[titoli.importo]" in page
    assert browser.post("/mail-templates/new?module=clienti", data=FORM).status_code == 302
    (made,) = templates.of_module("clienti")

    browser.post(f"/mail-templates/{made.id}", data=FORM | {"subject": "Other", "version": "1"})
    assert templates.get(made.id).subject == "Other"
    compared = browser.get(f"/mail-templates/{made.id}/versions/1").text
    assert "For [clienti.nome]" in compared
    browser.post(f"/mail-templates/{made.id}/versions/1/restore")
    assert templates.get(made.id).version == 3

    answer = browser.post(f"/mail-templates/{made.id}/duplicate")
    assert answer.location.endswith(f"/{made.id + 1}")
    browser.post(f"/mail-templates/{made.id}/deactivate")
    listed = browser.get("/mail-templates/").text
    assert "Reminder (2)" in listed
    assert f'href="/mail-templates/{made.id}"' not in listed
    assert f'href="/mail-templates/{made.id}"' in browser.get("/mail-templates/?state=all").text


def test_an_unknown_field_is_shown_where_it_stands_and_nothing_is_lost(
    login_as: Login, kept: MailTemplate
) -> None:
    data = FORM | {"subject": "Hi [clienti.nme]", "cc": "a@example.com", "version": "1"}
    answer = login_as("manager").post(f"/mail-templates/{kept.id}", data=data)
    assert answer.status_code == 422
    assert "column 4" in answer.text
    assert "clienti.nome" in answer.text
    assert "a@example.com" in answer.text
    assert templates.get(kept.id).version == 1


def test_who_saves_an_old_page_is_told_and_may_save_again(
    login_as: Login, kept: MailTemplate
) -> None:
    browser = login_as("manager")
    browser.post(f"/mail-templates/{kept.id}", data=FORM | {"subject": "Theirs", "version": "1"})
    answer = browser.post(
        f"/mail-templates/{kept.id}", data=FORM | {"subject": "Mine", "version": "1"}
    )
    assert answer.status_code == 422
    assert "Somebody else" in answer.text
    assert 'name="version" type="hidden" value="2"' in answer.text
    browser.post(f"/mail-templates/{kept.id}", data=FORM | {"subject": "Mine", "version": "2"})
    assert templates.get(kept.id).subject == "Mine"


def test_files_are_attached_and_served_without_running(login_as: Login, kept: MailTemplate) -> None:
    browser = login_as("manager")
    url = f"/mail-templates/{kept.id}/files"
    browser.post(url, data={"file": (io.BytesIO(b"<script>"), "page.html", "text/html")})
    picture = {"file": (io.BytesIO(b"GIF89a"), "logo.gif", "image/gif"), "inline": "1"}
    browser.post(url, data=picture)
    page, logo = templates.get(kept.id).attachments
    assert (page.content_id, logo.content_id) == ("", "image1")
    got = browser.get(f"{url}/{page.id}")
    assert got.headers["Content-Disposition"].startswith("attachment")
    assert "sandbox" in got.headers["Content-Security-Policy"]
    got.close()
    assert browser.get(f"{url}/999").status_code == 404
    browser.post(f"{url}/{page.id}/delete")
    assert len(templates.get(kept.id).attachments) == 1


def test_the_preview_is_shut_in_a_frame_that_runs_nothing(
    login_as: Login, kept: MailTemplate
) -> None:
    client = factories.customer(first_name="<b>Ada</b>")
    answer = login_as("operator").get(f"/mail-templates/{kept.id}/preview/html?client={client.id}")
    assert "&lt;b&gt;Ada" in answer.text
    assert "sandbox" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/99", 404),
        ("/99999999999999999999", 404),
        ("/1/versions/9", 404),
        ("/1/versions/1?with=9", 404),
        ("/1/versions/1?with=abc", 400),
        ("/1/preview?client=999", 404),
        ("/1/preview?client=abc&row=-1", 200),
        ("/?module=nothing", 400),
        ("/?state=nothing", 400),
        ("/?page=-7", 200),
        ("/?page=99999999", 200),
        ("/new?module=nothing", 400),
    ],
)
def test_addresses_that_say_nothing_get_an_answer(
    login_as: Login, kept: MailTemplate, path: str, status: int
) -> None:
    answer = login_as("manager").get(f"/mail-templates{path}")
    assert answer.status_code == status
    assert "Traceback" not in answer.text
