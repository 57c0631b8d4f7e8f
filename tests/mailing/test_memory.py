"""What is remembered of recent values: the same bytes as made anew, and not too many."""

from datetime import datetime

from ctm.mailing.compose import CompiledMail, MailContent, compile_mail
from ctm.mailing.compose.memory import LONGEST, MOST, Memory
from tests.mailing.compose_helpers import CATALOGUE


def test_it_makes_once_and_forgets_when_it_is_full() -> None:
    asked: list[str] = []

    def make(text: str) -> bytes:
        asked.append(text)
        return text.encode()

    memory = Memory(make)
    assert [memory["a"], memory["b"], memory["a"]] == [b"a", b"b", b"a"]
    assert asked == ["a", "b"]
    for number in range(3 * MOST):
        assert memory[str(number)] == str(number).encode()
        assert len(memory) <= MOST


def test_a_long_text_is_made_but_not_kept() -> None:
    memory = Memory(len)
    assert memory["x" * (LONGEST + 1)] == LONGEST + 1
    assert not memory


def test_equal_numbers_and_words_are_not_taken_for_each_other() -> None:
    """1, 1.0 and True are equal as keys, and read differently."""
    content = MailContent("x", None, "x [clienti.nome]", "a@b.it")
    values = ("1", 1, 1.0, True, "1", "è", "è", None, "")
    shared = compile_mail(content, CATALOGUE)
    together = [body(shared, value) for value in values]
    assert together == [body(compile_mail(content, CATALOGUE), value) for value in values]
    assert len(set(together)) > 3


def body(mail: CompiledMail, name: object) -> bytes:
    data = mail.render(
        to_address="c@d.it",
        to_name="",
        values={"clienti.nome": name},
        token="t",
        message_id="<a@b.it>",
        date=datetime(2026, 1, 1),
    )
    return data.partition(b"\r\n\r\n")[2]
