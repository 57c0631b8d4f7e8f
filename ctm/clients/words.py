"""Clients by the words of ``search_text``: any order, parts of words, through the index.

A word of three letters or more is found anywhere, one or two letters at the beginning of a word.
What users write is data: it is never read as a pattern or as an expression of the index.
"""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, column, func, literal, or_, select, table, true

from ctm import sql
from ctm.clients.fields import search_words
from ctm.extensions import db
from ctm.models import Client

LONGEST_WORD = 100
PART = 3

_INDEX = table("client_search", column("rowid"), column("client_search"))


def read(text: str) -> list[str]:
    """The words to look for, each once, the longest first; words within others are left out."""
    found = dict.fromkeys(search_words(text.replace("\0", " ")))
    kept: list[str] = []
    for word in sorted(found, key=len, reverse=True):
        if _begins(word) or not any(word in other for other in kept):
            kept.append(word)
    return kept


def matches(words: Sequence[str], hinted: bool = True) -> ColumnElement[bool]:
    """Clients that hold every one of the words; ``hinted`` names SQLite's index of them."""
    return and_(true(), *map(_holds, words), *(_hints(words) if hinted else ()))


def may_match(words: Sequence[str]) -> ColumnElement[bool]:
    """Through the index, clients that may hold parts of all these words: at least those that do."""
    long = [word for word in words if len(word) >= PART]
    return and_(true(), *(_hints(long) if _on_sqlite() else map(_holds, long)))


def _on_sqlite() -> bool:
    return sql.dialect_name(db.session) == "sqlite"


def _begins(word: str) -> bool:
    """Whether a word is looked for at the beginning of words only."""
    return len(word) < PART and word.isalnum()


def _holds(word: str) -> ColumnElement[bool]:
    text = Client.search_text
    if _begins(word):
        return or_(
            text.startswith(word, autoescape=True), text.contains(f" {word}", autoescape=True)
        )
    if _on_sqlite():
        return func.instr(text, word) > 0
    return text.contains(word, autoescape=True)


def _hints(words: Sequence[str]) -> list[ColumnElement[bool]]:
    """What lets SQLite use its index; PostgreSQL finds its own by itself."""
    if not _on_sqlite():
        return []
    trigrams = list(dict.fromkeys(part for word in words for part in _trigrams(word)))
    if not trigrams:
        return []
    quoted = (part.replace('"', '""') for part in trigrams)
    expression = literal(" AND ".join(f'"{part}"' for part in quoted))
    found = select(_INDEX.c.rowid).where(_INDEX.c.client_search.op("MATCH")(expression))
    return [Client.id.in_(found)]


def _trigrams(word: str) -> list[str]:
    """Parts of three letters that together cover a word; two letters are a word's beginning."""
    if len(word) < PART:
        return [f" {word}"] if len(word) == PART - 1 and _begins(word) else []
    word = word[:LONGEST_WORD]
    return [word[at : at + PART] for at in range(0, len(word) - PART, PART)] + [word[-PART:]]
