"""What can be wrong with a mail to be composed.

::

    InvalidInput
    ├── AddressError     this is not an e-mail address
    └── ComposeError     the mail, or one recipient's copy, cannot be made
"""

from ctm.errors import InvalidInput


class AddressError(InvalidInput):
    """Not an e-mail address that a mail can be sent to."""


class ComposeError(InvalidInput):
    """The mail cannot be made from what it was given."""
