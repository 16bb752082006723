"""`campaign`: a mail for each row of a spreadsheet."""

import time
import uuid
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from outbox.mail.lanes import LANES, Lane

from ops import past, runner, sending, sheet
from ops.campaign import Campaign, Line
from ops.commands.frame import on_a_stack, yes_option
from ops.commands.given import Amount, Word, from_input
from ops.errors import OpsError
from ops.interrupt import STOPPED, Stop, stoppable
from ops.letterhead import Letterhead
from ops.past import Past
from ops.report import Report, Result
from ops.runner import Checked
from ops.screen import Screen, ago, progress, table
from ops.stack import Stack

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_SHOWN = 10
_LOOK_SECONDS = 1.0
_TEST_SECONDS = 30.0
_BAD = {"invalid", "error", "changed", "not_begun"}


@click.command("campaign")
@click.argument("file", metavar="FILE.csv", type=_FILE)
@click.option("--template", required=True, type=_FILE, help="Jinja2; .txt for plain text.")
@click.option("--from", "sender", required=True, help="Sender, one that Taqnyat has approved.")
@click.option("--subject", required=True, help="May use columns: 'Hello {{ name }}'.")
@click.option(
    "--name",
    "campaign_name",
    type=Word(128),
    help="Name of the campaign.  [default: the file's name]",
)
@click.option(
    "--key", type=Word(1000), help="Column that identifies the row.  [default: the rendered mail]"
)
@click.option(
    "--encoding",
    type=Word(40),
    help="Encoding of the file, such as windows-1256.  [default: UTF-8 or UTF-16]",
)
@click.option(
    "--rate",
    type=Amount(0.01, 200),
    default=10.0,
    show_default=True,
    help="Mails a second.",
)
@click.option(
    "--priority",
    type=click.Choice(LANES),
    default=Lane.BULK,
    show_default=True,
    help="Lane of the mails.",
)
@click.option("--preview", type=int, metavar="ROW", help="Render a row into a file; send nothing.")
@click.option(
    "--test",
    "test_to",
    metavar="ADDRESS",
    help="Send one row's mail to this address (- asks for it).",
)
@click.option(
    "--again",
    is_flag=True,
    help="With --yes: also to addresses that got this campaign before with another text.",
)
@click.option(
    "--skip-invalid", is_flag=True, help="Send the valid rows although other rows are not valid."
)
@click.option(
    "--wait", type=Amount(0), default=0.0, help="Seconds to wait until the mails are sent."
)
@click.option("--report", "report_file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--dry-run", is_flag=True, help="Check every row; send nothing.")
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
    encoding: str | None,
    report_file: Path | None,
    preview: int | None,
    test_to: str | None,
    *,
    rate: float,
    priority: str,
    again: bool,
    skip_invalid: bool,
    wait: float,
    dry_run: bool,
    yes: bool,
) -> int:
    """Send a mail for each row of FILE.csv, which has a column `to`.

    The file is read once. Run the command again after an interruption, or to refresh the report: a
    mail that was accepted under this campaign's name is never sent again. Ctrl-C stops safely;
    press it twice to stop at once. Exit code 1 if a row is invalid or was not accepted, 130 after
    Ctrl-C.
    """
    name = campaign_name or file.stem
    letterhead = Letterhead(template, sender, subject, name)
    campaign = Campaign(name, sheet.read(file, encoding), letterhead, key, Lane(priority))
    notes = [*campaign.sheet.notes, *letterhead.warnings()]
    if preview is not None or test_to is not None:
        for note in notes:
            screen.note(f"Note: {note}.")
        return _try_one(stack, screen, campaign, file, preview, test_to, wait=wait, yes=yes)
    # Nothing is done yet: Ctrl-C ends it at once, also within a template.
    with stoppable() as stop, stop.thinking():
        checked = runner.check(campaign)
        known = past.look(stack, checked.lines, keyed=campaign.keyed, stop=stop)
        notes += _notes(checked, known)
        _show_faults(screen, checked)
        if checked.faults and not (skip_invalid or dry_run):
            raise OpsError(
                f"{len(checked.faults)} of {checked.rows:,} rows are not valid; nothing was sent",
                "correct them, or send the other rows with --skip-invalid",
            )
    again = again or not yes  # a person is asked, and told
    results = runner.begin(checked, known, again=again)
    counts = _counts(checked, known)
    if not again and known.again:
        notes.append(
            f"{len(known.again):,} row(s) have another text for an address that already got this "
            "campaign, and are not sent: --again sends them"
        )
    for note in notes:
        screen.note(f"Note: {note}.")
    if dry_run:
        data = {"campaign": name, **counts, "notes": notes, "dry_run": True}
        screen.show(data, f"{_sentence(counts)} Nothing was sent.")
        return bool(checked.faults)
    report = Report(report_file or file.with_suffix(".report.csv"), (file, template))
    lines = runner.unfinished(checked, known, again=again)
    try:
        if lines:
            screen.confirm(
                f"Campaign {name}: {_sentence(counts)} Send {len(lines):,} mail(s) by {stack}, "
                f"{rate:g} a second (about {ago(len(lines) / rate)})?",
                yes=yes,
            )
        return _Run(stack, screen, campaign, lines, results).go(report, rate, wait)
    finally:
        report.leave()


@dataclass(frozen=True, slots=True)
class _Run:
    """One run. `results` has the present result of each row, by its number."""

    stack: Stack
    screen: Screen
    campaign: Campaign
    lines: list[Line]
    results: dict[int, Result]

    def go(self, report: Report, rate: float, wait: float) -> int:
        """Send, follow and report; return the exit code."""
        with stoppable() as stop:
            try:
                self._accept(rate, stop)
                if not stop.asked:
                    self._follow(wait, stop)
            finally:
                # Also after an error or a second Ctrl-C: write the report.
                report.write(sorted(self.results.values(), key=lambda result: result.row))
        _show(self.screen, self.campaign.name, list(self.results.values()), report.path)
        if stop.asked:
            left = sum(result.result == "not_begun" for result in self.results.values())
            self.screen.note(
                f"Stopped: {len(self.lines) - left:,} of {len(self.lines):,} done; "
                "run it again for the rest, nothing is sent twice."
            )
            return STOPPED
        return any(result.result in _BAD for result in self.results.values())

    def _accept(self, rate: float, stop: Stop) -> None:
        errors = 0
        fields = "{task.fields[speed]:.0f}/s", "{task.fields[errors]} error(s)"
        with progress(self.screen, *fields) as bar:
            begun = time.monotonic()
            task = bar.add_task("accepting", total=len(self.lines), speed=0.0, errors=0)
            made = runner.run(self.campaign, self.stack, self.lines, rate, stop)
            for done, result in enumerate(made, 1):
                self.results[result.row] = result
                errors += result.result in {"error", "invalid"}
                speed = done / max(0.001, time.monotonic() - begun)
                bar.update(task, completed=done, speed=speed, errors=errors)

    def _follow(self, seconds: float, stop: Stop) -> None:
        end = time.monotonic() + seconds
        while True:
            looked = runner.outcomes(self.results.values(), self.stack, stop)
            self.results.update({result.row: result for result in looked})
            if all(map(runner.is_settled, looked)) or time.monotonic() >= end:
                return
            if stop.wait(_LOOK_SECONDS):
                return


def _try_one(
    stack: Stack,
    screen: Screen,
    campaign: Campaign,
    file: Path,
    preview: int | None,
    test_to: str | None,
    *,
    wait: float,
    yes: bool,
) -> int:
    if not campaign.sheet.rows:
        raise OpsError(f"{file.name} has no row")
    row = campaign.sheet.rows[0] if preview is None else campaign.row(preview)
    shown: dict[str, Any] = {"campaign": campaign.name, "row": row.number}
    if preview is not None:
        mail = campaign.mail(row)
        ending = "html" if mail.kind == "html" else "txt"
        path = file.with_name(f"{file.stem}.row-{row.number}.{ending}")
        try:
            path.write_text(mail.body, "utf-8")
        except OSError as error:
            raise OpsError(f"the preview cannot be written: {error.strerror}") from None
        shown |= {"preview": str(path), "subject": mail.subject}
        screen.note(f"Row {row.number} is in {path}; its subject: {mail.subject}")
    if test_to is None:
        screen.show(shown, "Nothing was sent.")
        return 0
    address = from_input(test_to, "Address")
    mail = campaign.mail(row, str(uuid.uuid4()), address)
    screen.confirm(f"Send row {row.number}'s mail to one address by {stack}?", yes=yes)
    sending.accept(stack, mail)
    settled = sending.follow(stack.ledger, mail.id, wait or _TEST_SECONDS)
    state = settled.state if settled else "unknown"
    screen.show(shown | {"id": mail.id, "state": state}, f"{mail.id}: {state}")
    return state != "sent"


def _show_faults(screen: Screen, checked: Checked) -> None:
    if checked.faults and not screen.as_json:
        shown = checked.faults[:_SHOWN]
        screen.notes.print(table(("row", "error"), ((bad.number, bad.error) for bad in shown)))
        if len(checked.faults) > _SHOWN:
            screen.note(f"and {len(checked.faults) - _SHOWN:,} more")


def _counts(checked: Checked, known: Past) -> dict[str, int]:
    return {
        "rows": checked.rows,
        "invalid": len(checked.faults),
        "duplicates": len(checked.repeats),
        "before": len(known.before) - len(known.changed),
        "changed": len(known.changed),
        "new": len(checked.lines) - len(known.before),
        "again": len(known.again),
    }


def _sentence(counts: dict[str, int]) -> str:
    """Show the counts of the rows, and what a second run must show before it asks."""
    parts = [f"{counts['before']:,} were accepted before"] if counts["before"] else []
    if counts["changed"]:
        parts.append(
            f"{counts['changed']:,} were accepted before with another text, and are not sent again"
        )
    if counts["invalid"]:
        parts.append(f"{counts['invalid']:,} are not valid")
    if counts["duplicates"]:
        parts.append(f"{counts['duplicates']:,} repeat an earlier row")
    parts.append(f"{counts['new']:,} are new")
    if counts["again"]:
        parts.append(f"{counts['again']:,} of them to an address that already got this campaign")
    return f"{counts['rows']:,} row(s): {', '.join(parts)}."


def _notes(checked: Checked, known: Past) -> list[str]:
    notes = []
    if checked.repeats:
        notes.append(
            f"{len(checked.repeats):,} row(s) are the same mail to the same address as an earlier "
            f"row, and are not sent: {_rows(repeat.number for repeat in checked.repeats)} "
            "(--key COLUMN tells such rows apart)"
        )
    if checked.shared:
        notes.append(f"{checked.shared:,} row(s) are another mail to an address of an earlier row")
    if known.changed:
        changed = [line.number for line in checked.lines if line.id in known.changed]
        notes.append(f"accepted before with another text, which stays: {_rows(changed)}")
    return notes


def _rows(numbers: Any) -> str:  # noqa: ANN401  any iterable of row numbers
    found = list(numbers)
    more = f" and {len(found) - _SHOWN:,} more" if len(found) > _SHOWN else ""
    return f"row {', '.join(map(str, found[:_SHOWN]))}{more}"


def _show(screen: Screen, name: str, results: list[Result], path: Path) -> None:
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
