"""From a template's snapshot and a recipient's values to a document."""

import hashlib
import json
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from ctm.documents.errors import DocumentError
from ctm.documents.fields import Language, Values, filename, used
from ctm.errors import CtmError
from ctm.i18n import _
from ctm.mailing.merge import MergeError
from ctm.models import DocumentKind

CONTENT_TYPES = {
    "pdf": "application/pdf",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
EXTENSIONS = {DocumentKind.PDF: "pdf", DocumentKind.WORD: "docx", DocumentKind.EXCEL: "xlsx"}
_COMPILED_KEPT = 8


class Document(NamedTuple):
    """A finished document."""

    filename: str
    content_type: str
    data: bytes


class Maker(Protocol):
    """A compiled template of any kind. ``fields`` are the keys of what it is filled in with."""

    fields: tuple[str, ...]

    def make(self, values: Values, rows: Sequence[Values] = ()) -> bytes: ...


_compiled: "OrderedDict[str, tuple[Any, Maker]]" = OrderedDict()


def digest(snapshot: Mapping[str, Any]) -> str:
    """What tells one snapshot from another; files count by their SHA-256."""
    told = {key: value for key, value in snapshot.items() if key != "data"}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def compile_snapshot(snapshot: Mapping[str, Any]) -> Maker:
    """A template ready to be filled in; raises ``DocumentError`` or ``MergeError``."""
    if snapshot["kind"] == DocumentKind.PDF:
        from ctm.documents import pdf

        return pdf.Compiled(snapshot)
    if snapshot["kind"] == DocumentKind.WORD:
        from ctm.documents import word

        return word.Compiled(snapshot)
    if snapshot["file"] is not None:
        from ctm.documents import workbook

        return workbook.Compiled(snapshot)
    from ctm.documents import excel

    return excel.Compiled(snapshot)


def compile_name(snapshot: Mapping[str, Any]) -> Any:
    """The file name's template; raises ``DocumentError``."""
    try:
        return Language(snapshot).compile(snapshot["filename"] or snapshot["name"])
    except MergeError as problem:
        raise DocumentError(problem.message, "filename") from None


def keys(snapshot: Mapping[str, Any]) -> tuple[str, ...]:
    """The keys of the values a loaded snapshot is filled in with, its file name's too."""
    name, maker = compile_name(snapshot), compile_snapshot(snapshot)
    return tuple(dict.fromkeys([*used([name]), *maker.fields]))


def make(
    snapshot: Mapping[str, Any], values: Values, rows: Sequence[Values] = ()
) -> tuple[str, str, bytes]:
    """Make one document: ``(file name, content type, bytes)``.

    ``snapshot`` is a loaded one (see :func:`ctm.documents.load`). ``values`` are the recipient's,
    keyed ``clienti.nome``; ``rows`` those of the rows an Excel sheet lists. Compiled templates
    are kept for the next recipient.

    :raises DocumentError: it cannot be made; the message says why.
    """
    key = digest(snapshot)
    found = _compiled.get(key)
    try:
        if found is None:
            found = compile_name(snapshot), compile_snapshot(snapshot)
            _compiled[key] = found
            while len(_compiled) > _COMPILED_KEPT:
                _compiled.popitem(last=False)
        name, maker = found
        data = maker.make(values, rows)
    except DocumentError:
        raise
    except CtmError as problem:
        raise DocumentError(problem.message) from None
    except MemoryError:
        raise DocumentError(_("The document needs more memory than it may have.")) from None
    extension = EXTENSIONS[DocumentKind(snapshot["kind"])]
    return Document(filename(name, values, extension), CONTENT_TYPES[extension], data)
