"""The clients that match a search, as CSV or XLSX."""

from ctm.clients.fields import STORED
from ctm.i18n import _l
from ctm.lists.exporting import Export
from ctm.models import Task
from ctm.tasks import Progress, task_kind

EXPORT = Export(
    task="clients.export",
    audited="client.export",
    title=_l("Export of clients"),
    file=_l("clients"),
    fields=STORED,
)
rows, write, start, file_name = EXPORT.rows, EXPORT.write, EXPORT.start, EXPORT.file_name


@task_kind(EXPORT.task, repeatable=True)
def _export(task: Task, progress: Progress) -> None:
    EXPORT.work(task, progress)
