"""Bulk queues that the stack no longer has, after an update that failed or was undone.

CloudFormation keeps such a queue, because accepted mails may be in it. Nothing reads it.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from outbox.mail.lanes import Lane
from outbox.queues.message import ReceivedMessage
from outbox.queues.queue import MailQueue

from ops import watch
from ops.stack import Stack

_BULK_QUEUE: Final = "BulkQueue"  # its logical id in template.yaml
_HOLD_SECONDS: Final = 120
_EMPTY_LOOKS: Final = 3  # SQS may answer with nothing although there is something


@dataclass(frozen=True, slots=True)
class Leftover:
    """A queue that was left over, and about how many messages it holds."""

    url: str
    depth: watch.Depth

    def summary(self) -> dict[str, Any]:
        """Return it for people and programs."""
        return {"queue": self.url, "messages": self.depth.total}


def find(stack: Stack) -> list[Leftover]:
    """Return the queues that CloudFormation named for this stack but that it no longer has."""
    pages = stack.client("sqs").get_paginator("list_queues")
    found = pages.paginate(QueueNamePrefix=f"{stack.name}-{_BULK_QUEUE}-")
    urls = [url for page in found for url in page.get("QueueUrls", [])]
    own = stack.outputs.get("BulkQueueUrl")
    return [Leftover(url, watch.depth_of(stack, url)) for url in urls if url != own]


def move(stack: Stack, leftover: Leftover) -> Counter[str]:
    """Move the messages of a queue to the bulk lane, or to the mail queue; count the results.

    A message of a mail that another stack accepted stays. After an interruption a message may be
    in both queues; its mail is still sent once. Raises botocore's errors.
    """
    sqs = stack.client("sqs")
    here = MailQueue(
        sqs, stack.output("MailQueueUrl"), bulk_url=stack.outputs.get("BulkQueueUrl", "")
    )
    done: Counter[str] = Counter()
    for message in _received(sqs, leftover.url):
        if not _is_ours(stack, message):
            done["left"] += 1
            continue
        here.requeue(message)
        sqs.delete_message(QueueUrl=leftover.url, ReceiptHandle=message.receipt_handle)
        done["moved"] += 1
    return done


def _received(sqs: Any, url: str) -> Iterator[ReceivedMessage]:  # noqa: ANN401  boto3's clients have no common type
    """Yield each message once; a message that stays is visible again when its hold ends."""
    seen: set[str] = set()
    empty = 0
    while empty < _EMPTY_LOOKS:
        answer = sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=10,
            VisibilityTimeout=_HOLD_SECONDS,
            WaitTimeSeconds=1,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
        )
        new = [raw for raw in answer.get("Messages") or [] if raw["MessageId"] not in seen]
        empty = 0 if new else empty + 1
        for raw in new:
            seen.add(raw["MessageId"])
            yield ReceivedMessage.from_queue(raw, Lane.BULK)


def _is_ours(stack: Stack, message: ReceivedMessage) -> bool:
    """Return whether a message may be sent by this stack: an accepted mail has its row here."""
    try:
        document = json.loads(message.body)
        first = document["batch"][0] if message.is_batch else document
        client, mail_id = first.get("client"), first.get("id")
    except (ValueError, TypeError, LookupError, AttributeError):
        return True  # no valid mail: the worker sends it to the failed queue
    return client is None or stack.ledger.get(str(mail_id)) is not None
