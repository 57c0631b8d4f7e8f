"""What can be wrong with documents.

::

    InvalidInput
    └── DocumentError   a template that cannot be used, or a document that cannot be made of it
"""

from ctm.errors import InvalidInput


class DocumentError(InvalidInput):
    """A document cannot be made. The message says why and, in a template, where."""
