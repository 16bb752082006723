"""Follows the gateway and the simulator: what the head of the page shows, and the ledger's rows."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local.console.gateway import Gateway
from local.console.inbox import Inbox
from local.console.ledger import Ledger, Row
from local.console.words import blamed, money, rate, why
from local.simulator import Simulator
from local.simulator.books import Books

_INTERVAL_SECONDS = 0.5
_QUIET_SECONDS = 2.0  # while nobody asks, and the simulator has no news
_SHARE = 4  # looking takes at most a fifth of the time
STATES = ("scheduled", "queued", "sending", "sent", "failed", "unknown", "canceled")


class Watch:
    """Looks twice a second while somebody asks, and else in quiet moments, so as not to be behind.

    A crowd that nobody looks at is read when it is over: reading takes from its speed.
    `panels` are what is shown beside the pipeline, each by its name; None: there is nothing.
    """

    def __init__(
        self,
        gateway: Gateway,
        simulator: Simulator | None,
        alarms: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        """Read nothing before `start` or the first question."""
        self.ledger = Ledger()
        self.inbox = Inbox(Books() if simulator is None else simulator.provider.books)
        self.panels: dict[str, Callable[[], Any]] = {
            "inbox": lambda: None if simulator is None else self.inbox.books.counts,
            "mails": lambda: {"changes": self._changes, "total": self.ledger.counts().total()},
        }
        self.stopping = threading.Event()
        self._gateway = gateway
        self._alarms = alarms
        self._news = threading.Event()
        self._looking = threading.Lock()
        self._pipeline: dict[str, Any] = {}
        self._changes = 0
        self._stale_at = float("-inf")
        self._thread = threading.Thread(target=self._run, name="console-watch", daemon=True)
        if simulator is not None:
            simulator.observe(lambda _: self._news.set())

    def start(self) -> None:
        """Watch in the background."""
        self._thread.start()

    def stop(self) -> None:
        """Watch no more; open pages see it."""
        self.stopping.set()
        self._thread.join(5)

    def poke(self) -> None:
        """Look at the next question, after a change."""
        self._stale_at = float("-inf")

    def latest(self, *, fresh: bool = False) -> dict[str, Any]:
        """Return `pipeline` and the panels; look again if the last time is long ago, or `fresh`."""
        with self._looking:
            begin = time.monotonic()
            if fresh or begin > self._stale_at:
                self._look()
                now = time.monotonic()
                self._stale_at = now + max(_INTERVAL_SECONDS, _SHARE * (now - begin))
            panels = {name: show() for name, show in self.panels.items()}
            return {"pipeline": self._pipeline, **panels}

    def _run(self) -> None:
        while not self.stopping.wait(_QUIET_SECONDS):
            if not self._news.is_set():
                self.latest()
            self._news.clear()

    def _look(self) -> None:
        try:
            self._changes += self.ledger.take(self._gateway.changes())
            self._pipeline = self._read()
        except (BotoCoreError, ClientError, OSError) as error:
            self._pipeline = self._pipeline | {"error": type(error).__name__}

    def _read(self) -> dict[str, Any]:
        special = self.ledger.special
        pause = special.get("#pause", {})
        counts = self.ledger.counts()
        return {
            "error": None,
            "queue": self._gateway.queue(),
            "failed_queue": self._gateway.failed_queue(),
            "intake": self._gateway.intake(),
            "alarms": list(self._alarms()),
            "states": {state: counts[state] for state in STATES},
            "total": counts.total(),
            "money": money(special.get("#money", {})),
            "rate": rate(pause, time.time()),
            "blamed": blamed(pause),
            "pause": _pause(pause),
            "up": special.get("#provider", {}).get("up"),
        }


def _pause(item: Row) -> dict[str, Any]:
    told = ("paused", "detail", "by", "since", "next_probe", "probes")
    return {**{name: item.get(name) for name in told}, "why": why(item.get("reason"))}
