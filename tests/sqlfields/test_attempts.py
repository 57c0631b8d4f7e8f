# ruff: noqa: E501
"""Attempts to do with a field's query what no field may do: each is refused, in words.

What gets past the words meets a connection that can only read what is published: that is tested
apart from them, with SQL a query could never become.
"""

import pytest

from ctm import sqlfields
from ctm.errors import InvalidInput

WRITING = {
    "insert": ("insert into clienti (nome) values ('x')", "begins with SELECT, not with “insert”"),
    "update": ("update clienti set nome = 'x'", "begins with SELECT, not with “update”"),
    "delete": ("delete from clienti", "begins with SELECT, not with “delete”"),
    "replace": ("replace into clienti values (1)", "begins with SELECT"),
    "truncate": ("truncate table clienti", "begins with SELECT"),
    "create": ("create table x as select 1", "begins with SELECT"),
    "drop": ("drop table clienti", "begins with SELECT"),
    "alter": ("alter table clienti add x int", "begins with SELECT"),
    "pragma": ("pragma writable_schema = 1", "begins with SELECT"),
    "attach": ("attach database '/tmp/x' as x", "begins with SELECT"),
    "vacuum into": ("vacuum into '/tmp/x'", "begins with SELECT"),
    "copy to a program": ("copy clienti to program 'id'", "begins with SELECT"),
    "set": ("set role postgres", "begins with SELECT"),
    "call": ("call x()", "begins with SELECT"),
    "do": ("do $$ begin end $$", "no meaning|begins with SELECT|cannot be understood"),
    "begin": ("begin", "begins with SELECT"),
    "explain": ("explain select 1", "begins with SELECT"),
    "into outfile": (
        "select nome from clienti into outfile '/tmp/x'",
        "near “into”|into outfile|understood",
    ),
    "into dumpfile": ("select nome into dumpfile '/tmp/x' from clienti", "understood|not possible"),
    "select into": ("select nome into x from clienti", "not possible|understood"),
    "into a variable": ("select nome into @x from clienti", "“@x” has no meaning"),
    "with a write": (
        "with x as (delete from clienti returning 1) select 1 from x",
        "begins with SELECT",
    ),
    "for update": ("select nome from clienti for update", "not possible"),
    "lock in share mode": ("select nome from clienti lock in share mode", "not possible"),
    "assignment": ("select @x := 1", "“@x” has no meaning"),
    "write in a subquery": ("select (delete from clienti)", "understood|not possible"),
}
READING = {
    "users": ("select password_hash from users", "There is no table “users”"),
    "accounts": ("select password from smtp_accounts", "There is no table “smtp_accounts”"),
    "settings": ("select value from settings", "There is no table “settings”"),
    "mails": ("select address from messages", "There is no table “messages”"),
    "the models' own names": ("select id from clients", "There is no table “clients”"),
    "sqlite_master": ("select sql from sqlite_master", "There is no table “sqlite_master”"),
    "pg_catalog": (
        "select 1 from pg_catalog.pg_shadow",
        "There is no table “pg_catalog.pg_shadow”",
    ),
    "information_schema": (
        "select 1 from information_schema.tables",
        "There is no table “information_schema.tables”",
    ),
    "another schema": ("select 1 from public.clienti", "There is no table “public.clienti”"),
    "quoted name": ("select 1 from `users`", "There is no table “users”"),
    "quoted name with a dot": ("select 1 from `main.users`", "There is no table “main.users”"),
    "double quotes": ('select 1 from "users"', "There is no table “users”"),
    "alias": ("select clienti.id from users as clienti", "There is no table “users”"),
    "star": ("select * from clienti", "“\\*” is not possible|gives"),
    "a table's star": ("select clienti.* from clienti", "“\\*” is not possible"),
    "a column that is not published": (
        "select search_text from clienti",
        "no column “search_text”",
    ),
    "rowid": ("select rowid from clienti", "no column “rowid”"),
    "ctid": ("select ctid from clienti", "no column “ctid”"),
    "a whole row": ("select clienti from clienti", "no column “clienti”"),
    "a row made text": ("select cast(clienti as char) from clienti", "no column “clienti”"),
    "the ids' own table": ("select ctm_row.id", "“ctm_row” is not a table"),
    "the tables' inner names": ("select t1.search_text from clienti", "“t1” is not a table"),
    "join": ("select c.nome from clienti c join users u on u.id = c.id", "no table “users”"),
    "comma": ("select c.nome from clienti c, users", "no table “users”"),
    "natural join": (
        "select nome from clienti natural join users",
        "no table “users”|not possible",
    ),
    "using": ("select nome from clienti join titoli using (id)", "not possible"),
    "right join": (
        "select nome from clienti right join titoli on 1",
        "“RIGHT JOIN” is not possible",
    ),
    "subquery": ("select (select password_hash from users)", "no table “users”"),
    "exists": ("select exists(select * from users)", "no table “users”"),
    "in": ("select 1 in (select id from users)", "no table “users”"),
    "from a subquery": ("select x.a from (select 1 as a) x", "name of a table"),
    "union": ("select nome from clienti union select password_hash from users", "UNION"),
    "with": ("with x as (select 1) select * from x", "begins with SELECT"),
    "lateral": ("select 1 from clienti, lateral (select 1) x", "name of a table"),
    "table function": ("select 1 from json_each('[1]')", "name of a table"),
    "table statement": ("table users", "begins with SELECT"),
    "values": ("values (1)", "begins with SELECT"),
    "session variable": ("select @@version", "“@@version” has no meaning"),
    "current user": ("select current_user", "not possible|no column"),
    "order by": ("select nome from clienti order by password_hash", "no column “password_hash”"),
    "group by": ("select count(*) from clienti group by password_hash", "no column"),
    "having": ("select count(*) from clienti having max(password_hash) > 1", "no column"),
    "limit by a subquery": ("select 1 from clienti limit (select 1)", "number"),
    "two columns": ("select nome, cognome from clienti", "gives 2 values"),
    "partition": ("select nome from clienti partition (p0)", "not possible"),
    "window": ("select count(*) over () from clienti", "not possible"),
    "filter": ("select max(id) filter (where 1) from clienti", "not possible"),
    "json": ("select note -> '$.a' from clienti", "not possible"),
    "collate": ("select nome collate utf8_bin from clienti", "not possible"),
}
CALLS = (
    "load_extension('x')", "readfile('/etc/passwd')", "writefile('/tmp/x', 'y')", "edit('x')",
    "fts3_tokenizer('x')", "sqlite_version()", "randomblob(9)", "zeroblob(999999999)", "printf('%s')",
    "hex('x')", "quote('x')", "char(65)", "repeat('x', 1000000000)", "space(1000000000)",
    "lpad('x', 1000000000, 'y')", "rpad('x', 1000000000, 'y')", "insert('x', 1, 1, 'y')",
    "sleep(10)", "benchmark(1000000000, 1)", "md5('x')", "get_lock('x', 10)", "load_file('/etc/passwd')",
    "pg_sleep(10)", "pg_read_file('/etc/passwd')", "pg_ls_dir('/')", "lo_import('/etc/passwd')",
    "dblink('x', 'y')", "current_setting('x')", "set_config('x', 'y', false)", "version()",
    "database()", "user()", "query_to_xml('select 1', true, true, '')", "database_to_xml(1, 1, '')",
    "generate_series(1, 1000000000)", "xpath('x', 'y')", "regexp_replace('a', 'b', 'c')",
    "to_char(1, '9')", "nextval('x')", "pg_terminate_backend(1)", "txid_current()",
    "ctm_fold('x')", "ctm_group_concat('x')", "json_extract('{}', '$')", "uuid()", "rand()",
    "elt(1, 'x')", "export_set(1, 'x', 'y')", "make_set(1, 'x')", "unhex('41')", "aes_decrypt('x','y')",
)  # fmt: skip
TRICKS = {
    "two statements": ("select 1; select 2", "something after “;”"),
    "two statements with a write": ("select 1; drop table clients", "something after “;”"),
    "an end inside": ("select 1;;select 2", "something after “;”"),
    "a comment with dashes": ("select 1 -- from", "comments"),
    "a comment with a hash": ("select 1 # from", "comments"),
    "a comment between stars": ("select /* x */ 1", "comments"),
    "a comment that MySQL runs": ("select 1 /*! union select 2 */", "comments"),
    "a comment for a version": ("select /*!50000 password_hash */ 1", "comments"),
    "a comment that stays open": ("select 1 /* from", "comments|understood"),
    "a hint": ("select /*+ x */ 1", "comments"),
    "the id in quotes": ("select nome from clienti where id = '{{idt}}'", "without quotes"),
    "the id in pasted quotes": ("select nome from clienti where id = ’{{idt}}’", "without quotes"),
    "the id in a name": ("select nome from clienti{{idt}}", "A name is needed after AS"),
    "the id as a name": ("select nome {{idt}} from clienti", "A name is needed after AS"),
    "another field": ("select nome from clienti where id = {{altro}}", "“{{altro}}” is not known"),
    "code in a field": ("select {{ 7 * 7 }}", "is not known here"),
    "a field that stays open": ("select {{idt", "is not known here"),
    "a parameter by name": ("select :idt", "“:idt” has no meaning"),
    "a parameter by place": ("select ?", "“\\?” has no meaning"),
    "a driver's parameter": ("select %(ids)s", "understood|no column"),
    "a dollar's parameter": ("select $1", "no column|understood|not possible"),
    "a quote that stays open": ("select 'x", "understood|quote"),
    "a pasted quote that stays open": ("select ’x", "not closed"),
    "a backslash before the end": ("select 'x\\'", "understood|quote"),
    "a function of a schema": ("select pg_catalog.pg_sleep(9)", "not possible"),
    "a function in quotes": ("select `pg_sleep`(9)", "The function “PG_SLEEP”"),
    "nothing": ("  ", "Write a query"),
    "no words": (";", "begins with SELECT"),
    "a NUL": ("select 'a\0b'", "cannot be seen"),
    "a NUL written out": ("select 'a\\0b'", "cannot be seen"),
    "a lone surrogate": ("select '\ud800'", "cannot be seen"),
    "huge": ("select " + "1+" * 3000 + "1", "characters long at most"),
    "deep brackets": ("select " + "(" * 1500 + "1" + ")" * 1500, "nested too deeply"),
    "deep calls": ("select " + "abs(" * 300 + "1" + ")" * 300, "nested too deeply"),
    "deep subqueries": ("select " + "(select " * 200 + "1" + ")" * 200, "nested too deeply"),
    "deep choices": ("select " + "case when 1 then " * 200, "nested too deeply"),
    "many times not": ("select " + "not " * 900 + "1", "nested too deeply"),
    "many signs": ("select " + "- " * 1900 + "1", "nested too deeply"),
    "long sum": ("select 1" + "+1" * 1900, "nested too deeply"),
    "sums that double": (
        "select " + "mid(" * 30 + "note" + ", -2)" * 30 + " from clienti",
        "nested too deeply",
    ),
    "a huge number": ("select 99999999999999999999999999", "no number"),
    "an exponent": ("select 1e999", "no number"),
    "bits": ("select 0x41", "not possible"),
    "rounding without end": ("select round(1, 999999999)", "number of decimals"),
    "a format without end": ("select format(1, id) from titoli", "number of decimals"),
    "a long replacement": (f"select replace(note, 'a', '{'b' * 300}') from clienti", "200 characters"),
    "a replacement from the data": ("select replace(note, 'a', note) from clienti", "between quotes"),
    "a pattern from the data": ("select note like note from clienti", "LIKE a text"),
    "a regular expression": ("select note rlike '(a+)+$' from clienti", "not possible"),
    "a date format from the data": (
        "select date_format(data_titolo, note) from titoli", "between quotes",
    ),
    "a unit of our own": ("select date_add(data_titolo, interval 1 eon) from titoli", "unit|understood"),
    "no date": ("select data_titolo > 'domani' from titoli", "“domani” is not a date"),
    "no such day": ("select datediff(data_titolo, '2026-02-30') from titoli", "is not a date"),
    "a text as a date": ("select year(nome) from clienti", "“nome” is a text where a date"),
    "a date as a number": ("select data_titolo * 2 from titoli", "a date where a number"),
    "an aggregate in where": ("select 1 from titoli where count(*) > 1", "stand after SELECT"),
    "an aggregate in an aggregate": ("select sum(count(*)) from titoli", "stand after SELECT"),
    "an aggregate of another query's rows": ("select max({{idt}}) from titoli", "needs a column"),
    "columns beside an aggregate": ("select concat(nome, count(*)) from clienti", "GROUP BY"),
    "two tables of one name": ("select 1 from titoli, titoli", "Two tables are called"),
    "a name of two tables": ("select id from titoli, clienti", "in more than one table"),
    "the id after order by": ("select nome from clienti order by id = {{idt}}", "own tables only"),
    "another query's column after group by": (
        "select (select count(*) from titoli t group by c.id) from clienti c", "own tables only",
    ),
    "too few values": ("select concat_ws(',') from titoli", "wrong number of values"),
    "too many values": ("select upper('a', 'b')", "wrong number of values"),
    "an unknown function": ("select pagato(1)", "The function “PAGATO” is not among"),
}  # fmt: skip
SEVEN = "select 1 from clienti a" + "".join(f", clienti b{n}" for n in range(6))
TRICKS["seven tables"] = (SEVEN, "6 tables at most")


def refused(query: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words) as caught:
        sqlfields.compile_query(query)
    assert caught.value.field == "query"
    assert len(caught.value.message) < 300


@pytest.mark.one_database
class TestRefusedInWords:
    @pytest.mark.parametrize("name", WRITING)
    def test_to_write(self, name: str) -> None:
        refused(*WRITING[name])

    @pytest.mark.parametrize("name", READING)
    def test_to_read_what_is_not_published(self, name: str) -> None:
        refused(*READING[name])

    @pytest.mark.parametrize("call", CALLS)
    def test_to_call_what_is_not_listed(self, call: str) -> None:
        name = call.partition("(")[0].upper()
        refused(f"select {call} from clienti", f"The function “{name}” is not among")

    @pytest.mark.parametrize("name", TRICKS)
    def test_tricks_and_mistakes(self, name: str) -> None:
        refused(*TRICKS[name])
