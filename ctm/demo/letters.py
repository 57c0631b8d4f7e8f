"""The mail templates of the demo office, one for each list."""

from typing import Any

from sqlalchemy import select

from ctm.extensions import db
from ctm.models import MailTemplate, Purpose
from ctm.templates import definition
from ctm.templates.versions import keep

_SIGNED = "<p>Un cordiale saluto,<br>Assicurazioni Brera</p>"
_CELL = 'style="border-bottom:1px solid #ccc;padding:4px 12px 4px 0"'
LETTERS: tuple[dict[str, str], ...] = (
    {
        "name": "Auguri di buon compleanno",
        "module": "clienti",
        "purpose": "Notizie e auguri",
        "subject": "Auguri, [clienti.nome;ifempty='da noi tutti']!",
        "body_html": "<p>Gentile [clienti.nominativo],</p><p>tanti auguri di buon compleanno da "
        f"tutta l'agenzia.</p>{_SIGNED}",
    },
    {
        "name": "Circolare ai contatti",
        "module": "ind_tlm",
        "purpose": "Gestione del contratto",
        "subject": "Comunicazione per [clienti.nominativo]",
        "body_html": "<p>Gentile [ind_tlm.nome] [ind_tlm.cognome],</p><p>dal 1º gennaio l'agenzia "
        f"riceve anche il sabato mattina, su appuntamento.</p>{_SIGNED}",
    },
    {
        "name": "Rinnovo della polizza",
        "module": "polizze",
        "purpose": "Gestione del contratto",
        "subject": "La polizza [polizze.numero] scade il [polizze.scadenza;frm='d mmmm yyyy']",
        "body_html": "<p>Gentile [clienti.nominativo],</p><p>la polizza [polizze.ramo] "
        "[polizze.numero] di [polizze.compagnia] scade il "
        "[polizze.scadenza;frm='dd/mm/YYYY']. La aspettiamo in agenzia per il rinnovo.</p>"
        f"{_SIGNED}",
    },
    {
        "name": "Avviso di scadenza",
        "module": "titoli",
        "purpose": "Scadenze e pagamenti",
        "subject": "Scadenza del [titoli.scadenza;frm='dd/mm/YYYY']",
        "body_html": "<p>Gentile [clienti.nominativo],</p><p>il "
        "[titoli.scadenza;frm='dd/mm/YYYY'] scade la rata di "
        "[titoli.importo;frm='0.000,00 €'] della polizza [polizze.numero].</p>"
        f"{_SIGNED}",
    },
    {
        "name": "Avviso di scadenza, un elenco per cliente",
        "module": "titoli_anagrafica",
        "purpose": "Scadenze e pagamenti",
        "subject": "Le sue scadenze: [titoli.totale;frm='0.000,00 €']",
        "body_html": "<p>Gentile [clienti.nominativo],</p><p>queste sono le rate in scadenza:</p>"
        f"<table><tr><td {_CELL}>[titoli.scadenza;frm='dd/mm/YYYY';block=tr]</td>"
        f"<td {_CELL}>[polizze.ramo] [polizze.numero]</td>"
        f"<td {_CELL}>[titoli.importo;frm='0.000,00 €']</td></tr></table>"
        f"<p>In tutto: <b>[titoli.totale;frm='0.000,00 €']</b></p>{_SIGNED}",
    },
)


def create() -> int:
    """Add the templates; returns how many. The caller commits."""
    purposes = {each.name: each.id for each in db.session.scalars(select(Purpose))}
    for letter in LETTERS:
        values: dict[str, Any] = {k: v for k, v in letter.items() if k != "purpose"}
        template = MailTemplate(version=1)
        definition.assign(template, values | {"purpose_id": purposes[letter["purpose"]]})
        db.session.add(template)
        db.session.flush()
        keep(template)
    return len(LETTERS)
