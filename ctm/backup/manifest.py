"""What an archive says of itself, as ``manifest.json``, its first member."""

import json
import re
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from ctm.errors import InvalidInput
from ctm.i18n import _l

FORMAT = 1
SQLITE, POSTGRESQL = "database.sqlite3", "database.pgdump"
KEYS = "keys.sealed"
NAMES = re.compile(
    r"database\.sqlite3|database\.pgdump|keys\.sealed|files/([0-9a-f]{2})/\1[0-9a-f]{62}"
)
_DIGEST = re.compile(r"[0-9a-f]{64}")
_WORD = re.compile(r"[\w.,:+ -]{0,120}")


def damaged(why: str) -> InvalidInput:
    """What to say of a file that is no backup, or no longer one."""
    return InvalidInput(
        _l("This is no backup of CTM, or it is damaged: %(why)s. Nothing was changed.", why=why)
    )


@dataclass(frozen=True)
class Member:
    """A file of the archive: name, bytes, SHA-256."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """``revision`` is the database's migration, ``tables`` the rows of each table,
    ``keys`` the fingerprints of the instance's keys, ``missing`` the checksums of files that the
    database names and the disk no longer had, ``waiting`` the mails still to be sent."""

    version: str
    revision: str
    made_at: datetime
    host: str
    database: str
    tables: dict[str, int]
    members: tuple[Member, ...]
    keys: dict[str, str]
    waiting: int
    settings: dict[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()

    @property
    def dump(self) -> Member:
        """The member that is the database."""
        return self.members[0]

    @property
    def total(self) -> int:
        """Bytes of all members together."""
        return sum(member.size for member in self.members)

    @property
    def files(self) -> frozenset[str]:
        """Checksums of the stored files inside."""
        return frozenset(m.sha256 for m in self.members if m.name.startswith("files/"))

    def has(self, name: str) -> bool:
        return any(member.name == name for member in self.members)

    def to_bytes(self) -> bytes:
        values = asdict(self) | {"format": FORMAT, "program": "CTM"}
        values["made_at"] = self.made_at.isoformat()
        return json.dumps(values, indent=1, ensure_ascii=False).encode()


def read(data: bytes) -> Manifest:
    """
    :raises InvalidInput: it is not a manifest, another format's, or promises what none may.
    """
    try:
        raw = json.loads(data)
        if raw["program"] != "CTM" or raw["format"] != FORMAT:
            raise damaged(f"format {raw['format']!r:.20}")
        found = Manifest(
            version=_word(raw["version"]),
            revision=_word(raw["revision"]),
            made_at=datetime.fromisoformat(raw["made_at"]).replace(tzinfo=None),
            host=_word(raw["host"]),
            database=_word(raw["database"]),
            tables={_word(name): _number(rows) for name, rows in raw["tables"].items()},
            members=tuple(_member(each) for each in raw["members"]),
            keys={_word(name): _digest(value) for name, value in raw["keys"].items()},
            waiting=_number(raw["waiting"]),
            settings={_word(k): str(v)[:500] for k, v in raw["settings"].items()},
            missing=tuple(_digest(value) for value in raw["missing"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise damaged(f"manifest.json: {type(error).__name__}") from None
    _check(found)
    return found


def _check(found: Manifest) -> None:
    names = [member.name for member in found.members]
    if len(set(names)) != len(names):
        raise damaged("manifest.json: a name twice")
    wanted = {"sqlite": SQLITE, "postgresql": POSTGRESQL}.get(found.database)
    if not names or names[0] != wanted:
        raise damaged("manifest.json: no database")
    for member in found.members:
        if member.name.startswith("files/") and not member.name.endswith(member.sha256):
            raise damaged("manifest.json: a file under another's name")


def _member(raw: dict[str, Any]) -> Member:
    name = raw["name"]
    if not isinstance(name, str) or not NAMES.fullmatch(name):
        raise damaged(f"a member called {name!r:.80}")
    return Member(name, _number(raw["size"]), _digest(raw["sha256"]))


def _number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**60:
        raise ValueError(value)
    return value


def _digest(value: Any) -> str:
    if not isinstance(value, str) or not _DIGEST.fullmatch(value):
        raise ValueError(value)
    return value


def _word(value: Any) -> str:
    if not isinstance(value, str) or not _WORD.fullmatch(value):
        raise ValueError(value)
    return value
