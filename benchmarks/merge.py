"""How fast mail from the lists is made: ``make bench-merge``.

``python benchmarks/merge.py [INSTALMENTS]`` makes an office with so many instalments (10,000) of
three tenths as many clients and measures, each figure by a function of its own:

* ``queue_s``: seconds from SEND to all mails queued, one for each client with a table of its
  instalments; ``queue_peak_mb`` the memory that took beyond what was there before;
* ``merge_per_s``: mails of 5 KB with such a table, read from the database and made, in a second
  on one core; ``fill_per_s`` without reading;
* ``pdf_per_s_1``, ``pdf_per_s_2``: PDFs of a page with logo and table, made in a second by one
  and two processes;
* ``peak_mb``: the most memory this process had.

The last line is the figures as JSON.
"""

import base64
import io
import json
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from PIL import Image
from sqlalchemy import func, insert, select

from benchmarks import office
from ctm import tasks
from ctm.documents import Job, Pool, snapshot
from ctm.extensions import db
from ctm.mailing import snapshot as mailings
from ctm.mailing.compose import CompiledMail
from ctm.mailing.listmail import drafts, queueing
from ctm.mailing.merge import rows
from ctm.models import (
    Client,
    DocumentKind,
    DocumentTemplate,
    Instalment,
    Mailing,
    Message,
    Policy,
    Purpose,
    Role,
)
from tests import factories

INSTALMENTS = 10_000
PDFS = 120
MODULE = "titoli_anagrafica"
WORDS = "La preghiamo di provvedere al pagamento entro la data indicata. " * 4
SUBJECT = "[clienti.nome], le Sue scadenze: [titoli.totale;frm='0.000,00 €']"
TABLE = (
    "<table><thead><tr><th>Titolo</th><th>Scadenza</th><th>Importo</th></tr></thead><tbody>"
    "<tr><td>[titoli.numero;block=tr]</td><td>[titoli.scadenza;frm='dd/mm/YYYY']</td>"
    "<td>[titoli.importo;frm='0.000,00 €']</td></tr></tbody></table>"
    "<p>Totale: [titoli.totale;frm='0.000,00 €'] per [titoli.numero_titoli] titoli.</p>"
)
HTML = (
    f"<p>Gentile [clienti.nome] [clienti.cognome],</p><p>{WORDS * 4}</p>{TABLE}<p>{WORDS * 3}</p>"
)


@contextmanager
def filled_office(instalments: int) -> Iterator[None]:
    """An application on a database of its own, with clients, policies and instalments."""
    with (
        tempfile.TemporaryDirectory() as folder,
        office.office(Path(folder)).app.app_context(),
    ):
        add_instalments(instalments)
        yield
        db.session.remove()
        db.engine.dispose()


def add_instalments(count: int) -> None:
    """So many, of three tenths as many clients with a policy each."""
    clients = count * 3 // 10
    office.add_clients(clients)
    ids = list(db.session.scalars(select(Client.id).order_by(Client.id)))
    fields = [{"client_id": each, "number": f"P{each}"} for each in ids]
    db.session.execute(insert(Policy), fields)
    policies = list(db.session.execute(select(Policy.id, Policy.client_id)))
    made = [_instalment(number, *policies[number % clients]) for number in range(count)]
    db.session.execute(insert(Instalment), made)
    db.session.commit()


def _instalment(number: int, policy_id: int, client_id: int) -> dict[str, Any]:
    return {
        "policy_id": policy_id,
        "client_id": client_id,
        "number": f"2026/{number}",
        "due_date": date(2026, 1, 1) + timedelta(number % 365),
        "amount": 100 + number % 977,
    }


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def queue() -> tuple[float, Mailing]:
    """Seconds from SEND to the last mail in the queue."""
    sender = factories.user(role=Role.ADMINISTRATOR)
    account = factories.account()
    purpose = Purpose(name="Scadenze", needs_consent=False)
    db.session.add(purpose)
    db.session.commit()
    chosen = list(db.session.scalars(select(Instalment.id).order_by(Instalment.id)))
    draft = drafts.create(MODULE, chosen, sender)
    written = {"subject": SUBJECT, "body_html": HTML}
    wrong = drafts.change(draft, written | {"account_id": account.id, "purpose_id": purpose.id})
    if wrong:
        sys.exit(f"the draft is refused: {wrong}")
    start = time.perf_counter()
    mailing = queueing.send(draft, sender)
    tasks.run_waiting()
    taken = time.perf_counter() - start
    clients = db.session.scalar(select(func.count(Instalment.client_id.distinct())))
    queued = db.session.scalar(select(func.count()).where(Message.mailing_id == mailing.id))
    if queued != clients:
        sys.exit(f"{queued} mails are queued for {clients} clients")
    return taken, mailing


def merge(mailing: Mailing) -> tuple[float, float]:
    """Mails made in a second, with and without reading their rows."""
    compiled = mailings.compile_mailing(mailing)
    chosen = list(db.session.scalars(select(Instalment.id).order_by(Instalment.id)))
    start = time.perf_counter()
    count = 0
    kept: list[dict[str, object]] = []
    for row_id, values in rows.stream(db.session, MODULE, chosen, compiled.fields, "it"):
        data = fill(compiled, row_id, values)
        kept.append(values)
        count += 1
    with_reading = count / (time.perf_counter() - start)
    start = time.perf_counter()
    for number, values in enumerate(kept):
        data = fill(compiled, number, values)
    print(f"a mail of {len(data)} bytes")
    return with_reading, count / (time.perf_counter() - start)


def fill(compiled: CompiledMail, number: int, values: dict[str, object]) -> bytes:
    return compiled.render(
        to_address=f"cliente{number}@example.it",
        to_name=f"Cliente Numero {number}",
        values=values,
        token=f"Zk3xW{number:08}aQ9_vB7-LmT5",
        message_id=f"<{number:08}.4f2a@example.it>",
        date=datetime(2026, 1, 20, 9, 30, number % 60, tzinfo=UTC),
    )


def logo() -> str:
    """A picture as an address that holds it."""
    out = io.BytesIO()
    Image.linear_gradient("L").resize((240, 80)).save(out, "PNG")
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode("ascii")


def pdfs(processes: int) -> float:
    """PDFs made in a second, once the processes have started."""
    template = DocumentTemplate(
        kind=DocumentKind.PDF,
        module=MODULE,
        name="Avviso",
        filename="avviso-[clienti.cognome]",
        html=f'<img src="{logo()}" width="120"><h1>Avviso di scadenza</h1>'
        f"<p>Gentile [clienti.nome],</p><p>{WORDS}</p>{TABLE}",
        options={},
        version=1,
    )
    kept = snapshot(template, "it")
    chosen = db.session.scalars(select(Instalment.id).order_by(Instalment.id).limit(500))
    keys = ["clienti.nome", "clienti.cognome", "titoli.totale", "titoli.numero_titoli"]
    keys += ["titoli.numero", "titoli.scadenza", "titoli.importo"]
    found = list(rows.load(db.session, MODULE, list(chosen), keys, "it").items())
    db.session.rollback()
    jobs = [Job(str(number), kept, values, ()) for number, values in found]
    with Pool(processes) as pool:
        _demand(list(pool.map(jobs[:processes])))
        start = time.perf_counter()
        _demand(list(pool.map(jobs[:PDFS])))
        return min(PDFS, len(jobs)) / (time.perf_counter() - start)


def _demand(made: list[Any]) -> None:
    failed = [each.error for each in made if each.document is None]
    if failed:
        sys.exit(f"a PDF cannot be made: {failed[0]}")


def measure(instalments: int) -> dict[str, float]:
    with filled_office(instalments):
        before = peak_mb()
        queue_s, mailing = queue()
        queue_mb = peak_mb() - before
        merge_per_s, fill_per_s = merge(mailing)
        return {
            "queue_s": round(queue_s, 2),
            "merge_per_s": round(merge_per_s),
            "fill_per_s": round(fill_per_s),
            "pdf_per_s_1": round(pdfs(1), 1),
            "pdf_per_s_2": round(pdfs(2), 1),
            "queue_peak_mb": round(queue_mb, 1),
            "peak_mb": round(peak_mb(), 1),
        }


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else INSTALMENTS
    print(json.dumps(measure(count)))


if __name__ == "__main__":
    main()
