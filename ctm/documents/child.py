"""The process in which documents are made: ``python -m ctm.documents.child <descriptor>``.

It gets templates and jobs from :class:`ctm.documents.Pool` through one connection and answers
each job with a line of JSON and the document's bytes. It ends with its parent, has bounds on
its memory, opens no connection and starts no program.
"""

import json
import logging
import os
import resource
import signal
import sys
from collections import OrderedDict
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from flask import Flask
from flask_babel import Babel, force_locale

from ctm.documents.making import make
from ctm.errors import CtmError
from ctm.i18n import _

MEMORY = 1_500 * 1024 * 1024
_TEMPLATES_KEPT = 8
_ROOT = Path(__file__).resolve().parents[2]
_FORBIDDEN = (
    "socket.connect",
    "socket.bind",
    "socket.getaddrinfo",
    "socket.gethostbyname",
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.fork",
    "urllib.Request",
    "ftplib.connect",
    "http.client.connect",
)

log = logging.getLogger(__name__)


def main(descriptor: int) -> None:
    """Serve until the parent hangs up."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(5)
    sys.addaudithook(_forbid)
    app = Flask("ctm", root_path=str(_ROOT))
    Babel(app, default_translation_directories=str(_ROOT / "translations"))
    with app.app_context():
        serve(Connection(descriptor))


def _forbid(event: str, _arguments: Any) -> None:
    if event in _FORBIDDEN:
        raise PermissionError(f"a document may not do this: {event}")


def serve(parent: Connection) -> None:
    """Answer jobs: ``("template", key, snapshot)`` is kept, ``("job", key, values, rows, seconds)``
    made. After these seconds, when its parent must be gone too, the process ends."""
    templates: OrderedDict[str, dict[str, Any]] = OrderedDict()
    while True:
        try:
            told = parent.recv()
        except (EOFError, OSError):
            return
        if told[0] == "template":
            templates[told[1]] = told[2]
            while len(templates) > _TEMPLATES_KEPT:
                templates.popitem(last=False)
            continue
        signal.alarm(told[4])
        head, data = answer(templates[told[1]], told[2], told[3])
        signal.alarm(0)
        try:
            parent.send_bytes(json.dumps(head).encode())
            parent.send_bytes(data)
        except OSError:
            return


def answer(
    snapshot: dict[str, Any], values: dict[str, object], rows: list[dict[str, object]]
) -> tuple[dict[str, str], bytes]:
    """The document with its name and type, or the words for why there is none."""
    with force_locale(snapshot["language"]):
        try:
            name, content_type, data = make(snapshot, values, rows)
        except CtmError as problem:
            return {"error": problem.message}, b""
        except MemoryError:
            return {"error": str(_("The document needs more memory than it may have."))}, b""
        except Exception as problem:
            log.error("document template %s failed", snapshot["id"], exc_info=problem)
            reason = f"{type(problem).__name__}: {problem}".split("\n")[0][:200]
            words = _("The document cannot be made (%(reason)s).", reason=reason)
            return {"error": str(words)}, b""
    return {"name": name, "type": content_type}, data


if __name__ == "__main__":
    main(int(sys.argv[1]))
