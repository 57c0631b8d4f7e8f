"""Users: creating them, their passwords, their sessions."""

from ctm.extensions import db
from ctm.models import User


def set_language(user: User, code: str) -> None:
    """Remember the language a user works in."""
    user.language = code
    db.session.commit()
