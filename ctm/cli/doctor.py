"""``doctor``: look the installation over."""

import sys

import click
from flask.cli import with_appcontext

from ctm.cli.output import answer, command
from ctm.doctor import AREAS, PROBLEM, Check, examine, worst


@click.command("doctor")
@click.option("--no-network", is_flag=True, help="Ask no mail server, no DNS, no public address.")
@command
@with_appcontext
def doctor(no_network: bool, as_json: bool) -> None:
    """Look everything over; what it means and what to do. Exit status 1 at a problem."""
    checks = examine(with_network=not no_network)
    level = worst(checks)
    answer(
        as_json,
        "\n".join(_lines(checks)),
        level=level,
        checks=[check.to_dict() for check in checks],
    )
    if level == PROBLEM:
        sys.exit(1)


def _lines(checks: list[Check]) -> list[str]:
    lines = []
    area = ""
    for check in checks:
        if check.area != area:
            area = check.area
            lines.append(str(AREAS[area]))
        lines.append(f"  {check.level:8}{check.says}")
        lines += [f"          {check.next}"] if check.next else []
    return lines
