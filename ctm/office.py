"""What the office is called, which language its mails speak, and when it is closed."""

from ctm import audit, settings
from ctm.errors import InvalidInput
from ctm.extensions import db
from ctm.i18n import LANGUAGES, _l
from ctm.mailing import hours, retention

LONGEST_NAME = 120


def update(
    name: str, language: str, closed_days: str | None = None, keep_mail_months: str | None = None
) -> None:
    """Change the office's name, the language of what CTM itself writes into mails, and the days
    on which no mail leaves that keeps to allowed hours; and how long sent mail keeps its text.

    :raises InvalidInput: no name, a language CTM does not speak, a day or a number that is none.
    """
    name = " ".join(name.split())
    if not name:
        raise InvalidInput(_l("Give the office a name."), "name")
    if len(name) > LONGEST_NAME or not name.isprintable():
        raise InvalidInput(_l("At most %(most)s plain characters.", most=LONGEST_NAME), "name")
    if language not in LANGUAGES:
        raise InvalidInput(_l("CTM does not speak this language."), "language")
    if closed_days is not None:
        hours.keep_closed_days(hours.read_closed_days(closed_days))
    if keep_mail_months is not None:
        retention.keep_months(keep_mail_months)
    settings.put("office_name", name)
    settings.put("office_language", language)
    audit.record("office.update", None, name=name, language=language)
    db.session.commit()
