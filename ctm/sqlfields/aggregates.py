"""Functions over many rows: COUNT, SUM, MIN, MAX, AVG, GROUP_CONCAT."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from ctm.i18n import _l
from ctm.sqlfields.pieces import NUMERIC, TIMES, Piece
from ctm.sqlfields.published import Kind
from ctm.sqlfields.reading import refusal
from ctm.sqlfields.selects import Scope, allow

if TYPE_CHECKING:
    from ctm.sqlfields.expressions import Expressions

LONGEST_SEPARATOR = 50


def _rows_of(e: "Expressions", nodes: Sequence[exp.Expression], scope: Scope) -> list[Piece]:
    """What a function takes of every row.

    :raises InvalidInput: rows are not at hand here, or the values are not of this query's rows.
    """
    if not scope.may_aggregate or scope.in_aggregate:
        raise refusal(
            _l("COUNT, SUM, MIN, MAX, AVG and GROUP_CONCAT stand after SELECT, HAVING or ORDER BY.")
        )
    own, outside = scope.own, scope.outside
    scope.in_aggregate = True
    pieces = e.all(nodes, scope)
    scope.in_aggregate = False
    if scope.outside > outside and scope.own == own:
        raise refusal(
            _l("A function over many rows needs a column of a table that its own query names.")
        )
    scope.own, scope.aggregated = own, True
    return pieces


def aggregate(e: "Expressions", name: str, args: Sequence[Any], scope: Scope) -> Piece:
    """COUNT, SUM, MIN, MAX or AVG."""
    if len(args) != 1:
        raise refusal(_l("%(name)s has a wrong number of values between its brackets.", name=name))
    node, distinct = args[0], ""
    if isinstance(node, exp.Star):
        if name != "COUNT":
            raise refusal(_l("Name the columns you want: “*” is not possible."))
        _rows_of(e, [], scope)
        return Piece("count(*)", Kind.INTEGER)
    if isinstance(node, exp.Distinct):
        allow(node, "expressions")
        if len(node.expressions) != 1:
            raise refusal(_l("After DISTINCT stands one value."))
        node, distinct = node.expressions[0], "DISTINCT "
    (piece,) = _rows_of(e, [node], scope)
    if name == "COUNT":
        return Piece(f"count({distinct}{e.w.comparable([piece])[0]})", Kind.INTEGER)
    if name in ("SUM", "AVG"):
        kind = Kind.MONEY if piece.kind == Kind.MONEY else Kind.NUMBER
        return Piece(f"{name.lower()}({distinct}{e.w.as_number(piece)})", kind)
    if piece.kind in NUMERIC:
        kind = Kind.INTEGER if piece.kind == Kind.BOOLEAN else piece.kind
        return Piece(f"{name.lower()}({e.w.as_number(piece)})", kind)
    if piece.kind in TIMES:
        return Piece(f"{name.lower()}({piece.sql})", piece.kind)
    text, in_order = e.w.as_text(piece), e.w.choose("", ' COLLATE "C"')
    return Piece(f"{name.lower()}({text}{in_order})", Kind.TEXT)


def group_concat(e: "Expressions", node: Any, scope: Scope) -> Piece:
    """GROUP_CONCAT; without ORDER BY in the order in which the rows were made."""
    allow(node, "this", "separator")
    value, keys = node.this, []
    if isinstance(value, exp.Order):
        allow(value, "this", "expressions")
        value, keys = value.this, value.expressions
    distinct = isinstance(value, exp.Distinct)
    if distinct:
        allow(value, "expressions")
        if len(value.expressions) != 1:
            raise refusal(_l("After DISTINCT stands one value."))
        value = value.expressions[0]
    (piece,) = _rows_of(e, [value], scope)
    order = [_key(e, each, scope) for each in keys]
    if distinct:
        order = _of_the_value(e, piece, order)
    elif not order:
        order = [(f"{alias}.id", False) for alias, _table in scope.tables.values()]
    return _joined(e, piece, _separator(e, node), distinct, order)


def _key(e: "Expressions", node: Any, scope: Scope) -> tuple[str, bool]:
    own, scope.in_aggregate = scope.own, True
    _sql, key, down = e.selects.ordered(node, scope)
    scope.own, scope.in_aggregate = own, False
    return key, down


def _of_the_value(
    e: "Expressions", piece: Piece, order: list[tuple[str, bool]]
) -> list[tuple[str, bool]]:
    if not order:
        return [("", False)]
    key, down = order[0]
    if len(order) > 1 or piece.kind in NUMERIC or key != e.w.comparable([piece])[0]:
        raise refusal(
            _l("With DISTINCT, GROUP_CONCAT can put only texts and dates in their own order.")
        )
    return [("", down)]


def _separator(e: "Expressions", node: Any) -> str:
    separator = node.args.get("separator")
    if separator is None:
        return e.w.text(",")
    if not isinstance(separator, exp.Literal) or len(separator.this) > LONGEST_SEPARATOR:
        raise refusal(_l("Write after SEPARATOR a short text between quotes."))
    return e.w.literal(str(separator.this), Kind.TEXT).sql


def _joined(
    e: "Expressions",
    piece: Piece,
    separator: str,
    distinct: bool,
    order: list[tuple[str, bool]],
) -> Piece:
    text = e.w.as_text(piece)
    if not e.w.on_postgresql:
        directions = "".join("d" if down else "a" for _key, down in order)
        keys = "".join(f", {key or text}" for key, _down in order)
        return Piece(
            f"ctm_group_concat({text}, {separator}, {int(distinct)}, '{directions}'{keys})",
            Kind.TEXT,
        )
    text = f'(CAST({text} AS text) COLLATE "C")'
    keys = ", ".join(
        f"{key or text} {'DESC NULLS LAST' if down else 'ASC NULLS FIRST'}" for key, down in order
    )
    ordered = f" ORDER BY {keys}" if keys else ""
    return Piece(f"string_agg({'DISTINCT ' * distinct}{text}, {separator}{ordered})", Kind.TEXT)
