"""The story on a terminal: live where there is one, line by line where there is none."""

import io
import re
import time
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from local.console.watch import Snapshot
from local.demo.books import Books

COLOURS = {
    "sent": "green",
    "queued": "blue",
    "sending": "magenta",
    "scheduled": "cyan",
    "failed": "red",
    "unknown": "yellow",
    "canceled": "bright_black",
}
_BAR = 60
_WIDTH = 100
_FACES = re.compile(r"@font-face\s*\{.*?\}\s*", re.DOTALL)


class Screen:
    """Shows the story; use it as a context manager."""

    def __init__(self, console: Console) -> None:
        """Draw on this console."""
        self._console = console
        self._begin = time.monotonic()
        self._acts: list[tuple[str, str, list[str]]] = []
        self._seen: Snapshot | None = None
        self._live = Live(
            console=console, auto_refresh=False, get_renderable=self.frame, transient=True
        )

    def act(self, title: str, text: str) -> None:
        """Begin an act."""
        self._acts.append((title, text, []))
        self._tell(title, text)

    def note(self, text: str) -> None:
        """Show the result so far."""
        self._acts[-1][2].append(text)
        self._tell("", text)

    def look(self, seen: Snapshot) -> None:
        """Show the numbers as they are now."""
        self._seen = seen
        if self._console.is_terminal:
            self._live.refresh()

    def close(self, books: Books) -> None:
        """Leave the last picture standing, and the books under it."""
        self._live.stop()
        if self._console.is_terminal:
            self._console.print(self.frame())
        self._console.print(sheet(books))

    def frame(self) -> RenderableType:
        """Return the whole picture."""
        parts: list[RenderableType] = [self._story()]
        if self._seen is not None:
            parts += [_pipeline(self._seen), _states(self._seen)]
        seconds = time.monotonic() - self._begin
        title = f"[bold]Taqnyat mail gateway[/bold]  [dim]on this machine · {seconds:.0f} s[/dim]"
        return Panel(
            Group(*parts), title=title, title_align="left", border_style="dim", padding=(1, 2)
        )

    def picture(self, path: Path, below: RenderableType = "") -> None:
        """Write the picture as it is now as an SVG that loads nothing."""
        paper = Console(width=_WIDTH, record=True, file=io.StringIO(), force_terminal=True)
        paper.print(Group(self.frame(), below))
        path.write_text(paper_to_svg(paper, "make demo"), encoding="utf-8")

    def _story(self) -> RenderableType:
        table = Table.grid(padding=(0, 2))
        table.add_column(width=1)
        table.add_column(width=28)
        table.add_column()
        for number, (title, text, notes) in enumerate(self._acts, 1):
            now = number == len(self._acts)
            said = Text("\n").join([Text(text, style="" if now else "dim"), *map(_arrow, notes)])
            mark = Text("▸", style="bold") if now else Text("✓", style="green")
            table.add_row(mark, Text(title, style="bold" if now else ""), said)
        return table

    def _tell(self, title: str, text: str) -> None:
        if self._console.is_terminal:
            self._live.refresh()
        else:
            seconds = time.monotonic() - self._begin
            head = f"{title}: " if title else "  -> "
            self._console.print(f"{seconds:6.1f} s  {head}{text}", highlight=False, soft_wrap=True)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.stop()
        if error is not None:
            self._console.print(self.frame())


def paper_to_svg(paper: Console, title: str) -> str:
    """Return what a recording console was given, as an SVG that loads no font from anywhere."""
    svg = _FACES.sub("", paper.export_svg(title=title))
    return re.sub(r"[ \t]+\n", "\n", svg)


def sheet(books: Books) -> RenderableType:
    """Return the books as they are printed."""
    good = not books.wrong
    lines = [Text(books.line, style="bold green" if good else "bold red")]
    again = f", {books.resent} of them sent again by a person" if books.resent else ""
    lines.append(Text(f"Taqnyat took {books.taken} mails{again}; the ledger knows each.", "dim"))
    lines += [Text(f"! {wrong}", style="red") for wrong in books.wrong]
    title = "The books balance" if good else "THE BOOKS DO NOT BALANCE"
    return Panel(
        Text("\n").join(lines),
        title=title,
        title_align="left",
        padding=(0, 2),
        border_style="green" if good else "red",
    )


def _arrow(note: str) -> Text:
    return Text(f"→ {note}", style="green")


def _pipeline(seen: Snapshot) -> RenderableType:
    pipeline, inbox = seen.pipeline, seen.panels["inbox"] or {"accepted": 0}
    queue, pause = pipeline["queue"], pipeline["pause"]
    table = Table(box=None, padding=(0, 3, 0, 0), header_style="dim", show_edge=False)
    for name in ("accepted", "mail queue", "in flight", "worker", "at Taqnyat", "failed queue"):
        table.add_column(name, justify="right")
    worker = "[red]stopped[/red]" if pipeline["intake"] == "Disabled" else "reading"
    failed = pipeline["failed_queue"]
    table.add_row(
        str(pipeline["total"]),
        str(queue["visible"] + queue["delayed"]),
        str(queue["in_flight"]),
        worker,
        str(inbox["accepted"]),
        f"[yellow]{failed}[/yellow]" if failed else "0",
    )
    if not pause["paused"]:
        return Group("", table, Text("\nsending is active", style="green"))
    left = _seconds_until(pause["next_probe"])
    probe = "probing now" if left <= 0 else f"next probe in {left:.0f} s"
    return Group("", table, Text(f"\nPAUSED: {pause['why']}; {probe}", style="bold yellow"))


def _states(seen: Snapshot) -> RenderableType:
    states, total = seen.pipeline["states"], max(1, seen.pipeline["total"])
    bar, told = Text("\n"), Text()
    for state, colour in COLOURS.items():
        if states[state]:
            bar.append("█" * max(1, round(_BAR * states[state] / total)), style=colour)
            told.append(f"■ {state} {states[state]}   ", style=colour)
    return Group(bar, told)


def _seconds_until(moment: str | None) -> float:
    if moment is None:
        return 0.0
    return (datetime.fromisoformat(moment) - datetime.now(UTC)).total_seconds()
