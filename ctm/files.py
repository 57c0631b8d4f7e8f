"""Files in the instance folder, addressed by their content.

A file is written aside, flushed to the disk and then renamed to
``instance/files/<first two>/<sha256>``: it is there whole or not at all.
"""

import errno
import hashlib
import io
import os
import re
import secrets
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

from flask import current_app
from sqlalchemy import CompoundSelect, select, union

from ctm.errors import InvalidInput, Unavailable
from ctm.extensions import db
from ctm.i18n import _l
from ctm.models import (
    CampaignAttachment,
    DocumentTemplate,
    MailDraftFile,
    MailingAttachment,
    MailTemplateFile,
    MessageFile,
    StoredFile,
    Task,
    User,
)

BLOCK = 256 * 1024
USERS = (
    CampaignAttachment,
    DocumentTemplate,
    MailDraftFile,
    MailTemplateFile,
    MailingAttachment,
    MessageFile,
    Task,
)
FULL = {errno.ENOSPC, errno.EDQUOT}


def max_bytes() -> int:
    """The largest file that users may bring, in bytes."""
    return int(current_app.config["CTM_MAX_UPLOAD_MB"]) * 1024 * 1024


def folder() -> Path:
    return Path(current_app.instance_path) / "files"


def path_of(file: StoredFile) -> Path:
    return folder() / file.sha256[:2] / file.sha256


def safe_name(name: str) -> str:
    """A file's name without folders, control characters or what systems refuse in names."""
    name = unicodedata.normalize("NFC", name or "").replace("\\", "/").rsplit("/", 1)[-1]
    name = "".join(c for c in name if unicodedata.category(c)[0] != "C")
    name = re.sub(r'[<>:"|?*]', "_", name).strip(" .")
    stem, dot, extension = name.rpartition(".")
    if not dot:
        return name[:200] or "file"
    return f"{stem[:180] or 'file'}.{extension[:20]}"


def store(
    source: bytes | BinaryIO,
    name: str,
    content_type: str = "application/octet-stream",
    owner: User | None = None,
    limit: int | None = None,
) -> StoredFile:
    """Keep a file and its row; the caller commits. ``limit`` is in bytes, 0 is none;
    without it, what users may bring.

    :raises InvalidInput: the file is larger than ``limit``.
    :raises Unavailable: the disk is full or refuses to write; nothing is left behind.
    """
    stream = io.BytesIO(source) if isinstance(source, bytes) else source
    limit = max_bytes() if limit is None else limit
    name = safe_name(name)
    try:
        digest, size = _write(stream, name, limit)
    except OSError as error:
        raise refusal(error) from error
    file = StoredFile(
        sha256=digest,
        name=name,
        content_type=(content_type or "application/octet-stream")[:127],
        size=size,
        owner_id=owner.id if owner else None,
    )
    db.session.add(file)
    db.session.flush()
    return file


def _write(stream: BinaryIO, name: str, limit: int) -> tuple[str, int]:
    """Copy the stream into place; returns its SHA-256 and its size in bytes."""
    root = folder()
    root.mkdir(parents=True, exist_ok=True)
    aside = root / f".incoming-{secrets.token_hex(8)}"
    digest, size = hashlib.sha256(), 0
    try:
        with aside.open("xb") as out:
            while block := stream.read(BLOCK):
                size += len(block)
                if limit and size > limit:
                    raise too_large(name, limit)
                digest.update(block)
                out.write(block)
            out.flush()
            os.fsync(out.fileno())
        place = root / digest.hexdigest()[:2] / digest.hexdigest()
        place.parent.mkdir(exist_ok=True)
        os.replace(aside, place)
        _sync_folder(place.parent)
    finally:
        aside.unlink(missing_ok=True)
    return digest.hexdigest(), size


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def too_large(name: str, limit: int) -> InvalidInput:
    """What to say of a file beyond the limit (bytes)."""
    return InvalidInput(
        _l(
            "“%(name)s” is larger than %(max)s MB, the most that can be taken. "
            "Make it smaller or split it.",
            name=name,
            max=limit // (1024 * 1024),
        ),
        "file",
    )


def refusal(error: OSError) -> Unavailable:
    """What to say when the disk does not take what is written."""
    if error.errno in FULL:
        return Unavailable(
            _l("The server's disk is full: the file was not kept. Tell the administrator.")
        )
    return Unavailable(
        _l(
            "The server could not write the file (%(reason)s). Tell the administrator.",
            reason=error.strerror or "?",
        )
    )


def open_file(file: StoredFile) -> BinaryIO:
    """The file's content, open for reading.

    :raises Unavailable: it is no longer on the disk.
    """
    try:
        return path_of(file).open("rb")
    except OSError:
        raise Unavailable(
            _l(
                "The file “%(name)s” is missing from the server's folder. Tell the administrator.",
                name=file.name,
            )
        ) from None


def read(file: StoredFile) -> bytes:
    """The whole content.

    :raises Unavailable: it is no longer on the disk.
    """
    with open_file(file) as stream:
        return stream.read()


def discard(ids: Iterable[int]) -> int:
    """Delete these files unless something still uses them; commits. Returns how many went."""
    wanted = [number for number in set(ids) if number]
    used: CompoundSelect[Any] = union(
        *(select(table.file_id).where(table.file_id.in_(wanted)) for table in USERS)
    )
    free = set(wanted) - set(db.session.scalars(used))
    gone = list(db.session.scalars(select(StoredFile).where(StoredFile.id.in_(free))))
    paths = {file.sha256: path_of(file) for file in gone}
    for file in gone:
        db.session.delete(file)
    db.session.flush()
    shared = select(StoredFile.sha256).where(StoredFile.sha256.in_(paths))
    for kept in db.session.scalars(shared):
        paths.pop(kept, None)
    db.session.commit()
    for path in paths.values():
        path.unlink(missing_ok=True)
    return len(gone)
