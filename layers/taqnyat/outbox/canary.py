"""The canary: while sending is paused, one real mail tells whether it can go on.

Nothing else of Taqnyat's can.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from taqnyat import Outcome, Scope

if TYPE_CHECKING:
    from collections.abc import Callable

    from outbox.delivery import Delivery, Report
    from outbox.messages import MailQueue
    from outbox.pause import Pause, PauseState

# Messages that need no call (duplicates, canceled, expired) are seen through on the way to one that
# does.
_MAX_MESSAGES: Final = 20


class Watch:
    """What a canary's delivery tells outcomes to.

    It sends although sending is paused, and pauses nothing itself.
    """

    closed = False

    def __init__(self) -> None:
        self.outcome: Outcome | None = None

    def observe(self, outcome: Outcome) -> bool:
        """Keep the outcome."""
        self.outcome = outcome
        return False

    def pause_all(self, outcome: Outcome, started: float) -> None:
        """Pause nothing: sending is paused already."""


class Canary:
    """Probes a pause with one mail, and ends it when the answer is about the mail alone."""

    def __init__(
        self, pause: Pause, queue: MailQueue, deliver: Callable[[Watch], Delivery]
    ) -> None:
        """Take what `deliver` makes: a delivery that tells the watch, and reads the token anew."""
        self._pause = pause
        self._queue = queue
        self._deliver = deliver

    def probe(self, state: PauseState, now: float, deadline: float) -> list[Report]:
        """Probe `state` if a probe is due.

        Return what became of the messages that were taken for it.
        """
        if not state.next_probe or now < state.next_probe:
            return []
        # No function lives twice as long as it may send: two checks never probe side by side.
        if not self._pause.take_probe(state, now + 2 * (deadline - now)):
            return []
        watch = Watch()
        reports = self._send_one(self._deliver(watch), watch, deadline)
        if watch.outcome is None:
            self._pause.probe_again(state)
        elif watch.outcome.scope is Scope.ACCOUNT or watch.outcome.provider_failed:
            self._pause.probe_failed(state, watch.outcome.reason, watch.outcome.ip or "")
        else:
            self._pause.end(state)
        return reports

    def _send_one(self, delivery: Delivery, watch: Watch, deadline: float) -> list[Report]:
        reports: list[Report] = []
        while watch.outcome is None and len(reports) < _MAX_MESSAGES:
            message = self._queue.take()
            if message is None:
                break
            report = delivery.deliver(message, deadline)
            reports.append(report)
            if report.delay is None:
                self._queue.drop(message)
            else:
                self._queue.put_back(message, report.delay)
        return reports
