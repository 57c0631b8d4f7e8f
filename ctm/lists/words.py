"""Rows by the words of their ``search_text``: any order, parts of words, through the index.

A word of three letters or more is found anywhere, one or two letters at the beginning of a word.
What users write is data: it is never read as a pattern or as an expression of the index.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, column, func, literal, or_, select, table, true

from ctm import sql
from ctm.extensions import db
from ctm.lists.fields import search_words
from ctm.models import search_index

LONGEST_WORD = 100
PART = 3


def read(text: str) -> list[str]:
    """The words to look for, each once, the longest first; words within others are left out."""
    found = dict.fromkeys(search_words(text.replace("\0", " ")))
    kept: list[str] = []
    for word in sorted(found, key=len, reverse=True):
        if _begins(word) or not any(word in other for other in kept):
            kept.append(word)
    return kept


def matches(model: Any, words: Sequence[str], hinted: bool = True) -> ColumnElement[bool]:
    """Rows that hold every one of the words; ``hinted`` names SQLite's index of them."""
    found = (_holds(model, word) for word in words)
    return and_(true(), *found, *(_hints(model, words) if hinted else ()))


def may_match(model: Any, words: Sequence[str]) -> ColumnElement[bool]:
    """Through the index, rows that may hold parts of all these words: at least those that do."""
    long = [word for word in words if len(word) >= PART]
    if _on_sqlite():
        return and_(true(), *_hints(model, long))
    return and_(true(), *(_holds(model, word) for word in long))


def _on_sqlite() -> bool:
    return sql.dialect_name(db.session) == "sqlite"


def _begins(word: str) -> bool:
    """Whether a word is looked for at the beginning of words only."""
    return len(word) < PART and word.isalnum()


def _holds(model: Any, word: str) -> ColumnElement[bool]:
    text = model.search_text
    if _begins(word):
        return or_(
            text.startswith(word, autoescape=True), text.contains(f" {word}", autoescape=True)
        )
    if _on_sqlite():
        return func.instr(text, word) > 0
    found: ColumnElement[bool] = text.contains(word, autoescape=True)
    return found


def _hints(model: Any, words: Sequence[str]) -> list[ColumnElement[bool]]:
    """What lets SQLite use its index; PostgreSQL finds its own by itself."""
    if not _on_sqlite():
        return []
    trigrams = list(dict.fromkeys(part for word in words for part in _trigrams(word)))
    if not trigrams:
        return []
    quoted = (part.replace('"', '""') for part in trigrams)
    expression = literal(" AND ".join(f'"{part}"' for part in quoted))
    name = search_index.of(model.__table__).fts
    index = table(name, column("rowid"), column(name))
    found = select(index.c.rowid).where(index.c[name].op("MATCH")(expression))
    return [model.id.in_(found)]


def _trigrams(word: str) -> list[str]:
    """Parts of three letters that together cover a word; two letters are a word's beginning."""
    if len(word) < PART:
        return [f" {word}"] if len(word) == PART - 1 and _begins(word) else []
    word = word[:LONGEST_WORD]
    return [word[at : at + PART] for at in range(0, len(word) - PART, PART)] + [word[-PART:]]
