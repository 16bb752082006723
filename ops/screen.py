"""What the command line shows: a table for people, or JSON for programs."""

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import click
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from ops.errors import OpsError

_WIDE: Final = 200


class Screen:
    """Standard output for results, standard error for questions and failures."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        # Into a file or a pipe nothing is cut or wrapped.
        self.console = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDE)
        self.notes = Console(
            stderr=True, highlight=False, width=None if sys.stderr.isatty() else _WIDE
        )

    def show(self, data: object, *parts: RenderableType) -> None:
        """Show a result: `data` as JSON, or `parts` for people."""
        if self.as_json:
            click.echo(json.dumps(data, ensure_ascii=False, default=str))
            return
        for part in parts:
            self.console.print(part)

    def note(self, text: str) -> None:
        """Say something on the side; nothing with JSON."""
        if not self.as_json:
            self.notes.print(Text(text))

    def failed(self, error: OpsError) -> None:
        """Say what went wrong and what to do."""
        if self.as_json:
            click.echo(json.dumps({"error": str(error), "remedy": error.remedy}), err=True)
            return
        self.notes.print(Text(f"Error: {error}", style="bold red"))
        if error.remedy:
            self.notes.print(Text(f"  {error.remedy}"))

    def confirm(self, question: str, *, yes: bool) -> None:
        """Ask before something is done; `yes` answers beforehand.

        Raises:
            OpsError: there is nobody to ask.

        """
        if yes:
            return
        if self.as_json or not sys.stdin.isatty():
            raise OpsError(f"not done without an answer to: {question}", "add --yes")
        click.confirm(question, abort=True, err=True)


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], title: str = "") -> Table:
    """Make a table of texts; None is shown as a dash."""
    made = Table(title=title or None, title_justify="left", box=None, pad_edge=False)
    for column in columns:
        made.add_column(column, overflow="fold")
    for row in rows:
        made.add_row(*(_cell(value) for value in row))
    return made


def facts(values: dict[str, object]) -> Table:
    """Make a table of names and values."""
    made = Table.grid(padding=(0, 2))
    for name, value in values.items():
        made.add_row(Text(name, style="dim"), _cell(value))
    return made


def ago(seconds: float) -> str:
    """Return a length of time for people, in its largest unit."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if abs(seconds) >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def clock(epoch: float) -> str:
    """Return a moment in UTC, to the second."""
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def _cell(value: Any) -> RenderableType:  # noqa: ANN401  anything that has a text
    if isinstance(value, Text):
        return value
    return Text("-" if value in (None, "") else str(value))
