"""Believable clients: names, addresses, fiscal codes and VAT numbers that check out."""

import unicodedata
from collections.abc import Iterator
from datetime import date, timedelta
from random import Random
from typing import Any

from stdnum import luhn
from stdnum.it import codicefiscale

from ctm.demo import data

MONTHS = "ABCDEHLMPRST"
VOWELS = "AEIOU"
PEOPLE, COMPANIES, PROSPECTS, SUPPLIERS = 345, 105, 40, 12
UNKNOWN_AT_HOST = 4


def clients(rng: Random, today: date) -> Iterator[dict[str, Any]]:
    """The values of every client, as ``ctm.clients`` takes them; ``contacts`` are a list."""
    taken: set[str] = set()
    plan = [
        *(("person", PEOPLE), ("company", COMPANIES), ("prospect", PROSPECTS)),
        ("supplier", SUPPLIERS),
    ]
    number = 0
    for kind, count in plan:
        for index in range(count):
            number += 1
            if kind in {"company", "supplier"} or (kind == "prospect" and index % 4 == 0):
                values = _company(rng, kind, taken)
            else:
                values = _person(rng, kind, today, taken)
            values["code"] = f"B{number:04d}"
            values["active"] = rng.random() > 0.03
            if rng.random() < 0.08:
                values["notes"] = rng.choice(data.NOTES)
            yield values


def _person(rng: Random, kind: str, today: date, taken: set[str]) -> dict[str, Any]:
    sex = rng.choice("MF")
    first = rng.choice(data.MEN if sex == "M" else data.WOMEN)
    last = rng.choice(data.SURNAMES)
    born = today - timedelta(days=rng.randint(20 * 365, 84 * 365))
    place, code = rng.choice(data.BIRTH_CITIES)
    addresses = _personal_addresses(rng, first, last, born, taken)
    return {
        "kind": kind,
        "title": rng.choice(("", "", "", "Dott." if sex == "M" else "Dott.ssa")),
        "first_name": first,
        "last_name": last,
        "sex": sex,
        "birth_date": born,
        "birth_place": place,
        "tax_code": fiscal_code(last, first, sex, born, code),
        "profession": _profession(rng, today.year - born.year),
        "mobile": f"3{rng.choice('2348')}{rng.randint(0, 9)} {rng.randint(1000000, 9999999)}",
        "phone": f"02 {rng.randint(2000000, 9999999)}" if rng.random() < 0.3 else "",
        "contacts": [],
        **_home(rng),
        **addresses,
    }


def _profession(rng: Random, age: int) -> str:
    if age > 67:
        return "Pensionato"
    return rng.choice([word for word in data.PROFESSIONS if word != "Pensionato"])


def _personal_addresses(
    rng: Random, first: str, last: str, born: date, taken: set[str]
) -> dict[str, str]:
    """None for a few, one for most, up to three for some."""
    found = {"email1": "", "email2": "", "email3": ""}
    if rng.random() < 0.04:
        return found
    local = f"{slug(first)}.{slug(last)}"
    found["email1"] = _free(f"{local}@{rng.choice(data.MAIL_DOMAINS)}", born.year, taken)
    if rng.random() < 0.28:
        short = f"{slug(first)[0]}.{slug(last)}"
        found["email2"] = _free(f"{short}@lavoro-{slug(last)}.example", born.year, taken)
        if rng.random() < 0.3:
            found["email3"] = _free(f"{slug(last)}{born:%y}@pec.example", born.year, taken)
    return found


def _company(rng: Random, kind: str, taken: set[str]) -> dict[str, Any]:
    last = rng.choice(data.SURNAMES)
    names = data.SUPPLIERS if kind == "supplier" else data.COMPANIES
    name = rng.choice(names).format(s=last, n=rng.choice(data.WOMEN))
    site = slug(name.split(" S.")[0])
    number = 1
    while f"info@{site}.example" in taken:
        number += 1
        site = f"{slug(name.split(' S.')[0])}{number}"
    found = {"email1": f"info@{site}.example", "email2": "", "email3": ""}
    taken.add(found["email1"])
    if rng.random() < 0.4:
        found["email2"] = f"amministrazione@{site}.example"
        if rng.random() < 0.3:
            found["email3"] = f"direzione@{site}.example"
    vat = vat_number(rng)
    return {
        "kind": kind,
        "company_name": name,
        "vat_number": vat,
        "tax_code": vat,
        "pec": f"{site}@pec.example",
        "website": f"https://www.{site}.example",
        "phone": f"02 {rng.randint(2000000, 9999999)}",
        "contacts": [_contact(rng, site) for _each in range(rng.choice((0, 1, 1, 2)))],
        **_home(rng),
        **found,
    }


def _contact(rng: Random, site: str) -> dict[str, str]:
    first, last = rng.choice(data.MEN + data.WOMEN), rng.choice(data.SURNAMES)
    return {
        "first_name": first,
        "last_name": last,
        "position": rng.choice(data.POSITIONS),
        "email": f"{slug(first)}.{slug(last)}@{site}.example",
        "mobile": f"33{rng.randint(0, 9)} {rng.randint(1000000, 9999999)}",
    }


def _home(rng: Random) -> dict[str, str]:
    city = rng.choices(data.CITIES, [row[4] for row in data.CITIES])[0]
    return {
        "street": f"{rng.choice(data.STREETS)}, {rng.randint(1, 140)}",
        "postcode": city[2],
        "city": city[0],
        "province": city[3],
        "country": "Italia",
    }


def _free(address: str, year: int, taken: set[str]) -> str:
    """The address, with a year or a number added if somebody has it."""
    local, domain = address.split("@")
    number, candidate = year, address
    while candidate in taken:
        candidate = f"{local}{number}@{domain}"
        number += 1
    taken.add(candidate)
    return candidate


def slug(text: str) -> str:
    """Letters and digits only, for addresses."""
    plain = unicodedata.normalize("NFKD", text.lower()).encode("ascii", "ignore").decode()
    return "".join(c for c in plain if c.isalnum())


def fiscal_code(last: str, first: str, sex: str, born: date, place: str) -> str:
    """The codice fiscale (D.M. 23/12/1976) of a person born at the place with this code."""
    day = born.day + (40 if sex == "F" else 0)
    body = f"{_surname(last)}{_first_name(first)}{born:%y}{MONTHS[born.month - 1]}{day:02d}{place}"
    return body + str(codicefiscale.calc_check_digit(body))


def _letters(name: str) -> tuple[str, str]:
    plain = slug(name).upper()
    return "".join(c for c in plain if c not in VOWELS), "".join(c for c in plain if c in VOWELS)


def _surname(name: str) -> str:
    consonants, vowels = _letters(name)
    return (consonants + vowels + "XXX")[:3]


def _first_name(name: str) -> str:
    consonants, vowels = _letters(name)
    if len(consonants) > 3:
        return consonants[0] + consonants[2] + consonants[3]
    return (consonants + vowels + "XXX")[:3]


def vat_number(rng: Random) -> str:
    """An Italian VAT number of the office of Milan, with its check digit."""
    body = f"{rng.randint(100000, 9999999):07d}015"
    return body + str(luhn.calc_check_digit(body))
