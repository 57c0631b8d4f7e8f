"""``campaigns create|recipients|start|pause|resume|stop|status``."""

from pathlib import Path

import click
from flask.cli import AppGroup

from ctm import counters
from ctm.campaigns import members, operations
from ctm.campaigns.definition import create_from_file
from ctm.cli.output import answer, command
from ctm.errors import InvalidInput
from ctm.i18n import _l
from ctm.mailing import control, returning

campaigns = AppGroup("campaigns", help="Campaigns.")
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@campaigns.command("create")
@click.option("--file", "file", type=_FILE, required=True, help="A TOML definition.")
@command
def create(file: Path, as_json: bool) -> None:
    """Create a campaign from a definition file."""
    campaign = create_from_file(file)
    answer(as_json, f"Campaign “{campaign.name}” created.", id=campaign.id, name=campaign.name)


@campaigns.command("recipients")
@click.argument("name")
@click.option("--all", "everybody", is_flag=True, help="All active clients.")
@click.option("--query", default="", help="All that match a search, as in the list's address.")
@click.option("--file", "file", type=_FILE, help="CSV or XLSX with e-mails, tax codes or codes.")
@command
def recipients(name: str, everybody: bool, query: str, file: Path | None, as_json: bool) -> None:
    """Put clients into a campaign; adding twice adds once."""
    if sum([everybody, bool(query), file is not None]) != 1:
        raise InvalidInput(_l("Say who: --all, --query or --file."))
    campaign = operations.by_name(name)
    unknown: list[tuple[int, str]] = []
    if file is not None:
        report = members.add_from_file(campaign, file, file.name)
        result, unknown = report.result, report.unknown
    else:
        result = members.add_all(campaign, query)
    words = f"{result.added} added, {result.already} were in it already."
    words += "".join(f"\nline {line}: no client has {value!r}" for line, value in unknown)
    answer(as_json, words, added=result.added, already=result.already, unknown=unknown)


@campaigns.command("start")
@click.argument("name")
@command
def start(name: str, as_json: bool) -> None:
    """Queue the mails and let them leave (a worker sends them)."""
    campaign = operations.by_name(name)
    control.start(campaign, wait=True)
    queued = counters.read(campaign.id).get("queued", 0)
    answer(as_json, f"Started: {queued} mails to send.", state=campaign.state, queued=queued)


@campaigns.command("pause")
@click.argument("name")
@command
def pause(name: str, as_json: bool) -> None:
    """Let no further mail begin."""
    campaign = operations.by_name(name)
    control.pause(campaign)
    answer(as_json, "Paused.", state=campaign.state)


@campaigns.command("resume")
@click.argument("name")
@command
def resume(name: str, as_json: bool) -> None:
    """Go on where it was paused."""
    campaign = operations.by_name(name)
    control.resume(campaign)
    answer(as_json, "Goes on.", state=campaign.state)


@campaigns.command("release")
@click.argument("name")
@command
def release(name: str, as_json: bool) -> None:
    """Let a campaign that came back from a backup send again."""
    campaign = operations.by_name(name)
    returning.release(campaign)
    answer(as_json, "Released; resume or start it.", state=campaign.state)


@campaigns.command("stop")
@click.argument("name")
@command
def stop(name: str, as_json: bool) -> None:
    """Cancel what has not left yet."""
    campaign = operations.by_name(name)
    cancelled = control.stop(campaign)
    answer(as_json, f"Stopped; {cancelled} mails cancelled.", cancelled=cancelled)


@campaigns.command("status")
@click.argument("name")
@command
def status(name: str, as_json: bool) -> None:
    """State and figures; before the start, the forecast."""
    campaign = operations.by_name(name)
    figures = {k: v for k, v in counters.read(campaign.id).items() if not k.startswith("status:")}
    lines = [f"{campaign.name}: {campaign.state}"]
    lines += [f"  {label}: {value}" for label, value in sorted(figures.items())]
    expected = None
    if campaign.state != "running":
        found = control.forecast(campaign)
        expected = {
            "will_go": found.will_go,
            "left_out": found.left_out,
            "last_at": found.last_at,
            "notes": found.notes,
        }
        lines.append(f"  a start would send {found.will_go}, last at {found.last_at or '–'} UTC")
        lines += [f"  left out, {reason}: {count}" for reason, count in found.left_out.items()]
        lines += [f"  note: {note}" for note in found.notes]
    answer(as_json, "\n".join(lines), state=campaign.state, counters=figures, forecast=expected)
