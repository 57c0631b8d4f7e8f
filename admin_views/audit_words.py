"""What the codes of the audit log are called on its pages."""

from admin_views.campaigns.history import ACTIONS as CAMPAIGN_ACTIONS
from ctm.i18n import _, _l

AREAS = {
    "login.": _l("Logins"),
    "user.": _l("Users"),
    "client.": _l("Clients"),
    "contact.": _l("Contacts"),
    "saved_filter.": _l("Saved searches"),
    "campaign.": _l("Campaigns"),
    "mail.": _l("To decide"),
    "list_mail.": _l("Mail from lists"),
    "list_status.": _l("List statuses"),
    "suppression.": _l("Removed addresses"),
    "purpose.": _l("Purposes"),
    "consent.": _l("Consent"),
    "mail_template.": _l("Mail templates"),
    "sql_field.": _l("SQL fields"),
    "document.": _l("Document templates"),
    "account.": _l("SMTP accounts"),
    "practice.": _l("Practice mailbox"),
    "system.": _l("System"),
    "task.": _l("Work"),
    "office.": _l("Office"),
    "demo.": _l("Demo office"),
}
ACTIONS = {
    "login.enter": _l("logged in"),
    "login.fail": _l("login refused"),
    "login.leave": _l("logged out"),
    "user.create": _l("user created"),
    "user.update": _l("user changed"),
    "user.delete": _l("user deleted"),
    "user.profile": _l("profile changed"),
    "user.password": _l("password changed"),
    "user.totp_on": _l("second factor switched on"),
    "user.totp_off": _l("second factor switched off"),
    "user.end_sessions": _l("sessions ended"),
    "client.create": _l("client created"),
    "client.update": _l("client changed"),
    "client.delete": _l("clients deleted"),
    "client.activate": _l("clients marked active or not active"),
    "client.import": _l("clients imported"),
    "client.export": _l("clients exported"),
    "client.hand_out": _l("client's data handed out"),
    "client.erase": _l("client erased"),
    "contact.create": _l("contact created"),
    "contact.update": _l("contact changed"),
    "contact.delete": _l("contact deleted"),
    "saved_filter.save": _l("search saved"),
    "saved_filter.delete": _l("search deleted"),
    "campaign.delete": _l("deleted"),
    "mail.resend_uncertain": _l("undecided mails sent again"),
    "mail.leave_uncertain": _l("undecided mails left as they are"),
    "list_mail.send": _l("mail sent from a list"),
    "list_mail.stop": _l("mail from a list stopped"),
    "list_mail.retry": _l("failed mails sent again"),
    "list_status.create": _l("list status created"),
    "list_status.update": _l("list status changed"),
    "list_status.delete": _l("list status deleted"),
    "suppression.add": _l("address removed"),
    "suppression.lift": _l("address may get mail again"),
    "suppression.export": _l("removed addresses exported"),
    "purpose.create": _l("purpose created"),
    "purpose.update": _l("purpose changed"),
    "purpose.delete": _l("purpose deleted"),
    "consent.record": _l("consent recorded"),
    "mail_template.create": _l("mail template created"),
    "mail_template.update": _l("mail template changed"),
    "mail_template.duplicate": _l("mail template duplicated"),
    "mail_template.activate": _l("mail template active again"),
    "mail_template.deactivate": _l("mail template no longer active"),
    "mail_template.restore": _l("version of a mail template restored"),
    "mail_template.attach": _l("file put on a mail template"),
    "mail_template.detach": _l("file taken off a mail template"),
    "sql_field.create": _l("SQL field created"),
    "sql_field.update": _l("SQL field changed"),
    "sql_field.delete": _l("SQL field deleted"),
    "document.create": _l("document template created"),
    "document.update": _l("document template changed"),
    "document.duplicate": _l("document template duplicated"),
    "document.activate": _l("document template offered again"),
    "document.deactivate": _l("document template no longer offered"),
    "document.add_picture": _l("picture added to a document template"),
    "document.remove_picture": _l("picture taken off a document template"),
    "document.generate": _l("documents made"),
    "account.create": _l("account created"),
    "account.update": _l("account changed"),
    "account.delete": _l("account deleted"),
    "account.test": _l("account tested"),
    "account.dns": _l("DNS of the sender checked"),
    "account.restart": _l("account restarted"),
    "practice.emptied": _l("practice mailbox emptied"),
    "system.doctor": _l("installation examined"),
    "task.cancel": _l("work stopped"),
    "office.update": _l("office changed"),
    "office.backup": _l("backup made"),
    "office.backup_download": _l("backup downloaded"),
    "office.restore": _l("restored from a backup"),
    "office.restore_read": _l("notice of the restore read"),
    "demo.create": _l("demo office made"),
} | CAMPAIGN_ACTIONS
ACTORS = {"system": _l("system"), "command line": _l("command line")}


def action(code: str) -> str:
    """The words of one entry; a campaign's say that they are about a campaign."""
    words = str(ACTIONS.get(code, code))
    if code.startswith("campaign.") and code in ACTIONS:
        return _("campaign: %(words)s", words=words)
    return words


def actor(name: str) -> str:
    """Who did it: a user by name, what acted without one, or nobody who is known."""
    return str(ACTORS.get(name, name)) or "–"
