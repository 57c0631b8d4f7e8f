"""What can go wrong, drawn as a tree.

::

    CtmError                 a message for the user, already in the user's words
    ├── InvalidInput         what was typed cannot be accepted; ``field`` says where
    ├── NotAllowed           the user may not do this
    ├── NotFound             no such record, or none this user may see
    ├── Conflict             the record is not in a state that allows it
    └── Unavailable          a server, the disk or the database does not answer
"""


class CtmError(Exception):
    """An error whose text is meant for the user.

    ``message`` is a translated sentence (or a lazy one): what happened, to which
    record, and what to do next.
    """

    def __init__(self, message: object) -> None:
        super().__init__(message)

    @property
    def message(self) -> str:
        return str(self.args[0])

    def __str__(self) -> str:
        return self.message


class InvalidInput(CtmError):
    """What was typed cannot be accepted. ``field`` names the form field, if one is at fault."""

    def __init__(self, message: object, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class NotAllowed(CtmError):
    """The user's role does not include this."""


class NotFound(CtmError):
    """There is no such record, or none that this user may see."""


class Conflict(CtmError):
    """The record is not in a state that allows the operation."""


class Unavailable(CtmError):
    """Something outside CTM (a server, the disk, the database) does not answer."""
