"""What happens to a message that is not one valid mail of its lane, such as a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from outbox.mail.mail import MailError
from outbox.mail.report import Report
from outbox.queues.message import encode_batch
from outbox.queues.origin import is_strange
from outbox.sending import policy
from outbox.storage.claims import EARLY_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from outbox.queues.message import ReceivedMessage
    from outbox.queues.queue import MailQueue
    from outbox.settings import Settings
    from outbox.storage.table import LedgerTable

_TRY_AGAIN_SECONDS: Final = 5


def divert(
    message: ReceivedMessage,
    queue: MailQueue,
    settings: Settings,
    clock: Callable[[], float],
    deadline: float,
) -> Report | None:
    """Process a message by `deadline` (epoch seconds) unless it is one mail of its lane: then None.

    Raises MailError for a batch that is not valid, and botocore's errors.
    """
    if is_strange(message, (settings.mail_queue_arn, settings.bulk_queue_arn)):
        # SQS's own redrive takes all of the failed queue, also what others have put there.
        queue.give_back(message)
        return Report(mail_id=message.message_id, reason="not_ours")
    if queue.has_strayed(message):
        queue.requeue(message)
        return Report(mail_id=message.message_id, reason="to_its_lane")
    if not message.is_batch:
        return None
    return _fan_out(message, queue, lambda: clock() < deadline)


def may_call(
    message: ReceivedMessage, queue: MailQueue, table: LedgerTable, settings: Settings
) -> bool:
    """Return whether a call may follow a message now, by its mail's row. Raises botocore's errors.

    None follows one that is not valid, one of a canceled or scheduled mail, and a second copy.
    """
    arns = (settings.mail_queue_arn, settings.bulk_queue_arn)
    if message.is_batch or is_strange(message, arns) or queue.has_strayed(message):
        return False
    now = table.clock()
    try:
        mail = message.mail(settings.default_campaign, now)
    except MailError:
        return False
    row = table.get(mail.id)
    if row is None:
        return mail.client is None or message.redrive_attempt is not None
    # A claim is allowed so early, and this batch may still wait for its turns.
    return policy.may_be_claimed(row, message.redrive_attempt, now + EARLY_SECONDS)


def reject(message: ReceivedMessage, queue: MailQueue, field: str, mail_id: str = "") -> Report:
    """Send a message that is not valid to the failed queue; `field` says where."""
    identifier = mail_id or message.message_id
    queue.dead_letter(message, identifier, "invalid", f"invalid:{field}", None, 0)
    return Report(mail_id=identifier, state="invalid", reason=f"invalid:{field}")


def _fan_out(message: ReceivedMessage, queue: MailQueue, has_time: Callable[[], bool]) -> Report:
    """Make one message for each mail of a batch; a repeat does no harm.

    Mails that SQS refuses, and mails for which no time is left, become a smaller batch.
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
