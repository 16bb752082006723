"""The circuit breaker: what keeps one container from sending on in vain."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Protocol

from taqnyat import Scope

if TYPE_CHECKING:
    from taqnyat import Outcome

    from outbox.queues.event_source import EventSource
    from outbox.sending.pause import Pause


class Breaker(Protocol):
    """What a delivery asks before it sends, and to which it reports each outcome."""

    tripped: bool

    def record(self, outcome: Outcome) -> bool: ...  # noqa: D102
    def pause_all(self, outcome: Outcome, started: float) -> None: ...  # noqa: D102


class CircuitBreaker:
    """The breaker of one container. Tripped, it lets no call through.

    Safe to share between threads.
    """

    def __init__(self, pause: Pause, event_source: EventSource, failure_run: int) -> None:
        """`failure_run` is how many provider failures in a row trip it."""
        self._pause = pause
        self._event_source = event_source
        self._failure_run = failure_run
        self._failures = 0
        self._lock = threading.Lock()
        self.tripped = False

    def refresh(self) -> bool:
        """Read the pause at the start of a batch.

        Return whether it has been lifted since the last one.
        """
        was_tripped = self.tripped
        self.tripped = self._pause.read().paused
        if self.tripped:
            self._event_source.disable()
        lifted = was_tripped and not self.tripped
        if lifted:
            self._failures = 0  # a probe has gone through: the run that paused is over
        return lifted

    def record(self, outcome: Outcome) -> bool:
        """Trip, for this container, when an outcome says that sending on is of no use.

        True for the first to say so.
        """
        with self._lock:
            self._failures = self._failures + 1 if outcome.provider_failed else 0
            stop = outcome.scope is Scope.ACCOUNT or self._failures >= self._failure_run
            first = stop and not self.tripped
            self.tripped = self.tripped or stop
            return first

    def pause_all(self, outcome: Outcome, started: float) -> None:
        """Pause every container, because of a call that began at `started` (epoch seconds)."""
        if self._pause.begin(outcome.reason, outcome.ip or "", seen_at=started):
            self._event_source.disable()


class HalfOpenBreaker:
    """The breaker of a probe: it sends although sending is paused, and pauses nothing itself."""

    tripped = False

    def __init__(self) -> None:
        self.outcome: Outcome | None = None

    def record(self, outcome: Outcome) -> bool:
        """Keep the outcome."""
        self.outcome = outcome
        return False

    def pause_all(self, outcome: Outcome, started: float) -> None:
        """Pause nothing: sending is paused already."""
