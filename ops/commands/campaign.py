"""`campaign`: a mail for each row of a CSV file."""

import time
from collections import Counter
from pathlib import Path

import click
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from ops import runner
from ops.campaign import Campaign, Letterhead
from ops.commands.frame import on_a_stack, yes_option
from ops.errors import OpsError
from ops.runner import Result
from ops.screen import Screen, table
from ops.stack import Stack

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_SHOWN = 10
_LOOK_SECONDS = 1.0


@click.command("campaign")
@click.argument("file", metavar="FILE.csv", type=_FILE)
@click.option("--template", required=True, type=_FILE, help="Jinja2; .txt for plain text.")
@click.option("--from", "sender", required=True, help="Sender, one that Taqnyat has approved.")
@click.option("--subject", required=True, help="May use columns: 'Hello {{ name }}'.")
@click.option("--name", "campaign_name", help="Of the campaign.  [default: the file's name]")
@click.option("--key", help="Column that says which row it is.  [default: the whole row]")
@click.option(
    "--rate",
    type=click.FloatRange(0.01, 200),
    default=10.0,
    show_default=True,
    help="Mails a second.",
)
@click.option("--skip-invalid", is_flag=True, help="Send the valid rows although some are not.")
@click.option("--wait", type=click.FloatRange(0), default=0.0, help="Follow them, in seconds.")
@click.option("--report", "report_file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--dry-run", is_flag=True, help="Check every row, and send nothing.")
@yes_option
@on_a_stack
def command(  # noqa: PLR0913, PLR0917  one for each option
    stack: Stack,
    screen: Screen,
    file: Path,
    template: Path,
    sender: str,
    subject: str,
    campaign_name: str | None,
    key: str | None,
    report_file: Path | None,
    *,
    rate: float,
    skip_invalid: bool,
    wait: float,
    dry_run: bool,
    yes: bool,
) -> bool:
    """Send a mail for each row of FILE.csv, which has a column `to`.

    Run it again after a break, or to refresh the report: what was accepted once under this
    campaign's name is never sent again. Exit code 1 if a row is invalid or was not accepted.
    """
    name = campaign_name or file.stem
    letterhead = Letterhead(template, sender, subject, name)
    campaign = Campaign(name, file, letterhead, key)
    count, wrong = runner.check(campaign, stack)
    if wrong:
        view = table(("row", "error"), ((bad.row, bad.error) for bad in wrong[:_SHOWN]))
        if not screen.as_json:
            screen.notes.print(view)
        if not (skip_invalid or dry_run):
            raise OpsError(
                f"{len(wrong)} of {count} rows are not valid; nothing was sent",
                "correct them, or go on without them by --skip-invalid",
            )
    if dry_run:
        data = {"campaign": name, "rows": count, "invalid": len(wrong), "dry_run": True}
        screen.show(data, f"{count} rows, {len(wrong)} not valid; nothing was sent.")
        return bool(wrong)
    screen.confirm(
        f"Campaign {name}: send up to {count - len(wrong)} mails by {stack}, "
        f"{rate:g} a second? Those that were accepted before are passed over.",
        yes=yes,
    )
    results = _run(campaign, stack, screen, rate, count)
    results = _follow(results, stack, wait)
    path = report_file or file.with_suffix(".report.csv")
    runner.report(results, path)
    return _show(screen, name, results, path)


def _run(campaign: Campaign, stack: Stack, screen: Screen, rate: float, count: int) -> list[Result]:
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=screen.notes,
        disable=screen.as_json,
    ) as progress:
        bar = progress.add_task("accepting", total=count)
        return runner.run(campaign, stack, rate, lambda _: progress.advance(bar))


def _follow(results: list[Result], stack: Stack, seconds: float) -> list[Result]:
    end = time.monotonic() + seconds
    results = runner.outcomes(results, stack.ledger.get)
    while not all(map(runner.is_settled, results)) and time.monotonic() < end:
        time.sleep(_LOOK_SECONDS)
        results = runner.outcomes(results, stack.ledger.get)
    return results


def _show(screen: Screen, name: str, results: list[Result], path: Path) -> bool:
    by_result = Counter(result.result for result in results)
    by_state = Counter(result.state or "-" for result in results)
    screen.show(
        {
            "campaign": name,
            "rows": len(results),
            "results": dict(by_result),
            "states": dict(by_state),
            "report": str(path),
        },
        table(("result", "rows"), sorted(by_result.items())),
        table(("state", "rows"), sorted(by_state.items())),
        f"Report: {path}",
    )
    return any(result.result in {"invalid", "error", "changed"} for result in results)
