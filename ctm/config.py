"""Every setting of the installation, as one typed table.

Values come from the environment. Secrets are made once and kept in ``instance/secrets``
(see :mod:`ctm.keys`). ``docs/`` lists the same table; a test holds the two together.
"""

import ipaddress
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ctm.errors import InvalidInput

ROOT = Path(__file__).resolve().parent.parent


def _flag(text: str) -> bool:
    if text.lower() in {"1", "true", "yes", "on"}:
        return True
    if text.lower() in {"0", "false", "no", "off", ""}:
        return False
    raise ValueError(text)


def _url(text: str) -> str:
    if text and not text.startswith(("http://", "https://")):
        raise ValueError(text)
    return text.rstrip("/")


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number <= 65535:
        raise ValueError(text)
    return number


def _time_of_day(text: str) -> str:
    if text:
        time.strptime(text, "%H:%M")
    return text


def _kept(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or int(text[:9]) > 10_000:
        raise ValueError(text)
    return int(text)


def _level(text: str) -> str:
    if text.upper() not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
        raise ValueError(text)
    return text.upper()


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or not 1 <= int(text[:9]) <= 10_000:
        raise ValueError(text)
    return int(text)


def _token(text: str) -> str:
    if text and (len(text) < 16 or not text.isascii() or " " in text):
        raise ValueError(text)
    return text


def _networks(text: str) -> str:
    for part in text.replace(",", " ").split():
        ipaddress.ip_network(part, strict=False)
    return text


def _nameserver(text: str) -> str:
    host, colon, port = text.rpartition(":") if text.count(":") == 1 else (text, "", "")
    if text:
        ipaddress.ip_address(host)
    if colon:
        _port(port)
    return text


def _database(text: str) -> str:
    if text and not text.startswith(("sqlite:///", "postgresql://", "postgresql+psycopg://")):
        raise ValueError(text)
    return text


@dataclass(frozen=True)
class Setting:
    """One setting: its environment variable, how its text is read, its default, its meaning."""

    name: str
    read: Callable[[str], Any]
    default: Any
    help: str


SETTINGS = (
    Setting("CTM_HOST", str, "127.0.0.1", "Address the web server listens on."),
    Setting("CTM_PORT", _port, 5000, "Port the web server listens on."),
    Setting("CTM_THREADS", int, 16, "Threads of the web server."),
    Setting("CTM_INSTANCE", str, str(ROOT / "instance"), "Folder of all data and secrets."),
    Setting(
        "CTM_DATABASE_URL", _database, "", "Database; empty means SQLite in the instance folder."
    ),
    Setting("CTM_PUBLIC_URL", _url, "", "Address at which recipients reach this server."),
    Setting("CTM_LANGUAGE", str, "it", "Language before somebody logs in: it or en."),
    Setting("CTM_TIMEZONE", str, "Europe/Rome", "Time zone in which times are shown."),
    Setting("CTM_DEMO", _flag, False, "Fill an empty database with the demo office."),
    Setting("CTM_PRACTICE_PORT", _port, 2525, "Loopback port of the practice mailbox; 0 is off."),
    Setting("CTM_WORKER", _flag, True, "Let the web process run a sending worker beside itself."),
    Setting("CTM_SCHEDULER", _flag, True, "Let the web process run the scheduled jobs."),
    Setting("CTM_ALLOW_PRIVATE_HOSTS", _flag, False, "Allow mail servers in private networks."),
    Setting("CTM_TRUSTED_PROXIES", int, 0, "Reverse proxies in front of the web server."),
    Setting("CTM_SECURE_COOKIES", _flag, False, "Send cookies over HTTPS only."),
    Setting("CTM_MAX_UPLOAD_MB", int, 25, "Largest upload and attachment, in megabytes."),
    Setting(
        "CTM_BACKUP_FOLDER", str, "", "Folder of backups; empty means backups in the instance."
    ),
    Setting("CTM_BACKUP_TIME", _time_of_day, "02:00", "Time of the daily backup; empty is never."),
    Setting("CTM_BACKUP_KEEP", _kept, 7, "Backups kept in the folder; 0 keeps all."),
    Setting("CTM_BACKUP_PASSPHRASE", str, "", "Seals the keys inside backups; empty: left out."),
    Setting("CTM_LOG_LEVEL", _level, "INFO", "Least log line written: DEBUG to ERROR."),
    Setting("CTM_LOG_MB", _count, 10, "Size at which a log file is put aside, in megabytes."),
    Setting("CTM_LOG_FILES", _count, 5, "Older log files kept of each process."),
    Setting("CTM_METRICS_TOKEN", _token, "", "Opens /metrics and /healthz's details; 16 signs."),
    Setting("CTM_METRICS_ALLOW", _networks, "", "Addresses and networks that may read /metrics."),
    Setting("CTM_NAMESERVER", _nameserver, "", "Name server of the sender check: IP or IP:port."),
)


def load(environ: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Read all settings.

    :raises InvalidInput: a value cannot be read; the message names the variable.
    """
    source = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    for setting in SETTINGS:
        text = source.get(setting.name)
        if text is None:
            values[setting.name] = setting.default
            continue
        try:
            values[setting.name] = setting.read(text.strip())
        except ValueError:
            raise InvalidInput(f"{setting.name}={text!r}: {setting.help}", setting.name) from None
    return values


def local_url(values: Mapping[str, Any]) -> str:
    """Where a browser on this machine finds the pages."""
    host = values["CTM_HOST"]
    if host in {"0.0.0.0", "", "*"}:  # noqa: S104 - compared, not listened on
        host = "127.0.0.1"
    elif host == "::":
        host = "[::1]"
    elif ":" in host:
        host = f"[{host}]"
    return f"http://{host}:{values['CTM_PORT']}"


_POSTGRESQL = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "options": " ".join(
        f"-c {name}={value}"
        for name, value in (
            ("idle_in_transaction_session_timeout", "120s"),
            ("tcp_keepalives_idle", 30),
            ("tcp_keepalives_interval", 10),
            ("tcp_keepalives_count", 3),
        )
    ),
}
"""A process that froze or a machine that vanished keeps no row locked for longer than this."""


def _engine_options(url: str) -> dict[str, Any]:
    """Values never stand in the words of a database's error; a lost server is noticed."""
    options: dict[str, Any] = {"hide_parameters": True}
    if not url.startswith("sqlite"):
        options |= {"pool_pre_ping": True, "connect_args": _POSTGRESQL}
    return options


def flask_settings(values: Mapping[str, Any]) -> dict[str, Any]:
    """Flask's own settings that follow from ours."""
    instance = Path(values["CTM_INSTANCE"])
    url = values["CTM_DATABASE_URL"] or f"sqlite:///{instance / 'ctm.sqlite3'}"
    megabyte = 1024 * 1024
    return {
        "SQLALCHEMY_DATABASE_URI": url.replace("postgresql://", "postgresql+psycopg://", 1),
        "SQLALCHEMY_ENGINE_OPTIONS": _engine_options(url),
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_SECURE": values["CTM_SECURE_COOKIES"],
        "REMEMBER_COOKIE_HTTPONLY": True,
        "REMEMBER_COOKIE_SAMESITE": "Lax",
        "REMEMBER_COOKIE_SECURE": values["CTM_SECURE_COOKIES"],
        "MAX_CONTENT_LENGTH": (values["CTM_MAX_UPLOAD_MB"] + 1) * megabyte,
        "MAX_FORM_MEMORY_SIZE": 5 * megabyte,
        "BABEL_DEFAULT_LOCALE": values["CTM_LANGUAGE"],
        "BABEL_DEFAULT_TIMEZONE": values["CTM_TIMEZONE"],
        "BABEL_TRANSLATION_DIRECTORIES": str(ROOT / "translations"),
        "WTF_CSRF_TIME_LIMIT": None,
        "RATELIMIT_STORAGE_URI": "memory://",
        "RATELIMIT_HEADERS_ENABLED": True,
    }
