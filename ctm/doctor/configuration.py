"""Settings that are unknown, contradict each other, or are unsafe."""

import difflib
import os
from collections.abc import Iterator, Mapping

from flask import current_app

from ctm import settings
from ctm.config import SETTINGS
from ctm.doctor.checks import ADVICE, OK, PROBLEM, Check
from ctm.i18n import LANGUAGES, _

AREA = "configuration"
ALSO_KNOWN = {"CTM_ACCOUNT_PASSWORD"}
LOOPBACK = {"127.0.0.1", "::1", "localhost"}


def look(environ: Mapping[str, str] | None = None) -> list[Check]:
    found = [*_unknown(os.environ if environ is None else environ), *_debugging(), *_https()]
    found += [*_openness()]
    return found or [Check(AREA, OK, _("The settings are known and fit together."))]


def _unknown(environ: Mapping[str, str]) -> Iterator[Check]:
    known = {setting.name for setting in SETTINGS} | ALSO_KNOWN
    for name in sorted(name for name in environ if name.startswith("CTM_") and name not in known):
        near = difflib.get_close_matches(name, known, 1)
        yield Check(
            AREA,
            ADVICE,
            _("There is no setting %(name)s; it does nothing.", name=name[:60]),
            _("Did you mean %(name)s?", name=near[0])
            if near
            else _("Take it out; the operator's guide lists the settings."),
        )


def _debugging() -> Iterator[Check]:
    if current_app.debug:
        yield Check(
            AREA,
            PROBLEM,
            _("Debugging is on: whoever meets an error can see into the program."),
            _("Take FLASK_DEBUG and --debug out of how CTM is started."),
        )


def _https() -> Iterator[Check]:
    config = current_app.config
    url, secure = config["CTM_PUBLIC_URL"], config["CTM_SECURE_COOKIES"]
    if url.startswith("https://") and not secure:
        yield Check(
            AREA,
            PROBLEM,
            _("The public address is HTTPS, but cookies may also travel without protection."),
            _("Set CTM_SECURE_COOKIES=1."),
        )
    if secure and url.startswith("http://"):
        yield Check(
            AREA,
            PROBLEM,
            _("Cookies travel over HTTPS only, but the public address is HTTP: nobody can log in."),
            _("Write CTM_PUBLIC_URL with https://, or set CTM_SECURE_COOKIES=0."),
        )
    if url.startswith("https://") and not config["CTM_TRUSTED_PROXIES"]:
        yield Check(
            AREA,
            ADVICE,
            _(
                "HTTPS comes from a reverse proxy, but CTM knows of none: every visitor seems to "
                "come from the proxy, and limits on logins hold for all together."
            ),
            _("Set CTM_TRUSTED_PROXIES to the number of proxies in front, usually 1."),
        )


def _openness() -> Iterator[Check]:
    config = current_app.config
    if config["CTM_HOST"] not in LOOPBACK and not config["CTM_TRUSTED_PROXIES"]:
        yield Check(
            AREA,
            ADVICE,
            _(
                "The web server listens on %(host)s without HTTPS: passwords can be read on the "
                "way.",
                host=config["CTM_HOST"] or "*",
            ),
            _("Listen on 127.0.0.1 and put a reverse proxy with HTTPS in front."),
        )
    if config["CTM_ALLOW_PRIVATE_HOSTS"]:
        yield Check(
            AREA,
            ADVICE,
            _("Mail servers in private networks are allowed: accounts may point into the office."),
            _("Set CTM_ALLOW_PRIVATE_HOSTS=0 if no mail server stands there."),
        )
    if config["CTM_LANGUAGE"] not in LANGUAGES:
        yield Check(
            AREA,
            ADVICE,
            _("CTM_LANGUAGE is %(code)s, which is not there.", code=config["CTM_LANGUAGE"][:20]),
            _("Write it or en."),
        )
    if config["CTM_DEMO"] and not settings.is_demo():
        yield Check(
            AREA,
            ADVICE,
            _("CTM_DEMO is on, but this is a real office; an empty database would be filled."),
            _("Set CTM_DEMO=0."),
        )
