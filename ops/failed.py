"""The failed queue: look into it without taking anything out, choose, and move back for one try.

SQS shows a message only by hiding it for a while, so a look holds what it sees until it ends.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from botocore.exceptions import ClientError
from outbox.mail.lanes import Lane
from outbox.mail.states import State
from outbox.mail.times import iso
from outbox.queues.message import ReceivedMessage
from outbox.storage.row import Row

from ops.errors import OpsError

_HOLD_SECONDS: Final = 300
_EMPTY_LOOKS: Final = 3  # SQS may answer with nothing although there is something
_MOST: Final = 10_000


@dataclass(frozen=True, slots=True)
class Parked:
    """A message of the failed queue, and what it says of itself."""

    message: ReceivedMessage = field(repr=False)  # holds the whole mail
    raw: dict[str, Any] = field(repr=False)

    @property
    def mail_id(self) -> str:
        """The mail's id."""
        stated = self.document.get("id")
        return self.message.attributes.get("id") or str(stated or self.message.message_id)

    @property
    def state(self) -> str:
        """Failed, unknown or invalid; empty when SQS itself moved the message here."""
        return self.message.attributes.get("state", "")

    @property
    def reason(self) -> str:
        """Why it is here, by its stable name."""
        return self.message.attributes.get("reason", "")

    @property
    def code(self) -> int | None:
        """Taqnyat's ErrorCode, if there was one."""
        text = self.message.attributes.get("code", "")
        return int(text) if text.lstrip("-").isdecimal() else None

    @property
    def document(self) -> dict[str, Any]:
        """The mail as it is in the message; empty when it cannot be read."""
        try:
            found = json.loads(self.message.body)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def sender(self) -> str:
        """The mail's sender."""
        return str(self.document.get("from") or "")

    def summary(self) -> dict[str, Any]:
        """Return what may be shown of it: no recipient, subject or body."""
        return {
            "id": self.mail_id,
            "state": self.state or None,
            "reason": self.reason or None,
            "code": self.code,
            "from": self.sender or None,
            "since": iso(self.message.sent_at),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which messages are meant; None takes any. `since` is epoch seconds."""

    states: frozenset[str] | None = None
    mail_id: str | None = None
    reason: str | None = None
    code: int | None = None
    since: float | None = None
    sender: str | None = None

    def takes(self, parked: Parked) -> bool:
        """Whether a message is meant."""
        return (
            (self.states is None or parked.state in self.states)
            and self.mail_id in (None, parked.mail_id)
            and self.reason in (None, parked.reason)
            and self.code in (None, parked.code)
            and (self.since is None or parked.message.sent_at >= self.since)
            and (self.sender is None or self.sender.lower() in parked.sender.lower())
        )


class Fate(StrEnum):
    """What re-drive does with a message."""

    MOVE = "move"
    REMOVE = "remove"
    LEAVE = "leave"


def fate(parked: Parked, row: Row | None) -> tuple[Fate, str]:
    """Decide on one message by its mail's row, and say why."""
    redriven = parked.message.redrive_attempt
    if row is None:
        return _without_row(parked)
    if row.state in {State.SENT, State.CANCELED}:
        return Fate.REMOVE, f"the mail is {row.state} already"
    if row.state not in {State.FAILED, State.UNKNOWN}:
        if redriven is None and parked.state == "":
            return Fate.MOVE, "not settled yet; its worker never got through"
        return Fate.LEAVE, f"the mail is {row.state}: another copy is on its way"
    if redriven is None:
        return Fate.LEAVE, "carries no attempt number: send the mail anew"
    if redriven < row.attempt_count:
        return Fate.REMOVE, "an older copy: the mail was tried again since, and parked again"
    return Fate.MOVE, "one more try"


def _without_row(parked: Parked) -> tuple[Fate, str]:
    if parked.state in {"failed", "unknown"}:
        return Fate.LEAVE, "its record has run out: nothing tells any more whether it was sent"
    if parked.state == "invalid":
        return Fate.MOVE, "is validated again"
    return Fate.MOVE, "never tried"


class FailedQueue:
    """The queue. Methods raise botocore's errors."""

    def __init__(self, sqs: Any, url: str, mail_queue_url: str, bulk_queue_url: str = "") -> None:  # noqa: ANN401  boto3's clients have no common type
        self._sqs = sqs
        self._url = url
        self._urls = {Lane.NORMAL: mail_queue_url, Lane.BULK: bulk_queue_url or mail_queue_url}

    @contextmanager
    def look(self, most: int = _MOST) -> Iterator[list[Parked]]:
        """Hold up to `most` messages, oldest first; what is not dropped is let go at the end."""
        held: dict[str, Parked] = {}
        try:
            self._hold(held, most)
            yield sorted(held.values(), key=lambda parked: parked.message.sent_at)
        finally:
            for parked in held.values():
                self._let_go(parked)

    def move(self, parked: Parked) -> None:
        """Put a message back in its lane with its attributes and its group, then drop it here.

        In this order: broken off between the two there are two copies, of which one is sent.
        """
        attributes = {
            name: {"DataType": value["DataType"], "StringValue": value["StringValue"]}
            for name, value in (parked.raw.get("MessageAttributes") or {}).items()
        }
        group = parked.message.group
        self._sqs.send_message(
            QueueUrl=self._urls[parked.message.lane],
            MessageBody=parked.message.body,
            MessageAttributes=attributes,
            **({"MessageGroupId": group} if group else {}),
        )
        self.drop(parked)

    def drop(self, parked: Parked) -> None:
        """Delete a message."""
        self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=parked.message.receipt_handle)

    def _hold(self, held: dict[str, Parked], most: int) -> None:
        empty = 0
        while empty < _EMPTY_LOOKS and len(held) < most:
            answer = self._sqs.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=min(10, most - len(held)),
                VisibilityTimeout=_HOLD_SECONDS,
                WaitTimeSeconds=0,
                MessageAttributeNames=["All"],
                MessageSystemAttributeNames=["SentTimestamp", "MessageGroupId"],
            )
            found = answer.get("Messages") or []
            empty = 0 if found else empty + 1
            for raw in found:
                held[raw["MessageId"]] = Parked(ReceivedMessage.from_queue(raw), raw)

    def _let_go(self, parked: Parked) -> None:
        try:
            self._sqs.change_message_visibility(
                QueueUrl=self._url,
                ReceiptHandle=parked.message.receipt_handle,
                VisibilityTimeout=0,
            )
        except ClientError:
            return  # dropped meanwhile, or its time is up: it is not held any more


@dataclass(frozen=True, slots=True)
class Step:
    """What is done with one message, and why."""

    parked: Parked
    fate: Fate
    why: str

    def summary(self) -> dict[str, Any]:
        """Return it for people and programs."""
        return {**self.parked.summary(), "action": str(self.fate), "why": self.why}


def plan(
    messages: Iterable[Parked], choice: Choice, row_of: Callable[[str], Row | None]
) -> list[Step]:
    """Decide on each message that is meant; the ledger is asked for each."""
    return [
        Step(parked, *fate(parked, row_of(parked.mail_id)))
        for parked in messages
        if choice.takes(parked)
    ]


def carry_out(steps: Iterable[Step], queue: FailedQueue) -> None:
    """Do what was planned."""
    for step in steps:
        if step.fate is Fate.MOVE:
            queue.move(step.parked)
        elif step.fate is Fate.REMOVE:
            queue.drop(step.parked)


def only(messages: Iterable[Parked], mail_id: str) -> Parked:
    """Return the newest message of one mail.

    Raises:
        OpsError: there is none.

    """
    found = [parked for parked in messages if parked.mail_id == mail_id]
    if not found:
        raise OpsError(
            "no message of this mail is in the failed queue",
            "it is kept there for 14 days; another terminal may be looking at it, then try again "
            "in 5 minutes",
        )
    return found[-1]
