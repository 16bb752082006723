"""The story on a terminal: line by line, with the numbers as they are now below."""

import re
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from local.demo.books import Books

_FACES = re.compile(r"@font-face\s*\{.*?\}\s*", re.DOTALL)


class Screen:
    """Shows the story."""

    def __init__(self, console: Console) -> None:
        """Print on this console."""
        self._console = console
        self._begin = time.monotonic()
        self._now = console.status("", spinner_style="dim")

    def live(self) -> AbstractContextManager[object]:
        """Show the numbers below the lines; a console that records has the lines only."""
        return nullcontext() if self._console.record else self._now

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
        pipeline = seen["pipeline"]
        queue, pause = pipeline["queue"], pipeline["pause"]
        told = Text(
            f"{pipeline['total']} accepted · {queue['visible'] + queue['delayed']} waiting · "
            f"{queue['in_flight']} in flight · {seen['inbox']['accepted']} at Taqnyat · "
            f"{pipeline['failed_queue']} in the failed queue"
        )
        if pause["paused"]:
            left = (pause["next_probe"] or 0) - time.time()
            probe = "probing now" if left <= 0 else f"next probe in {left:.0f} s"
            told.append(f"\nPAUSED: {pause['why']}; {probe}", "bold yellow")
        self._now.update(told)

    def close(self, books: Books) -> None:
        """Show the books."""
        good = not books.wrong
        colour = "green" if good else "red"
        again = f", {books.resent} of them sent again by a person" if books.resent else ""
        lines = [
            Text(books.line, f"bold {colour}"),
            Text(f"Taqnyat took {books.taken} mails{again}; the ledger knows each.", "dim"),
            *(Text(f"! {wrong}", "red") for wrong in books.wrong),
        ]
        title = "The books balance" if good else "THE BOOKS DO NOT BALANCE"
        sheet = Panel(Text("\n").join(lines), title=title, title_align="left", border_style=colour)
        self._console.print(sheet)

    def save(self, path: Path) -> None:
        """Write what was recorded as an SVG that loads no font from anywhere."""
        svg = _FACES.sub("", self._console.export_svg(title="make demo"))
        path.write_text(re.sub(r"[ \t]+\n", "\n", svg), encoding="utf-8")
