"""The probe: while sending is paused, one real mail shows whether it can go on.

Nothing else that Taqnyat offers can.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from taqnyat import Scope

from outbox.mail.lanes import Lane
from outbox.sending.breaker import HalfOpenBreaker

if TYPE_CHECKING:
    from collections.abc import Callable

    from outbox.mail.report import Report
    from outbox.queues.queue import MailQueue
    from outbox.sending.delivery import Delivery
    from outbox.sending.pause import Pause, PauseState

# Messages that need no call (duplicates, canceled, expired) are processed until one does.
_MAX_MESSAGES: Final = 20


class Probe:
    """Probes a pause with one mail, and ends it when the answer is about the mail alone."""

    def __init__(
        self, pause: Pause, queue: MailQueue, deliver: Callable[[HalfOpenBreaker], Delivery]
    ) -> None:
        """`deliver` makes a delivery that reports to the breaker, and reads the token again."""
        self._pause = pause
        self._queue = queue
        self._deliver = deliver

    def probe(self, state: PauseState, now: float, deadline: float) -> list[Report]:
        """Probe `state` if a probe is due; return the reports of the messages it processed."""
        if not state.next_probe or now < state.next_probe:
            return []
        # No function lives twice as long as it may send: two checks never probe side by side.
        if not self._pause.take_probe(state, now + 2 * (deadline - now)):
            return []
        breaker = HalfOpenBreaker()
        reports = self._send_one(self._deliver(breaker), breaker, deadline)
        if breaker.outcome is None:
            self._pause.probe_again(state)
        elif breaker.outcome.scope is Scope.ACCOUNT or breaker.outcome.provider_failed:
            self._pause.probe_failed(state, breaker.outcome.reason, breaker.outcome.ip or "")
        else:
            self._pause.end(state)
        return reports

    def _send_one(
        self, delivery: Delivery, breaker: HalfOpenBreaker, deadline: float
    ) -> list[Report]:
        reports: list[Report] = []
        while breaker.outcome is None and len(reports) < _MAX_MESSAGES:
            message = self._queue.receive(Lane.NORMAL) or self._queue.receive(Lane.BULK)
            if message is None:
                break
            report = delivery.deliver(message, deadline)
            reports.append(report)
            if report.retry_in is None:
                self._queue.delete(message)
            else:
                self._queue.retry_later(message, report.retry_in)
        return reports
