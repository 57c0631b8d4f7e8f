"""What the processes of a measurement cost: seconds of processor time, each by its name.

``idle`` is what the machine had left, ``others`` what went to work that is not ours.
"""

import os
from collections import Counter
from pathlib import Path

_NAMES = {
    "jobs.hits": "settler",
    "app.py": "web",
    "worker": "worker",
    "smtp-sink": "sink",
    "visitors.py": "visitors",
}
_TICK = os.sysconf("SC_CLK_TCK")


def used() -> Counter[str]:
    """Seconds used until now by the processes this one started, and theirs."""
    found: Counter[str] = Counter()
    for pid in _descendants(os.getpid()):
        try:
            arguments = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        last = [each.rpartition("/")[2] for each in arguments.split("\0")]
        name = next((name for part, name in _NAMES.items() if part in last), "other")
        found[name] += (int(fields[11]) + int(fields[12])) / _TICK
    times = [
        int(each) / _TICK for each in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    ]
    found["idle"] = times[3] + times[4]
    found["machine"] = sum(times[:8])
    return found


def _descendants(pid: int) -> list[int]:
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(entry.name)] = int(fields[1])
    found, look = [], [pid]
    while look:
        parent = look.pop()
        mine = [each for each, its in parents.items() if its == parent]
        found += mine
        look += mine
    return found


def shares(before: Counter[str], after: Counter[str], seconds: float) -> dict[str, float]:
    """How many cores each took in between; those of this program itself are left out."""
    took = {name: (after[name] - before[name]) / seconds for name in sorted(after)}
    machine, mine = took.pop("machine"), took.pop("other", 0.0)
    took["others"] = max(0.0, machine - mine - sum(took.values()))
    return {name: round(share, 2) for name, share in took.items()}
