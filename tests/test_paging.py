"""Pages by keys: every row once, in both directions, whatever comes or goes in between."""

import base64
import json
from datetime import datetime, timedelta

import pytest
from flask import Flask

from ctm import paging
from ctm.errors import InvalidInput
from ctm.extensions import db
from ctm.models import Campaign, Client
from ctm.paging import Order
from tests import factories

BY_CITY = Order((Client.city, Client.id))
BY_END = Order((Campaign.finished_at, Campaign.id))
START = datetime(2026, 11, 1)


@pytest.fixture
def clients(app: Flask) -> list[int]:
    """Nine clients, three to a city."""
    return [factories.customer(city=f"City {number % 3}").id for number in range(9)]


def turn(order: Order, place: str | None = "", size: int = 2) -> paging.Page:  # type: ignore[type-arg]
    query = db.select(order.columns[-1], *order.columns)
    return paging.pick(query, order, paging.read_place(place or "", order), size)


def walk(order: Order, size: int = 2) -> list[int]:
    """All ids, page after page; then back again, which must give the same."""
    page = turn(order, size=size)
    assert page.previous is None
    forth = [row[0] for row in page.rows]
    while page.next:
        page = turn(order, page.next, size)
        forth += [row[0] for row in page.rows]
    back = [row[0] for row in page.rows]
    while page.previous:
        page = turn(order, page.previous, size)
        back = [row[0] for row in page.rows] + back
    assert back == forth
    return forth


@pytest.mark.parametrize("desc", [False, True])
@pytest.mark.parametrize("indexed", [False, True])
@pytest.mark.parametrize("size", [1, 3, 9, 50])
def test_rows_of_one_value_are_told_apart(
    clients: list[int], desc: bool, indexed: bool, size: int
) -> None:
    order = Order(BY_CITY.columns, desc, indexed)
    assert walk(order, size) == sorted(clients, key=lambda n: ((n - 1) % 3, n), reverse=desc)


@pytest.mark.parametrize("desc", [False, True])
def test_rows_without_a_value_come_last(app: Flask, desc: bool) -> None:
    ends = [START, None, START + timedelta(days=1), None, START]
    made = [factories.campaign(finished_at=at).id for at in ends]
    ended = [made[0], made[4], made[2]]
    without = [made[1], made[3]]
    expected = [*reversed(ended), *reversed(without)] if desc else [*ended, *without]
    assert walk(Order(BY_END.columns, desc)) == expected


def test_rows_that_go_between_two_pages_hide_no_others(clients: list[int]) -> None:
    page = turn(BY_CITY, size=3)
    gone = page.rows[-1][0]
    db.session.execute(db.delete(Client).where(Client.id == gone))
    after = turn(BY_CITY, page.next, 3)
    seen = {row[0] for row in [*page.rows, *after.rows, *turn(BY_CITY, after.next, 3).rows]}
    assert seen == set(clients)


def test_rows_that_come_between_two_pages_are_not_shown_twice(clients: list[int]) -> None:
    page = turn(BY_CITY, size=3)
    factories.customer(city="A new city before all")
    after = turn(BY_CITY, page.next, 3)
    assert not {row[0] for row in page.rows} & {row[0] for row in after.rows}
    assert after.previous is not None


def test_a_place_beyond_the_end_is_the_last_page(clients: list[int]) -> None:
    place = paging.write_place(["Z", 1], before=False)
    page = turn(BY_CITY, place, 2)
    assert [row[0] for row in page.rows] == [row[0] for row in turn(BY_CITY, "", 9).rows][-2:]
    assert page.next is None
    assert page.previous is not None


def test_a_place_before_the_beginning_is_the_first_page(clients: list[int]) -> None:
    page = turn(BY_CITY, paging.write_place(["", 1], before=True), 2)
    assert page.rows == turn(BY_CITY, "", 2).rows
    assert page.previous is None


def test_an_empty_list_has_one_empty_page(app: Flask) -> None:
    assert turn(BY_CITY) == paging.Page([], None, None)
    assert turn(BY_CITY, paging.write_place(["x", 3], before=True)).rows == []


def place_of(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


@pytest.mark.parametrize(
    "place",
    [
        "nonsense",
        "ÀÈÌ",
        "A" * 5000,
        place_of(["a"]),
        place_of(["c", ["Roma", 1]]),
        place_of(["a", ["Roma"]]),
        place_of(["a", ["Roma", 1, 2]]),
        place_of(["a", ["Roma", "1"]]),
        place_of(["a", ["Roma", True]]),
        place_of(["a", ["Roma", None]]),
        place_of(["a", ["Roma", 2**70]]),
        place_of(["a", [{"$ne": 1}, 1]]),
        place_of(["a", ["Roma\0", 1]]),
        place_of(["a", ["\ud800", 1]]),
        place_of({"a": 1}),
        place_of([[["a"]]]),
    ],
)
def test_a_place_that_cannot_be_read_is_refused(app: Flask, place: str) -> None:
    with pytest.raises(InvalidInput, match="no such page"):
        paging.read_place(place, BY_CITY)


def test_a_place_of_another_order_is_refused(app: Flask) -> None:
    place = paging.write_place([START, 7], before=True)
    assert paging.read_place(place, BY_END) == paging.Place((START, 7), before=True)
    with pytest.raises(InvalidInput):
        paging.read_place(place, Order((Client.id,)))
    with pytest.raises(InvalidInput):
        paging.read_place(place_of(["a", ["2026-11-01T00:00:00+01:00", 7]]), BY_END)
