"""The fan-out of a message that holds a batch: one message for each mail.

Doing so twice does no harm: each mail has its row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from outbox.mail.report import Report
from outbox.queues.message import encode_batch

if TYPE_CHECKING:
    from collections.abc import Callable

    from outbox.queues.message import ReceivedMessage
    from outbox.queues.queue import MailQueue

_TRY_AGAIN_SECONDS: Final = 5


def fan_out(message: ReceivedMessage, queue: MailQueue, has_time: Callable[[], bool]) -> Report:
    """Send the parts of a batch as messages of their own, while there is time.

    What SQS refuses, and what the time does not reach for, goes on as a smaller batch. Raises
    MailError where the message is no batch that may be sent, and botocore's errors.
    """
    parts = message.parts()
    left = queue.send_all(parts, has_time)
    if left and len(left) < len(parts):
        text = encode_batch([text for text, _ in left])
        queue.send_batch(text, [route for _, route in left], _TRY_AGAIN_SECONDS)
        left = []
    return Report(
        mail_id=message.message_id,
        retry_in=_TRY_AGAIN_SECONDS if left else None,
        reason="batch_spread",
    )
