"""Replies of mail servers, however the network cuts them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctm.mailing.engine.replies import LONGEST_LINE, MOST_LINES, BadReply, Reply, ReplyReader

WORDS = st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"]), max_size=30)
ENDS = st.sampled_from([b"\r\n", b"\n", b"\r\r\n"])


@st.composite
def replies(draw: st.DrawFn) -> tuple[bytes, Reply]:
    """A reply as a server writes it, and as it is meant."""
    code = draw(st.integers(200, 599))
    *first, last = draw(st.lists(WORDS, min_size=1, max_size=4))
    written = b"".join(f"{code}-{line}".encode() + draw(ENDS) for line in first)
    mark = " " if last else draw(st.sampled_from(["", " ", "\t"]))
    written += f"{code}{mark}{last}".encode() + draw(ENDS)
    return written, Reply(code, tuple(line.strip() for line in [*first, last]))


NONSENSE = st.sampled_from(
    [
        b"what a lovely day\r\n",
        b"999 no such code\r\n",
        b"199 no such code\r\n",
        b"\x16\x03\x01\r\n",
        b"\r\n",
        b"25\n",
        b"250x\r\n",
        "२५० digits of another script\r\n".encode(),
        b"250-one\r\n251 two\r\n",
        b"250-x\r\n" * (MOST_LINES + 1),
        b"250 " + b"x" * LONGEST_LINE + b"\r\n",
        b"250 " + b"x" * (LONGEST_LINE - 4) + b"\r\n",
        b"x" * (LONGEST_LINE + 1),
    ]
)


def read(pieces: list[bytes]) -> tuple[list[Reply], bool]:
    """The replies in what came in these pieces, and whether it ended in nonsense."""
    reader = ReplyReader()
    try:
        for piece in pieces:
            reader.feed(piece)
    except BadReply:
        return list(reader.replies), True
    return list(reader.replies), False


def cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({place % (len(data) + 1) for place in places})
    return [data[start:end] for start, end in zip([0, *ends], [*ends, len(data)], strict=True)]


PLACES = st.lists(st.integers(0, 20_000), max_size=12)


@given(st.lists(replies(), max_size=6), PLACES)
def test_replies_are_the_same_however_they_are_cut(
    written: list[tuple[bytes, Reply]], places: list[int]
) -> None:
    data = b"".join(each for each, _meant in written)
    meant = [each for _written, each in written]
    assert read(cut(data, places)) == (meant, False)
    assert read([bytes([each]) for each in data]) == (meant, False)


@given(st.lists(replies(), max_size=3), NONSENSE | st.binary(max_size=40), PLACES)
def test_nonsense_is_nonsense_however_it_is_cut(
    written: list[tuple[bytes, Reply]], nonsense: bytes, places: list[int]
) -> None:
    data = b"".join(each for each, _meant in written) + nonsense
    found, bad = read([data])
    assert found[: len(written)] == [each for _written, each in written]
    assert read(cut(data, places)) == (found, bad)


@pytest.mark.parametrize("ending", [b"\r\n", b"\n"])
def test_the_longest_line_is_the_same_in_one_piece_and_in_two(ending: bytes) -> None:
    for length in range(LONGEST_LINE - 3, LONGEST_LINE + 3):
        line = b"250 " + b"x" * (length - 4) + ending
        assert read([line]) == read([line[:-1], line[-1:]])
        assert read([line])[1] == (len(line) - 1 > LONGEST_LINE)


def test_nothing_of_before_starttls_counts_after_it() -> None:
    reader = ReplyReader()
    reader.feed(b"220 go ahead\r\n250 injected\r\n250-injected\r\n250 inj")
    assert list(reader.replies) == [Reply(220, ("go ahead",)), Reply(250, ("injected",))]
    reader.clear()
    reader.feed(b"250 mail.test\r\n")
    assert list(reader.replies) == [Reply(250, ("mail.test",))]
