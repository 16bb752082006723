"""SQS: standard queues in memory, on a clock that a test turns.

As documented, and as harsh as that allows: only the newest receipt handle deletes a message (an
older one is answered with success and does nothing), and a message that was received as often as
the redrive policy says goes to the dead-letter queue when it is due again. A move task takes the
message group away, as nothing says that it keeps it. A receive that says nothing of waiting waits
as long as the queue says; a client that gives up before leaves its poll behind, which takes the
next message with it.
"""

import itertools
import re
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from botocore.exceptions import ClientError, ReadTimeoutError

from tests.faults.standins import fairness
from tests.faults.standins.errors import client_error, only
from tests.faults.standins.fairness import Message, Queue

MAX_MESSAGE_BYTES = 1024 * 1024
MAX_DELAY_SECONDS = 900
MAX_BATCH_ENTRIES = 10
MAX_VISIBILITY_SECONDS = 43200
MAX_IN_FLIGHT = 120_000
MAX_WAIT_SECONDS = 20
POISON_RECEIVES = 3
# Of the functions' clients (outbox.aws): how long they read, and how often they try.
CLIENT_SECONDS = 4.0
TRIES = 3
_GROUP = re.compile(r"[!-~]{1,128}")
_ALLOWED = re.compile("[\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]+")


class Sqs:
    """The queues, by URL."""

    def __init__(
        self, clock: Callable[[], float], wait: Callable[[float], None] = lambda _: None
    ) -> None:
        """`wait` lets time pass for a caller that waits for an answer.

        `refuses` says of each entry of a batch whether SQS fails to take it.
        """
        self.sent = 0
        self._tasks: list[dict[str, Any]] = []
        self.refuses: Callable[[], bool] = lambda: False
        self.queues: dict[str, Queue] = {}
        self._clock = clock
        self._wait = wait
        self._handles = itertools.count(1)

    def send_message(self, **arguments: Any) -> Any:
        url, body, delay, attributes, group = only(
            arguments,
            "QueueUrl",
            "MessageBody",
            "DelaySeconds",
            "MessageAttributes",
            "MessageGroupId",
        )
        queue = self._queue("SendMessage", url)
        attributes = attributes or {}
        if not body:
            raise client_error("SendMessage", "MissingParameter", "MessageBody")
        if not _ALLOWED.fullmatch(body):
            raise client_error("SendMessage", "InvalidMessageContents")
        if not 0 <= (delay or 0) <= MAX_DELAY_SECONDS:
            raise client_error("SendMessage", "InvalidParameterValue", "DelaySeconds")
        for value in attributes.values():
            if not value.get("StringValue"):
                raise client_error("SendMessage", "InvalidParameterValue", "empty attribute")
        if group is not None and not _GROUP.fullmatch(group):
            raise client_error("SendMessage", "InvalidParameterValue", "MessageGroupId")
        if _size(body, attributes) > MAX_MESSAGE_BYTES:
            raise client_error("SendMessage", "InvalidParameterValue", "too long")
        now = self._clock()
        self.sent += 1
        message = Message(
            str(uuid.uuid4()), body, attributes, now, now + (delay or 0), group=group or ""
        )
        queue.add(message)
        return {"MessageId": message.id}

    def send_message_batch(self, **arguments: Any) -> Any:
        url, entries = only(arguments, "QueueUrl", "Entries")
        operation = "SendMessageBatch"
        if not 1 <= len(entries) <= MAX_BATCH_ENTRIES:
            raise client_error(operation, "TooManyEntriesInBatchRequest")
        if len({entry["Id"] for entry in entries}) < len(entries):
            raise client_error(operation, "BatchEntryIdsNotDistinct")
        sizes = [
            _size(entry["MessageBody"], entry.get("MessageAttributes", {})) for entry in entries
        ]
        if sum(sizes) > MAX_MESSAGE_BYTES:
            raise client_error(operation, "BatchRequestTooLong")
        answer: dict[str, list[dict[str, Any]]] = {}
        for entry in entries:
            only(entry, "Id", "MessageBody", "MessageAttributes", "MessageGroupId")
            if self.refuses():
                refused = {"Id": entry["Id"], "SenderFault": False, "Code": "InternalError"}
                answer.setdefault("Failed", []).append(refused)
                continue
            rest = {name: value for name, value in entry.items() if name != "Id"}
            try:
                sent = self.send_message(QueueUrl=url, **rest)
            except ClientError as error:
                code = error.response["Error"]["Code"]
                refused = {"Id": entry["Id"], "SenderFault": True, "Code": code}
                answer.setdefault("Failed", []).append(refused)
            else:
                answer.setdefault("Successful", []).append({"Id": entry["Id"], **sent})
        return answer

    def receive_message(self, **arguments: Any) -> Any:
        url, number, _, _, visibility, wait = only(
            arguments,
            "QueueUrl",
            "MaxNumberOfMessages",
            "MessageAttributeNames",
            "MessageSystemAttributeNames",
            "VisibilityTimeout",
            "WaitTimeSeconds",
        )
        queue = self._queue("ReceiveMessage", url)
        if queue.in_flight(self._clock()) >= MAX_IN_FLIGHT:
            raise client_error("ReceiveMessage", "OverLimit")
        wanted = arguments.get("MessageSystemAttributeNames") or []
        shows_attributes = "All" in (arguments.get("MessageAttributeNames") or [])
        if wait is not None and not 0 <= wait <= MAX_WAIT_SECONDS:
            raise client_error("ReceiveMessage", "InvalidParameterValue", "WaitTimeSeconds")
        seconds = queue.wait_seconds if wait is None else wait
        taken = self._poll(queue, number or 1, visibility, seconds)
        answer = [_received(message, wanted, shows_attributes) for message in taken]
        return {"Messages": answer} if answer else {}

    def delete_message(self, **arguments: Any) -> Any:
        url, handle = only(arguments, "QueueUrl", "ReceiptHandle")
        queue = self._queue("DeleteMessage", url)
        queue.remove(handle, self._clock())
        return {}

    def change_message_visibility(self, **arguments: Any) -> Any:
        url, handle, seconds = only(arguments, "QueueUrl", "ReceiptHandle", "VisibilityTimeout")
        queue = self._queue("ChangeMessageVisibility", url)
        if not 0 <= seconds <= MAX_VISIBILITY_SECONDS:
            raise client_error("ChangeMessageVisibility", "InvalidParameterValue", "seconds")
        for message in queue.messages:
            if message.handle == handle:
                queue.processed(message, self._clock())
                message.visible_at = self._clock() + seconds
                return {}
        raise client_error("ChangeMessageVisibility", "ReceiptHandleIsInvalid")

    def start_message_move_task(self, **arguments: Any) -> Any:
        """Move all dead letters back. They become new messages: new id, new age, no receives.

        Without a destination each goes where it came from; a message that was sent straight to the
        dead-letter queue came from nowhere, and there the task ends.
        """
        source, target = only(arguments, "SourceArn", "DestinationArn")
        dead_letters = self._queue("StartMessageMoveTask", source)
        now = self._clock()
        status: dict[str, Any] = {"SourceArn": source, "Status": "COMPLETED"}
        while dead_letters.messages:
            message = dead_letters.messages[0]
            if target is None and message.came_from is None:
                status |= {"Status": "FAILED", "FailureReason": "CouldNotDetermineMessageSource"}
                break
            queue = message.came_from if target is None else None
            queue = queue or self._queue("StartMessageMoveTask", target)
            queue.add(Message(str(uuid.uuid4()), message.body, message.attributes, now, now))
            del dead_letters.messages[0]
        self._tasks.append(status)
        return {"TaskHandle": "task"}

    def list_message_move_tasks(self, **arguments: Any) -> Any:
        """Tell of the tasks, the last one first."""
        (source,) = only(arguments, "SourceArn")
        return {"Results": [task for task in self._tasks[::-1] if task["SourceArn"] == source]}

    def age_of_oldest(self, queue: Queue) -> float:
        """Return ApproximateAgeOfOldestMessage: those received three times or more are left out."""
        ages = [
            self._clock() - message.sent_at
            for message in queue.messages
            if message.receive_count < POISON_RECEIVES
        ]
        return max(ages, default=0.0)

    def come_again(self, queue: Queue, message: Message) -> Message:
        """Give out a message that was deleted: on a server that missed that it is still there."""
        copy = replace(message, visible_at=self._clock())
        queue.messages.append(copy)
        return copy

    def _poll(
        self, queue: Queue, number: int, visibility: int | None, seconds: float
    ) -> list[Message]:
        """Wait for messages; raise what the SDK does when the client gives up before SQS does."""
        for _ in range(TRIES):
            until = self._clock() + seconds
            gives_up = self._clock() + CLIENT_SECONDS
            while not (taken := self.take(queue, number, visibility)):
                now = self._clock()
                due = [message.visible_at for message in queue.messages]
                moment = min([moment for moment in due if moment > now] + [until])
                if min(now, moment) >= min(until, gives_up):
                    break
                self._wait(min(moment, gives_up) - now)
            if taken or self._clock() >= until:
                return taken
            queue.left_polls.append((self._clock(), until))
        raise ReadTimeoutError(endpoint_url="https://sqs.example")

    def take(self, queue: Queue, number: int, visibility: int | None = None) -> list[Message]:
        """Receive up to `number` messages, fairly; each gets a new receipt handle."""
        now = self._clock()
        oldest = now - queue.retention_seconds
        queue.messages = [message for message in queue.messages if message.sent_at > oldest]
        self._lose_to_left_polls(queue)
        self._sweep(queue)
        number = min(number, MAX_IN_FLIGHT - queue.in_flight(now))
        taken = fairness.choose(queue, number, now)
        for message in taken:
            self.deliver_again(message)
            message.taken_at = now
            message.visible_at = now + (
                queue.visibility_seconds if visibility is None else visibility
            )
        return taken

    def deliver_again(self, message: Message) -> None:
        """Give a message out: at least once means that this may happen while it is out already."""
        message.handle = f"handle-{next(self._handles)}"
        message.receive_count += 1

    def _lose_to_left_polls(self, queue: Queue) -> None:
        """Give to each poll that nobody waits for the message that came while it was open."""
        now, open_polls = self._clock(), []
        for begin, until in queue.left_polls:
            came = [
                message
                for message in queue.messages
                if begin < message.visible_at <= min(until, now)
            ]
            if came:
                first = min(came, key=lambda message: message.visible_at)
                self.deliver_again(first)
                first.visible_at += queue.visibility_seconds
            elif until > now:
                open_polls.append((begin, until))
        queue.left_polls = open_polls

    def _sweep(self, queue: Queue) -> None:
        if queue.dead_letters is None:
            return
        now, kept = self._clock(), []
        for message in queue.messages:
            if message.receive_count >= queue.max_receives and message.visible_at <= now:
                message.handle, message.came_from = "", queue
                queue.dead_letters.messages.append(message)
            else:
                kept.append(message)
        queue.messages = kept

    def _queue(self, operation: str, url: str) -> Queue:
        if url not in self.queues:
            raise client_error(operation, "QueueDoesNotExist")
        return self.queues[url]


def record(message: Message, queue_arn: str = "") -> dict[str, Any]:
    """Return a message as it stands in Lambda's event."""
    return {
        "eventSourceARN": queue_arn,
        "messageId": message.id,
        "receiptHandle": message.handle,
        "body": message.body,
        "attributes": {
            "SentTimestamp": str(int(message.sent_at * 1000)),
            "ApproximateReceiveCount": str(message.receive_count),
            **_group(message),
            **_source(message),
        },
        "messageAttributes": {
            name: {"stringValue": value["StringValue"], "dataType": value["DataType"]}
            for name, value in message.attributes.items()
        },
    }


def _received(message: Message, wanted: list[str], shows_attributes: bool) -> dict[str, Any]:  # noqa: FBT001 - one caller
    system = {
        "SentTimestamp": str(int(message.sent_at * 1000)),
        "ApproximateReceiveCount": str(message.receive_count),
        **_group(message),
        **_source(message),
    }
    answer: dict[str, Any] = {
        "MessageId": message.id,
        "ReceiptHandle": message.handle,
        "Body": message.body,
        "Attributes": {name: system[name] for name in system if name in wanted or "All" in wanted},
    }
    if shows_attributes and message.attributes:
        answer["MessageAttributes"] = dict(message.attributes)
    return answer


def _source(message: Message) -> dict[str, str]:
    return {"DeadLetterQueueSourceArn": message.came_from.arn} if message.came_from else {}


def _group(message: Message) -> dict[str, str]:
    return {"MessageGroupId": message.group} if message.group else {}


def _size(body: str, attributes: dict[str, Any]) -> int:
    return len(body.encode()) + sum(
        len(name.encode()) + len(value["DataType"]) + len(value["StringValue"].encode())
        for name, value in attributes.items()
    )
