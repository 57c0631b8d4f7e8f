"""Policies and instalments that match a search, as CSV or XLSX, with the names of their clients.

What is exported can be imported again: clients stand there with code and tax code.
"""

from typing import Any

from sqlalchemy import Select

from ctm.clients.fields import BY_NAME
from ctm.i18n import _l
from ctm.lists.exporting import Export
from ctm.lists.fields import Field, FieldType
from ctm.models import Client, Instalment, Policy, Task
from ctm.portfolio.fields import (
    INSTALMENT_STORED,
    POLICY_STORED,
)
from ctm.portfolio.importing import CLIENT_LABELS
from ctm.tasks import Progress, task_kind

_CLIENT = (
    Field("client", _l("Client"), FieldType.TEXT, columns=(Client.display_name,)),
    *(
        Field(name, label, BY_NAME[name.removeprefix("client_")].type, columns=(column,))
        for name, label, column in (
            ("client_code", CLIENT_LABELS["client_code"], Client.code),
            ("client_tax_code", CLIENT_LABELS["client_tax_code"], Client.tax_code),
            ("client_vat_number", CLIENT_LABELS["client_vat_number"], Client.vat_number),
            ("client_email1", CLIENT_LABELS["client_email1"], Client.email1),
        )
    ),
)
_POLICY = tuple(
    field for field in POLICY_STORED if field.name in {"number", "company", "branch", "product"}
)


def _with_client(query: Select[Any]) -> Select[Any]:
    return query.join(Client, Client.id == Policy.client_id)


def _with_both(query: Select[Any]) -> Select[Any]:
    by_policy = query.join(Policy, Policy.id == Instalment.policy_id)
    return by_policy.join(Client, Client.id == Instalment.client_id)


POLICY_EXPORT = Export(
    task="policies.export",
    audited="policy.export",
    title=_l("Export of policies"),
    file=_l("policies"),
    fields=(*POLICY_STORED, *_CLIENT),
    joined=_with_client,
)
INSTALMENT_EXPORT = Export(
    task="instalments.export",
    audited="instalment.export",
    title=_l("Export of instalments"),
    file=_l("instalments"),
    fields=(*INSTALMENT_STORED, *_POLICY, *_CLIENT),
    joined=_with_both,
)


@task_kind(POLICY_EXPORT.task, repeatable=True)
def _export_policies(task: Task, progress: Progress) -> None:
    POLICY_EXPORT.work(task, progress)


@task_kind(INSTALMENT_EXPORT.task, repeatable=True)
def _export_instalments(task: Task, progress: Progress) -> None:
    INSTALMENT_EXPORT.work(task, progress)
