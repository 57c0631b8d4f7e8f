"""Erasing a client: what says who it was goes, what the law wants kept stays nameless."""

from collections.abc import Iterable

from sqlalchemy import delete, exists, func, literal, or_, select, update

from ctm import audit, files, suppressions, tasks
from ctm.clients import operations
from ctm.clients.fields import STORED
from ctm.clock import utcnow
from ctm.errors import Conflict
from ctm.extensions import db
from ctm.i18n import _, _l
from ctm.lists.fields import fold
from ctm.models import (
    AuditEntry,
    Client,
    ConsentEvent,
    Contact,
    Hit,
    Instalment,
    InstalmentState,
    Mailing,
    MailingKind,
    Message,
    MessageFile,
    Policy,
    PolicyState,
    PracticeMail,
    Suppression,
    Task,
    User,
)
from ctm.privacy import gathering
from ctm.privacy.handing_out import HAND_OUT
from ctm.tasks import Progress, task_kind

ERASE = "client.erase"
ASKED = ("removed", "complaint")
KEPT_FIELDS = {"kind", "active"}
BATCH = 500
ERASED_DOMAIN = "erased.invalid"


def check(client: Client) -> None:
    """
    :raises Conflict: a contract is running, an instalment is open, or a mail is under way.
    """
    running = select(Policy.id).where(
        Policy.client_id == client.id,
        Policy.state.in_((PolicyState.ACTIVE.value, PolicyState.SUSPENDED.value)),
    )
    owed = select(Instalment.id).where(
        Instalment.client_id == client.id, Instalment.state == InstalmentState.OPEN.value
    )
    if db.session.scalar(running.limit(1)) or db.session.scalar(owed.limit(1)):
        raise Conflict(
            _l(
                "“%(name)s” has a policy that is running or an instalment that is open: the law "
                "wants their data kept. Erase it once they have ended.",
                name=client.display_name,
            )
        )
    if operations.in_sending([client.id]):
        raise Conflict(
            _l(
                "A mail to “%(name)s” is waiting or undecided. Stop its sending or decide first; "
                "nothing was erased.",
                name=client.display_name,
            )
        )


def start_erasure(client: Client, never_again: bool, user: User) -> Task:
    """Erase in the background. ``never_again``: its addresses stay on the list of those that get
    no more mail, because the person asked for it.

    :raises Conflict: see :func:`check`.
    """
    check(client)
    params = {"client": client.id, "never_again": never_again}
    return tasks.submit(ERASE, _("Erasure of client %(number)s", number=client.id), params, user)


@task_kind(ERASE, repeatable=True)
def _erase(task: Task, progress: Progress) -> None:
    client = operations.get(int(task.params["client"]))
    mails = erase(client, bool(task.params["never_again"]), progress)
    task.result = task.result | {
        "text": _("The client is erased; %(count)s mails are kept without a name.", count=mails)
    }


def erase(client: Client, never_again: bool, progress: Progress | None = None) -> int:
    """Take away all that says who the client was; returns how many of its mails stay, nameless.

    Done twice it changes nothing more. Mails go a batch at a time, the rest in one transaction.

    :raises Conflict: see :func:`check`.
    """
    check(client)
    addresses = gathering.addresses_of(client)
    mails = 0
    for ids in _batches(client):
        addresses |= _erase_mails(client.id, ids)
        mails += len(ids)
        progress.advance(len(ids)) if progress else db.session.commit()
    _erase_own_mailings(client.id)
    _settle_addresses(addresses, never_again)
    _erase_traces(client, addresses)
    _erase_registry(client)
    audit.record("client.erase", client, mails=mails, never_again=never_again)
    db.session.commit()
    return mails


def _batches(client: Client) -> Iterable[list[int]]:
    after = 0
    query = select(Message.id).where(Message.client_id == client.id).order_by(Message.id)
    while ids := list(db.session.scalars(query.where(Message.id > after).limit(BATCH))):
        yield ids
        after = ids[-1]


def _erase_mails(client_id: int, ids: list[int]) -> set[str]:
    """The fact of the mails stays, with times, outcome and counts; the addresses they went to."""
    gone = set(
        db.session.scalars(
            select(Message.to_address).where(
                Message.id.in_(ids), ~Message.to_address.endswith(f"@{ERASED_DOMAIN}")
            )
        )
    )
    nobody = literal("erased-") + func.cast(Message.id, Message.to_address.type)
    db.session.execute(
        update(Message)
        .where(Message.id.in_(ids))
        .values(
            to_address=nobody + f"@{ERASED_DOMAIN}",
            recipient_key=nobody + f"@{ERASED_DOMAIN}",
            to_name="",
            to_others="",
            merge_values=None,
            server_words="",
        )
        .execution_options(synchronize_session=False)
    )
    db.session.execute(
        update(Hit)
        .where(Hit.message_id.in_(ids))
        .values(ip="", user_agent="")
        .execution_options(synchronize_session=False)
    )
    made = list(
        db.session.execute(
            select(MessageFile.id, MessageFile.file_id).where(MessageFile.message_id.in_(ids))
        )
    )
    if made:
        db.session.execute(delete(MessageFile).where(MessageFile.id.in_([row[0] for row in made])))
        files.discard([row[1] for row in made])
    return {address.strip().lower() for address in gone}


def _erase_own_mailings(client_id: int) -> None:
    """Mail from a list that went to this client alone may speak of it in its very text."""
    to_another = exists().where(
        Message.mailing_id == Mailing.id,
        or_(Message.client_id.is_(None), Message.client_id != client_id),
    )
    to_this = select(Message.mailing_id).where(Message.client_id == client_id)
    db.session.execute(
        update(Mailing)
        .where(Mailing.kind == MailingKind.LIST, Mailing.id.in_(to_this), ~to_another)
        .values(subject="", html=None, text="", cc="", bcc="")
        .execution_options(synchronize_session=False)
    )


def _settle_addresses(addresses: set[str], never_again: bool) -> None:
    """Who asked for no more mail must be recognised if the address is ever entered again: it is
    kept for this alone. Every other address leaves the list."""
    on_list = select(Suppression).where(Suppression.address.in_(addresses))
    for each in list(db.session.scalars(on_list)):
        if never_again or each.reason in ASKED:
            each.note, each.message_id = "", None
        else:
            db.session.delete(each)
    db.session.flush()
    for address in sorted(addresses) if never_again else ():
        suppressions.suppress(address, "by_hand", commit=False)


def _erase_traces(client: Client, addresses: set[str]) -> None:
    """The audit log says what was done and by whom, no longer with whom; proofs of consent keep
    what was agreed to and when."""
    db.session.execute(
        update(ConsentEvent)
        .where(ConsentEvent.client_id == client.id)
        .values(address="", ip="", note="")
        .execution_options(synchronize_session=False)
    )
    for entry in gathering.audit_of(client):
        entry.object_label = _erased_name(client)
    named = select(AuditEntry).where(
        AuditEntry.action.startswith("suppression."),
        AuditEntry.detail["address"].as_string().in_(addresses),
    )
    for entry in db.session.scalars(named):
        entry.detail = entry.detail | {"address": ""}
    _drop_archives(client)
    caught = db.session.execute(select(PracticeMail.id, PracticeMail.rcpt_to)).all()
    to_client = [row.id for row in caught if addresses & {str(to).lower() for to in row.rcpt_to}]
    db.session.execute(delete(PracticeMail).where(PracticeMail.id.in_(to_client)))


def _drop_archives(client: Client) -> None:
    """What was handed out of the client lies here no longer."""
    tasks_made = db.session.scalars(select(Task).where(Task.kind == HAND_OUT)).all()
    of_client = [task for task in tasks_made if task.params.get("client") == client.id]
    archives = [task.file_id for task in of_client if task.file_id]
    for task in of_client:
        db.session.delete(task)
    db.session.flush()
    files.discard(archives)


def _erase_registry(client: Client) -> None:
    db.session.execute(delete(Contact).where(Contact.client_id == client.id))
    db.session.expire(client, ["contacts"])
    for field in STORED:
        if field.name not in KEPT_FIELDS:
            column = Client.__table__.columns[field.name]
            setattr(client, field.name, None if column.nullable else "")
    client.active = False
    client.updated_at = utcnow()
    client.display_name = _erased_name(client)
    client.last_name = client.display_name
    client.search_text = ""
    for policy in db.session.scalars(select(Policy).where(Policy.client_id == client.id)):
        policy.insured = policy.notes = ""
        policy.search_text = fold(" ".join((policy.number, policy.company, policy.product)))
    db.session.execute(
        update(Instalment)
        .where(Instalment.client_id == client.id)
        .values(notes="")
        .execution_options(synchronize_session=False)
    )


def _erased_name(client: Client) -> str:
    return str(_("Erased client %(number)s", number=client.id))
