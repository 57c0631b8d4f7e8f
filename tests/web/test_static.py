"""Pages and scripts obey the strict Content-Security-Policy and ask no other server."""

import json
import re
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / "admin_views" / "static"
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
SCRIPTS = sorted((STATIC / "js").glob("*.js"))
SHEETS = sorted((STATIC / "css").glob("*.css"))

JINJA = re.compile(r"{#.*?#}|{%.*?%}|{{.*?}}", re.DOTALL)
HANDLER = re.compile(r"<[^>]*\son[a-z]+\s*=", re.IGNORECASE)
STYLE_ATTRIBUTE = re.compile(r"<[^>]*\sstyle\s*=", re.IGNORECASE)
STYLE_ELEMENT = re.compile(r"<style\b", re.IGNORECASE)
SCRIPT = re.compile(r"<script\b([^>]*)>(.*?)</script>", re.IGNORECASE | re.DOTALL)
LOADED = re.compile(
    r"""<(?:script|img|iframe|source|video|audio|embed)\b[^>]*\ssrc\s*=\s*["']([^"']+)"""
    r"""|<link\b[^>]*\shref\s*=\s*["']([^"']+)""",
    re.IGNORECASE,
)
OUTSIDE = re.compile(r"^(?:https?:)?//", re.IGNORECASE)


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def markup(path: Path) -> str:
    """The template without its Jinja, so that only HTML is looked at."""
    return JINJA.sub("", path.read_text(encoding="utf-8"))


def breaches(html: str) -> list[str]:
    """What in this HTML the policy would block, or would ask of another server."""
    found = [
        label
        for label, pattern in (
            ("handler", HANDLER),
            ("style attribute", STYLE_ATTRIBUTE),
            ("style element", STYLE_ELEMENT),
        )
        if pattern.search(html)
    ]
    for attributes, body in SCRIPT.findall(html):
        if body.strip() and "application/json" not in attributes:
            found.append("inline script")
    if "javascript:" in html.lower():
        found.append("javascript: address")
    for pair in LOADED.findall(html):
        if any(OUTSIDE.match(address) for address in pair):
            found.append("asset from outside")
    return found


@pytest.mark.parametrize("path", TEMPLATES, ids=name)
def test_template_keeps_to_the_policy(path: Path) -> None:
    assert breaches(markup(path)) == []


@pytest.mark.parametrize(
    ("html", "breach"),
    [
        ('<button onclick="go()">x</button>', "handler"),
        ('<p style="color:red">x</p>', "style attribute"),
        ("<style>p{}</style>", "style element"),
        ("<script>go()</script>", "inline script"),
        ('<a href="javascript:go()">x</a>', "javascript: address"),
        ('<script src="https://cdn.example/x.js"></script>', "asset from outside"),
        ('<link rel="stylesheet" href="//cdn.example/x.css">', "asset from outside"),
        ('<img alt="" src="http://cdn.example/x.png">', "asset from outside"),
    ],
)
def test_a_breach_is_noticed(html: str, breach: str) -> None:
    assert breach in breaches(html)


@pytest.mark.parametrize("path", SHEETS, ids=name)
def test_stylesheet_takes_only_files_that_are_here(path: Path) -> None:
    css = path.read_text(encoding="utf-8")
    assert "@import" not in css
    for address in re.findall(r"url\(\s*[\"']?([^\"')]+)", css):
        assert not OUTSIDE.match(address)
        assert (path.parent / address).resolve().is_file(), address


@pytest.mark.parametrize("path", SCRIPTS, ids=name)
def test_script_imports_only_files_that_are_here(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    imports = re.findall(r"""(?:from|import)\s*\(?\s*["'](\.[^"']+)["']""", source)
    lazy = re.findall(r""":\s*["'](\./[\w-]+\.js)["']""", source)
    for address in imports + lazy:
        assert (path.parent / address).resolve().is_file(), address
    assert not re.findall(r"""(?:from|import)\s*\(?\s*["'](?:https?:)?//""", source)
    assert not re.search(r"\beval\(|new Function\(|setTimeout\(\s*[\"']", source)


def test_everything_vendored_names_version_and_licence() -> None:
    readme = (STATIC / "vendor" / "README.md").read_text(encoding="utf-8")
    for folder in (path for path in (STATIC / "vendor").iterdir() if path.is_dir()):
        line = next(line for line in readme.splitlines() if f"`{folder.name}/`" in line)
        assert re.search(r"\| \d+\.\d+", line), line
        assert list(folder.glob("LICENSE*")), folder.name


def used_words() -> set[str]:
    """The keys that the scripts look up with t("…")."""
    words = set()
    for path in SCRIPTS:
        words.update(re.findall(r"""\bt\(["'](\w+)["']\)""", path.read_text(encoding="utf-8")))
    return words


def test_every_word_of_the_scripts_comes_with_the_page(client: FlaskClient) -> None:
    page = client.get("/no-such-page").get_data(as_text=True)
    found = re.search(r'id="ctm-strings">(.*?)</script>', page, re.DOTALL)
    assert found
    assert used_words() <= set(json.loads(found.group(1)))


def test_an_unknown_address_answers_in_words(client: FlaskClient) -> None:
    answer = client.get("/no-such-page")
    assert answer.status_code == 404
    page = answer.get_data(as_text=True)
    assert "There is nothing here" in page
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
    assert breaches(page) == []


@pytest.mark.parametrize("status", [400, 403, 404, 405, 409, 413, 429, 500, 503])
def test_each_error_says_what_to_do_next(app: Flask, status: int) -> None:
    template = app.jinja_env.get_template("errors/error.html")
    with app.test_request_context("/"):
        context: dict[str, object] = {"status": status, "message": "", "reference": "ab12"}
        app.update_template_context(context)
        page = template.render(context)
    assert str(status) in page
    assert "ab12" in page
    assert "To the first page" in page


def test_the_editor_frame_may_be_styled_and_runs_nothing(login_as) -> None:  # type: ignore[no-untyped-def]
    answer = login_as("operator").get("/editor/frame")
    assert answer.status_code == 200
    policy = answer.headers["Content-Security-Policy"]
    assert "script-src 'none'" in policy
    assert "style-src 'self' 'unsafe-inline'" in policy
    assert "form-action 'none'" in policy
    assert b"<script" not in answer.data


def test_the_editor_frame_is_not_for_strangers(client: FlaskClient) -> None:
    answer = client.get("/editor/frame")
    assert answer.status_code in (302, 401)
