"""Which machines CTM connects to, however their address is written."""

import pytest

from ctm.accounts.addresses import check_host, clean_host, clean_port, resolve_public
from ctm.errors import InvalidInput, Unavailable

pytestmark = [pytest.mark.usefixtures("app"), pytest.mark.one_database]

PRIVATE = [
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f.1",
    "0177.0.0.1",
    "10.0.0.1",
    "172.16.3.4",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "::1",
    "[::1]",
    "::ffff:10.0.0.1",
    "::ffff:127.0.0.1",
    "fe80::1",
    "fd00::1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
    "localhost",
]


@pytest.mark.parametrize("host", PRIVATE)
def test_private_addresses_are_refused(host: str) -> None:
    with pytest.raises(InvalidInput, match="private network"):
        resolve_public(host, 25, allow_private=False)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "224.0.0.1", "ff02::1"])
def test_nobody_answers_there_even_if_private_ones_are_allowed(host: str) -> None:
    with pytest.raises(InvalidInput):
        resolve_public(host, 25, allow_private=True)


@pytest.mark.parametrize("host", [each for each in PRIVATE if each != "localhost"])
def test_a_private_address_is_refused_when_typed(host: str) -> None:
    with pytest.raises(InvalidInput):
        check_host(clean_host(host), allow_private=False)


def test_private_addresses_may_be_allowed() -> None:
    assert resolve_public("127.1", 2525, allow_private=True) == [("127.0.0.1", 2525)]


def test_public_addresses_are_given_as_they_are() -> None:
    assert resolve_public("8.8.8.8", 465, allow_private=False) == [("8.8.8.8", 465)]


def test_an_unknown_name_is_told() -> None:
    with pytest.raises((InvalidInput, Unavailable), match="no-such-host"):
        resolve_public("no-such-host.invalid", 465, allow_private=False)


@pytest.mark.parametrize(
    "host",
    ["", " ", "a b", "http://smtp.example.com", "smtp.example.com:465", "-x", "a\r\nb", "x" * 300],
)
def test_what_is_no_server_name_is_refused(host: str) -> None:
    with pytest.raises(InvalidInput):
        clean_host(host)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (" SMTP.Example.COM. ", "smtp.example.com"),
        ("pösta.example", "xn--psta-5qa.example"),
        ("[2001:db8::1]", "2001:db8::1"),
    ],
)
def test_server_names_are_kept_in_one_form(typed: str, kept: str) -> None:
    assert clean_host(typed) == kept


@pytest.mark.parametrize("port", ["", "0", "65536", "-1", "25a", "٢٥", "1e3", None, "9" * 40])
def test_what_is_no_port_is_refused(port: object) -> None:
    with pytest.raises(InvalidInput):
        clean_port(port)
