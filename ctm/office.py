"""What the office is called and which language its mails speak."""

from ctm import audit, settings
from ctm.errors import InvalidInput
from ctm.extensions import db
from ctm.i18n import LANGUAGES, _l

LONGEST_NAME = 120


def update(name: str, language: str) -> None:
    """Change the office's name and the language of what CTM itself writes into mails.

    :raises InvalidInput: no name, or a language CTM does not speak.
    """
    name = " ".join(name.split())
    if not name:
        raise InvalidInput(_l("Give the office a name."), "name")
    if len(name) > LONGEST_NAME or not name.isprintable():
        raise InvalidInput(_l("At most %(most)s plain characters.", most=LONGEST_NAME), "name")
    if language not in LANGUAGES:
        raise InvalidInput(_l("CTM does not speak this language."), "language")
    settings.put("office_name", name)
    settings.put("office_language", language)
    audit.record("office.update", None, name=name, language=language)
    db.session.commit()
