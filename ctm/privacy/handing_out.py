"""All that is kept of a client as one archive: JSON for machines, HTML to read, mails as sent."""

import json
import tempfile
import zipfile
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any, BinaryIO

from flask_babel import to_user_timezone
from markupsafe import Markup, escape

from ctm import audit, files, tasks
from ctm.clients import operations
from ctm.errors import Unavailable
from ctm.extensions import db
from ctm.i18n import _, _l
from ctm.models import Client, Message, Task, User
from ctm.privacy import gathering
from ctm.tasks import Progress, task_kind

HAND_OUT = "client.hand_out"
TITLES: dict[str, object] = {
    "client": _l("Registry"),
    "contacts": _l("Contacts"),
    "policies": _l("Policies"),
    "instalments": _l("Instalments"),
    "campaigns": _l("Campaigns"),
    "consents": _l("Consents"),
    "removed_addresses": _l("Removed addresses"),
    "audit": _l("What was done with the data"),
    "mails": _l("Mails"),
}


def start_handing_out(client: Client, user: User) -> Task:
    """Make the archive in the background; its owner finds it on the task's page."""
    title = _("All that is kept of %(name)s", name=client.display_name)
    return tasks.submit(HAND_OUT, title, {"client": client.id}, user)


@task_kind(HAND_OUT, repeatable=True)
def _hand_out(task: Task, progress: Progress) -> None:
    client = operations.get(int(task.params["client"]))
    with tempfile.TemporaryFile() as out:
        count = write(client, out, lambda: progress.advance(1))
        out.seek(0)
        name = _("data-of-client") + f"-{client.id}.zip"
        file = files.store(out, name, "application/zip", task.owner, limit=0)
    task.file_id = file.id
    audit.record("client.hand_out", client, mails=count)
    db.session.commit()


def write(client: Client, out: BinaryIO, after_mail: Callable[[], object] = lambda: None) -> int:
    """Write the archive; returns how many mails are in it.

    ``data.json`` has everything but the mails' HTML, which stands in ``mails/``; documents that
    were made for one mail stand beside it.
    """
    found: dict[str, list[dict[str, Any]]] = gathering.sections(client)
    found["mails"] = []
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for message in gathering.mails(client):
            found["mails"].append(_mail(archive, message))
            after_mail()
        archive.writestr(
            "data.json", json.dumps(found, default=_plain, ensure_ascii=False, indent=1)
        )
        archive.writestr("index.html", _page(client, found))
    return len(found["mails"])


def _mail(archive: zipfile.ZipFile, message: Message) -> dict[str, Any]:
    shown = gathering.as_sent(message)
    kept = gathering.columns(message)
    values = kept.pop("merge_values")
    for internal in ("recipient_key", "worker", "member_id", "account_id", "mailing_id"):
        kept.pop(internal, None)
    kept |= {
        "campaign": message.mailing.campaign.name if message.mailing.campaign else "",
        "from": message.mailing.from_email,
        "subject": shown.subject if shown else message.mailing.subject,
        "text": shown.text if shown else "",
        "merge_values": values,
        "hits": gathering.hits_of(message),
        "files": [],
    }
    if shown and shown.html is not None:
        name = f"mails/{message.id}.html"
        archive.writestr(name, shown.html)
        kept["files"].append(name)
    for made in gathering.files_of(message):
        name = f"mails/{message.id}-{made.id}-{made.file.name}"
        try:
            archive.writestr(name, files.read(made.file))
        except Unavailable:
            continue
        kept["files"].append(name)
    return kept


def _plain(value: object) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


def _page(client: Client, found: dict[str, list[dict[str, Any]]]) -> str:
    """One page that a person can read without CTM."""
    parts = [_HEAD.format(client.display_name)]
    for name, rows in found.items():
        parts.append(Markup("<h2>{} ({})</h2>").format(TITLES[name], len(rows)))
        parts += [_table(row) for row in rows]
    parts.append(Markup("</body></html>"))
    return str(Markup("\n").join(parts))


_HEAD = Markup(
    "<!doctype html><html><head><meta charset='utf-8'><title>{0}</title><style>"
    "body{{font:15px sans-serif;max-width:60em;margin:2em auto}}"
    "table{{margin:0 0 1.5em;border-collapse:collapse}}"
    "th,td{{text-align:left;vertical-align:top;padding:2px 12px 2px 0}}"
    "td{{white-space:pre-wrap;overflow-wrap:anywhere}}</style></head><body><h1>{0}</h1>"
)


def _table(row: dict[str, Any]) -> Markup:
    filled = {name: value for name, value in row.items() if value not in (None, "", [], {})}
    lines = [
        Markup("<tr><th>{}</th><td>{}</td></tr>").format(name, _shown(value))
        for name, value in filled.items()
    ]
    return Markup("<table>{}</table>").format(Markup("").join(lines))


def _shown(value: object) -> Markup:
    if hasattr(value, "hour"):
        return escape(to_user_timezone(value).strftime("%d/%m/%Y %H:%M:%S"))
    if isinstance(value, date):
        return escape(value.strftime("%d/%m/%Y"))
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        links = [Markup('<a href="{0}">{0}</a>').format(each) for each in value]
        return Markup("<br>").join(links)
    if isinstance(value, list | dict):
        return escape(json.dumps(value, default=_plain, ensure_ascii=False, indent=1))
    if isinstance(value, bool):
        return escape(_("yes") if value else _("no"))
    return escape(f"{value:.2f}" if isinstance(value, Decimal) else str(value))
