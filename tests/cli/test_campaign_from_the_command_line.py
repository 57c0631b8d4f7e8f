"""A whole campaign from the command line, over a real SMTP server."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ctm.config import ROOT
from tests.mailing.engine.servers import SmtpSink

CLIENTS = 2000


class Office:
    """An instance folder and its commands, each a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environ = os.environ | {
            "CTM_INSTANCE": str(folder / "instance"),
            "CTM_PUBLIC_URL": "http://mail.test",
            "CTM_ALLOW_PRIVATE_HOSTS": "1",
            "CTM_LANGUAGE": "en",
            "CTM_ACCOUNT_PASSWORD": "",
        }
        self.flask("db", "upgrade")

    def flask(self, *arguments: str, status: int = 0) -> str:
        command = [sys.executable, "-m", "flask", "--app", "app", *arguments]
        done = subprocess.run(
            command, cwd=ROOT, env=self.environ, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout if status == 0 else done.stdout + done.stderr

    def json(self, *arguments: str, status: int = 0) -> Any:
        return json.loads(self.flask(*arguments, "--json", status=status).splitlines()[-1])


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


@pytest.mark.slow
def test_two_thousand_mails_go_out_once_each_and_the_figures_are_right(
    office: Office, sink: SmtpSink, tmp_path: Path
) -> None:
    table = tmp_path / "clienti.csv"
    rows = "".join(f"C{n};Nome{n};Cognome{n};c{n}@example.it\r\n" for n in range(CLIENTS))
    table.write_text(f"Codice;Nome;Cognome;E-mail\r\n{rows}", encoding="utf-8-sig")
    made = office.json("users", "create", "boss@office.example", "--role", "administrator")
    assert made["password"]
    office.json(
        *("accounts", "create", "Posta", "--from-email", "agenzia@office.example"),
        *("--host", "127.0.0.1", "--port", str(sink.port), "--security", "none"),
        *("--connections", "8"),
    )
    assert office.json("accounts", "test", "Posta")["ok"] is True
    assert office.json("clients", "import", str(table), "--dry-run")["create"] == CLIENTS
    assert office.json("clients", "import", str(table))["create"] == CLIENTS
    assert office.json("clients", "import", str(table))["same"] == CLIENTS
    (tmp_path / "mail.html").write_text(
        "<p>Gentile [clienti.nome], <a href='https://office.example/'>legga</a></p>"
    )
    definition = tmp_path / "campaign.toml"
    definition.write_text(
        'name = "Rinnovi"\naccount = "Posta"\nsubject = "Per [clienti.nome]"\n'
        'html_file = "mail.html"\n'
    )
    office.json("campaigns", "create", "--file", str(definition))
    assert office.json("campaigns", "recipients", "Rinnovi", "--all")["added"] == CLIENTS
    assert office.json("campaigns", "recipients", "Rinnovi", "--all")["added"] == 0
    assert office.json("campaigns", "status", "Rinnovi")["forecast"]["will_go"] == CLIENTS
    assert office.json("campaigns", "start", "Rinnovi")["queued"] == CLIENTS
    assert office.json("worker", "--until-idle")["sent"] == CLIENTS

    deliveries = sink.deliveries()
    assert set(deliveries) == {f"c{n}@example.it" for n in range(CLIENTS)}
    assert set(deliveries.values()) == {1}
    status = office.json("campaigns", "status", "Rinnovi")
    assert status["state"] == "finished"
    figures = {name: count for name, count in status["counters"].items() if count}
    assert figures == {"members": CLIENTS, "total": CLIENTS, "sent": CLIENTS}


def test_mistakes_are_one_sentence_and_status_one(office: Office, tmp_path: Path) -> None:
    definition = tmp_path / "bad.toml"
    cases = {
        'colour = "blue"': "colour",
        'name = "A"\naccount = "None"': "None",
        'name = "A"\nhtml_file = "../../etc/passwd"': "passwd",
        'name = "A"\nsubject = "[clienti.nomme]"': "clienti.nome",
        'name = "A"\n[statuses]\neaten = "x"': "eaten",
        "name =": "bad.toml",
        'name = "A"\naddresses = "email1"': "addresses",
        'name = "A"\ndelay_seconds = -1': "Seconds between",
    }
    for content, words in cases.items():
        definition.write_text(content)
        said = office.flask("campaigns", "create", "--file", str(definition), status=1)
        assert words in said
        assert "Traceback" not in said
    assert "no campaign" in office.flask("campaigns", "start", "Nobody", status=1)
    assert "no account" in office.flask("accounts", "test", "Nobody", status=1)
    assert "error" in office.json("users", "create", "not-an-address", status=1)
