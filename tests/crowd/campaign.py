"""A whole list of customers, live: two terminals at once, each interrupted; each person once."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.crowd.scenarios import Row, Run, Scenario
from tests.crowd.stand import MINUTE, Stand, stand

ROOT: Final = Path(__file__).parents[2]
_ROWS: Final = 50_000
_INTERRUPTED: Final = (0.25, 0.6)  # of the rows, when a terminal gets its Ctrl-C
_SECONDS: Final = 40.0
_STOPPED: Final = 130
_SLOWEST: Final = 4.0  # mails a second, on the busiest machine
_HEAD: Final = "to,name,code\n"


@dataclass(slots=True)
class Terminal:
    """One operator's terminal, which runs the same campaign as the other, again and again."""

    folder: Path
    stack_json: Path
    name: str
    rate: float
    process: subprocess.Popen[str] | None = None

    def begin(self) -> None:
        """Run the campaign."""
        paths = (ROOT, ROOT / "layers/taqnyat")
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "ops", "campaign", "customers.csv", *self._options()],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def interrupt(self) -> float:
        """Press Ctrl-C; return the seconds until it stopped. It must, in good order."""
        assert self.process is not None
        begin = time.monotonic()
        self.process.send_signal(signal.SIGINT)
        _, said = self.process.communicate(timeout=MINUTE)
        took = time.monotonic() - begin
        assert self.process.returncode == _STOPPED, said[-500:]
        report = (self.folder / f"{self.name}.csv").read_text("utf-8")
        assert "not_begun" in report, "the report says what is left"
        return took

    def end(self, seconds: float) -> dict[str, Any]:
        """Wait until it is through; return what it says."""
        assert self.process is not None
        told, said = self.process.communicate(timeout=seconds)
        assert self.process.returncode == 0, said[-500:]
        found: dict[str, Any] = json.loads(told)
        return found

    def kill(self) -> None:
        """End it, if it still runs."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.communicate()

    def _options(self) -> tuple[str, ...]:
        sent = ("--template", "mail.html", "--from", "shop@acme.sa", "--subject", "Hi {{ name }}")
        run = ("--rate", f"{self.rate:g}", "--report", f"{self.name}.csv", "--yes", "--json")
        return (*sent, *run, "--stack-json", str(self.stack_json))


def campaign(run: Run) -> list[Row]:
    """Send to each row of a sheet from two terminals, and interrupt each."""
    rows = run.mails(_ROWS)
    people: Counter[str] = Counter()

    def count(event: Mapping[str, Any]) -> None:
        if event["event"] == "mail":
            people[event["fields"]["to"]] += 1

    with stand() as crowd:
        crowd.simulator.provider.books.observe(count)
        folder = crowd.stack.folder.path
        lines = (f"person{n}@example.com,Nora {n},{n:06}\n" for n in range(rows))
        (folder / "customers.csv").write_text(_HEAD + "".join(lines), "utf-8")
        (folder / "mail.html").write_text("<p>{{ name }}, your code is {{ code }}</p>", "utf-8")
        crowd.stack.publish()
        at = crowd.stack.folder.stack_json
        rate = min(200.0, rows / _SECONDS)  # a small one must not be over before its Ctrl-C
        terminals = [Terminal(folder, at, name, rate) for name in ("first", "second")]
        patience = rows / _SLOWEST + 2 * MINUTE
        begin = time.monotonic()
        stopped = []
        with ExitStack() as running:
            for terminal in terminals:
                running.callback(terminal.kill)
                terminal.begin()
            for share, terminal in zip(_INTERRUPTED, terminals, strict=True):
                _reach(crowd, people, int(share * rows), patience)
                stopped.append(terminal.interrupt())
                terminal.begin()
            ends = [terminal.end(patience) for terminal in terminals]
        accepted = time.monotonic() - begin
        whole = crowd.until(lambda: people.total() >= rows, patience)
        took = time.monotonic() - begin
        crowd.until(lambda: _waiting(crowd) == 0, patience)
        terminals[0].begin()
        last = terminals[0].end(patience)
        states, twice = crowd.states(), sum(number > 1 for number in people.values())
    kept = (
        whole is not None
        and len(people) == rows == states["sent"]
        and not twice
        and max(stopped) <= 3  # with the report and the end of the process, on a busy machine
        and last["results"] == {"before": rows}
    )
    ended = "; ".join(", ".join(f"{n:,} {what}" for what, n in e["results"].items()) for e in ends)
    return [
        Row(
            f"a campaign of {rows:,} rows from two terminals at once, each interrupted",
            "went on for 1,650 mails after Ctrl-C, no report",
            "each person once; stopped within a second",
            f"{len(people):,} people, {twice} twice, {states['sent']:,} rows sent; stopped after "
            f"{' and '.join(f'{s:.1f} s' for s in stopped)}; accepted in {accepted:.0f} s "
            f"({ended}), sent in {took:.0f} s",
            kept,
        )
    ]


def _waiting(crowd: Stand) -> int:
    """Return how many messages the bulk queue has."""
    names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
    found = crowd.stack.client("sqs").get_queue_attributes(
        QueueUrl=crowd.stack.outputs["BulkQueueUrl"], AttributeNames=list(names)
    )["Attributes"]
    return sum(int(found[name]) for name in names)


def _reach(crowd: Stand, people: Counter[str], enough: int, patience: float) -> None:
    """Wait until about so many mails were accepted: sent, or waiting (some of them twice)."""
    reached = crowd.until(lambda: people.total() + _waiting(crowd) // 2 >= enough, patience)
    assert reached is not None, "the campaign gets on"


CAMPAIGN: dict[str, Scenario] = {"campaign": campaign}
