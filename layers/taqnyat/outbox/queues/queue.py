"""The mail queue and, for the worker and the probe, the failed queue behind it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from outbox.queues.message import MAX_BODY_BYTES, REQUEUED, ReceivedMessage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from outbox.ports import SqsClient

MAX_DELAY_SECONDS: Final = 12 * 3600
_MAX_DELIVERY_DELAY_SECONDS: Final = 900  # of SendMessage
_MAX_ENTRIES: Final = 10  # of one SendMessageBatch

# What a message carries from the failed queue, or from a requeue, beside its body.
_TEXTS: Final = ("id", "state", "reason")
_NUMBERS: Final = ("attempt", "code")


class MailQueue:
    """Both queues. Methods raise botocore's errors when SQS does not answer."""

    def __init__(
        self,
        sqs: SqsClient,
        url: str,
        failed_url: str = "",
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Take the queues' URLs."""
        self._sqs = sqs
        self._url = url
        self._failed_url = failed_url
        self._clock = clock

    def send(self, text: str, delay: int = 0) -> None:
        """Queue an encoded mail, to be received after `delay` seconds (up to 900)."""
        self._sqs.send_message(QueueUrl=self._url, MessageBody=text, DelaySeconds=delay)

    def send_all(self, texts: Sequence[str]) -> bool:
        """Queue encoded mails of up to 1 MiB in all; False if SQS did not take each of them."""
        starts = range(0, len(texts), _MAX_ENTRIES)
        return all(self._send_some(texts[start : start + _MAX_ENTRIES]) for start in starts)

    def _send_some(self, texts: Sequence[str]) -> bool:
        entries = [{"Id": str(index), "MessageBody": text} for index, text in enumerate(texts)]
        answer = self._sqs.send_message_batch(QueueUrl=self._url, Entries=entries)
        return not answer.get("Failed")

    def receive(self) -> ReceivedMessage | None:
        """Receive one message, without waiting for one."""
        answer = self._sqs.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=1,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["SentTimestamp", "ApproximateReceiveCount"],
        )
        messages = answer.get("Messages") or []
        return ReceivedMessage.from_queue(messages[0]) if messages else None

    def delete(self, message: ReceivedMessage) -> None:
        """Delete a message that is done."""
        self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message.receipt_handle)

    def retry_later(self, message: ReceivedMessage, delay: int) -> None:
        """Let a message be received again in `delay` seconds.

        One that SQS would soon give up, by its age or its receives, is requeued: its mail is
        retried until we end it.
        """
        if message.is_given_up_soon(self._clock()):
            self._requeue(message, delay)
            return
        self._sqs.change_message_visibility(
            QueueUrl=self._url,
            ReceiptHandle=message.receipt_handle,
            VisibilityTimeout=min(max(delay, 0), MAX_DELAY_SECONDS),
        )

    def _requeue(self, message: ReceivedMessage, delay: int) -> None:
        given = message.attributes
        if message.redrive_attempt is None:
            given = {"id": message.mail_id, "state": REQUEUED}
        self._sqs.send_message(
            QueueUrl=self._url,
            MessageBody=message.body,
            DelaySeconds=min(max(delay, 0), _MAX_DELIVERY_DELAY_SECONDS),
            MessageAttributes={
                name: _number(given[name]) if name in _NUMBERS else _text(given[name])
                for name in (*_TEXTS, *_NUMBERS)
                if given.get(name)
            },
        )
        self.delete(message)

    def dead_letter(
        self,
        message: ReceivedMessage,
        mail_id: str,
        state: str,
        reason: str,
        code: int | None,
        attempt: int,
    ) -> None:
        """Send a message, body and all, to the failed queue, with what re-drive selects by."""
        attributes = {
            "id": _text(mail_id),
            "state": _text(state),
            "reason": _text(reason),
            "attempt": _number(str(attempt)),
            **({} if code is None else {"code": _number(str(code))}),
        }
        if len(message.body.encode()) > MAX_BODY_BYTES:
            # A direct producer may fill SQS's whole limit: the body is kept, its reason stays in
            # the log.
            attributes = {}
        self._sqs.send_message(
            QueueUrl=self._failed_url,
            MessageBody=message.body,
            MessageAttributes=attributes,
        )


def _text(value: str) -> dict[str, str]:
    return {"DataType": "String", "StringValue": value}


def _number(value: str) -> dict[str, str]:
    return {"DataType": "Number", "StringValue": value}
