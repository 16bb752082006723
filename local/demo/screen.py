"""The story on a terminal: line by line, with the numbers as they are now below."""

import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rich.console import Console, RenderableType
from rich.panel import Panel
from rich.text import Text

from local.demo.books import Books

_COLOURS = {
    "sent": "green",
    "queued": "blue",
    "sending": "magenta",
    "scheduled": "cyan",
    "failed": "red",
    "unknown": "yellow",
    "canceled": "bright_black",
}
_BAR = 60
_FACES = re.compile(r"@font-face\s*\{.*?\}\s*", re.DOTALL)


class Screen:
    """Shows the story; use it as a context manager. A console that records gets the lines only."""

    def __init__(self, console: Console) -> None:
        """Print on this console."""
        self._console = console
        self._begin = time.monotonic()
        self._now = console.status("", spinner_style="dim")

    def act(self, title: str, text: str) -> None:
        """Begin an act."""
        seconds = time.monotonic() - self._begin
        told = Text.assemble((f"{seconds:6.1f} s  ", "dim"), (f"{title}: ", "bold"), text)
        self._console.print(told, soft_wrap=True)

    def note(self, text: str) -> None:
        """Show the result so far."""
        self._console.print(Text(f"          → {text}", "green"), soft_wrap=True)

    def look(self, seen: Mapping[str, Any]) -> None:
        """Show the numbers as they are now."""
        self._now.update(_numbers(seen))

    def close(self, books: Books) -> None:
        """Show the books."""
        self._now.stop()
        for part in ("", _bar(books.states), _sheet(books)):
            self._console.print(part)

    def save(self, path: Path) -> None:
        """Write what was recorded as an SVG that loads no font from anywhere."""
        svg = _FACES.sub("", self._console.export_svg(title="make demo"))
        path.write_text(re.sub(r"[ \t]+\n", "\n", svg), encoding="utf-8")

    def __enter__(self) -> Self:
        if not self._console.record:
            self._now.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._now.stop()


def _numbers(seen: Mapping[str, Any]) -> Text:
    pipeline = seen["pipeline"]
    queue, pause = pipeline["queue"], pipeline["pause"]
    numbers = {
        "accepted": pipeline["total"],
        "waiting": queue["visible"] + queue["delayed"],
        "in flight": queue["in_flight"],
        "at Taqnyat": seen["inbox"]["accepted"],
        "in the failed queue": pipeline["failed_queue"],
    }
    told = Text(" · ".join(f"{number} {name}" for name, number in numbers.items()))
    if pause["paused"]:
        left = _seconds_until(pause["next_probe"])
        probe = "probing now" if left <= 0 else f"next probe in {left:.0f} s"
        told.append(f"\nPAUSED: {pause['why']}; {probe}", "bold yellow")
    return Text("\n").join([told, _bar(pipeline["states"])])


def _bar(states: Mapping[str, int]) -> Text:
    bar, names, total = Text(), Text(), max(1, sum(states.values()))
    for state, colour in _COLOURS.items():
        if states[state]:
            bar.append("█" * max(1, round(_BAR * states[state] / total)), colour)
            names.append(f"■ {state} {states[state]}   ", colour)
    return Text("\n").join([bar, names])


def _sheet(books: Books) -> RenderableType:
    good = not books.wrong
    lines = [Text(books.line, style="bold green" if good else "bold red")]
    again = f", {books.resent} of them sent again by a person" if books.resent else ""
    lines.append(Text(f"Taqnyat took {books.taken} mails{again}; the ledger knows each.", "dim"))
    lines += [Text(f"! {wrong}", style="red") for wrong in books.wrong]
    return Panel(
        Text("\n").join(lines),
        title="The books balance" if good else "THE BOOKS DO NOT BALANCE",
        title_align="left",
        border_style="green" if good else "red",
    )


def _seconds_until(moment: str | None) -> float:
    if moment is None:
        return 0.0
    return (datetime.fromisoformat(moment) - datetime.now(UTC)).total_seconds()
