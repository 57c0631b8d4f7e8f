"""Makes the office of a released version: data in every table, by that version's own code.

Run it with that version's source on the path, once for each database::

    git archive c88bac1 | tar x -C old
    export CTM_INSTANCE=old-office CTM_PUBLIC_URL=https://mail.office.example
    PYTHONPATH=old python tests/upgrade/make_office.py

and dump what it made (``sqlite3 … .dump``, ``pg_dump --inserts``). What it made with 0.1.0 is kept
beside it; the upgrade tests start from there.
"""

from datetime import timedelta

from app import create_app
from ctm import audit, counters, files, settings
from ctm.accounts import operations as accounts
from ctm.clients import operations as clients
from ctm.clock import utcnow
from ctm.extensions import db
from ctm.mailing import control, outbox
from ctm.mailing.tracking import hits, removal
from ctm.models import Campaign as CampaignModel
from ctm.models import CampaignAttachment as Attachment
from ctm.models import (
    CampaignMember,
    Contact,
    HitKind,
    JobRun,
    Lease,
    ListStatus,
    MailingAttachment,
    Message,
    MessageState,
    OutcomeStatus,
    PracticeMail,
    SavedFilter,
    Task,
    User,
    Worker,
)


def people() -> User:
    admin = User(
        email="anna@office.example",
        name="Anna",
        role="administrator",
        password_hash="$argon2id$none",
        session_stamp="stamp",
        totp_sealed=vault.seal("TOTPSECRET"),
    )
    db.session.add(admin)
    db.session.commit()
    audit.act_as(admin)
    settings.put("office_name", "Studio Rossi")
    saved = SavedFilter(name="All", owner_id=admin.id, shared=True, query={"q": "rossi"})
    db.session.add(saved)
    db.session.commit()
    return admin


def campaign(admin: User) -> CampaignModel:
    account = accounts.create(
        {
            "name": "Aruba",
            "provider": "custom",
            "host": "smtps.office.example",
            "port": 465,
            "security": "tls",
            "username": "anna",
            "password": "pass€word",
            "from_email": "anna@office.example",
            "limits": [[250, 1200]],
            "connections": 2,
            "user_ids": [admin.id],
        }
    )
    made = CampaignModel(
        name="Renewal",
        subject="[clienti.nome], your policy",
        body_html='<p>Dear [clienti.nome], <a href="https://office.example/renew">renew</a>.</p>',
        account_id=account.id,
        delay_seconds=0.0,
    )
    db.session.add(made)
    db.session.flush()
    for outcome in ("sent", "read", "clicked", "removed", "failed"):
        status = ListStatus(name=f"Status {outcome}")
        db.session.add(status)
        db.session.flush()
        row = OutcomeStatus(campaign_id=made.id, outcome=outcome, list_status_id=status.id)
        db.session.add(row)
    file = files.store(b"Conditions of the policy", "conditions.txt", "text/plain", admin)
    db.session.add(Attachment(campaign_id=made.id, file_id=file.id))
    for number in range(1, 10):
        client = clients.create(
            {
                "last_name": f"Rossi{number}",
                "email1": f"rossi{number}@example.com",
                "kind": "person",
            }
        )
        db.session.add(Contact(client_id=client.id, last_name="Neri", email="neri@example.com"))
        db.session.add(CampaignMember(campaign_id=made.id, client_id=client.id))
    counters.add(made.id, {"members": 9, "status:0": 9})
    db.session.commit()
    return made


def send(made: CampaignModel) -> None:
    mailing = control.start(made)
    if not db.session.query(MailingAttachment).count():
        file_id = made.attachments[0].file_id
        db.session.add(MailingAttachment(mailing_id=mailing.id, file_id=file_id))
        db.session.commit()
    with db.engine.connect() as connection:
        (opened,) = outbox.open_mailings(connection)
    now = utcnow()
    claimed = outbox.claim(db.engine, opened, "old-worker", 5, now, lambda _ids: None)
    states = ("sent", "sent", "uncertain", "failed", "deferred")
    later = now + timedelta(minutes=10)
    results = [
        outbox.Result(
            message,
            MessageState(state),
            now,
            code=250,
            words=f"said {state}",
            due_at=later if state == "deferred" else None,
            size=5000,
            merge_values={"clienti": {"nome": "Rossi"}},
        )
        for message, state in zip(claimed, states, strict=True)
    ]
    outbox.settle(db.engine, "old-worker", results)
    person = hits.Request("GET", "198.51.100.7", "Mozilla/5.0 (X11; Linux) Firefox/130.0")
    first, second = claimed[0].id, claimed[1].id
    long_ago = now - timedelta(hours=1)
    db.session.execute(
        Message.__table__.update().where(Message.id.in_([first, second])).values(sent_at=long_ago)
    )
    db.session.commit()
    hits.record(first, HitKind.OPEN, person)
    hits.record(first, HitKind.CLICK, person, hits.link_of(first, 0))
    removal.remove(second, person)
    control.pause(made)


def machinery(admin: User) -> None:
    now = utcnow()
    db.session.add_all(
        [
            Lease(name="scheduler", holder="old", expires_at=now),
            JobRun(job="clean_up", started_at=now, finished_at=now, runs=3, failures=1),
            Task(kind="clients.export", title="Export", owner_id=admin.id, state="done"),
            Worker(name="old-worker", host="old", pid=1),
            PracticeMail(raw=b"Subject: x\r\n\r\n\x00\xff", rcpt_to=["a@b.example"], size=16),
        ]
    )
    db.session.commit()


application = create_app()
vault = application.extensions["ctm.vault"]
with application.app_context():
    from flask_migrate import upgrade

    upgrade()
    boss = people()
    send(campaign(boss))
    machinery(boss)
