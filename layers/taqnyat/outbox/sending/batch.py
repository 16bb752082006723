"""One batch of the mail queue.

Every message is processed side by side, and none can fail the others.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from outbox.mail.report import Report
from outbox.queues.message import ReceivedMessage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Executor

    from outbox.queues.queue import MailQueue
    from outbox.sending.breaker import CircuitBreaker
    from outbox.sending.delivery import Delivery
    from outbox.telemetry import Telemetry

# The part of an invocation that is kept free at its end for settling what was sent, and its most.
_RESERVE_SHARE: Final = 1 / 6
_MAX_RESERVE_SECONDS: Final = 10.0


def last_moment(seconds: float) -> float:
    """Return when (epoch seconds) the last call must have ended, with `seconds` left in all."""
    return time.time() + seconds - min(seconds * _RESERVE_SHARE, _MAX_RESERVE_SECONDS)


class BatchProcessor:
    """Processes batches for one container."""

    def __init__(
        self,
        delivery: Delivery,
        queue: MailQueue,
        breaker: CircuitBreaker,
        executor: Executor,
        telemetry: Telemetry,
        on_resumed: Callable[[], None],
        bulk_queue_arn: str = "",
    ) -> None:
        """`executor` must run a whole batch at once.

        `on_resumed` is called when a pause has been lifted. All records of an event are of one
        lane; those of `bulk_queue_arn` are bulk.
        """
        self._delivery = delivery
        self._queue = queue
        self._breaker = breaker
        self._executor = executor
        self._telemetry = telemetry
        self._on_resumed = on_resumed
        self._bulk_queue_arn = bulk_queue_arn

    def process(self, records: Sequence[Mapping[str, Any]], seconds: float) -> list[str]:
        """Deliver the records of a Lambda event within `seconds`.

        Return the ids of those that must be received again.
        """
        deadline = last_moment(seconds)
        messages = [ReceivedMessage.from_record(record, self._bulk_queue_arn) for record in records]
        if not messages:
            return []
        try:
            if self._breaker.refresh():
                self._on_resumed()
        except (ClientError, BotoCoreError) as error:
            # Fail closed: a pause that cannot be read may be there.
            self._telemetry.error("pause_unreadable", error)
            return [message.message_id for message in messages]
        reports = list(
            self._executor.map(lambda message: self._process_message(message, deadline), messages)
        )
        for report in reports:
            self._telemetry.processed(report)
        return [
            message.message_id
            for message, report in zip(messages, reports, strict=True)
            if report.retry_in is not None
        ]

    def _process_message(self, message: ReceivedMessage, deadline: float) -> Report:
        try:
            report = self._delivery.deliver(message, deadline)
            if report.retry_in is not None:
                self._queue.retry_later(message, report.retry_in)
        except (ClientError, BotoCoreError) as error:
            # Received again when its visibility timeout ends; its row has what was done before.
            self._telemetry.error("aws_failed", error, message.message_id)
            return Report(mail_id=message.message_id, retry_in=0, reason="aws_failed")
        except Exception as error:  # noqa: BLE001  one that finds a bug must not sink the others
            self._telemetry.error("unexpected", error, message.message_id)
            return Report(mail_id=message.message_id, retry_in=0, reason="unexpected")
        return report
