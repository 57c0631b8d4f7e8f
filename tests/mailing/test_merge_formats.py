"""Pictures of dates and amounts."""

from datetime import date, datetime, time
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctm.mailing.merge import PictureError
from ctm.mailing.merge.formats import amount_formatter, date_formatter, plain_number

WHEN = datetime(2020, 1, 5, 9, 7, 3)


@pytest.mark.parametrize(
    ("picture", "shown"),
    [
        ("dd/mm/YYYY", "05/01/2020"),
        ("mm-dd-YYYY", "01-05-2020"),
        ("d/m/yy", "5/1/20"),
        ("DD.MM.YYYY", "05.01.2020"),
        ("ddmmyyyy", "05012020"),
        ("dddd d mmmm yyyy", "domenica 5 gennaio 2020"),
        ("ddd dd mmm", "dom 05 gen"),
        ("dd/mm/yyyy alle hh:nn:ss", "05/01/2020 alle 09:07:03"),
        ("hh:mm", "09:07"),
        ("dd/mm hh.mm", "05/01 09.07"),
        ('d "d" mmmm', "5 d gennaio"),
        ("dd mmmm “yyyy”", "05 gennaio “2020”"),
    ],
)
def test_date_pictures(picture: str, shown: str) -> None:
    assert date_formatter(picture, "it")(WHEN) == shown


def test_names_follow_the_language() -> None:
    assert date_formatter("dddd mmmm", "en")(WHEN) == "Sunday January"
    assert date_formatter("mmmm", "it_IT")(WHEN) == "gennaio"
    assert date_formatter("mmmm", "en-GB")(WHEN) == "January"


def test_a_date_may_come_as_date_time_or_iso_text() -> None:
    show = date_formatter("dd/mm/yyyy hh:nn", "it")
    assert show(date(2020, 1, 5)) == "05/01/2020 00:00"
    assert show("2020-01-05T09:07:03") == "05/01/2020 09:07"
    assert show("2020-01-05") == "05/01/2020 00:00"
    assert date_formatter("hh:nn", "it")(time(8, 30)) == "08:30"


def test_text_that_is_no_date_is_shown_as_it_is() -> None:
    assert date_formatter("dd/mm/yyyy", "it")("da definire") == "da definire"


@pytest.mark.parametrize("picture", ["", "alle ore", "---", "ddddd", "yyy", "mmmmm", "d" * 101])
def test_a_picture_that_shows_no_date_is_refused(picture: str) -> None:
    with pytest.raises(PictureError):
        date_formatter(picture, "it")


@pytest.mark.parametrize(
    ("picture", "value", "shown"),
    [
        ("0.000,00 €", 1500, "1.500,00 €"),
        ("€ 0000.00", 1500, "€ 1500.00"),
        ("€ 0000.00", "12.5", "€ 12.50"),
        ("0,00", Decimal("1234567.891"), "1234567,89"),
        ("0.000", 1234567, "1.234.567"),
        ("0", 2.5, "3"),
        ("0 000,00", 1500, "1 500,00"),
        ("0'000.00 CHF", 1500, "1'500.00 CHF"),
        ("#.##0,00", 1500, "1.500,00"),
        ("0.000.000,00 EUR", 5, "5,00 EUR"),
        ("0,00 %", "7.125", "7,13 %"),
        ("0.000,00 €", -1234.5, "-1.234,50 €"),
        ("€ 0.000,00", -1234.5, "€ -1.234,50"),
        ("0,00", "-0.004", "0,00"),
        ("0,00", "1e3", "1000,00"),
    ],
)
def test_amount_pictures(picture: str, value: object, shown: str) -> None:
    assert amount_formatter(picture)(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"), [("2.675", "2,68"), (2.675, "2,68"), ("-2.675", "-2,68"), ("0.005", "0,01")]
)
def test_halves_round_away_from_zero(value: object, shown: str) -> None:
    assert amount_formatter("0,00")(value) == shown


@pytest.mark.parametrize("value", ["molto", float("nan"), float("inf"), "1e999999", True, None])
def test_what_is_no_number_is_shown_as_it_is(value: object) -> None:
    assert amount_formatter("0,00")(value) == str(value)


@pytest.mark.parametrize("picture", ["", "€", "abc", "0.00,00", "0,0,0", "0 e 0", "###", "0" * 101])
def test_a_picture_that_shows_no_amount_is_refused(picture: str) -> None:
    with pytest.raises(PictureError):
        amount_formatter(picture)


def test_zeros_pad_codes_but_not_money() -> None:
    assert amount_formatter("00000", pad=True)(42) == "00042"
    assert amount_formatter("00000")(42) == "42"


def test_plain_numbers_are_short() -> None:
    assert [plain_number(each) for each in (10, Decimal("10.50"), "1e2", "x")] == [
        "10",
        "10.5",
        "100",
        "x",
    ]


@given(st.decimals(min_value=-(10**12), max_value=10**12, places=2))
def test_an_amount_can_be_read_back(value: Decimal) -> None:
    shown = amount_formatter("0.000,00 €")(value)
    assert Decimal(shown.removesuffix(" €").replace(".", "").replace(",", ".")) == value
