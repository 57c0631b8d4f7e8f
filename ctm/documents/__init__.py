"""Documents merged per recipient: PDF, Word and Excel, from templates the office keeps.

A template is kept as a snapshot (:func:`snapshot`) where it is used, and made in processes of
its own (:class:`Pool`); :func:`make` makes one in this process.
"""

from ctm.documents.errors import DocumentError
from ctm.documents.making import Document, make
from ctm.documents.pool import Job, Made, Pool, make_one
from ctm.documents.snapshots import load, snapshot

__all__ = [
    "Document",
    "DocumentError",
    "Job",
    "Made",
    "Pool",
    "load",
    "make",
    "make_one",
    "snapshot",
]
