"""Tokens can be read only as they were made."""

import hmac
import string
from base64 import urlsafe_b64encode

import pytest

from ctm.mailing.tracking.tokens import TOKEN_LENGTH, make_token, read_token

KEY = b"k" * 44


@pytest.mark.parametrize("number", [1, 2, 255, 256, 987_654_321, 2**48 - 1])
def test_it_reads_what_it_made(number: int) -> None:
    token = make_token(KEY, number)

    assert len(token) == TOKEN_LENGTH == 24
    assert set(token) <= set(string.ascii_letters + string.digits + "-_")
    assert read_token(KEY, token) == number


def test_a_token_of_another_key_is_refused() -> None:
    assert read_token(b"other", make_token(KEY, 7)) is None


def test_changing_any_character_breaks_it() -> None:
    token = make_token(KEY, 7)

    for place, character in enumerate(token):
        forged = token[:place] + ("A" if character != "A" else "B") + token[place + 1 :]
        assert read_token(KEY, forged) is None


def test_the_signature_of_one_message_does_not_open_another() -> None:
    seven, eight = make_token(KEY, 7), make_token(KEY, 8)

    assert read_token(KEY, eight[:8] + seven[8:]) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "7",
        "A" * 23,
        "A" * 25,
        "A" * 24,
        "=" * 24,
        "é" * 24,
        "../../../../etc/passwd__",
        "٣" * 24,
        make_token(KEY, 7) + "\n",
        " " + make_token(KEY, 7),
        make_token(KEY, 7) + "==",
    ],
)
def test_it_refuses_what_is_no_token(text: str) -> None:
    assert read_token(KEY, text) is None


@pytest.mark.parametrize("key", [b"k", KEY, b"long" * 40])
def test_it_is_signed_by_the_hmac_of_the_key_and_the_number(key: bytes) -> None:
    for number in (7, 8, 7):
        signed = number.to_bytes(6, "big")
        mac = hmac.digest(key, b"ctm tracking v1:" + signed, "sha256")[:12]
        assert make_token(key, number) == urlsafe_b64encode(signed + mac).decode()
