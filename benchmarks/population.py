"""A registry of invented Italian clients, as large as wanted, written straight to SQLite."""

import random
import sqlite3
import unicodedata
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ctm.clients.derived import display_name, search_text

SEED = 20261122
CHUNK = 10_000
LAST_NAMES = [
    "Rossi",
    "Russo",
    "Ferrari",
    "Esposito",
    "Bianchi",
    "Romano",
    "Colombo",
    "Ricci",
    "Marino",
    "Greco",
    "Bruno",
    "Gallo",
    "Conti",
    "De_Luca",
    "Mancini",
    "Costa",
    "Giordano",
    "Rizzo",
    "Lombardi",
    "Moretti",
    "Barbieri",
    "Fontana",
    "Santoro",
    "Mariani",
    "Rinaldi",
    "Caruso",
    "Ferrara",
    "Galli",
    "Martini",
    "Leone",
    "Longo",
    "Gentile",
    "Martinelli",
    "Vitale",
    "Lombardo",
    "Serra",
    "Coppola",
    "De_Santis",
    "D'Angelo",
    "Marchetti",
    "Parisi",
    "Villa",
    "Conte",
    "Ferraro",
    "Ferri",
    "Fabbri",
    "Bianco",
    "Marini",
    "Grasso",
    "Valentini",
    "Messina",
    "Sala",
    "De_Angelis",
    "Gatti",
    "Pellegrini",
    "Palumbo",
    "Sanna",
    "Farina",
    "Rizzi",
    "Monti",
    "Cattaneo",
    "Morelli",
    "Amato",
    "Silvestri",
    "Mazza",
    "Testa",
    "Grassi",
    "Pellegrino",
    "Carbone",
    "Giuliani",
    "Benedetti",
    "Barone",
    "Rossetti",
    "Caputo",
    "Montanari",
    "Guerra",
    "Palmieri",
    "Bernardi",
    "Martino",
    "Fiore",
    "De_Rosa",
    "Ferretti",
    "Bellini",
    "Basile",
    "Riva",
    "Donati",
    "Piras",
    "Vitali",
    "Battaglia",
    "Sartori",
    "Neri",
    "Costantini",
    "Milani",
    "Pagano",
    "Ruggiero",
    "Sorrentino",
    "D'Amico",
    "Orlando",
    "Damico",
    "Negri",
    "Nicolò",
    "Mazzù",
    "Cantù",
    "Forlì",
    "Zanè",
    "Cefalù",
    "Zuccalà",
]
FIRST_NAMES = [
    "Giuseppe",
    "Maria",
    "Giovanni",
    "Anna",
    "Antonio",
    "Giuseppina",
    "Mario",
    "Rosa",
    "Luigi",
    "Angela",
    "Francesco",
    "Giovanna",
    "Angelo",
    "Teresa",
    "Vincenzo",
    "Lucia",
    "Pietro",
    "Carmela",
    "Salvatore",
    "Caterina",
    "Carlo",
    "Francesca",
    "Franco",
    "Anna_Maria",
    "Domenico",
    "Antonietta",
    "Bruno",
    "Carla",
    "Paolo",
    "Elena",
    "Michele",
    "Concetta",
    "Giorgio",
    "Rita",
    "Aldo",
    "Margherita",
    "Sergio",
    "Franca",
    "Luciano",
    "Paola",
    "Andrea",
    "Giulia",
    "Alessandro",
    "Chiara",
    "Matteo",
    "Sara",
    "Lorenzo",
    "Martina",
    "Niccolò",
    "Noemi",
    "José",
    "Zoë",
    "Davide",
    "Alice",
    "Simone",
    "Elisa",
    "Federico",
    "Ilaria",
    "Riccardo",
    "Valentina",
]
CITIES = (
    ("Roma", "RM", "00100"),
    ("Milano", "MI", "20100"),
    ("Napoli", "NA", "80100"),
    ("Torino", "TO", "10100"),
    ("Palermo", "PA", "90100"),
    ("Genova", "GE", "16100"),
    ("Bologna", "BO", "40100"),
    ("Firenze", "FI", "50100"),
    ("Bari", "BA", "70100"),
    ("Catania", "CT", "95100"),
    ("Verona", "VR", "37100"),
    ("Forlì", "FC", "47100"),
    ("Cefalù", "PA", "90015"),
    ("L'Aquila", "AQ", "67100"),
    ("Reggio nell'Emilia", "RE", "42100"),
    ("Sant'Angelo Lodigiano", "LO", "26866"),
)
PROFESSIONS = [
    "Impiegato",
    "Operaio",
    "Commerciante",
    "Avvocato",
    "Medico",
    "Insegnante",
    "Pensionato",
    "Artigiano",
    "Agricoltore",
    "Ingegnere",
    "Architetto",
    "Autista",
    "Infermiere",
    "Studente",
    "Geometra",
    "Ragioniere",
]
BRANCHES = [
    "Costruzioni",
    "Trasporti",
    "Alimentari",
    "Impianti",
    "Servizi",
    "Immobiliare",
    "Meccanica",
    "Arredamenti",
    "Viaggi",
    "Informatica",
]
HOSTS = ("example.it", "posta.example", "mail.example.com", "pec.example.it")
COLUMNS = [
    "code",
    "kind",
    "active",
    "title",
    "first_name",
    "last_name",
    "company_name",
    "display_name",
    "search_text",
    "tax_code",
    "vat_number",
    "birth_date",
    "birth_place",
    "sex",
    "profession",
    "email1",
    "email2",
    "email3",
    "pec",
    "website",
    "phone",
    "phone2",
    "mobile",
    "fax",
    "street",
    "postcode",
    "city",
    "province",
    "country",
    "mail_street",
    "mail_postcode",
    "mail_city",
    "mail_province",
    "mail_country",
    "notes",
    "created_at",
    "updated_at",
]


def rows(count: int) -> Iterator[tuple[Any, ...]]:
    """``count`` clients, the same ones every time, as rows of :data:`COLUMNS`."""
    dice = random.Random(SEED)
    now = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    for number in range(count):
        values = _client(dice, number)
        entered = (now - timedelta(minutes=count - number)).isoformat(" ") + ".000000"
        values["created_at"] = values["updated_at"] = entered
        yield tuple(values[name] for name in COLUMNS)


def _client(dice: random.Random, number: int) -> dict[str, Any]:
    last, first = dice.choice(LAST_NAMES), dice.choice(FIRST_NAMES)
    last, first = last.replace("_", " "), first.replace("_", " ")
    city, province, postcode = dice.choices(CITIES, range(len(CITIES) * 3, 0, -3))[0]
    kind = dice.choices(("person", "company", "prospect", "supplier"), (80, 12, 7, 1))[0]
    values: dict[str, Any] = dict.fromkeys(COLUMNS, "") | {
        "code": f"C{number:07}",
        "kind": kind,
        "active": dice.random() < 0.95,
        "first_name": first,
        "last_name": last,
        "tax_code": _tax_code(dice, last, first, number),
        "birth_date": (date(1940, 1, 1) + timedelta(days=dice.randrange(24_000))).isoformat(),
        "profession": dice.choice(PROFESSIONS),
        "email1": f"{_plain(first)}.{_plain(last)}.{number}@{dice.choice(HOSTS)}",
        "mobile": f"+39 3{dice.randrange(20, 99)} {dice.randrange(10**6, 10**7)}",
        "street": f"Via {dice.choice(LAST_NAMES)} {dice.randrange(1, 200)}",
        "postcode": postcode,
        "city": city,
        "province": province,
        "country": "Italia",
    }
    if kind in {"company", "supplier"}:
        values["company_name"] = f"{last} {dice.choice(BRANCHES)} {number} S.r.l."
        values["vat_number"] = f"{number:011}"
    if dice.random() < 0.2:
        values["email2"] = f"{_plain(last)}{number}@{dice.choice(HOSTS)}"
    if dice.random() < 0.02:
        values["email1"] = values["email2"] = ""
    values["display_name"] = display_name(kind, last, first, values["company_name"])
    values["search_text"] = search_text(SimpleNamespace(**values))
    return values


def _tax_code(dice: random.Random, last: str, first: str, number: int) -> str:
    letters = (_plain(last)[:3] + _plain(first)[:3]).upper().ljust(6, "X")
    return f"{letters}{number % 100:02}A{dice.randrange(1, 29):02}H{number % 1000:03}Z"


def _plain(name: str) -> str:
    decomposed = unicodedata.normalize("NFKD", name.lower())
    return "".join(letter for letter in decomposed if letter.isascii() and letter.isalpha())


def fill(database: Path, count: int) -> None:
    """Add ``count`` clients to a database that has CTM's tables; the index of words comes last."""
    marks = ", ".join("?" * len(COLUMNS))
    statement = f"INSERT INTO clients ({', '.join(COLUMNS)}) VALUES ({marks})"
    connection = sqlite3.connect(database)
    made = rows(count)
    with connection:
        triggers = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'clients'"
        ).fetchall()
        for name, _sql in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        while chunk := list(islice(made, CHUNK)):
            connection.executemany(statement, chunk)
        connection.execute("INSERT INTO client_search (client_search) VALUES ('rebuild')")
        for _name, sql in triggers:
            connection.execute(sql)
    connection.execute("ANALYZE")
    connection.close()
