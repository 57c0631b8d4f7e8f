"""Files that users or mails brought, given out and taken in: one place decides what is shown."""

from collections.abc import Iterator
from contextlib import closing

from flask import Response, request, send_file
from flask_login import current_user

from ctm import files
from ctm.models import StoredFile

PICTURES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})


def give(stored: StoredFile, *, show: bool = False) -> Response:
    """A stored file as a download. With ``show`` a picture opens in the browser.

    Whatever it is, nothing in it runs: the policy is empty and sandboxed.
    """
    shown = show and stored.content_type in PICTURES
    answer = send_file(
        files.open_file(stored),
        mimetype=stored.content_type if shown else "application/octet-stream",
        as_attachment=not shown,
        download_name=stored.name,
    )
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return answer


def chosen() -> bool:
    """Whether the form's ``file`` field holds any file; an empty field sends one without a name."""
    return any(upload.filename for upload in request.files.getlist("file"))


def uploaded() -> Iterator[tuple[StoredFile, bool]]:
    """Store the files of a form's ``file`` field, one at a time.

    With each, whether it is a picture to be shown inside the text, as the form asks.

    :raises CtmError: a file is refused; those before it are stored.
    """
    for upload in request.files.getlist("file"):
        if not upload.filename:
            continue
        kind = upload.mimetype or "application/octet-stream"
        inline = bool(request.form.get("inline")) and kind in PICTURES
        with closing(upload):
            yield files.store(upload.stream, upload.filename, kind, current_user), inline
