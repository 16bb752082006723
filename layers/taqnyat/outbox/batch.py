"""One batch of the mail queue.

Every message seen through side by side, none of them able to sink another.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from outbox.delivery import Report
from outbox.messages import Received

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Executor

    from outbox.delivery import Delivery
    from outbox.messages import MailQueue
    from outbox.pause import Gate
    from outbox.telemetry import Telemetry

# The part of an invocation that is kept free at its end for settling what was sent, and its most.
_RESERVE_SHARE: Final = 1 / 6
_MAX_RESERVE_SECONDS: Final = 10.0


def last_moment(seconds: float) -> float:
    """Return when (epoch seconds) the last call must have ended, with `seconds` left in all."""
    return time.time() + seconds - min(seconds * _RESERVE_SHARE, _MAX_RESERVE_SECONDS)


class Batch:
    """Sees batches through for one container."""

    def __init__(
        self,
        delivery: Delivery,
        queue: MailQueue,
        gate: Gate,
        executor: Executor,
        telemetry: Telemetry,
        on_resumed: Callable[[], None],
    ) -> None:
        """`executor` must run a whole batch at once.

        `on_resumed` is called when a pause has been lifted.
        """
        self._delivery = delivery
        self._queue = queue
        self._gate = gate
        self._executor = executor
        self._telemetry = telemetry
        self._on_resumed = on_resumed

    def see_through(self, records: Sequence[Mapping[str, Any]], seconds: float) -> list[str]:
        """Deliver the records of a Lambda event within `seconds`.

        Return the ids of those that must be seen again.
        """
        deadline = last_moment(seconds)
        messages = [Received.from_record(record) for record in records]
        if not messages:
            return []
        try:
            if self._gate.refresh():
                self._on_resumed()
        except (ClientError, BotoCoreError) as error:
            # Fail closed: a pause that cannot be read may be there.
            self._telemetry.trouble("pause_unreadable", error)
            return [message.message_id for message in messages]
        reports = list(self._executor.map(lambda message: self._one(message, deadline), messages))
        for report in reports:
            self._telemetry.delivered(report)
        return [
            message.message_id
            for message, report in zip(messages, reports, strict=True)
            if report.delay is not None
        ]

    def _one(self, message: Received, deadline: float) -> Report:
        try:
            report = self._delivery.deliver(message, deadline)
            if report.delay is not None:
                self._queue.put_back(message, report.delay)
        except (ClientError, BotoCoreError) as error:
            # Seen again when its visibility timeout ends; its row tells what was done before.
            self._telemetry.trouble("aws_failed", error, message.message_id)
            return Report(mail_id=message.message_id, delay=0, reason="aws_failed")
        except Exception as error:  # noqa: BLE001  one that finds a bug must not sink the others
            self._telemetry.trouble("unexpected", error, message.message_id)
            return Report(mail_id=message.message_id, delay=0, reason="unexpected")
        return report
