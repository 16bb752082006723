"""Follows the gateway and the simulator, and sends changes to the open pages."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local.console.behaviour import Behaviour
from local.console.gateway import Gateway
from local.console.hub import Hub
from local.console.inbox import Inbox
from local.console.ledger import Ledger, Row
from local.console.words import blamed, money, rate, why
from local.simulator import Simulator

_INTERVAL_SECONDS = 0.5
_QUIET_SECONDS = 2.0  # while nobody looks
_BURST_SECONDS = 0.1
_SHARE = 4  # looking takes at most a fifth of the time
_MOST_NAMED = 100
STATES = ("scheduled", "queued", "sending", "sent", "failed", "unknown", "canceled")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What was seen last, as the page gets it."""

    pipeline: dict[str, Any] = field(default_factory=dict)
    panels: dict[str, Any] = field(default_factory=dict)


class Watch:
    """Reads twice a second while a page is open, and at once when the simulator has news.

    While none is open it reads in quiet moments, so that the first page finds little that is new.
    """

    def __init__(
        self,
        gateway: Gateway,
        simulator: Simulator | None,
        behaviour: Behaviour | None,
        alarms: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        """Read nothing before `start`."""
        self.hub = Hub()
        self.ledger = Ledger()
        self.inbox = None if simulator is None else Inbox(simulator.provider.books)
        # What is shown beside the pipeline, each by its name; None where there is nothing to show.
        self.panels: dict[str, Callable[[], Any]] = {
            "taqnyat": lambda: None if behaviour is None else behaviour.show(),
            "inbox": lambda: None if simulator is None else simulator.provider.books.counts,
        }
        self._gateway = gateway
        self._alarms = alarms
        self._news = threading.Event()
        self._stopping = threading.Event()
        self._looking = threading.Lock()
        self._seen = Snapshot()
        self._seen_at = float("-inf")
        self._thread = threading.Thread(target=self._run, name="console-watch", daemon=True)
        if simulator is not None:
            simulator.observe(lambda _: self._news.set())

    def start(self) -> None:
        """Watch in the background."""
        self._thread.start()

    def stop(self) -> None:
        """Watch no more; open pages are told."""
        self._stopping.set()
        self._news.set()
        self.hub.close()
        self._thread.join(5)

    def poke(self) -> None:
        """Read again soon, after a change."""
        self._news.set()

    def latest(self, *, fresh: bool = False) -> Snapshot:
        """Return what was seen last; look again if that is old, or always with `fresh`."""
        with self._looking:
            if fresh or time.monotonic() - self._seen_at > _INTERVAL_SECONDS:
                self._look()
            return self._seen

    def _run(self) -> None:
        while not self._stopping.is_set():
            begin = time.monotonic()
            self.latest(fresh=True)
            pause = max(_INTERVAL_SECONDS, _SHARE * (time.monotonic() - begin))
            if not self.hub.has_pages:
                self._rest(max(pause, _QUIET_SECONDS))
            elif self._news.wait(pause):
                self._stopping.wait(_BURST_SECONDS)  # news comes in bursts: read once for all
                self._news.clear()

    def _rest(self, seconds: float) -> None:
        """Wait for a page; without one, until the simulator had no news for so long.

        A crowd that nobody looks at is read when it is over: reading takes from its speed.
        """
        self._news.clear()
        while not self.hub.wait_for_a_page(seconds) and self._news.is_set():
            self._news.clear()

    def _look(self) -> None:
        before = self._seen
        changed: list[str] = []
        try:
            changed = self.ledger.take(self._gateway.changes())
            pipeline = self._read()
        except (BotoCoreError, ClientError, OSError) as error:
            pipeline = before.pipeline | {"error": type(error).__name__}
        panels = {name: show() for name, show in self.panels.items()}
        self._seen = Snapshot(pipeline, panels)
        self._seen_at = time.monotonic()
        told = {"pipeline": before.pipeline, **before.panels}
        for name, shown in {"pipeline": pipeline, **panels}.items():
            if shown != told.get(name):
                self.hub.publish(name, shown)
        if changed:
            named = changed if len(changed) <= _MOST_NAMED else None
            self.hub.publish("mails", {"changed": named, "total": len(self.ledger)})

    def _read(self) -> dict[str, Any]:
        provider = self.ledger.special.get("#provider", {})
        return {
            "error": None,
            "queue": self._gateway.queue(),
            "failed_queue": self._gateway.failed_queue(),
            "intake": self._gateway.intake(),
            "alarms": list(self._alarms()),
            "states": {state: self.ledger.count(state) for state in STATES},
            "total": len(self.ledger),
            "money": money(self.ledger.special.get("#money", {})),
            "rate": rate(self.ledger.special.get("#pause", {}), time.time()),
            "blamed": blamed(self.ledger.special.get("#pause", {})),
            "pause": _pause(self.ledger.special.get("#pause", {})),
            "provider": {"up": provider.get("up"), "checked_at": iso(provider.get("checked_at"))},
        }


def _pause(item: Row) -> dict[str, Any]:
    return {
        "paused": bool(item.get("paused")),
        "reason": item.get("reason"),
        "why": why(item.get("reason")),
        "detail": item.get("detail") or None,
        "by": item.get("by"),
        "since": iso(item.get("since")),
        "next_probe": iso(item.get("next_probe")),
        "probes": item.get("probes"),
    }


def iso(seconds: float | None) -> str | None:
    """Return epoch seconds as ISO 8601 in UTC; None for none and for 0, which is "never"."""
    if not seconds:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
