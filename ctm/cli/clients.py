"""``clients import FILE``."""

import csv
from pathlib import Path

import click
from flask.cli import AppGroup

from ctm.cli.output import answer, command
from ctm.clients import importing, mapping
from ctm.clients.importing import RowResult, Verdict
from ctm.tabular import open_table

clients = AppGroup("clients", help="The registry.")
SHOWN = 50


@clients.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--key", type=click.Choice(mapping.KEYS), help="Which column finds a client again.")
@click.option("--dry-run", is_flag=True, help="Say what would happen and change nothing.")
@click.option("--bad-rows", type=click.Path(dir_okay=False, path_type=Path), help="CSV for them.")
@command
def import_file(
    file: Path, key: str | None, dry_run: bool, bad_rows: Path | None, as_json: bool
) -> None:
    """Import clients from CSV or XLSX; the columns are recognised by their headers."""
    bad: list[RowResult] = []

    def note(result: RowResult) -> None:
        if result.verdict is Verdict.BAD:
            bad.append(result)

    report = importing.import_file(file, key or "", dry_run=dry_run, on_row=note)
    if bad_rows:
        _write_bad(bad_rows, open_table(file, file.name).headers, bad)
    counts = {verdict.value: report.counts.get(verdict, 0) for verdict in Verdict}
    words = ", ".join(f"{name}: {count}" for name, count in counts.items())
    lines = [f"line {each.line}: {'; '.join(each.reasons)}" for each in bad[:SHOWN]]
    if len(bad) > SHOWN:
        lines.append(f"… and {len(bad) - SHOWN} more")
    answer(
        as_json,
        "\n".join([words, *lines]),
        dry_run=dry_run,
        **counts,
        errors=[{"line": each.line, "reasons": each.reasons} for each in bad],
    )


def _write_bad(path: Path, headers: list[str], bad: list[RowResult]) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow([*headers, "reason"])
        for each in bad:
            writer.writerow([*each.cells[: len(headers)], "; ".join(each.reasons)])
