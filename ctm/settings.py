"""What the office decided: its name, its language, whether it is the demo office."""

from typing import Any

from ctm.extensions import db
from ctm.models import OfficeSetting


def get(name: str, default: Any = None) -> Any:
    row = db.session.get(OfficeSetting, name)
    return default if row is None else row.value.get("value", default)


def put(name: str, value: Any) -> None:
    """Keep a JSON value; the caller commits."""
    row = db.session.get(OfficeSetting, name)
    if row is None:
        db.session.add(OfficeSetting(name=name, value={"value": value}))
    else:
        row.value = {"value": value}


def office_name() -> str:
    return str(get("office_name", "CTM"))


def office_language() -> str:
    return str(get("office_language", "it"))


def is_demo() -> bool:
    """The demo office: no mail of it may leave the machine."""
    return bool(get("demo", False))
