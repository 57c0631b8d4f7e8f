"""What recipients' programs get for a pixel or a link: the same from the application and from
the server process, which answers most of them by itself."""

import base64
from functools import lru_cache

from werkzeug.utils import redirect

PIXEL = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
HEADERS = {
    "Cache-Control": "no-store, private",
    "Content-Security-Policy": "default-src 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_COMMON = "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items())


def pixel() -> tuple[bytes, bytes]:
    """Status line and headers without the end, and the body."""
    return _PIXEL_HEAD, PIXEL


@lru_cache(maxsize=4096)
def onward(url: str) -> tuple[bytes, bytes]:
    """The same for a link: on to its URL, as werkzeug writes it down."""
    response = redirect(url, code=302)
    location = response.get_wsgi_headers({})["Location"]
    body = response.get_data()
    return _head("302 FOUND", "text/html; charset=utf-8", body, f"Location: {location}\r\n"), body


def _head(status: str, content_type: str, body: bytes, more: str = "") -> bytes:
    head = (
        f"HTTP/1.1 {status}\r\n{_COMMON}{more}"
        f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
    )
    return head.encode("latin-1")


_PIXEL_HEAD = _head("200 OK", "image/gif", PIXEL)
