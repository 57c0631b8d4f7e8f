"""What runs a query lets through reading what is published, and stops what takes long."""

import time
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert
from sqlalchemy.exc import DBAPIError

from ctm import settings, sqlfields
from ctm.errors import InvalidInput, Unavailable
from ctm.extensions import db
from ctm.models import Base, Client, SqlField
from ctm.sqlfields import running
from ctm.sqlfields.dates import formatter
from ctm.sqlfields.published import TABLES, stored_columns
from tests.sqlfields.conftest import Give

ROME = ZoneInfo("Europe/Rome")
ON_SQLITE = {
    "write": "UPDATE clients SET first_name = 'x'",
    "insert": "INSERT INTO clients (id) VALUES (9)",
    "delete": "DELETE FROM clients",
    "create": "CREATE TABLE x (a)",
    "create temporarily": "CREATE TEMP TABLE x (a)",
    "drop": "DROP TABLE clients",
    "attach": "ATTACH DATABASE ':memory:' AS x",
    "vacuum into": "VACUUM INTO '/tmp/x'",
    "pragma": "PRAGMA query_only = 0",
    "pragma that reads": "PRAGMA database_list",
    "pragma as a table": "SELECT * FROM pragma_table_info('users')",
    "begin": "BEGIN IMMEDIATE",
    "users": "SELECT password_hash FROM users",
    "count of users": "SELECT count(*) FROM users",
    "accounts": "SELECT * FROM smtp_accounts",
    "schema": "SELECT sql FROM sqlite_master",
    "column that is not published": "SELECT search_text FROM clients",
    "recursion": "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT n FROM r",
    "extension": "SELECT load_extension('x')",
    "memory": "SELECT length(zeroblob(900000000))",
    "random": "SELECT randomblob(10)",
    "two statements": "SELECT 1; SELECT 2",
}
ON_POSTGRESQL = {
    "write": "UPDATE clients SET first_name = 'x'",
    "insert": "INSERT INTO clients (id) VALUES (9)",
    "write in a WITH": "WITH x AS (DELETE FROM clients RETURNING 1) SELECT 1 FROM x",
    "create": "CREATE TABLE x (a integer)",
    "drop": "DROP TABLE clients",
    "lock": "SELECT 1 FROM clients FOR UPDATE",
    "sequence": "SELECT nextval('clients_id_seq')",
    "two statements": "SELECT 1; DELETE FROM clients",
}
SLOW = (
    "select count(*) from clienti a, clienti b, clienti c, clienti d, clienti e "
    "where a.nome < b.nome and b.nome < c.nome and d.nome < e.nome"
)


@pytest.fixture
def guarded(office: None) -> Iterator[running.Reader]:
    with running.reader(db.engine, "it", ROME) as reader:
        yield reader


@pytest.mark.one_database
@pytest.mark.parametrize("name", ON_SQLITE)
def test_sqlite_itself_refuses(guarded: running.Reader, name: str) -> None:
    with pytest.raises(Unavailable, match="cannot work this query out"):
        guarded.rows(ON_SQLITE[name], {}, 1)


@pytest.mark.one_database("postgresql")
@pytest.mark.parametrize("name", ON_POSTGRESQL)
def test_postgresql_itself_refuses(guarded: running.Reader, name: str) -> None:
    with pytest.raises(Unavailable, match="cannot work this query out") as caught:
        guarded.rows(ON_POSTGRESQL[name], {}, 1)
    assert isinstance(caught.value.__cause__, DBAPIError)


@pytest.mark.one_database
def test_what_is_published_can_be_read(guarded: running.Reader) -> None:
    assert guarded.rows("SELECT due_date FROM instalments WHERE id = 100", {}, 1) == [
        ("2026-01-31",)
    ]


@pytest.fixture
def crowd(office: None) -> None:
    names = [{"id": n + 1000, "first_name": f"N{n}"} for n in range(400)]
    db.session.execute(insert(Client), names)
    db.session.commit()


def test_a_query_that_takes_long_is_stopped(crowd: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "SECONDS_FOR_ONE", 1.0)
    start = time.monotonic()
    with pytest.raises(Unavailable, match="longer than 1 seconds"):
        sqlfields.try_out(db.session, SLOW, 1)
    assert time.monotonic() - start < 4
    assert sqlfields.try_out(db.session, "select count(*) from clienti", 1) == "402"


def test_the_field_that_takes_long_is_named(crowd: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "SECONDS_FOR_MANY", 0.3)
    with pytest.raises(Unavailable, match="SQL field “quanti”"):
        sqlfields.values(db.session, {"quanti": SLOW}, [1])


def test_a_result_that_is_too_long_is_refused(crowd: None) -> None:
    long = "select group_concat(replace(a.nome, 'N', '" + "x" * 190 + "')) from clienti a"
    with pytest.raises(InvalidInput, match="more than 20000 characters"):
        sqlfields.values(db.session, {"lungo": long}, [1])


def test_many_rows_take_one_statement_for_500_of_them(office: None) -> None:
    statements: list[str] = []
    fields = [
        SqlField(name="scade", query="select data_titolo from titoli where id = {{idt}}"),
        SqlField(name="polizze", query="select count(*) from polizze where cliente_id = {{idt}}"),
    ]
    original = running.Reader.rows

    def rows(reader: Any, sql: str, parameters: Any, seconds: float) -> Any:
        statements.append(sql)
        return original(reader, sql, parameters, seconds)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(running.Reader, "rows", rows)
        found = sqlfields.values(db.session, fields, range(1, 1201))
    assert len(statements) == 2 * 3
    assert len(found) == 1200
    assert found[1] == {"scade": "", "polizze": "2"}
    assert found[2] == {"scade": "", "polizze": "1"}
    assert found[101] == {"scade": "05/07/2026", "polizze": "0"}


def test_nothing_a_user_types_is_part_of_the_sql() -> None:
    query = sqlfields.compile_query(
        "select concat(x.nome, 'geheim', 4711) as y from clienti as x where x.id = {{idt}}"
    )
    for on_postgresql in (False, True):
        statement = query.statement(on_postgresql, "it")
        assert not {"geheim", "4711", "x.", "nome"} & set(statement.sql.replace("(", " ").split())
        assert "geheim" not in statement.sql
        assert "4711" not in statement.sql
        assert {"geheim", 4711} <= set(statement.parameters.values())


def test_ids_and_texts_are_data_whatever_they_hold(give: Give) -> None:
    text_ = "'; drop table clients; --"
    assert give(f'select "{text_}" from titoli where id = {{{{idt}}}}') == text_
    assert give("select nome from clienti where cognome = 'D''Amico'") == "Giulia"
    with pytest.raises(ValueError):
        sqlfields.values(db.session, {"a": "select 1"}, ["1; drop table clients"])  # type: ignore[list-item]


def test_english_offices_get_english_months(give: Give) -> None:
    settings.put("office_language", "en")
    db.session.commit()
    month = "select date_format(data_titolo, '%W %M') from titoli where id = {{idt}}"
    assert give(month) == "Saturday January"
    assert give("select 7 / 2") == "3.5"


CODES = "%U %u %V %v %X %x %w %j"


def test_weeks_are_counted_alike_on_both_databases(give: Give) -> None:
    """Around New Year of many years: SQLite and PostgreSQL against one calculation."""
    for year in range(2019, 2030):
        for day in (date(year, 1, 1) + timedelta(n) for n in (-3, -1, 0, 2, 4, 6)):
            wanted = formatter(CODES, "it")(datetime.combine(day, datetime.min.time()))
            assert give(f"select date_format(date '{day}', '{CODES}')") == wanted, day


@pytest.mark.parametrize(
    ("day", "week"),
    [("2019-12-30", "53 01 2020"), ("2021-01-03", "00 53 2020"), ("2026-01-05", "02 02 2026")],
)
def test_weeks_are_those_of_mysql(give: Give, day: str, week: str) -> None:
    assert give(f"select date_format('{day}', '%u %v %x')") == week


def test_only_columns_that_exist_of_four_tables_are_published() -> None:
    assert {table.stored for table in TABLES} == {"clients", "contacts", "policies", "instalments"}
    for stored, columns in stored_columns().items():
        assert columns <= set(Base.metadata.tables[stored].columns.keys())


def test_no_two_names_of_a_table_are_the_same() -> None:
    for table in TABLES:
        names = [name for c in table.columns for name in (c.name, *c.aliases)]
        assert len(names) == len(set(names))
