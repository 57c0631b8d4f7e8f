"""What was made of a text is kept for the next recipient who has the same."""

from collections.abc import Callable
from typing import TypeVar

Made = TypeVar("Made")

MOST = 500
LONGEST = 100


class Memory(dict[str, Made]):
    """Recent texts and what ``make`` makes of each: first names, cities and greetings come again.

    ``memory[text]`` always has an answer. It holds at most :data:`MOST` texts of at most
    :data:`LONGEST` characters.
    """

    def __init__(self, make: Callable[[str], Made]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, text: str) -> Made:
        made = self._make(text)
        if len(text) <= LONGEST:
            if len(self) >= MOST:
                self.clear()
            self[text] = made
        return made
