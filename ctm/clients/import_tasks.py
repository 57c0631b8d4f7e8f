"""Imports of clients as tasks (see :mod:`ctm.lists.import_tasks`)."""

from ctm.clients.importing import Importer
from ctm.i18n import _l
from ctm.lists.import_tasks import Import
from ctm.models import Task
from ctm.tasks import Progress, task_kind

IMPORT = Import("clients", Importer, _l("Client"))
PLAN, RUN = IMPORT.plan, IMPORT.run
submit_plan, submit_run = IMPORT.submit_plan, IMPORT.submit_run


@task_kind(PLAN, repeatable=True)
def _plan(task: Task, progress: Progress) -> None:
    IMPORT.work(task, progress, dry_run=True)


@task_kind(RUN, repeatable=True)
def _run(task: Task, progress: Progress) -> None:
    IMPORT.work(task, progress, dry_run=False)
