"""The audit log says its codes in words."""

import re
from pathlib import Path

import pytest
from flask import Flask

from admin_views import audit_words

ROOT = Path(__file__).resolve().parents[2]
RECORDED = re.compile(r"audit\.record\(\s*\"([a-z_.]+)\"")


def _recorded() -> set[str]:
    sources = (p for part in ("ctm", "admin_views", "jobs") for p in (ROOT / part).rglob("*.py"))
    return {code for path in sources for code in RECORDED.findall(path.read_text())}


def test_every_action_the_program_records_has_words_and_an_area() -> None:
    recorded = _recorded()
    assert len(recorded) > 40
    assert recorded <= set(audit_words.ACTIONS)
    assert {code.partition(".")[0] + "." for code in recorded} <= set(audit_words.AREAS)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("login.fail", "login refused"),
        ("campaign.start", "campaign: sending started"),
        ("campaign.unheard", "campaign.unheard"),
        ("<b>", "<b>"),
        ("", ""),
    ],
)
def test_an_action_is_named_and_an_unknown_one_keeps_its_code(
    app: Flask, code: str, words: str
) -> None:
    with app.test_request_context():
        assert audit_words.action(code) == words


@pytest.mark.parametrize(
    ("name", "words"),
    [("system", "system"), ("command line", "command line"), ("Anna", "Anna"), ("", "–")],
)
def test_who_acted_is_a_user_or_what_acted_without_one(app: Flask, name: str, words: str) -> None:
    with app.test_request_context():
        assert audit_words.actor(name) == words
