"""A SELECT and what it stands in: which tables it reads, which columns its names mean."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlglot import exp

from ctm.i18n import _l
from ctm.sqlfields import published
from ctm.sqlfields.pieces import Piece, Writer
from ctm.sqlfields.published import Column, Kind, PublishedTable
from ctm.sqlfields.reading import refusal

if TYPE_CHECKING:
    from ctm.sqlfields.expressions import Expressions

MOST_TABLES = 6
MOST_ROWS = 1_000_000


@dataclass
class Scope:
    """One SELECT: its tables by the names it gives them, and what was met in it so far."""

    outer: "Scope | None" = None
    tables: dict[str, tuple[str, PublishedTable]] = field(default_factory=dict)
    aliases: dict[str, exp.Expression] = field(default_factory=dict)
    grouped: dict[str, Piece] = field(default_factory=dict)
    may_aggregate: bool = False
    in_aggregate: bool = False
    aggregated: bool = False
    own: int = 0  # columns of its own tables, of rows that are not grouped
    outside: int = 0  # columns of a SELECT around it, and the row's id


class Selects:
    """Writes SELECTs. ``row_id`` is the SQL of the row a field is asked for."""

    def __init__(self, writer: Writer, expressions: "Expressions", row_id: str) -> None:
        self.w = writer
        self.row_id = row_id
        self._expressions = expressions
        self._tables = 0

    # ------------------------------------------------------------------ names

    def column(self, node: exp.Column, scope: Scope) -> Piece:
        name, table = node.name, node.table.lower()
        place: Scope | None = scope
        while place is not None:
            found = [
                (alias, column)
                for known, (alias, owner) in place.tables.items()
                if (not table or table == known) and (column := owner.column(name))
            ]
            if len(found) > 1:
                raise refusal(
                    _l(
                        "“%(name)s” is in more than one table: write table.%(name)s.",
                        name=name[:60],
                    )
                )
            if found:
                if place is scope:
                    scope.own += 1
                else:
                    self._from_outside(scope, place)
                return self._stored(*found[0])
            if table and table in place.tables:
                break
            place = place.outer
        raise self._unknown(name, table, scope)

    def row(self, scope: Scope) -> Piece:
        """``{{idt}}``"""
        self._from_outside(scope, None)
        return Piece(self.row_id, Kind.INTEGER, source="{{idt}}")

    def _from_outside(self, scope: Scope, owner: Scope | None) -> None:
        place: Scope | None = scope
        while place is not None and place is not owner:
            place.outside += 1
            place = place.outer
        if owner is not None:
            owner.own += 1

    def _unknown(self, name: str, table: str, scope: Scope) -> Exception:
        if (
            table
            and table not in scope.tables
            and not (scope.outer and table in scope.outer.tables)
        ):
            return refusal(_l("“%(name)s” is not a table of this query.", name=table[:60]))
        return refusal(
            _l("There is no column “%(name)s” in the tables of this query.", name=name[:60])
        )

    def _stored(self, alias: str, column: Column) -> Piece:
        sql = f"{alias}.{column.stored}"
        if column.words:
            cases = " ".join(
                f"WHEN {self.w.text(code)} THEN {self.w.text(word)}" for code, word in column.words
            )
            sql = f"CASE {sql} {cases} ELSE {sql} END"
        elif column.kind == Kind.MONEY:
            sql = f"({sql} / 100.0)"
        elif column.kind == Kind.DATETIME:
            zone = self.w.parameters.mark("zone")
            sql = self.w.choose(
                f"ctm_local({sql})",
                f"date_trunc('second', {sql} AT TIME ZONE 'UTC' AT TIME ZONE CAST({zone} AS text))",
            )
        return Piece(sql, column.kind, source=column.name)

    # ------------------------------------------------------------------ the SELECT

    def write(self, node: exp.Select, outer: Scope | None, *, one: bool = True) -> Piece:
        """A query in brackets that gives one column: with ``one`` its first row alone, without
        its values so written that they can be compared."""
        allow(
            node,
            "expressions",
            "from_",
            "joins",
            "where",
            "group",
            "having",
            "order",
            "limit",
            "offset",
            "distinct",
        )
        scope = Scope(outer)
        sources = self._sources(node, scope)
        value_node = self._single(node, scope)
        where = self._condition(node.args.get("where"), scope)
        groups = self._groups(node, scope)
        scope.may_aggregate = True
        value = self._expressions.write(value_node, scope)
        having = self._condition(node.args.get("having"), scope)
        order = self._order(node, scope)
        self._check_groups(scope, bool(groups))
        parts = [sources] if sources else []
        parts += [f"WHERE {where}"] if where else []
        parts += [f"GROUP BY {', '.join(groups)}"] if groups else []
        parts += [f"HAVING {having}"] if having else []
        if one:
            parts += self._first(node, scope, order, groups)
        elif node.args.get("limit") or node.args.get("offset"):
            raise refusal(_l("LIMIT is not possible inside IN or EXISTS."))
        shown = value.sql if one else self.w.comparable([value])[0]
        return Piece(f"(SELECT {' '.join([shown, *parts])})", value.kind)

    def _single(self, node: exp.Select, scope: Scope) -> exp.Expression:
        chosen = node.expressions
        if len(chosen) != 1:
            raise refusal(
                _l("The query gives %(count)s values; a field needs one.", count=len(chosen))
            )
        value: exp.Expression = chosen[0]
        if isinstance(value, exp.Alias):
            allow(value, "this", "alias")
            only_a_name(value.args["alias"])
            scope.aliases[value.alias.lower()] = value.this
            value = value.this
        return value

    def _sources(self, node: exp.Select, scope: Scope) -> str:
        source = node.args.get("from_")
        if source is None:
            if node.args.get("joins"):
                raise refusal(_l("The query has a JOIN without FROM."))
            return ""
        allow(source, "this")
        joins = node.args.get("joins") or []
        tables = [self._table(source.this, scope), *(self._table(j.this, scope) for j in joins)]
        sql = f"FROM {tables[0]}"
        for join, table in zip(joins, tables[1:], strict=True):
            sql += self._join(join, table, scope)
        return sql

    def _join(self, join: exp.Join, table: str, scope: Scope) -> str:
        allow(join, "this", "on", "side", "kind")
        side, kind = (join.side or "").upper(), (join.kind or "").upper()
        if side not in ("", "LEFT") or kind not in ("", "INNER", "OUTER", "CROSS"):
            raise refusal(
                _l("“%(part)s JOIN” is not possible: use JOIN or LEFT JOIN.", part=side or kind)
            )
        condition = join.args.get("on")
        if condition is None:
            if side:
                raise refusal(_l("A LEFT JOIN needs ON."))
            return f" CROSS JOIN {table}"
        before = scope.own
        on = self.w.as_condition(self._expressions.write(condition, scope))
        scope.own = before
        return f" {'LEFT JOIN' if side else 'JOIN'} {table} ON {on}"

    def _table(self, node: exp.Expression, scope: Scope) -> str:
        if not isinstance(node, exp.Table) or not isinstance(node.this, exp.Identifier):
            raise refusal(_l("After FROM and JOIN stands the name of a table, nothing else."))
        allow(node, "this", "alias", "db", "catalog")
        table = None if node.args.get("db") else published.find(node.name)
        if table is None:
            raise refusal(
                _l(
                    "There is no table “%(name)s”. There are: %(tables)s.",
                    name=".".join(part.name for part in node.parts)[:60],
                    tables=", ".join(each.name for each in published.TABLES),
                )
            )
        alias = node.args.get("alias")
        if alias is not None:
            allow(alias, "this")
            only_a_name(alias.this)
        name = (node.alias or node.name).lower()
        self._tables += 1
        if name in scope.tables:
            raise refusal(_l("Two tables are called “%(name)s”: give one another name.", name=name))
        if self._tables > MOST_TABLES:
            raise refusal(_l("A query may use %(most)s tables at most.", most=MOST_TABLES))
        scope.tables[name] = (f"t{self._tables}", table)
        return f"{table.stored} AS t{self._tables}"

    # ------------------------------------------------------------------ rows and groups

    def _condition(self, node: exp.Expression | None, scope: Scope) -> str:
        if node is None:
            return ""
        allow(node, "this")
        before = scope.own
        condition = self.w.as_condition(self._expressions.write(node.this, scope))
        if isinstance(node, exp.Where):
            scope.own = before
        return condition

    def _groups(self, node: exp.Select, scope: Scope) -> list[str]:
        group = node.args.get("group")
        if group is None:
            return []
        allow(group, "expressions")
        before, outside, found = scope.own, scope.outside, {}
        for each in group.expressions:
            if isinstance(each, exp.Literal):
                raise refusal(_l("Write after GROUP BY the columns, not their numbers."))
            piece = self._expressions.write(self._by_alias(each, scope), scope)
            found[piece.sql] = piece
        self._refuse_outside(scope, outside)
        scope.own, scope.grouped = before, found
        return list(found)

    def _by_alias(self, node: exp.Expression, scope: Scope) -> exp.Expression:
        if isinstance(node, exp.Column) and not node.table:
            return scope.aliases.get(node.name.lower(), node)
        return node

    def _check_groups(self, scope: Scope, grouped: bool) -> None:
        if (scope.aggregated or grouped) and scope.own:
            raise refusal(
                _l(
                    "Beside COUNT, SUM, MIN, MAX, AVG or GROUP_CONCAT, and with GROUP BY, a column "
                    "may stand only if it is one of those after GROUP BY."
                )
            )

    def _order(self, node: exp.Select, scope: Scope) -> list[str]:
        order = node.args.get("order")
        if order is None:
            return []
        allow(order, "expressions")
        outside = scope.outside
        keys = [self.ordered(each, scope)[0] for each in order.expressions]
        self._refuse_outside(scope, outside)
        return keys

    def _refuse_outside(self, scope: Scope, before: int) -> None:
        """SQLite knows after ORDER BY and GROUP BY the query's own tables only."""
        if scope.outside > before:
            raise refusal(
                _l("After ORDER BY and GROUP BY stand columns of the query's own tables only.")
            )

    def ordered(self, node: exp.Ordered, scope: Scope) -> tuple[str, str, bool]:
        """``(SQL with its direction, SQL of the key, descending)``; nothing comes first, as in
        MySQL."""
        allow(node, "this", "desc", "nulls_first")
        if isinstance(node.this, exp.Literal):
            raise refusal(_l("Write after ORDER BY the columns, not their numbers."))
        piece = self._expressions.write(self._by_alias(node.this, scope), scope)
        key = self.w.comparable([piece])[0]
        down = bool(node.args.get("desc"))
        return f"{key} {'DESC NULLS LAST' if down else 'ASC NULLS FIRST'}", key, down

    def _first(
        self, node: exp.Select, scope: Scope, order: list[str], groups: list[str]
    ) -> list[str]:
        limit, offset = (self._number(node.args.get(name)) for name in ("limit", "offset"))
        if offset and node.args.get("distinct"):
            raise refusal(_l("DISTINCT and OFFSET cannot stand together."))
        if groups:
            order = order + groups
        elif scope.tables and not scope.aggregated:
            order = order + [f"{alias}.id" for alias, _table in scope.tables.values()]
        rows = 0 if limit == 0 else 1
        return [f"ORDER BY {', '.join(order)}"] * bool(order) + [
            f"LIMIT {rows}" + (f" OFFSET {offset}" if offset else "")
        ]

    def _number(self, node: exp.Expression | None) -> int | None:
        if node is None:
            return None
        allow(node, "expression")
        value = node.expression
        if not isinstance(value, exp.Literal) or not value.this.isdecimal():
            raise refusal(_l("After LIMIT and OFFSET stands a number."))
        return min(int(value.this[:9]), MOST_ROWS)


def only_a_name(node: exp.Expression) -> None:
    """
    :raises InvalidInput: what stands where a part of the query gets a name is none.
    """
    if not isinstance(node, exp.Identifier):
        raise refusal(_l("A name is needed after AS, not “%(part)s”.", part=node.name[:60]))


def allow(node: exp.Expression, *names: str) -> None:
    """
    :raises InvalidInput: a part of the query says more than CTM knows of such a part.
    """
    for name, value in node.args.items():
        if name not in names and value not in (None, False, []):
            words = value.sql("mysql") if isinstance(value, exp.Expression) else name.strip("_")
            raise refusal(_l("“%(part)s” is not possible in a query of a field.", part=words[:60]))
