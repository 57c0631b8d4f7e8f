"""Expressions: for each kind of part that may stand in a query, what is written of it.

What is not listed in :data:`PARTS` is refused: the list says what is possible, never what is not.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from sqlglot import exp

from ctm.i18n import _l
from ctm.sqlfields import functions, functions_dates
from ctm.sqlfields.aggregates import aggregate, group_concat
from ctm.sqlfields.pieces import LONGEST_SQL, NUMERIC, Piece, Writer, common
from ctm.sqlfields.published import Kind
from ctm.sqlfields.reading import ROW_ID, TOO_DEEP, refusal
from ctm.sqlfields.selects import Scope, Selects, allow

DEEPEST = 60
_LARGEST = 2**53

_COMPARISONS: dict[type[exp.Expression], str] = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.GT: ">",
    exp.GTE: ">=",
    exp.LT: "<",
    exp.LTE: "<=",
}
_SUMS: dict[type[exp.Expression], str] = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*"}
_CALLS: dict[type[exp.Expression], str] = {exp.CurrentDate: "CURDATE", exp.CurrentTimestamp: "NOW"}
_CALLS |= {exp.Localtime: "NOW", exp.Localtimestamp: "NOW"}


class Expressions:
    """Writes the parts of one query for one database."""

    def __init__(self, writer: Writer, row_id: str) -> None:
        self.w = writer
        self.selects = Selects(writer, self, row_id)
        self._depth = 0

    def write(self, node: exp.Expression, scope: Scope) -> Piece:
        """
        :raises InvalidInput: the part, or something in it, is not among what may stand here.
        """
        handler = PARTS.get(type(node))
        if handler is None:
            raise refusal(
                _l("“%(part)s” is not possible in a query of a field.", part=_shown(node))
            )
        self._depth += 1
        if self._depth > DEEPEST:
            raise refusal(TOO_DEEP)
        own = scope.own
        piece = handler(self, node, scope)
        self._depth -= 1
        if len(piece.sql) > LONGEST_SQL:
            raise refusal(TOO_DEEP)
        if piece.sql in scope.grouped:
            scope.own = own
        return piece if piece.source else Piece(piece.sql, piece.kind, piece.constant, _shown(node))

    def all(self, nodes: Sequence[exp.Expression], scope: Scope) -> list[Piece]:
        return [self.write(node, scope) for node in nodes]

    def condition(self, node: exp.Expression, scope: Scope) -> str:
        return self.w.as_condition(self.write(node, scope))


def _shown(node: exp.Expression) -> str:
    try:
        return node.sql("mysql").replace(f":{ROW_ID}", "{{idt}}")[:60]
    except (ValueError, RecursionError):
        return type(node).__name__


# ---------------------------------------------------------------------- values


def _literal(e: Expressions, node: Any, _scope: Scope) -> Piece:
    text = str(node.this)
    if node.is_string:
        return e.w.literal(text, Kind.TEXT)
    if text.isdecimal() and int(text[:30]) <= _LARGEST:
        return e.w.literal(int(text), Kind.INTEGER)
    whole, _point, rest = text.partition(".")
    if not (whole + rest).isdecimal() or len(text) > 15:
        raise refusal(_l("“%(part)s” is no number a query can calculate with.", part=text[:40]))
    return e.w.literal(Decimal(text), Kind.NUMBER)


def _row(e: Expressions, node: Any, scope: Scope) -> Piece:
    if node.this != ROW_ID:
        raise refusal(_l("“%(part)s” has no meaning here.", part=str(node.this)[:40]))
    return e.selects.row(scope)


def _boolean(e: Expressions, node: Any, _scope: Scope) -> Piece:
    return e.w.literal(int(bool(node.this)), Kind.INTEGER)


def _column(e: Expressions, node: Any, scope: Scope) -> Piece:
    if not isinstance(node.this, exp.Identifier):
        raise refusal(_l("Name the columns you want: “*” is not possible."))
    allow(node, "this", "table")
    return e.selects.column(node, scope)


def _paren(e: Expressions, node: Any, scope: Scope) -> Piece:
    allow(node, "this")
    inner = e.write(node.this, scope)
    return Piece(f"({inner.sql})", inner.kind, inner.constant, inner.source)


def _negative(e: Expressions, node: Any, scope: Scope) -> Piece:
    inner = e.write(node.this, scope)
    if isinstance(inner.constant, int | Decimal):
        return e.w.literal(-inner.constant, inner.kind)
    kind = inner.kind if inner.kind in (Kind.INTEGER, Kind.MONEY) else Kind.NUMBER
    return Piece(f"(-({e.w.as_number(inner)}))", kind)


# ---------------------------------------------------------------------- conditions


def _comparison(e: Expressions, node: Any, scope: Scope) -> Piece:
    allow(node, "this", "expression")
    a, b = e.w.comparable(e.all([node.this, node.expression], scope))
    return Piece(f"({a} {_COMPARISONS[type(node)]} {b})", Kind.BOOLEAN)


def _connected(word: str) -> Callable[[Expressions, Any, Scope], Piece]:
    def write(e: Expressions, node: Any, scope: Scope) -> Piece:
        allow(node, "this", "expression")
        a, b = e.condition(node.this, scope), e.condition(node.expression, scope)
        return Piece(f"({a} {word} {b})", Kind.BOOLEAN)

    return write


def _not(e: Expressions, node: Any, scope: Scope) -> Piece:
    allow(node, "this")
    return Piece(f"(NOT {e.condition(node.this, scope)})", Kind.BOOLEAN)


def _is(e: Expressions, node: Any, scope: Scope) -> Piece:
    allow(node, "this", "expression")
    if not isinstance(node.expression, exp.Null):
        raise refusal(_l("After IS stands NULL or NOT NULL."))
    return Piece(f"({e.write(node.this, scope).sql} IS NULL)", Kind.BOOLEAN)


def _between(e: Expressions, node: Any, scope: Scope) -> Piece:
    allow(node, "this", "low", "high")
    value, low, high = e.w.comparable(
        e.all([node.this, node.args["low"], node.args["high"]], scope)
    )
    return Piece(f"({value} BETWEEN {low} AND {high})", Kind.BOOLEAN)


def _in(e: Expressions, node: Any, scope: Scope) -> Piece:
    allow(node, "this", "expressions", "query")
    value = e.write(node.this, scope)
    query = node.args.get("query")
    if query is None:
        if not node.expressions:
            raise refusal(_l("After IN stands at least one value in brackets."))
        found, *others = e.w.comparable([value, *e.all(node.expressions, scope)])
        return Piece(f"({found} IN ({', '.join(others)}))", Kind.BOOLEAN)
    inner = _inner_select(query)
    rows = e.selects.write(inner, scope, one=False)
    kinds = {value.kind, rows.kind} - {Kind.NULL}
    if len(kinds) < 2 or kinds <= NUMERIC:
        return Piece(f"({e.w.comparable([value])[0]} IN {rows.sql})", Kind.BOOLEAN)
    raise e.w.unfit(rows, _l("the same as before IN"))


def _inner_select(node: exp.Expression) -> exp.Select:
    while isinstance(node, exp.Subquery):
        allow(node, "this", "alias")
        node = node.this
    if not isinstance(node, exp.Select):
        raise refusal(_l("A query is one SELECT that gives one value; UNION is not possible."))
    return node


def _exists(e: Expressions, node: Any, scope: Scope) -> Piece:
    allow(node, "this")
    inner = _inner_select(node.this).copy()
    if all(isinstance(each, exp.Star) for each in inner.expressions):
        inner.set("expressions", [exp.Literal.number(1)])
    return Piece(f"(EXISTS {e.selects.write(inner, scope, one=False).sql})", Kind.BOOLEAN)


def _subquery(e: Expressions, node: Any, scope: Scope) -> Piece:
    return e.selects.write(_inner_select(node), scope)


def _like(e: Expressions, node: Any, scope: Scope) -> Piece:
    allow(node, "this", "expression", "negate")
    value, pattern = e.all([node.this, node.expression], scope)
    if not isinstance(pattern.constant, str) or len(pattern.constant) > 200:
        raise refusal(_l("Write after LIKE a text between quotes, of 200 characters at most."))
    if (len(pattern.constant) - len(pattern.constant.rstrip("\\"))) % 2:
        raise refusal(_l("A text after LIKE cannot end with “\\”."))
    folded = [e.w.fold(e.w.as_text(each)) for each in (value, pattern)]
    word = "NOT LIKE" if node.args.get("negate") else "LIKE"
    return Piece(f"({folded[0]} {word} {folded[1]} ESCAPE '\\')", Kind.BOOLEAN)


# ---------------------------------------------------------------------- choices and sums


def _if(e: Expressions, node: Any, scope: Scope) -> Piece:
    allow(node, "this", "true", "false")
    otherwise = node.args.get("false")
    yes = [e.write(node.this, scope), e.write(node.args["true"], scope)]
    return functions.if_(e.w, [*yes, e.write(otherwise, scope) if otherwise else e.w.null()])


def _case(e: Expressions, node: Any, scope: Scope) -> Piece:
    allow(node, "this", "ifs", "default")
    default = node.args.get("default")
    results = e.all([each.args["true"] for each in node.args["ifs"]], scope)
    last = e.write(default, scope) if default is not None else e.w.null()
    kind = common(each.kind for each in [*results, last])
    sql = "CASE"
    for each, result in zip(node.args["ifs"], results, strict=True):
        if node.this is not None:
            a, b = e.w.comparable(e.all([node.this, each.this], scope))
            sql += f" WHEN {a} = {b}"
        else:
            sql += f" WHEN {e.condition(each.this, scope)}"
        sql += f" THEN {e.w.convert(result, kind)}"
    return Piece(f"{sql} ELSE {e.w.convert(last, kind)} END", kind)


def _sum(e: Expressions, node: Any, scope: Scope) -> Piece:
    allow(node, "this", "expression")
    if isinstance(node.expression, exp.Interval) and not isinstance(node, exp.Mul):
        return _moved(e, node.this, node.expression, scope, -1 if isinstance(node, exp.Sub) else 1)
    pieces = e.all([node.this, node.expression], scope)
    a, b = (e.w.as_number(each) for each in pieces)
    kind = common(Kind.INTEGER if p.kind == Kind.BOOLEAN else p.kind for p in pieces)
    kind = kind if kind in (Kind.INTEGER, Kind.MONEY) else Kind.NUMBER
    if e.w.on_postgresql:  # beyond the range of whole numbers it goes on as SQLite does
        a = f"CAST({a} AS numeric)"
    return Piece(f"({a} {_SUMS[type(node)]} {b})", kind)


def _binary(
    write: Callable[[Writer, Sequence[Piece]], Piece],
) -> Callable[[Expressions, Any, Scope], Piece]:
    def handler(e: Expressions, node: Any, scope: Scope) -> Piece:
        allow(node, "this", "expression", "typed", "safe")
        return write(e.w, e.all([node.this, node.expression], scope))

    return handler


def _moved(e: Expressions, when: exp.Expression, by: Any, scope: Scope, sign: int) -> Piece:
    allow(by, "this", "unit")
    amount = by.this
    if isinstance(amount, exp.Literal) and amount.this.lstrip("-").isdecimal():
        number = e.w.literal(int(amount.this[:10]), Kind.INTEGER)
    else:
        number = e.write(amount, scope)
    unit = by.args.get("unit")
    start = e.write(when, scope)
    return functions_dates.add_interval(e.w, start, number, unit.name.upper() if unit else "", sign)


def _interval_call(e: Expressions, name: str, args: Sequence[Any], scope: Scope) -> Piece:
    if name == "TIMESTAMPDIFF":
        if len(args) == 3 and isinstance(args[0], exp.Column | exp.Var):
            return functions_dates.months_between(
                e.w, args[0].name.upper(), *e.all(args[1:], scope)
            )
    elif len(args) == 2:
        by = args[1]
        if not isinstance(by, exp.Interval):
            if name in ("DATE_ADD", "DATE_SUB"):
                raise refusal(
                    _l("%(name)s needs an INTERVAL, for example INTERVAL 1 MONTH.", name=name)
                )
            by = exp.Interval(this=by, unit=exp.Var(this="DAY"))
        return _moved(e, args[0], by, scope, -1 if "SUB" in name else 1)
    raise refusal(_l("%(name)s has a wrong number of values between its brackets.", name=name))


# ---------------------------------------------------------------------- functions


def _concat(e: Expressions, node: Any, scope: Scope) -> Piece:
    """Two texts beside each other are one."""
    return functions.call(e.w, "CONCAT", e.all(node.expressions, scope))


def _call(e: Expressions, node: Any, scope: Scope) -> Piece:
    allow(node, "this", "expressions")
    name = str(node.this).strip('"`').upper()
    if name in functions.AGGREGATES:
        return aggregate(e, name, node.expressions, scope)
    if name in functions.INTERVALS:
        return _interval_call(e, name, node.expressions, scope)
    return functions.call(e.w, name, e.all(node.expressions, scope))


def _moment(e: Expressions, node: Any, _scope: Scope) -> Piece:
    return functions.call(e.w, _CALLS[type(node)], ())


def _substring(e: Expressions, node: Any, scope: Scope) -> Piece:
    allow(node, "this", "start", "length")
    parts = [node.args.get(name) for name in ("this", "start", "length")]
    return functions.call(e.w, "SUBSTRING", e.all([part for part in parts if part], scope))


def _trim(e: Expressions, node: Any, scope: Scope) -> Piece:
    allow(node, "this", "expression", "position")
    name = {"LEADING": "LTRIM", "TRAILING": "RTRIM"}.get(node.args.get("position") or "", "TRIM")
    parts = [node.this, node.args.get("expression")]
    return functions.call(e.w, name, e.all([part for part in parts if part], scope))


def _cast(e: Expressions, node: Any, scope: Scope) -> Piece:
    allow(node, "this", "to")
    piece, to = e.write(node.this, scope), node.args["to"]
    kind, sizes = to.this, [each.this for each in to.expressions]
    numbers = [
        int(each.this) for each in sizes if isinstance(each, exp.Literal) and each.this.isdecimal()
    ]
    if kind in _TEXTS:
        text = Piece(e.w.as_text(piece), Kind.TEXT, source=piece.source)
        if not numbers:
            return text
        return functions.call(e.w, "LEFT", [text, e.w.literal(min(numbers[0], 1000), Kind.INTEGER)])
    if kind in _WHOLES:
        return Piece(functions.call(e.w, "ROUND", [piece]).sql, Kind.NUMBER)
    if kind == exp.DataType.Type.DECIMAL:
        places = numbers[1] if len(numbers) > 1 else 0
        return functions.call(e.w, "ROUND", [piece, e.w.literal(places, Kind.INTEGER)])
    if kind == exp.DataType.Type.DATE:
        return Piece(e.w.as_date(piece), Kind.DATE)
    if kind in (exp.DataType.Type.DATETIME, exp.DataType.Type.TIMESTAMP):
        return Piece(e.w.as_datetime(piece), Kind.DATETIME)
    raise refusal(_l("CAST can turn a value into CHAR, SIGNED, DECIMAL, DATE or DATETIME."))


_TEXTS = {exp.DataType.Type.CHAR, exp.DataType.Type.VARCHAR, exp.DataType.Type.TEXT}
_WHOLES = {exp.DataType.Type.BIGINT, exp.DataType.Type.UBIGINT, exp.DataType.Type.INT}


def _null(e: Expressions, _node: Any, _scope: Scope) -> Piece:
    return e.w.null()


PARTS: dict[type[exp.Expression], Callable[[Expressions, Any, Scope], Piece]] = {
    exp.Literal: _literal,
    exp.Placeholder: _row,
    exp.Boolean: _boolean,
    exp.Null: _null,
    exp.Column: _column,
    exp.Paren: _paren,
    exp.Neg: _negative,
    exp.And: _connected("AND"),
    exp.Or: _connected("OR"),
    exp.Not: _not,
    exp.Is: _is,
    exp.Between: _between,
    exp.In: _in,
    exp.Exists: _exists,
    exp.Subquery: _subquery,
    exp.Like: _like,
    exp.If: _if,
    exp.Case: _case,
    exp.Div: _binary(functions.divide),
    exp.IntDiv: _binary(functions.whole_division),
    exp.Mod: _binary(functions.modulo),
    exp.Concat: _concat,
    exp.Anonymous: _call,
    exp.Substring: _substring,
    exp.Trim: _trim,
    exp.Cast: _cast,
    exp.GroupConcat: group_concat,
    **dict.fromkeys(_COMPARISONS, _comparison),
    **dict.fromkeys(_SUMS, _sum),
    **dict.fromkeys(_CALLS, _moment),
}
