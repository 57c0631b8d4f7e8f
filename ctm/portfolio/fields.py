"""The fields of policies and instalments, for forms, filters, imports and exports."""

from ctm.clients.fields import FIELDS as CLIENT_FIELDS
from ctm.clients.filters import LISTING as CLIENTS
from ctm.i18n import _l, _lp
from ctm.lists.fields import Field, FieldType, Link, linked
from ctm.models import Instalment, InstalmentState, Policy, PolicyState

T = FieldType
POLICY_STATES: dict[str, object] = {
    PolicyState.ACTIVE.value: _l("In force"),
    PolicyState.SUSPENDED.value: _l("Suspended"),
    PolicyState.CANCELLED.value: _lp("policy", "Cancelled"),
    PolicyState.EXPIRED.value: _l("Expired"),
}
INSTALMENT_STATES: dict[str, object] = {
    InstalmentState.OPEN.value: _l("To be paid"),
    InstalmentState.PAID.value: _l("Paid"),
    InstalmentState.CANCELLED.value: _lp("instalment", "Cancelled"),
}
FREQUENCIES: tuple[object, ...] = (
    _l("Yearly"),
    _l("Half-yearly"),
    _l("Every four months"),
    _l("Quarterly"),
    _l("Monthly"),
    _l("Single premium"),
)


def _policy(name: str, label: object, kind: T = T.TEXT, *headers: str, **more: object) -> Field:
    columns = (getattr(Policy, name),)
    searched = name in {"number", "company", "branch", "product", "insured"}
    return Field(name, label, kind, headers, columns=columns, searched=searched, **more)  # type: ignore[arg-type]


def _instalment(name: str, label: object, kind: T = T.TEXT, *headers: str, **more: object) -> Field:
    columns = (getattr(Instalment, name),)
    return Field(name, label, kind, headers, columns=columns, searched=name == "number", **more)  # type: ignore[arg-type]


POLICY_FIELDS: tuple[Field, ...] = (
    _policy(
        "number",
        _l("Policy number"),
        T.CODE,
        *("numero polizza", "n polizza", "polizza", "num polizza", "numero", "policy"),
    ),
    _policy("company", _l("Insurer"), T.TEXT, "compagnia", "impresa", "agenzia", "company"),
    _policy("branch", _l("Branch"), T.TEXT, "ramo", "line of business"),
    _policy("product", _l("Product"), T.TEXT, "prodotto", "descrizione prodotto"),
    _policy(
        "state",
        _l("State"),
        T.CHOICE,
        *("stato", "stato polizza", "status"),
        choices=POLICY_STATES,
    ),
    _policy(
        "start_date",
        _l("Start date"),
        T.DATE,
        *("decorrenza", "data decorrenza", "data effetto", "effetto", "start"),
    ),
    _policy(
        "end_date",
        _l("End date"),
        T.DATE,
        *("scadenza", "data scadenza", "scadenza polizza", "expiry", "end"),
    ),
    _policy("premium", _l("Premium"), T.AMOUNT, "premio", "premio annuo", "premio lordo"),
    _policy("frequency", _l("Frequency"), T.TEXT, "frazionamento", "rateazione"),
    _policy("insured", _l("Insured"), T.TEXT, "assicurato", "targa", "bene assicurato", "oggetto"),
    _policy("notes", _l("Notes"), T.TEXT, "note", "annotazioni"),
    _policy("created_at", _l("Entered on"), T.MOMENT, filter_only=True),
)
INSTALMENT_FIELDS: tuple[Field, ...] = (
    _instalment(
        "number",
        _l("Instalment number"),
        T.CODE,
        *("numero titolo", "numero quietanza", "titolo", "quietanza", "n titolo", "instalment"),
    ),
    _instalment(
        "due_date",
        _l("Due date"),
        T.DATE,
        *("scadenza", "data scadenza", "scadenza titolo", "data titolo", "effetto titolo"),
    ),
    _instalment(
        "amount",
        _l("Amount"),
        T.AMOUNT,
        *("importo", "premio", "premio lordo", "importo titolo", "totale"),
    ),
    _instalment(
        "state",
        _l("State"),
        T.CHOICE,
        *("stato", "stato titolo", "status"),
        choices=INSTALMENT_STATES,
    ),
    _instalment(
        "paid_date",
        _l("Paid on"),
        T.DATE,
        *("data pagamento", "pagato il", "data incasso", "incassato il"),
    ),
    _instalment("notes", _l("Notes"), T.TEXT, "note", "annotazioni"),
    _instalment("created_at", _l("Entered on"), T.MOMENT, filter_only=True),
)

POLICY_CLIENT = linked(Link(Policy.client_id, CLIENTS, _l("Client")), "client", CLIENT_FIELDS)
INSTALMENT_CLIENT = linked(
    Link(Instalment.client_id, CLIENTS, _l("Client")), "client", CLIENT_FIELDS
)
POLICY_STORED = tuple(field for field in POLICY_FIELDS if not field.filter_only)
INSTALMENT_STORED = tuple(field for field in INSTALMENT_FIELDS if not field.filter_only)
