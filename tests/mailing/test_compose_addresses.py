"""E-mail addresses, checked."""

import pytest

from ctm.mailing.compose import (
    AddressError,
    ComposeError,
    check_address,
    header_address,
    needs_utf8,
)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("Mario.Rossi@Example.IT", "Mario.Rossi@example.it"),
        ("  a@b.it \n", "a@b.it"),
        ("a+b@example.co.uk", "a+b@example.co.uk"),
        ("o'neil@example.it", "o'neil@example.it"),
        ("zoé@città.it", "zoé@città.it"),
        ("a@xn--citt-3na.it", "a@città.it"),
        ("a@posta.test", "a@posta.test"),
        ("a@mail.example", "a@mail.example"),
        ("root@localhost", "root@localhost"),
        ("用户@例子.公司", "用户@例子.公司"),
    ],
)
def test_addresses_are_kept_in_one_form(given: str, kept: str) -> None:
    assert check_address(given) == kept
    assert check_address(kept) == kept


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("mario", "missing"),
        ("mario rossi@x.it", "space"),
        ("a@b.it, c@d.it", "space"),
        ("a@b.it;c@d.it", "one only"),
        ("a@@b.it", "twice"),
        ("a@b@c.it", "twice"),
        ("mario@gmail", "domain is incomplete"),
        ("@x.it", "not an e-mail"),
        ("a@", "domain is incomplete"),
        (".a@x.it", "not an e-mail"),
        ("a..b@x.it", "not an e-mail"),
        ("a@-x.it", "not an e-mail"),
        ("a@x..it", "not an e-mail"),
        ("a@[127.0.0.1]", "not an e-mail"),
        ('"a b"@x.it', "space"),
        ("Mario <a@b.it>", "space"),
        ("a@b.it\r\nBcc: c@d.it", "space"),
        ("a\0@b.it", "not an e-mail"),
        ("a\ud800@b.it", "not an e-mail"),
        ("x" * 65 + "@x.it", "not an e-mail"),
        ("a@" + "x." * 140 + "it", "too long"),
    ],
)
def test_what_is_no_address_is_refused_with_a_reason(address: str, words: str) -> None:
    with pytest.raises(AddressError) as caught:
        check_address(address)
    assert words in caught.value.message
    assert caught.value.message.isprintable()


def test_the_domain_goes_out_in_ascii() -> None:
    assert header_address("a@città.it") == "a@xn--citt-3na.it"
    assert header_address("A.b@Example.it") == "A.b@Example.it"
    assert header_address("zoé@x.it") == "zoé@x.it"
    assert needs_utf8("zoé@x.it")
    assert not needs_utf8("a@città.it")


@pytest.mark.parametrize(
    "address", ["a", "a@", "@b.it", "a@b.it\n", "a@b.it>", "a b@c.it", "é@a b.it"]
)
def test_nothing_else_goes_into_a_header(address: str) -> None:
    with pytest.raises(ComposeError):
        header_address(address)
