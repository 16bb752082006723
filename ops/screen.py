"""The output of the command line: a table for people, or JSON for programs.

Much of it comes from other people: a producer's `from`, a name in a sheet. Characters that control
a terminal, or change how a line reads, are always shown as a replacement character.
"""

import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

import click
from rich.console import Console, ConsoleOptions, RenderableType
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from ops.errors import OpsError

_WIDE: Final = 200
# C0 and C1 but the ends of lines and the tab; line separators, embeddings, overrides and isolates
# of direction, which reach beyond the text that holds them; tags. Marks are good Arabic.
_STEERING: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e007f]"
)


def clean(text: str) -> str:
    """Return a text without characters that control a terminal."""
    return _STEERING.sub("\ufffd", text)


class _Clean(Console):
    """A console that cleans every text before it shows it."""

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Render it, cleaned; rich's own control segments pass."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=clean(segment.text))


class Screen:
    """Standard output for results, standard error for questions and failures."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        # Into a file or a pipe nothing is cut or wrapped.
        self.console = _Clean(highlight=False, width=None if sys.stdout.isatty() else _WIDE)
        self.notes = _Clean(
            stderr=True, highlight=False, width=None if sys.stderr.isatty() else _WIDE
        )

    def show(self, data: object, *parts: RenderableType) -> None:
        """Show a result: `data` as JSON, or `parts` for people.

        An object with a `summary()` in `data` is written as that; it is made only then.
        """
        if self.as_json:
            sys.stdout.writelines(_json(data))
            sys.stdout.write("\n")
            return
        for part in parts:
            # rich would read "[...]" in a str, such as a file's name, as markup.
            self.console.print(Text(part) if isinstance(part, str) else part)

    def note(self, text: str) -> None:
        """Print a note on standard error; nothing with JSON."""
        if not self.as_json:
            self.notes.print(Text(text))

    def warn(self, text: str) -> None:
        """Print an important note on standard error, with JSON too."""
        if self.as_json:
            click.echo("".join(_json({"warning": text})), err=True)
            return
        self.notes.print(Text(text, style="yellow"))

    @contextmanager
    def busy(self, text: str) -> Iterator[Callable[[int, int], None]]:
        """Show a progress bar; yield a function that gets the progress and the total."""
        with self.notes.status(Text(text)) as status:
            yield lambda done, total: status.update(Text(f"{text}: {done:,} of about {total:,}"))

    def failed(self, error: OpsError) -> None:
        """Print what went wrong and what to do."""
        if self.as_json:
            told = {"error": str(error), "remedy": error.remedy}
            click.echo("".join(_json(told)), err=True)
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
        click.confirm(clean(question), abort=True, err=True)


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


def progress(screen: Screen, *fields: str) -> Progress:
    """Make a bar on standard error, with counts, the time left, and `fields` of its task."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        MofNCompleteColumn(),
        *map(TextColumn, fields),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=screen.notes,
        disable=screen.as_json,
    )


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
    return Text("-" if value in (None, "") else clean(str(value)))


def _json(data: object) -> Iterator[str]:
    for piece in _ENCODER.iterencode(data):
        # Read as JSON it is the same.
        yield _STEERING.sub(lambda found: json.dumps(found[0])[1:-1], piece)


def _summary(value: Any) -> Any:  # noqa: ANN401  what JSON has no form of
    return value.summary() if hasattr(value, "summary") else str(value)


_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, default=_summary)
