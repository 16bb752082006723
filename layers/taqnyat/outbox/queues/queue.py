"""The mail queue, which is an SQS queue a lane, and the failed queue behind it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from outbox.mail.lanes import Lane, Route
from outbox.queues.message import LANE, LANES, MAX_BODY_BYTES, REQUEUED, ReceivedMessage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from outbox.ports import SqsClient

MAX_DELAY_SECONDS: Final = 12 * 3600
_MAX_DELIVERY_DELAY_SECONDS: Final = 900  # of SendMessage
_WAIT_SECONDS: Final = 1
_ROUNDS: Final = 3  # of one batch's entries, in one go
_MAX_ENTRIES: Final = 10  # of one SendMessageBatch, or ReceiveMessage

# What a message carries from the failed queue, or from a requeue, beside its body.
_TEXTS: Final = ("id", "state", "reason")
_NUMBERS: Final = ("attempt", "code")

Part = tuple[str, Route]  # a mail's message, and where it goes


class MailQueue:
    """All queues. Methods raise botocore's errors when SQS does not answer.

    A route of the bulk lane leads to the normal one where there is no bulk queue.
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
        """Queue the one message of many mails, of which each goes its own route from there."""
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
        """Queue encoded mails of up to 1 MiB in all; return those that SQS has not taken.

        Those that it refused are sent again at once, a few times, while `may_go_on`.
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
        # Only what is said to be taken is: an answer may be cut.
        taken = {entry.get("Id") for entry in answer.get("Successful") or []}
        return [part for index, part in enumerate(parts) if str(index) not in taken]

    def receive(self, lane: Lane = Lane.NORMAL) -> list[ReceivedMessage]:
        """Receive up to 10 messages of a lane; none when there is none within a second.

        A long poll, which asks all of SQS's servers, and one that ends long before the client gives
        up: what SQS gives to a poll that nobody waits for is out of sight for minutes.
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
            ],
        )
        messages = answer.get("Messages") or []
        return [ReceivedMessage.from_queue(message, lane) for message in messages]

    def delete(self, message: ReceivedMessage) -> None:
        """Delete a message that is done."""
        url = self._urls[message.queue]
        self._sqs.delete_message(QueueUrl=url, ReceiptHandle=message.receipt_handle)

    def retry_later(self, message: ReceivedMessage, delay: int) -> None:
        """Let a message be received again in `delay` seconds.

        One that SQS would soon give up, by its age or its receives, is requeued: its mail is
        retried until we end it.
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
        """Tell whether a message is in a queue that is not its lane's, as after SQS's redrive."""
        return self._urls[message.lane] != self._urls[message.queue]

    def requeue(self, message: ReceivedMessage, delay: int = 0) -> None:
        """Send a message again in its lane, as a new one; the old one is still there."""
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
        else:
            attributes |= _lanes(message)
        self._sqs.send_message(
            QueueUrl=self._failed_url,
            MessageBody=message.body,
            MessageAttributes=attributes,
            **_group(message.route),
        )


def _routed(route: Route) -> dict[str, Any]:
    """Return what SendMessage gets of a route: the bulk lane as an attribute, and the group."""
    bulk = {"MessageAttributes": {LANE: _text(Lane.BULK)}} if route.lane is Lane.BULK else {}
    return bulk | _group(route)


def _group(route: Route) -> dict[str, str]:
    return {"MessageGroupId": route.group} if route.group else {}


def _lanes(message: ReceivedMessage) -> dict[str, dict[str, str]]:
    """Return the attributes by which a message, sent again, keeps its lane."""
    own = {LANE: _text(Lane.BULK)} if message.lane is Lane.BULK else {}
    mixed = message.attributes.get(LANES)
    return own | ({LANES: _text(mixed)} if mixed else {})


def _text(value: str) -> dict[str, str]:
    return {"DataType": "String", "StringValue": value}


def _number(value: str) -> dict[str, str]:
    return {"DataType": "Number", "StringValue": value}
