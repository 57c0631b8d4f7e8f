"""From what a user typed to a tree: quotes of a word processor, the row's id, one SELECT only.

The tree is not yet to be trusted: :mod:`ctm.sqlfields.writing` lets through what it knows.
"""

import re
from typing import Any, ClassVar

from sqlglot import exp
from sqlglot.dialects.mysql import MySQL
from sqlglot.errors import ErrorLevel, SqlglotError
from sqlglot.parsers.mysql import MySQLParser
from sqlglot.tokenizer_core import Token, TokenType

from ctm.errors import InvalidInput
from ctm.i18n import _l

LONGEST_QUERY = 4000
DEEPEST = 40
ROW_ID = "idt"

_SINGLE = "‘’‚‛"
_DOUBLE = "“”„‟"
_SPACES = dict.fromkeys(map(ord, "\u00a0\u202f\u2007\u200b\ufeff"), " ")
_FIELD = re.compile(r"\{\{([^{}]{0,80})\}\}")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_OPENERS = {TokenType.L_PAREN, TokenType.CASE}
_CLOSERS = {TokenType.R_PAREN, TokenType.END}


class _Parser(MySQLParser):
    """MySQL's grammar; functions stay calls by name, so that each is looked up in our list."""

    FUNCTIONS: ClassVar[dict[str, Any]] = {}
    FUNCTION_PARSERS = {
        name: parser
        for name, parser in MySQLParser.FUNCTION_PARSERS.items()
        if name in {"CAST", "TRIM", "GROUP_CONCAT", "SUBSTRING"}
    }


def refusal(message: object) -> InvalidInput:
    return InvalidInput(message, "query")


def read(text: str) -> exp.Select:
    """The query of a field as a tree.

    :raises InvalidInput: it is not one SELECT, or too long, or nested too deeply.
    """
    text = text.strip()
    if not text:
        raise refusal(_l("Write a query, for example: %(query)s", query=EXAMPLE))
    if len(text) > LONGEST_QUERY:
        raise refusal(_l("A query may be %(most)s characters long at most.", most=LONGEST_QUERY))
    if _CONTROLS.search(text):
        raise refusal(_l("The query holds characters that cannot be seen. Write it again."))
    plain = _plain(text)
    try:
        tokens = MySQL().tokenize(plain)
        _check_tokens(tokens, plain)
        tree = _Parser(dialect=MySQL(), error_level=ErrorLevel.IMMEDIATE).parse(tokens, plain)
    except RecursionError:
        raise refusal(TOO_DEEP) from None
    except SqlglotError as error:
        raise refusal(_where(error)) from None
    if len(tree) != 1 or not isinstance(tree[0], exp.Select):
        raise refusal(_l("A query is one SELECT that gives one value; UNION is not possible."))
    return tree[0]


EXAMPLE = "select DATE_FORMAT(data_titolo,'%d/%m/%Y') as data_titolo from titoli WHERE id = {{idt}}"
TOO_DEEP = _l("The query is nested too deeply. Write it in a simpler way.")


def _where(error: SqlglotError) -> object:
    found = getattr(error, "errors", None) or [{}]
    part = str(found[0].get("highlight") or "").strip()
    if not part:
        return _l("The query cannot be understood: something is missing, or a quote stays open.")
    return _l(
        "The query cannot be understood near “%(part)s” (line %(line)s).",
        part=part[:60],
        line=found[0].get("line") or 1,
    )


def _plain(text: str) -> str:
    """Quotes as SQL wants them, and ``{{idt}}`` as the parameter ``:idt``."""
    out: list[str] = []
    at = 0
    while at < len(text):
        sign = text[at]
        if sign in _SINGLE or sign in _DOUBLE:
            at = _pasted_string(text, at, out)
        elif sign in "'\"`":
            at = _string(text, at, out)
        elif text.startswith("{{", at):
            at = _placeholder(text, at, out)
        elif sign in ":@?{}\\":
            raise refusal(_l("“%(part)s” has no meaning here.", part=text[at : at + 20].split()[0]))
        else:
            out.append(_SPACES.get(ord(sign), sign))
            at += 1
    return "".join(out)


def _placeholder(text: str, at: int, out: list[str]) -> int:
    match = _FIELD.match(text, at)
    name = match[1].strip() if match else ""
    if match is None or name.lower() != ROW_ID:
        raise refusal(
            _l(
                "“%(part)s” is not known here: only {{idt}}, the number of the row.",
                part=match[0] if match else text[at : at + 20],
            )
        )
    out.append(f" :{ROW_ID} ")
    return match.end()


def _string(text: str, at: int, out: list[str]) -> int:
    """Copy a quoted part as it is; where it ends."""
    quote, end = text[at], at + 1
    while end < len(text) and text[end] != quote:
        end += 2 if text[end] == "\\" and quote != "`" else 1
    return _quoted(text[at : end + 1], end + 1, out)


def _pasted_string(text: str, at: int, out: list[str]) -> int:
    """Copy a part in a word processor's quotes, in straight ones; where it ends."""
    marks = _SINGLE + "'" if text[at] in _SINGLE else _DOUBLE + '"'
    end = at + 1
    while end < len(text) and text[end] not in marks:
        end += 1
    if end == len(text):
        raise refusal(_l("A quote is opened and not closed: “%(part)s”.", part=text[at : at + 30]))
    straight = marks[-1]
    return _quoted(straight + text[at + 1 : end] + straight, end + 1, out)


def _quoted(part: str, end: int, out: list[str]) -> int:
    if "{{" in part:
        raise refusal(_l("Write {{idt}} without quotes around it: “%(part)s”.", part=part[:40]))
    out.append(part)
    return end


def _check_tokens(tokens: list[Token], text: str) -> None:
    """Before the parser sees it: one statement, a SELECT, without comments, not too deep."""
    while tokens and tokens[-1].token_type == TokenType.SEMICOLON:
        tokens.pop()
    if not tokens or tokens[0].token_type != TokenType.SELECT:
        first = tokens[0].text if tokens else text
        raise refusal(_l("A query begins with SELECT, not with “%(part)s”.", part=first[:30]))
    depth = 0
    for token in tokens:
        if token.token_type == TokenType.SEMICOLON:
            raise refusal(_l("Write one query only: there is something after “;”."))
        if token.comments or token.token_type == TokenType.HINT:
            raise refusal(_l("Take the comments out of the query."))
        depth += (token.token_type in _OPENERS) - (token.token_type in _CLOSERS)
        if depth > DEEPEST:
            raise refusal(TOO_DEEP)
