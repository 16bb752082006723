"""Finds the origin of a message, and how long its mail has waited; its queue shows neither.

Any queue of the account can name the failed queue as its dead-letter queue: SQS has a policy
against that (RedriveAllowPolicy), but CloudFormation cannot write it here, as both queues would
have to be there before the other one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from outbox.mail.mail import MailError
from outbox.mail.times import read_time
from outbox.queues.message import MAX_BODY_BYTES, REQUEUED, STRANGE, ReceivedMessage, decode

if TYPE_CHECKING:
    from collections.abc import Collection

# The attribute `state` of what we sent to the failed queue, or requeued.
_STATES: Final = frozenset({"failed", "unknown", "invalid", REQUEUED})
# The attribute that EventBridge Scheduler gives to what it could not deliver.
_TARGET: Final = "TARGET_ARN"


def is_strange(message: ReceivedMessage, queue_arns: Collection[str]) -> bool:
    """Return whether SQS moved a message of a lane from a foreign queue, and it is not our mail.

    `queue_arns` are the lanes'. In a lane, producers' messages are ours too.
    """
    elsewhere = bool(message.source) and message.source not in queue_arns
    return message.attributes.get("state") == STRANGE or (elsewhere and not _is_marked(message))


def is_strange_dead_letter(message: ReceivedMessage, queue_arns: Collection[str]) -> bool:
    """Return the same for a message in the failed queue, to which only this stack should send."""
    if message.source:
        return message.source not in queue_arns
    by_scheduler = message.attributes.get(_TARGET) in queue_arns
    # One that fills SQS's whole limit has no room for attributes.
    too_large = len(message.body.encode(errors="replace")) > MAX_BODY_BYTES
    return not (_is_marked(message) or by_scheduler or too_large)


def waited(message: ReceivedMessage, now: float) -> float:
    """Return the seconds since its mail was accepted, up to `now` (epoch seconds).

    A producer's mail, and a batch, count from when SQS got the message.
    """
    accepted_at = message.sent_at or now
    if not message.is_batch and '"accepted_at"' in message.body:
        try:
            stated = read_time(decode(message.body), "accepted_at")
        except (MailError, AttributeError):  # no JSON, or no object
            stated = None
        accepted_at = min(accepted_at, stated or accepted_at)
    return max(0.0, now - accepted_at)


def _is_marked(message: ReceivedMessage) -> bool:
    return message.attributes.get("state") in _STATES
