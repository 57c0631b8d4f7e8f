"""All models. One noun, one module; import them from here."""

from ctm.models import search_index
from ctm.models.accounts import Security, SmtpAccount, account_users
from ctm.models.base import Base
from ctm.models.campaigns import (
    Campaign,
    CampaignAttachment,
    CampaignCounter,
    CampaignMember,
    CampaignState,
    ListStatus,
    Outcome,
    OutcomeStatus,
)
from ctm.models.clients import Client, ClientKind, Contact, SavedFilter
from ctm.models.consent import Consent, ConsentEvent, ConsentState, Purpose
from ctm.models.drafts import MailDraft, MailDraftFile
from ctm.models.files import StoredFile
from ctm.models.insurance import Instalment, InstalmentState, Policy, PolicyState
from ctm.models.mail import (
    PENDING,
    UNDER_WAY,
    WAITING,
    Mailing,
    MailingAttachment,
    MailingKind,
    MailingState,
    Message,
    MessageFile,
    MessageState,
    PastAttempt,
    Suppression,
    TrackedLink,
)
from ctm.models.system import JobRun, Lease, PracticeMail, Task, TaskState, Worker
from ctm.models.templates import (
    DocumentKind,
    DocumentTemplate,
    MailTemplate,
    MailTemplateFile,
    MailTemplateVersion,
    SqlField,
)
from ctm.models.tracking import Hit, HitBucket, HitKind, HitSpool, LinkCounter
from ctm.models.users import AuditEntry, OfficeSetting, Role, User

__all__ = [
    "PENDING",
    "UNDER_WAY",
    "WAITING",
    "AuditEntry",
    "Base",
    "Campaign",
    "CampaignAttachment",
    "CampaignCounter",
    "CampaignMember",
    "CampaignState",
    "Client",
    "ClientKind",
    "Consent",
    "ConsentEvent",
    "ConsentState",
    "Contact",
    "DocumentKind",
    "DocumentTemplate",
    "Hit",
    "HitBucket",
    "HitKind",
    "HitSpool",
    "Instalment",
    "InstalmentState",
    "JobRun",
    "Lease",
    "LinkCounter",
    "ListStatus",
    "MailDraft",
    "MailDraftFile",
    "MailTemplate",
    "MailTemplateFile",
    "MailTemplateVersion",
    "Mailing",
    "MailingAttachment",
    "MailingKind",
    "MailingState",
    "Message",
    "MessageFile",
    "MessageState",
    "OfficeSetting",
    "Outcome",
    "OutcomeStatus",
    "PastAttempt",
    "Policy",
    "PolicyState",
    "PracticeMail",
    "Purpose",
    "Role",
    "SavedFilter",
    "Security",
    "SmtpAccount",
    "SqlField",
    "StoredFile",
    "Suppression",
    "Task",
    "TaskState",
    "TrackedLink",
    "User",
    "Worker",
    "account_users",
    "search_index",
]
