# ruff: noqa: E501
"""One table of queries and what they give: the same on SQLite and on PostgreSQL."""

from tests.sqlfields.conftest import Give

MANUAL = "select DATE_FORMAT(data_titolo,’%d/%m/%Y’) as data_titolo from titoli WHERE id = {{idt}}"
ROW = "from titoli where id = {{idt}}"
CLIENT = "from clienti where id = 1"
EXAMPLES = {
    # dates
    f"select data_titolo {ROW}": "31/01/2026",
    f"select date_format(data_titolo, '%e %M %Y') {ROW}": "31 gennaio 2026",
    f"select date_format(data_titolo, '%W %w %a %b %D %j %y') {ROW}": "sabato 6 sab gen 31st 031 26",
    f"select date_format(data_titolo, '%d%m%Y%H%i%s%f') {ROW}": "31012026000000000000",
    f"select date_format(data_titolo, '%c.%e %h:%I:%k:%l %p %r %T %S') {ROW}": (
        "1.31 12:12:0:12 AM 12:00:00 AM 00:00:00 00"
    ),
    f"select date_format(data_titolo, 'il \"%d\" %% %z \\\\ YYYY') {ROW}": 'il "31" % z \\ YYYY',
    f"select date_format(data_titolo, '') {ROW}": "",
    f"select date_format(data_pagamento, '%d') {ROW}": "",
    f"select date_add(data_titolo, interval 1 month) {ROW}": "28/02/2026",
    f"select data_titolo + interval 1 year {ROW}": "31/01/2027",
    f"select data_titolo - interval 2 week {ROW}": "17/01/2026",
    f"select date_sub(data_titolo, interval 1 quarter) {ROW}": "31/10/2025",
    f"select adddate(data_titolo, 30) {ROW}": "02/03/2026",
    f"select subdate(data_titolo, interval 30 day) {ROW}": "01/01/2026",
    f"select date_add(data_titolo, interval 90 minute) {ROW}": "31/01/2026 01:30",
    f"select datediff(data_titolo, '2026-01-01') {ROW}": "30",
    f"select datediff('2026-01-01', data_titolo) {ROW}": "-30",
    f"select timestampdiff(month, '2025-12-31', data_titolo) {ROW}": "1",
    f"select timestampdiff(month, data_titolo, '2025-12-31') {ROW}": "-1",
    f"select timestampdiff(year, data_nascita, '2026-02-28') {CLIENT}": "45",
    f"select timestampdiff(day, '2026-01-01', data_titolo) {ROW}": "30",
    f"select concat(year(data_titolo), '-', month(data_titolo), '-', day(data_titolo)) {ROW}": (
        "2026-1-31"
    ),
    f"select last_day(date_add(data_titolo, interval 1 day)) {ROW}": "28/02/2026",
    f"select concat(dayname(data_titolo), ' ', monthname(data_titolo)) {ROW}": "sabato gennaio",
    f"select dayofweek(data_titolo) {ROW}": "7",
    f"select data_inserimento {CLIENT}": "02/07/2026 00:30",
    f"select concat(data_inserimento) {CLIENT}": "2026-07-02 00:30:15",
    f"select date(data_inserimento) {CLIENT}": "02/07/2026",
    f"select concat(hour(data_inserimento), ':', minute(data_inserimento)) {CLIENT}": "0:30",
    f"select if(data_titolo > '2026-01-30', 'dopo', 'prima') {ROW}": "dopo",
    f"select if(data_titolo between '2026-01-31' and '2026-02-01', 1, 0) {ROW}": "1",
    f"select data_titolo < now() and data_titolo < curdate() {ROW}": "1",
    f"select current_date > '2020-01-01' {ROW}": "1",
    # amounts and numbers
    f"select importo {ROW}": "1.234.567,89",
    f"select importo * 2 {ROW}": "2.469.135,78",
    f"select importo / 2 {ROW}": "617.283,95",
    f"select -importo {ROW}": "-1.234.567,89",
    f"select importo / 0 {ROW}": "",
    f"select concat('€ ', importo) {ROW}": "€ 1234567.89",
    f"select format(importo, 2) {ROW}": "1,234,567.89",
    f"select format(importo, 2, 'it_IT') {ROW}": "1.234.567,89",
    f"select format(importo, 0) {ROW}": "1,234,568",
    f"select replace(format(importo, 2), ',', ' ') {ROW}": "1 234 567.89",
    f"select round(importo) {ROW}": "1234568",
    f"select round(importo, 1) {ROW}": "1234567,9",
    f"select round(importo, 2) {ROW}": "1.234.567,89",
    f"select round(2.675, 2) {ROW}": "2,68",
    f"select round(-2.5) {ROW}": "-3",
    f"select round(1234, -2) {ROW}": "1200",
    f"select truncate(-2.579, 1) {ROW}": "-2,5",
    f"select concat(floor(-1.5), ceil(-1.5), ceiling(1.2)) {ROW}": "-2-12",
    f"select abs(-3) + abs(-0.1) {ROW}": "3,1",
    f"select 7 div 2 {ROW}": "3",
    f"select 7 / 2 {ROW}": "3,5",
    f"select concat(7 % 3, mod(7.5, 2), -7 mod 3) {ROW}": "11.5-1",
    f"select 1 div 0 {ROW}": "",
    f"select 0.1 + 0.2 {ROW}": "0,3",
    f"select 9007199254740992 * 9007199254740992 > 1 {ROW}": "1",
    f"select greatest(1, 3, 2) - least(5, 4.5) {ROW}": "-1,5",
    f"select greatest(1, null) {ROW}": "",
    f"select greatest('b', 'A') {ROW}": "b",
    # texts
    f"select upper(citta) {CLIENT}": "FORLÌ",
    f"select lower(upper(citta)) {CLIENT}": "forlì",
    f"select concat(length(citta), char_length(citta)) {CLIENT}": "65",
    f"select note {CLIENT}": "A; B\nC “è” 100% \\ %d",
    f"select concat('[', trim('  x '), ltrim('  y'), rtrim('z  '), ']') {ROW}": "[xyz]",
    f"select trim(both '-' from '--x--') {ROW}": "x",
    f"select trim(leading '0' from '007') {ROW}": "7",
    f"select concat_ws(', ', nome, null, cognome) {CLIENT}": "Giulia, D'Amico",
    "select concat_ws(', ', nome, data_titolo) from titoli t join clienti c on c.id = t.cliente_id "
    "where t.id = {{idt}}": "Giulia, 2026-01-31",
    f"select concat(nome, null) {CLIENT}": "",
    f"select concat(left(nome, 3), right(nome, 2), left(nome, 0), right(nome, 99)) {CLIENT}": (
        "GiuiaGiulia"
    ),
    f"select left(nome, -1) {CLIENT}": "",
    f"select substring(nome, 2, 3) {CLIENT}": "iul",
    f"select substr(nome, -3) {CLIENT}": "lia",
    f"select mid(nome, -3, 2) {CLIENT}": "li",
    f"select substring(nome from 2 for 2) {CLIENT}": "iu",
    f"select substring(nome, 0) {CLIENT}": "",
    f"select substring(nome, -99) {CLIENT}": "",
    f"select concat(instr(nome, 'LIA'), locate('x', nome)) {CLIENT}": "40",
    f"select replace(cognome, '''', '’') {CLIENT}": "D’Amico",
    f"select cast(12.6 as char) {ROW}": "12.6",
    f"select cast('12abc' as signed) + 1 {ROW}": "13",
    f"select cast('abc' as decimal(10,2)) {ROW}": "0",
    f"select cast(importo as signed) {ROW}": "1234568",
    f"select cast(nome as char(3)) {CLIENT}": "Giu",
    f"select cast('2026-02-03' as date) {ROW}": "03/02/2026",
    f"select numero + 1 {ROW}": "2",
    f"select 'a' 'b' {ROW}": "ab",
    f'select "it\'s" {ROW}': "it's",
    f"select 'it''s {{ }} :x ? @y -- # ; /*' {ROW}": "it's { } :x ? @y -- # ; /*",
    f"select ‘l’ {ROW}": "l",
    f"select “l’auto” {ROW}": "l’auto",
    f"select left(nome, null) {CLIENT}": "",
    f"select ifnull(left(nome, null), 'niente') {CLIENT}": "niente",
    f"select ifnull(substring(nome, null), 'niente') {CLIENT}": "niente",
    f"select ifnull(substring(nome, 0, null), 'niente') {CLIENT}": "niente",
    f"select substring(nome, 2.5) {CLIENT}": "ulia",
    f"select date_add(data_titolo, interval null month) {ROW}": "",
    f"select date_add(data_titolo, interval 2.5 hour) {ROW}": "31/01/2026 03:00",
    f"select date_add(data_titolo, interval 9999999999 year) {ROW}": "",
    f"select date_sub(data_titolo, interval 2026 year) {ROW}": "",
    f"select date_add(data_titolo, interval importo month) {ROW}": "",
    # choices
    f"select if(importo > 100, 'tanto', 'poco') {ROW}": "tanto",
    f"select ifnull(data_pagamento, 'da pagare') {ROW}": "da pagare",
    f"select ifnull(data_pagamento, data_titolo) {ROW}": "31/01/2026",
    f"select coalesce(null, null, 3) {ROW}": "3",
    f"select nullif(stato, 'APERTO') {ROW}": "",
    f"select nullif(1, null) {ROW}": "1",
    f"select isnull(data_pagamento) {ROW}": "1",
    f"select case stato when 'aperto' then 'da pagare' else stato end {ROW}": "da pagare",
    f"select case when importo < 1 then 1 when importo < 2 then 2 end {ROW}": "",
    f"select case when 1 then 1.5 else 'x' end {ROW}": "1.5",
    f"select stato {ROW}": "aperto",
    "select tipo from clienti where id = 2": "azienda",
    "select attivo from clienti where attivo = 0": "0",
    f"select not attivo {CLIENT}": "0",
    f"select nome = 'GIULIA' and citta like 'FOR%' and citta not like '_x%' {CLIENT}": "1",
    f"select '50%' like '50\\\\%' {ROW}": "1",
    f"select 2 in (1, 2.0, '3') and 'b' in ('A', 'B') and not 5 in (1) {ROW}": "1",
    f"select id = '100' {ROW}": "1",
    f"select null is null and 1 is not null {ROW}": "1",
    f"select true and not false {ROW}": "1",
    # rows
    "select c.nome from titoli t, clienti c where t.cliente_id = c.id and t.id = {{idt}}": "Giulia",
    "select c.nome from titoli inner join clienti c on titoli.id_cliente = c.id where titoli.id = "
    "{{idt}}": "Giulia",
    "select p.premio from clienti c left join polizze p on p.cliente_id = c.id and p.numero = 'x' "
    "where c.id = 1": "",
    "SELECT `NOME` FROM `Clienti` WHERE `id` = 1;": "Giulia",
    "select numero from polizze": "RCA-10",
    "select numero from polizze order by numero": "INC-1",
    "select numero from polizze order by numero desc": "rca-9",
    "select numero from polizze order by premio, numero": "rca-9",
    "select upper(numero) as n from polizze order by n limit 1 offset 1": "RCA-10",
    "select numero from polizze limit 1, 1": "rca-9",
    "select numero from polizze limit 0": "",
    "select distinct compagnia from polizze": "Assicura",
    "select count(*) from titoli": "3",
    "select count(data_pagamento) from titoli": "1",
    "select count(distinct compagnia) from polizze": "2",
    "select sum(importo) from titoli where cliente_id = 1": "1.234.568,19",
    "select sum(importo) from titoli where id > 1000": "",
    "select round(sum(importo), 1) from titoli where id > 100": "0,3",
    "select avg(id) from titoli": "101",
    "select concat(min(data_titolo), ' ', max(data_titolo)) from titoli": "2025-12-29 2026-07-05",
    "select max(compagnia) from polizze": "ÈLITE",
    "select min(attivo) from clienti": "0",
    "select group_concat(numero) from polizze": "RCA-10,rca-9,INC-1",
    "select group_concat(numero order by numero desc separator '; ') from polizze": (
        "rca-9; RCA-10; INC-1"
    ),
    "select group_concat(distinct compagnia order by compagnia desc separator ' / ') from polizze": (
        "ÈLITE / Assicura"
    ),
    "select group_concat(distinct compagnia) from polizze": "Assicura,ÈLITE",
    "select group_concat(data_titolo, ' ', importo order by data_titolo) from titoli where id > 100": (
        "2025-12-29 0.20,2026-07-05 0.10"
    ),
    "select compagnia from polizze group by compagnia order by count(*) desc": "Assicura",
    "select compagnia from polizze group by compagnia having count(*) = 1": "ÈLITE",
    "select year(data_titolo) y from titoli group by y order by sum(importo) desc": "2026",
    "select (select count(*) from polizze p where p.cliente_id = c.id) from clienti c where c.id=1": (
        "2"
    ),
    "select nome from clienti where id in (select cliente_id from titoli where id = {{idt}})": "Giulia",
    "select nome from clienti where nome in (select upper(nome) from clienti)": "Giulia",
    "select exists(select * from titoli where importo > 5 and id = {{idt}})": "1",
    "select count(*) from clienti c where not exists (select 1 from titoli t where t.cliente_id = c.id)": (
        "1"
    ),
    "select {{idt}} + 1": "101",
    "select concat(id, '/', {{ IDT }}) from clienti where id = {{idt}} - 99": "1/100",
    "select email from ind_tlm where cliente_id = 2": "luca@example.it",
    "select nome from anagrafica where id = 1": "Giulia",
    "select 1": "1",
}


def test_the_manuals_example_works_with_the_quotes_pasted_from_it(give: Give) -> None:
    assert give(MANUAL) == "31/01/2026"


def test_every_example_gives_the_same_on_both_databases(give: Give) -> None:
    found = {query: give(query) for query in EXAMPLES}
    assert found == EXAMPLES
