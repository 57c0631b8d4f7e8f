"""Says what the Italian catalogue lacks: untranslated, fuzzy, or with other placeholders."""

import re
import sys
from pathlib import Path

from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po

ROOT = Path(__file__).resolve().parent.parent
KEYWORDS = {"_": None, "_l": None, "_n": (1, 2), "gettext": None, "lazy_gettext": None}
KEYWORDS |= {"ngettext": (1, 2), "N_": None}
PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]")


def used() -> dict[str, str]:
    """Every message the program and its pages use, with where."""
    with (ROOT / "babel.cfg").open() as file:
        methods, options = parse_mapping_cfg(file)
    found: dict[str, str] = {}
    rows = extract_from_dir(ROOT, methods, options, KEYWORDS, strip_comment_tags=True)
    for name, line, message, _comments, _context in rows:
        key = message if isinstance(message, str) else message[0]
        if key:
            found.setdefault(key, f"{name}:{line}")
    return found


def names(text: str) -> set[str]:
    return set(PLACEHOLDER.findall(text))


def problems(path: Path) -> list[str]:
    with path.open("rb") as file:
        catalogue = read_po(file)
    wrong = []
    for key, where in sorted(used().items(), key=lambda item: item[1]):
        entry = catalogue.get(key)
        texts = [] if entry is None else entry.string
        texts = [texts] if isinstance(texts, str) else list(texts)
        if not texts or not all(texts):
            wrong.append(f"{where}: not translated: {key!r}")
        elif entry.fuzzy:
            wrong.append(f"{where}: fuzzy: {key!r}")
        elif names(texts[-1]) - {"num"} != names(key) - {"num"}:
            wrong.append(f"{where}: other placeholders than the original: {key!r}")
    return wrong


def main() -> int:
    catalogues = sorted((ROOT / "translations").glob("*/LC_MESSAGES/messages.po"))
    wrong = [] if catalogues else ["translations/: there is no catalogue"]
    for path in catalogues:
        wrong += problems(path)
    sys.stdout.writelines(f"{line}\n" for line in wrong)
    sys.stdout.write(f"translations: {len(wrong)} problems\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
