"""The probe: while sending is paused, one real mail shows whether it can go on.

Nothing else that Taqnyat offers can.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError
from taqnyat import Scope

from outbox.mail.lanes import Lane
from outbox.sending.breaker import HalfOpenBreaker

if TYPE_CHECKING:
    from collections.abc import Callable

    from outbox.mail.report import Report
    from outbox.queues.message import ReceivedMessage
    from outbox.queues.queue import MailQueue
    from outbox.sending.delivery import Delivery
    from outbox.sending.pause import Pause, PauseState

# Messages that need no call (duplicates, canceled, expired) are processed until one does.
_MAX_MESSAGES: Final = 20


class Probe:
    """Probes a pause with one mail, and ends it when the answer is about the mail alone."""

    def __init__(
        self,
        pause: Pause,
        queue: MailQueue,
        deliver: Callable[[HalfOpenBreaker], Delivery],
        on_error: Callable[[Exception], None],
    ) -> None:
        """`deliver` makes a delivery that reports to the breaker, and reads the token again.

        `on_error` is told of AWS's errors: they end a probe, and not the check that it is part of.
        """
        self._pause = pause
        self._queue = queue
        self._deliver = deliver
        self._on_error = on_error

    def probe(self, state: PauseState, now: float, deadline: float) -> list[Report]:
        """Probe `state` if a probe is due; return the reports of the messages it processed."""
        reports: list[Report] = []
        if not state.next_probe or now < state.next_probe:
            return reports
        try:
            # No function lives twice as long as it may send: two checks never probe side by side.
            if self._pause.take_probe(state, now + 2 * (deadline - now)):
                self._send_one(state, deadline, reports)
        except (ClientError, BotoCoreError) as error:
            self._on_error(error)
        return reports

    def _send_one(self, state: PauseState, deadline: float, reports: list[Report]) -> None:
        breaker = HalfOpenBreaker()
        delivery = self._deliver(breaker)
        probed: tuple[ReceivedMessage, Report] | None = None
        try:
            while probed is None and len(reports) < _MAX_MESSAGES:
                message = self._queue.receive(Lane.NORMAL) or self._queue.receive(Lane.BULK)
                if message is None:
                    break
                reports.append(delivery.deliver(message, deadline))
                if breaker.outcome is None:
                    self._finish(message, reports[-1])
                else:
                    probed = message, reports[-1]
        finally:
            # First of all, and whatever failed: all mails wait for it, and the row has this one's.
            self._conclude(state, breaker)
        if probed is not None:
            self._finish(*probed)

    def _conclude(self, state: PauseState, breaker: HalfOpenBreaker) -> None:
        if breaker.outcome is None:
            self._pause.probe_again(state)
        elif breaker.outcome.scope is Scope.ACCOUNT or breaker.outcome.provider_failed:
            self._pause.probe_failed(state, breaker.outcome.reason, breaker.outcome.ip or "")
        else:
            self._pause.end(state)

    def _finish(self, message: ReceivedMessage, report: Report) -> None:
        if report.retry_in is None:
            self._queue.delete(message)
        else:
            self._queue.retry_later(message, report.retry_in)
