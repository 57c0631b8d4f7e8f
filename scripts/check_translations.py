"""Says what the Italian catalogue lacks: untranslated, fuzzy, or with other placeholders."""

import re
import sys
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po

ROOT = Path(__file__).resolve().parent.parent
PO = ROOT / "translations" / "it" / "LC_MESSAGES" / "messages.po"
KEYWORDS = {"_": None, "_l": None, "_n": (1, 2), "gettext": None, "lazy_gettext": None}
KEYWORDS |= {"ngettext": (1, 2), "N_": None}
KEYWORDS |= {"pgettext": ((1, "c"), 2), "_lp": ((1, "c"), 2)}
PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|%(?!\()\S?")

Message = str | tuple[str, ...]
Used = dict[tuple[Message, str | None], str]


def used(root: Path = ROOT) -> Used:
    """Every message the program and its pages use, with its context, if any, and where."""
    with (ROOT / "babel.cfg").open() as file:
        methods, options = parse_mapping_cfg(file)
    found: Used = {}
    for name, line, message, _comments, context in extract_from_dir(
        root, methods, options, KEYWORDS, strip_comment_tags=True
    ):
        if message:
            found.setdefault((message, context), f"{name}:{line}")
    return found


def placeholders(text: str) -> set[str]:
    """What is filled in; the number of a plural may be left to words ("one mail")."""
    return set(PLACEHOLDER.findall(text)) - {"%(num)d", "%(num)s"}


def wrong_with(message: Message, catalogue: Catalog, context: str | None = None) -> str:
    """What is wrong with the translation of one message; empty if it is right."""
    originals = (message,) if isinstance(message, str) else message
    entry = catalogue.get(originals[0], context)
    if entry is None:
        return "not translated"
    texts = (entry.string,) if isinstance(entry.string, str) else tuple(entry.string)
    if not all(texts) or len(texts) < len(originals):
        return "not translated"
    if entry.fuzzy:
        return "fuzzy"
    if any(placeholders(text) != placeholders(originals[-1]) for text in texts):
        return "other placeholders than the original"
    return ""


def problems(messages: Used, path: Path) -> list[str]:
    """One line for each message the catalogue does not translate well."""
    with path.open("rb") as file:
        catalogue = read_po(file)
    wrong = (
        (where, wrong_with(message, catalogue, context), message)
        for (message, context), where in messages.items()
    )
    return [f"{where}: {why}: {message!r}" for where, why, message in wrong if why]


def main() -> int:
    messages = used()
    wrong = problems(messages, PO)
    sys.stdout.writelines(f"{line}\n" for line in wrong)
    sys.stdout.write(f"translations: {len(messages)} messages, {len(wrong)} problems\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
