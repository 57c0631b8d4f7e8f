"""django-post_office with its defaults, in a Django project of its own on SQLite.

Run as a program (``python -m benchmarks.peer FOLDER HOST PORT SECURITY MAILS``, SECURITY being
``starttls`` or ``none``) it prints mails per second.
"""

import os
import subprocess
import sys
import time
from email.utils import make_msgid
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


class PostOffice:
    """The peer, delivering to ``port``; ``python`` is an interpreter that has it installed.

    With ``certificate``, the file of an authority to trust, it delivers with STARTTLS.
    """

    def __init__(
        self, python: str, folder: Path, port: int, host: str = "127.0.0.1", certificate: str = ""
    ) -> None:
        folder.mkdir(parents=True)
        security = "starttls" if certificate else "none"
        self._command = [python, "-m", "benchmarks.peer", str(folder), host, str(port), security]
        self._environment = os.environ | ({"SSL_CERT_FILE": certificate} if certificate else {})

    def deliver(self, mails: int) -> float:
        """Queue mails, then send them; mails per second of the sending alone."""
        done = subprocess.run(
            [*self._command, str(mails)],
            cwd=ROOT,
            env=self._environment,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            sys.exit(f"django-post_office: {done.stderr}")
        return float(done.stdout.split()[-1])


def _settings(folder: str, host: str, port: str, security: str) -> dict[str, Any]:
    return {
        "SECRET_KEY": "benchmark",
        "INSTALLED_APPS": ["django.contrib.contenttypes", "post_office"],
        "DATABASES": {
            "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": f"{folder}/peer.sqlite3"}
        },
        "EMAIL_BACKEND": "post_office.EmailBackend",
        "EMAIL_HOST": host,
        "EMAIL_PORT": int(port),
        "EMAIL_USE_TLS": security == "starttls",
        "TEMPLATES": [
            {"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True},
            {
                "BACKEND": "post_office.template.backends.post_office.PostOfficeTemplates",
                "APP_DIRS": True,
            },
        ],
        "DEFAULT_AUTO_FIELD": "django.db.models.BigAutoField",
        "USE_TZ": True,
    }


def _queue(mails: int) -> None:
    """Mails that are rendered when they leave, as CTM's are; links and pixel with a token each."""
    from post_office import mail
    from post_office.models import EmailTemplate

    rows = "".join(
        f'<tr><td style="padding:4px">Polizza numero {number}</td>'
        f'<td><a href="https://posta.example.it/c/{{{{ token }}}}/{number}">vedi</a></td></tr>'
        for number in range(20)
    )
    text = "\n".join(
        f"Polizza numero {number}: https://posta.example.it/c/{{{{ token }}}}/{number}"
        for number in range(20)
    )
    pixel = '<img src="https://posta.example.it/o/{{ token }}.gif" width="1" height="1" alt="">'
    template = EmailTemplate.objects.create(
        name="polizze",
        subject="{{ name }}, le tue polizze",
        content=f"Gentile {{{{ name }}}},\n{text}\nA presto.",
        html_content=f"<p>Gentile {{{{ name }}}},</p><table>{rows}</table><p>A presto.</p>{pixel}",
    )
    waiting = [
        {
            "recipients": [f"cliente{number}@example.it"],
            "sender": "agenzia@example.it",
            "template": template,
            "context": {
                "name": f"Niccolò D'Amico {number}",
                "token": f"Zk3x{number:08}aQ9_vB7LmT5x",
            },
            "headers": {"Message-ID": make_msgid(domain="example.it")},
            "render_on_delivery": True,
        }
        for number in range(mails)
    ]
    mail.send_many(waiting)


def main(folder: str, host: str, port: str, security: str, mails: str) -> None:
    import django
    from django.conf import settings
    from django.core.management import call_command

    settings.configure(**_settings(folder, host, port, security))
    django.setup()
    call_command("migrate", verbosity=0)
    from post_office.models import STATUS, Email, EmailTemplate

    EmailTemplate.objects.all().delete()
    Email.objects.all().delete()
    _queue(int(mails))
    start = time.perf_counter()
    call_command("send_queued_mail", verbosity=0)
    taken = time.perf_counter() - start
    sent = Email.objects.filter(status=STATUS.sent).count()
    if sent != int(mails):
        sys.exit(f"only {sent} of {mails} mails are sent")
    print(sent / taken)


if __name__ == "__main__":
    main(*sys.argv[1:])
