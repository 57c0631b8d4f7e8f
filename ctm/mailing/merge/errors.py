"""What can be wrong with a template.

::

    InvalidInput
    ├── PictureError     a format picture (``frm='…'``) that means nothing
    └── MergeError       a field that cannot be filled in, and where it stands
"""

from ctm.errors import InvalidInput


class PictureError(InvalidInput):
    """The picture of a date or of an amount cannot be understood."""


class MergeError(InvalidInput):
    """A merge field cannot be understood.

    ``line`` and ``column`` count from 1 in the source as written; ``text`` is the field as
    written; ``suggestions`` are the fields that may have been meant, nearest first.
    """

    def __init__(
        self,
        message: object,
        *,
        line: int,
        column: int,
        text: str,
        suggestions: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message)
        self.line = line
        self.column = column
        self.text = text
        self.suggestions = suggestions
