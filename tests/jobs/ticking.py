"""A process with a scheduler whose one job notes when it begins and ends: started by tests.

``python -m tests.jobs.ticking NOTES BEAT LEASE``, settings in the environment.
"""

import os
import sys
import time

from app import create_app
from ctm.i18n import _l
from ctm.jobruns import Job
from jobs.scheduler import Scheduler


def main(notes: str, beat: str, lease: str) -> None:
    descriptor = os.open(notes, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def note(word: str) -> None:
        os.write(descriptor, f"{word} {os.getpid()} {time.monotonic():.3f}\n".encode())

    def work() -> None:
        note("begin")
        time.sleep(0.05)
        note("end")

    job = Job("tick", 0.1, work, _l("A test job"))
    Scheduler(create_app(), [job], beat=float(beat), lease=float(lease)).start()
    note("ready")
    time.sleep(120)


if __name__ == "__main__":
    main(*sys.argv[1:])
