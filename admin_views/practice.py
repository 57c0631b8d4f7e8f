"""The practice mailbox: what demo and test accounts sent, as its recipients would see it."""

import re
from typing import Any
from urllib.parse import quote, urlsplit

from flask import (
    Blueprint,
    Flask,
    Response,
    abort,
    current_app,
    flash,
    g,
    jsonify,
    redirect,
    render_template,
    request,
    url_for,
)
from flask_admin import Admin
from werkzeug.exceptions import HTTPException

from admin_views.security import requires
from ctm import practice
from ctm.i18n import _n
from ctm.mailing.compose import sanitise_mail_html
from ctm.models import PracticeMail
from ctm.permissions import Permission

bp = Blueprint("practice", __name__, url_prefix="/practice")

CID = re.compile(r"""(["'(])cid:([^"')]+)""", re.IGNORECASE)
HEAD = re.compile(r"<head\b[^>]*>", re.IGNORECASE)
SHOWN_SOURCE = 200_000


def register(app: Flask, _admin: Admin) -> None:
    app.register_blueprint(bp)


@bp.get("", strict_slashes=False)
@requires(Permission.VIEW_PRACTICE)
def index() -> Any:
    return _page(None)


@bp.get("/<int:number>")
@requires(Permission.VIEW_PRACTICE)
def read(number: int) -> Any:
    return _page(practice.get(number))


def _page(mail: PracticeMail | None) -> Any:
    opened = practice.open_mail(mail) if mail else None
    return render_template(
        "practice/index.html",
        mail=mail,
        opened=opened,
        one_click=_own_path(opened.one_click) if opened else "",
        source=mail.raw[:SHOWN_SOURCE].decode("utf-8", "replace") if mail else "",
        source_cut=bool(mail and mail.size > SHOWN_SOURCE),
        on=bool(practice.port()),
        **_list(mail.id if mail else None),
    )


@bp.get("/list.json")
@requires(Permission.VIEW_PRACTICE)
def list_json() -> Any:
    """The list as a fragment, for the page that refreshes itself."""
    values = _list(request.args.get("open", type=int))
    answer = jsonify(
        list=render_template("practice/_list.html", **values),
        total=values["total"],
    )
    answer.add_etag()
    return answer.make_conditional(request)


def _list(open_id: int | None) -> dict[str, Any]:
    text = request.args.get("q", "").strip()[:200]
    before = _number("before")
    mails = practice.newest(text, before, practice.PAGE + 1)
    more = mails[practice.PAGE - 1].id if len(mails) > practice.PAGE else None
    return {
        "mails": mails[: practice.PAGE],
        "more": more,
        "q": text,
        "before": before,
        "open_id": open_id,
        "total": practice.count(),
    }


def _number(name: str) -> int | None:
    """A whole number from the query string; anything else is refused."""
    text = request.args.get(name)
    if not text:
        return None
    if not text.isdecimal() or len(text) > 15:
        abort(400)
    return int(text)


@bp.get("/<int:number>/html")
@requires(Permission.VIEW_PRACTICE)
def html(number: int) -> Response:
    """The mail's HTML, for a sandboxed frame: no scripts, links open in a new tab."""
    opened = practice.open_mail(practice.get(number))
    images = {part.content_id: part.index for part in opened.images}

    def local(match: re.Match[str]) -> str:
        index = images.get(match[2])
        if index is None:
            return match[0]
        return match[1] + url_for("practice.part", number=number, index=index)

    body = CID.sub(local, sanitise_mail_html(opened.html))
    base = '<base target="_blank">'
    head = HEAD.search(body)
    place = head.end() if head else 0
    g.csp = (
        "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; "
        f"img-src 'self' data: {' '.join(_own_origins())}; style-src 'unsafe-inline'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    )
    return Response(body[:place] + base + body[place:], content_type="text/html; charset=utf-8")


def _own_origins() -> list[str]:
    """Where this installation's pixel and pictures come from."""
    port = current_app.config["CTM_PORT"]
    public = urlsplit(current_app.config["CTM_PUBLIC_URL"])
    origins = [f"http://127.0.0.1:{port}", f"http://localhost:{port}"]
    if public.scheme and public.netloc and not set(public.netloc) & set(" ;,'\""):
        origins.append(f"{public.scheme}://{public.netloc}")
    return origins


def _own_path(url: str) -> str:
    """The path of this installation's own remove page in ``url``; empty if it is another's."""
    path = urlsplit(url).path
    if not path.startswith("/r/"):
        return ""
    try:
        current_app.create_url_adapter(request).match(path, "POST")  # type: ignore[union-attr]
    except HTTPException:
        return ""
    return path


@bp.get("/<int:number>/source.eml")
@requires(Permission.VIEW_PRACTICE)
def source(number: int) -> Response:
    mail = practice.get(number)
    return _download(mail.raw, f"practice-{number}.eml")


@bp.get("/<int:number>/part/<int:index>")
@requires(Permission.VIEW_PRACTICE)
def part(number: int, index: int) -> Response:
    """An attachment as a download, or a picture of the mail's own."""
    found = practice.part_of(practice.get(number), index)
    if found.content_id and found.content_type in practice.SAFE_IMAGES:
        g.csp = "default-src 'none'; sandbox"
        return Response(found.content, content_type=found.content_type)
    return _download(found.content, found.name)


def _download(content: bytes, name: str) -> Response:
    """Never shown in the browser, whatever the mail says its type is."""
    answer = Response(content, content_type="application/octet-stream")
    safe = re.sub(r"[^\w.() -]+", "_", name, flags=re.ASCII).strip() or "attachment"
    answer.headers["Content-Disposition"] = (
        f"attachment; filename=\"{safe}\"; filename*=UTF-8''{quote(name, safe='')}"
    )
    g.csp = "default-src 'none'; sandbox"
    return answer


@bp.post("/delete-all")
@requires(Permission.USE_ACCOUNTS)
def delete_all() -> Any:
    count = practice.delete_all()
    flash(_n("%(num)s practice mail deleted.", "%(num)s practice mails deleted.", count), "good")
    return redirect(url_for("practice.index"))
