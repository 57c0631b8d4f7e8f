"""The Italian texts: complete, fitting, and what the pages show."""

import html
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import html5lib
import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from flask import Flask, render_template_string
from flask.testing import FlaskClient
from flask_babel import force_locale, format_date, format_decimal, gettext, pgettext

from ctm.i18n import _n
from ctm.models import Role
from scripts import check_translations
from scripts.check_translations import placeholders, wrong_with
from tests import factories

PAGES = [
    "/",
    "/clients/",
    "/clients/new",
    "/clients/import",
    "/campaigns/",
    "/campaigns/new",
    "/undecided",
    "/practice",
    "/accounts/",
    "/accounts/new",
    "/list-statuses/",
    "/suppressions/",
    "/sql-fields/",
    "/sql-fields/new",
    "/users/",
    "/users/new",
    "/system",
    "/audit/",
    "/tasks/",
    "/profile",
]
ATTRIBUTES = ("placeholder", "aria-label", "title", "alt", "data-confirm", "data-label")


def visible(element: Element) -> Iterator[str]:
    """Every text a reader meets, also where a screen reader or a pointer finds it."""
    if element.tag in ("script", "style"):
        return
    texts = [element.get(name) for name in ATTRIBUTES]
    for text in [*texts, element.text, *(child.tail for child in element)]:
        if text and text.strip():
            yield " ".join(text.split())
    for child in element:
        yield from visible(child)


def english_only() -> set[str]:
    """Originals that mean nothing in Italian."""
    with check_translations.PO.open("rb") as file:
        entries = [m for m in read_po(file) if m.id and isinstance(m.id, str)]
    return {m.id for m in entries} - {m.string for m in entries}


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The catalogue as it is now, also where nobody has compiled it yet."""
    folder = tmp_path_factory.mktemp("translations")
    target = folder / "it" / "LC_MESSAGES"
    target.mkdir(parents=True)
    with check_translations.PO.open("rb") as source, (target / "messages.mo").open("wb") as out:
        write_mo(out, read_po(source))
    return folder


@pytest.fixture
def settings(compiled: Path) -> dict[str, Any]:
    return {"CTM_LANGUAGE": "it", "BABEL_TRANSLATION_DIRECTORIES": str(compiled)}


@pytest.fixture
def italian(app: Flask) -> FlaskClient:
    """A browser of an administrator who reads Italian."""
    administrator = factories.user(role=Role.ADMINISTRATOR, language="it")
    browser = app.test_client()
    with browser.session_transaction() as session:
        session["_user_id"] = administrator.get_id()
        session["_fresh"] = True
    return browser


def test_every_text_of_program_and_pages_has_its_italian() -> None:
    messages = check_translations.used()
    assert len(messages) > 1000
    assert check_translations.problems(messages, check_translations.PO) == []


def test_the_check_sees_wrapped_texts_in_python_and_in_templates(tmp_path: Path) -> None:
    (tmp_path / "ctm").mkdir()
    (tmp_path / "ctm" / "one.py").write_text('_l("First")\n_n("%(num)s a", "%(num)s b", 2)\n')
    (tmp_path / "templates" / "x").mkdir(parents=True)
    (tmp_path / "templates" / "x" / "two.html").write_text(
        "{{ _('Second') }} {{ pgettext('box', 'Third') }}"
    )
    assert set(check_translations.used(tmp_path)) == {
        ("First", None),
        (("%(num)s a", "%(num)s b"), None),
        ("Second", None),
        ("Third", "box"),
    }


@pytest.mark.parametrize(
    ("message", "translation", "flags", "why"),
    [
        ("Open", "Apri", (), ""),
        ("Open", "", (), "not translated"),
        ("Open", "Apri", ("fuzzy",), "fuzzy"),
        ("%(n)s rows", "%(n)s righe", (), ""),
        ("%(n)s rows", "righe", (), "other placeholders than the original"),
        ("%(n)s rows", "%(m)s righe", (), "other placeholders than the original"),
        ("%(n)s rows", "%(n)d righe", (), "other placeholders than the original"),
        ("%(n)s rows", "%(n)s righe, 50 % fatto", (), "other placeholders than the original"),
        (("%(num)s day", "%(num)s days"), ("un giorno", "%(num)s giorni"), (), ""),
        (("%(num)s day", "%(num)s days"), ("un giorno", ""), (), "not translated"),
        (
            ("%(num)s %(x)s", "%(num)s %(x)ss"),
            ("%(num)s", "%(num)s %(x)s"),
            (),
            "other placeholders than the original",
        ),
    ],
)
def test_the_check_names_what_is_wrong_with_a_translation(
    message: Any, translation: Any, flags: tuple[str, ...], why: str
) -> None:
    catalogue = Catalog("it")
    catalogue.add(message, translation, flags=flags)
    assert wrong_with(message, catalogue) == why


def test_a_text_in_two_contexts_needs_two_translations() -> None:
    catalogue = Catalog("it")
    catalogue.add("Open", "Apri")
    assert wrong_with("Open", catalogue) == ""
    assert wrong_with("Open", catalogue, "state") == "not translated"


def test_words_in_percent_are_no_placeholders_of_their_own_name() -> None:
    assert placeholders("%(num)s of %(all)s") == {"%(all)s"}


def test_no_translation_is_left_over_from_a_text_no_longer_used() -> None:
    with check_translations.PO.open("rb") as file:
        catalogue = read_po(file)
    used = {(m if isinstance(m, str) else m[0], c) for m, c in check_translations.used()}
    kept = {(m.id if isinstance(m.id, str) else m.id[0], m.context) for m in catalogue if m.id}
    assert kept <= used
    assert not catalogue.obsolete


def test_the_summary_speaks_the_words_of_the_office(app: Flask) -> None:
    words = ["Total", "To send", "Sent", "Read", "Clicked", "Removed"]
    with app.test_request_context(), force_locale("it"):
        shown = [pgettext("summary", word) for word in words]
        assert shown == ["TOTALE", "DA INVIARE", "INVIATI", "LETTO", "CLICK", "REMOVE"]
        assert [gettext("How many"), gettext("READ")] == ["Quanti", "LETTO"]


@pytest.mark.parametrize(("number", "shown"), [(0, "0 ore"), (1, "1 ora"), (2, "2 ore")])
def test_a_number_chooses_the_italian_plural(app: Flask, number: int, shown: str) -> None:
    with app.test_request_context(), force_locale("it"):
        assert _n("%(num)s hour", "%(num)s hours", number) == shown


def test_the_login_is_italian_for_an_italian_browser_and_english_for_another(
    client: FlaskClient, people: dict[str, Any]
) -> None:
    italian = client.get("/login", headers={"Accept-Language": "it-IT,it;q=0.9"})
    english = client.get("/login", headers={"Accept-Language": "en"})
    assert '<html lang="it"' in italian.text
    assert "Accedi" in italian.text
    assert "Log in" not in italian.text
    assert '<html lang="en"' in english.text
    assert "Accedi" not in english.text


@pytest.mark.parametrize("path", PAGES)
def test_a_page_shows_an_italian_user_no_english_text(italian: FlaskClient, path: str) -> None:
    answer = italian.get(path)
    assert answer.status_code == 200
    english = english_only()
    shown = set(visible(html5lib.parse(answer.text, namespaceHTMLElements=False)))
    assert len(shown) > 20
    assert shown & english == set()


def test_a_text_left_in_english_would_be_seen() -> None:
    page = html5lib.parse("<p>Clienti</p><b title='Subject'>x</b>", namespaceHTMLElements=False)
    assert set(visible(page)) & english_only() == {"Subject"}


@pytest.mark.parametrize("path", ["/clients/0", "/campaigns/0/mailing", "/no-such-page"])
def test_an_italian_user_reads_errors_in_italian(italian: FlaskClient, path: str) -> None:
    answer = italian.get(path)
    assert answer.status_code == 404
    assert "Qui non c'è niente" in html.unescape(answer.text)


def test_numbers_and_dates_are_written_the_italian_way(app: Flask) -> None:
    with app.test_request_context(), force_locale("it"):
        assert format_decimal(1234567.5) == "1.234.567,5"
        assert format_date(date(2026, 3, 31), "long") == "31 marzo 2026"


@pytest.mark.parametrize(("language", "number"), [("en", "12,345"), ("it", "12.345")])
def test_counts_in_sentences_are_grouped_as_the_language_writes(
    app: Flask, language: str, number: str
) -> None:
    with app.test_request_context(), force_locale(language):
        assert _n("%(num)s mail", "%(num)s mails", 12_345).startswith(number)
        text = "{{ ngettext('%(num)s row', '%(num)s rows', 12345) }}"
        assert render_template_string(text).startswith(number)
