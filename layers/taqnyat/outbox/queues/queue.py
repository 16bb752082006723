"""The mail queue, which is one SQS queue for each lane, and the failed queue."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from outbox.mail.lanes import Lane, Route
from outbox.queues.message import (
    LANE,
    LANES,
    MAX_BODY_BYTES,
    REQUEUED,
    STRANGE,
    ReceivedMessage,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from outbox.ports import SqsClient

MAX_DELAY_SECONDS: Final = 12 * 3600
_MAX_DELIVERY_DELAY_SECONDS: Final = 900  # of SendMessage
_WAIT_SECONDS: Final = 1
_ROUNDS: Final = 3  # tries of one batch's entries in one call of `send_all`
_MAX_ENTRIES: Final = 10  # of one SendMessageBatch, or ReceiveMessage
_MAX_ATTRIBUTES: Final = 10  # of one message

# The attributes that a message has after a re-drive or a requeue.
_TEXTS: Final = ("id", "state", "reason")
_NUMBERS: Final = ("attempt", "code")

Part = tuple[str, Route]  # a mail's message, and where it goes


class MailQueue:
    """All queues. Methods raise botocore's errors when SQS does not answer.

    Without a bulk queue, bulk mails go to the normal queue.
    """

    def __init__(
        self,
        sqs: SqsClient,
        url: str,
        failed_url: str = "",
        clock: Callable[[], float] = time.time,
        *,
        bulk_url: str = "",
    ) -> None:
        """Take the queues' URLs; `url` is the normal lane's."""
        self._sqs = sqs
        self._urls = {Lane.NORMAL: url, Lane.BULK: bulk_url or url}
        self._failed_url = failed_url
        self._clock = clock

    def send(self, text: str, route: Route, delay: int = 0) -> None:
        """Queue an encoded mail, to be received after `delay` seconds (up to 900)."""
        self._sqs.send_message(
            QueueUrl=self._urls[route.lane],
            MessageBody=text,
            DelaySeconds=delay,
            **_routed(route),
        )

    def send_batch(self, text: str, routes: Sequence[Route], delay: int = 0) -> None:
        """Queue one message with many mails; the worker sends each on by its own route."""
        lanes = {route.lane for route in routes}
        route = Route(Lane.BULK if lanes == {Lane.BULK} else Lane.NORMAL, routes[0].group)
        sent = _routed(route)
        if len(lanes) > 1:
            names = ",".join(route.lane for route in routes)
            sent["MessageAttributes"] = {LANES: _text(names)}
        if delay:
            sent["DelaySeconds"] = delay
        self._sqs.send_message(QueueUrl=self._urls[route.lane], MessageBody=text, **sent)

    def send_all(self, parts: Sequence[Part], may_go_on: Callable[[], bool]) -> list[Part]:
        """Queue encoded mails of up to 1 MiB in all; return those that SQS did not take.

        What SQS refuses is sent again at once, a few times, as long as `may_go_on` returns True.
        """
        for _ in range(_ROUNDS):
            left: list[Part] = []
            for lane in Lane:
                inside = [part for part in parts if part[1].lane is lane]
                for start in range(0, len(inside), _MAX_ENTRIES):
                    some = inside[start : start + _MAX_ENTRIES]
                    left += self._send_some(some) if may_go_on() else some
            if not left or not may_go_on():
                return left
            parts = left
        return left

    def _send_some(self, parts: Sequence[Part]) -> list[Part]:
        entries = [
            {"Id": str(index), "MessageBody": text, **_routed(route)}
            for index, (text, route) in enumerate(parts)
        ]
        url = self._urls[parts[0][1].lane]
        answer = self._sqs.send_message_batch(QueueUrl=url, Entries=entries)
        # Count only the entries that the answer lists: it may be incomplete.
        taken = {entry.get("Id") for entry in answer.get("Successful") or []}
        return [part for index, part in enumerate(parts) if str(index) not in taken]

    def receive(self, lane: Lane = Lane.NORMAL) -> list[ReceivedMessage]:
        """Receive up to 10 messages of a lane; an empty list if none comes within a second.

        A long poll asks all of SQS's servers. It must end long before the client's timeout: a
        message that SQS gives to an abandoned poll is invisible for minutes.
        """
        answer = self._sqs.receive_message(
            QueueUrl=self._urls[lane],
            MaxNumberOfMessages=_MAX_ENTRIES,
            WaitTimeSeconds=_WAIT_SECONDS,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=[
                "SentTimestamp",
                "ApproximateReceiveCount",
                "MessageGroupId",
                "DeadLetterQueueSourceArn",
            ],
        )
        messages = answer.get("Messages") or []
        return [ReceivedMessage.from_queue(message, lane) for message in messages]

    def delete(self, message: ReceivedMessage) -> None:
        """Delete a message that needs no more processing."""
        url = self._urls[message.queue]
        self._sqs.delete_message(QueueUrl=url, ReceiptHandle=message.receipt_handle)

    def retry_later(self, message: ReceivedMessage, delay: int) -> None:
        """Let a message be received again in `delay` seconds.

        If SQS will soon end it, by its age or its receives, it is requeued, so that only the policy
        ends the retries.
        """
        if message.is_given_up_soon(self._clock()):
            self.requeue(message, delay)
            self.delete(message)
            return
        self._sqs.change_message_visibility(
            QueueUrl=self._urls[message.queue],
            ReceiptHandle=message.receipt_handle,
            VisibilityTimeout=min(max(delay, 0), MAX_DELAY_SECONDS),
        )

    def has_strayed(self, message: ReceivedMessage) -> bool:
        """Return whether a message is in the other lane's queue, as after SQS's own redrive."""
        return self._urls[message.lane] != self._urls[message.queue]

    def requeue(self, message: ReceivedMessage, delay: int = 0) -> None:
        """Send a copy of a message as a new message of its lane; the old one stays."""
        given = message.attributes
        if message.redrive_attempt is None:
            given = {"id": message.mail_id, "state": REQUEUED}
        attributes = {
            name: _number(given[name]) if name in _NUMBERS else _text(given[name])
            for name in (*_TEXTS, *_NUMBERS)
            if given.get(name)
        }
        self._sqs.send_message(
            QueueUrl=self._urls[message.lane],
            MessageBody=message.body,
            DelaySeconds=min(max(delay, 0), _MAX_DELIVERY_DELAY_SECONDS),
            MessageAttributes=attributes | _lanes(message),
            **_group(message.route),
        )

    def give_back(self, message: ReceivedMessage) -> None:
        """Send a message that is none of ours to the failed queue, as it came but marked."""
        given = [(name, _text(value)) for name, value in message.attributes.items() if value]
        attributes = {**dict(given[: _MAX_ATTRIBUTES - 1]), "state": _text(STRANGE)}
        if len(message.body.encode()) > MAX_BODY_BYTES:
            attributes = {}
        self._sqs.send_message(
            QueueUrl=self._failed_url,
            MessageBody=message.body,
            MessageAttributes=attributes,
            **_group(message.route),
        )

    def dead_letter(
        self,
        message: ReceivedMessage,
        mail_id: str,
        state: str,
        reason: str,
        code: int | None,
        attempt: int,
    ) -> None:
        """Send a message with its body to the failed queue; attributes are for the re-drive."""
        attributes = {
            "id": _text(mail_id),
            "state": _text(state),
            "reason": _text(reason),
            "attempt": _number(str(attempt)),
            **({} if code is None else {"code": _number(str(code))}),
        }
        if len(message.body.encode()) > MAX_BODY_BYTES:
            # A direct producer may use SQS's whole limit. Then only the body is kept; the reason is
            # in the log.
            attributes = {}
        else:
            attributes |= _lanes(message)
        self._sqs.send_message(
            QueueUrl=self._failed_url,
            MessageBody=message.body,
            MessageAttributes=attributes,
            **_group(message.route),
        )


def _routed(route: Route) -> dict[str, Any]:
    """Return a route's arguments for SendMessage: an attribute for bulk, and the group."""
    bulk = {"MessageAttributes": {LANE: _text(Lane.BULK)}} if route.lane is Lane.BULK else {}
    return bulk | _group(route)


def _group(route: Route) -> dict[str, str]:
    return {"MessageGroupId": route.group} if route.group else {}


def _lanes(message: ReceivedMessage) -> dict[str, dict[str, str]]:
    """Return the attributes that keep a message in its lane when it is sent again."""
    own = {LANE: _text(Lane.BULK)} if message.lane is Lane.BULK else {}
    mixed = message.attributes.get(LANES)
    return own | ({LANES: _text(mixed)} if mixed else {})


def _text(value: str) -> dict[str, str]:
    return {"DataType": "String", "StringValue": value}


def _number(value: str) -> dict[str, str]:
    return {"DataType": "Number", "StringValue": value}
