"""Two people who set the office up at the same moment."""

import threading

from flask import Flask

from ctm import setup
from ctm.errors import Conflict
from ctm.extensions import db
from ctm.models import User


def test_only_one_of_two_becomes_the_administrator(app: Flask) -> None:
    together = threading.Barrier(4)
    outcomes: list[str] = []

    def set_up(number: int) -> None:
        with app.app_context():
            together.wait()
            try:
                setup.finish("Office", "en", "Boss", f"boss{number}@a.example", "correct horse 9")
                outcomes.append("made")
            except Conflict:
                outcomes.append("told")
            finally:
                db.session.remove()

    threads = [threading.Thread(target=set_up, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["made", "told", "told", "told"]
    assert db.session.query(User).count() == 1
