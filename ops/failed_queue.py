"""The failed queue: holds all messages while a command reads them, and moves them.

SQS shows a message only by hiding it for a while. So a hold hides the messages from others. It
extends the time while the user decides, keeps no bodies, and receives a message again to move it.
"""

import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from ops.dead_letters import DeadLetter, read
from ops.interrupt import Stop
from ops.rows import chunks
from ops.side_by_side import aside, side_by_side
from ops.stack import Stack

HOLD_SECONDS: Final = 300
_RENEW_SECONDS: Final = 100.0
_LOOK_SECONDS: Final = 60.0  # without a message, even if the counts are higher
_POLL_SECONDS: Final = 1  # seconds of one long poll, which asks all of SQS's servers
_QUIET_POLLS: Final = 8  # without a message, after which the rest is held elsewhere
_READERS: Final = 4
_AT_ONCE: Final = 10  # of one call
_MAX_BYTES: Final = 2 * 1024 * 1024  # of bodies in one answer, about
_MAX_BATCH_BYTES: Final = 1_000_000  # of bodies in one SendMessageBatch
_GIVE_BACK_SECONDS: Final = 0.3  # after Ctrl-C; what takes longer is done in the background
_OF_SQS: Final = ("SentTimestamp", "DeadLetterQueueSourceArn", "MessageGroupId")
_COUNTS: Final = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)


@dataclass(slots=True)
class Look:
    """The held messages, by SQS's message id: `seen` of the `total` that SQS counts.

    `until` is the latest time at which messages that are held elsewhere are visible again (epoch
    seconds). `notice` gets each message with its body, which is not kept. `released_later` are
    those that are released in the background after Ctrl-C.
    """

    letters: dict[str, DeadLetter] = field(default_factory=dict)
    seen: int = 0
    total: int = 0
    until: float = 0.0
    hidden: int = 0
    released_later: int = 0
    notice: Callable[[DeadLetter, Any], None] | None = None

    @property
    def is_whole(self) -> bool:
        """Whether every message was seen."""
        return self.seen >= self.total

    def sentence(self) -> str:
        """Return how much was seen, if it is not all."""
        until = time.strftime("%H:%MZ", time.gmtime(self.until))
        seen = f"{self.seen:,} of about {self.total:,} seen"
        if self.hidden:
            return f"{seen}; {self.hidden:,} are held by another terminal until {until}"
        return f"{seen}; SQS did not show the rest in {_LOOK_SECONDS:.0f} s"


LetGo = Callable[[Sequence[str]], None]


class FailedQueue:
    """The queue. Methods raise botocore's errors."""

    def __init__(
        self,
        sqs: Any,  # noqa: ANN401  boto3's clients have no common type
        url: str,
        mail_queue_arns: AbstractSet[str] = frozenset(),
        lane_url: Callable[[dict[str, Any]], str] = lambda _: "",
        let_go: LetGo | None = None,
    ) -> None:
        """`lane_url` returns the queue to which a message goes back, by its attributes.

        `let_go` releases messages in the background, by their receipt handles, where a command
        that is to stop has no time for it.
        """
        self._sqs = sqs
        self._url = url
        self._mail_queue_arns = mail_queue_arns
        self._lane_url = lane_url
        self._in_background = let_go

    @contextmanager
    def look(
        self,
        stop: Stop,
        told: Callable[[int, int], None] = lambda *_: None,
        notice: Callable[[DeadLetter, Any], None] | None = None,
    ) -> Iterator[Look]:
        """Hold all messages; release those that are still held at the end.

        `told` gets the number of held messages, and of all.
        """
        look = Look(notice=notice)
        over = threading.Event()
        keeper = threading.Thread(target=self._keep, args=(look, over), daemon=True)
        keeper.start()
        interrupted = False
        try:
            self._hold(look, stop, told, over)
            yield look
        except BaseException as error:
            # click makes an Abort of it.
            interrupted = any(isinstance(e, KeyboardInterrupt) for e in (error, error.__context__))
            raise
        finally:
            over.set()
            self._let_go(look, in_haste=interrupted or stop.asked)

    def delete(self, look: Look, letters: Sequence[DeadLetter]) -> set[str]:
        """Delete up to ten messages; return the ids of those that are gone."""
        entries = [{"Id": str(n), "ReceiptHandle": x.handle} for n, x in enumerate(letters)]
        answer = self._sqs.delete_message_batch(QueueUrl=self._url, Entries=entries)
        gone = {letters[int(entry["Id"])].message_id for entry in answer.get("Successful") or []}
        for message_id in gone:
            look.letters.pop(message_id, None)
        return gone

    def let_go(self, handles: Sequence[str]) -> None:
        """Release messages by their receipt handles."""

        def change(some: Sequence[str]) -> None:
            self._visibility(some, 0)

        for _ in side_by_side(chunks(handles, _AT_ONCE), change, Stop()):
            pass

    def release(self, look: Look, letters: Sequence[DeadLetter], seconds: int = 0) -> None:
        """Let up to ten messages be received again in so many seconds."""
        for letter in letters:
            look.letters.pop(letter.message_id, None)
        self._visibility([letter.handle for letter in letters], seconds)

    def receive(self, look: Look, most: int, wait: int = 0) -> list[tuple[DeadLetter, Any]]:
        """Receive up to `most` messages with their bodies; they are held like the others."""
        answer = self._sqs.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=most,
            VisibilityTimeout=HOLD_SECONDS,
            WaitTimeSeconds=wait,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=list(_OF_SQS),
        )
        found = []
        for raw in answer.get("Messages") or []:
            letter = read(raw, self._mail_queue_arns)
            look.letters[letter.message_id] = letter
            if look.notice is not None:
                look.notice(letter, raw)
            found.append((letter, raw))
        return found

    def send(self, messages: Sequence[tuple[DeadLetter, Any]]) -> list[DeadLetter]:
        """Send messages with their attributes to the mail queue; return those that SQS took."""
        taken: list[DeadLetter] = []
        for url, batch in self._batches(messages):
            entries = [{"Id": str(n), **_message(raw)} for n, (_, raw) in enumerate(batch)]
            answer = self._sqs.send_message_batch(QueueUrl=url, Entries=entries)
            taken += [batch[int(entry["Id"])][0] for entry in answer.get("Successful") or []]
        return taken

    def _batches(
        self, messages: Sequence[tuple[DeadLetter, Any]]
    ) -> Iterator[tuple[str, list[tuple[DeadLetter, Any]]]]:
        by_url: dict[str, list[tuple[DeadLetter, Any]]] = {}
        for letter, raw in messages:
            url = self._lane_url(raw.get("MessageAttributes") or {})
            batch = by_url.setdefault(url, [])
            if batch and sum(x.size for x, _ in batch) + letter.size > _MAX_BATCH_BYTES:
                yield url, batch
                by_url[url] = batch = []
            batch.append((letter, raw))
        yield from ((url, batch) for url, batch in by_url.items() if batch)

    def _hold(
        self, look: Look, stop: Stop, told: Callable[[int, int], None], over: threading.Event
    ) -> None:
        aside(lambda: self._count(look), stop)
        search = _Search(look)

        def poll(most: int) -> _Polled:
            try:
                found = self.receive(look, most, _POLL_SECONDS)
            except ClientError as error:
                if "OverLimit" in str(error.response.get("Error", {}).get("Code")):
                    return _Polled(None)  # SQS hides no more than 120,000
                raise
            if over.is_set():  # it came after the others were released
                self.release(look, [letter for letter, _ in found])
            search.learn([letter.size for letter, _ in found])
            return _Polled(len(found), None if found else self._count(look))

        # Wait for its end, so that no running poll hides a message after the release.
        for _, polled in side_by_side(search.polls(), poll, stop, _READERS):
            search.note(polled)
            told(len(look.letters), look.total)
        if stop.asked:
            look.seen = len(look.letters)
        else:
            aside(lambda: self._count(look), stop)

    def _count(self, look: Look) -> int:
        """Read the queue's counts; return how many messages are visible."""
        answer = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=list(_COUNTS))
        visible, hidden, delayed = (int(answer["Attributes"].get(name, 0)) for name in _COUNTS)
        look.seen = len(look.letters)
        look.total = max(visible + hidden + delayed, look.seen)
        look.hidden = max(0, hidden - look.seen)
        look.until = time.time() + HOLD_SECONDS
        return visible + delayed

    def _keep(self, look: Look, over: threading.Event) -> None:
        while not over.wait(_RENEW_SECONDS):
            try:
                self._change(look, HOLD_SECONDS)
            except (ClientError, BotoCoreError):
                continue  # tried again before the lease ends

    def _let_go(self, look: Look, *, in_haste: bool) -> None:
        try:
            if in_haste and self._in_background is not None:
                soon = time.monotonic() + _GIVE_BACK_SECONDS
                self._change(look, 0, soon)
                if left := [letter.handle for letter in look.letters.values()]:
                    self._in_background(left)
                    look.released_later = len(left)
            else:
                self._change(look, 0)
        except (ClientError, BotoCoreError, OSError):
            return  # they are seen again when the lease ends

    def _change(self, look: Look, seconds: int, until: float = math.inf) -> None:
        def change(some: Sequence[DeadLetter]) -> None:
            # Skip those that were released or deleted while others were changed.
            if still := [letter for letter in some if letter.message_id in look.letters]:
                self._visibility([letter.handle for letter in still], seconds)
                if not seconds:
                    for letter in still:
                        look.letters.pop(letter.message_id, None)

        held = chunks(list(look.letters.values()), _AT_ONCE)
        for _ in side_by_side(held, change, Stop(), until=until):
            pass

    def _visibility(self, handles: Sequence[str], seconds: int) -> None:
        entries = [
            {"Id": str(n), "ReceiptHandle": handle, "VisibilityTimeout": seconds}
            for n, handle in enumerate(handles)
        ]
        # A refused one was deleted, or is no longer held.
        self._sqs.change_message_visibility_batch(QueueUrl=self._url, Entries=entries)


def of_stack(stack: Stack) -> FailedQueue:
    """Return the stack's failed queue."""
    normal, bulk = stack.output("MailQueueUrl"), stack.outputs.get("BulkQueueUrl")

    def lane_url(attributes: dict[str, Any]) -> str:
        lane = attributes.get("lane", {}).get("StringValue")
        return bulk if bulk and lane == "bulk" else normal

    arns = {stack.output("MailQueueArn"), stack.outputs.get("BulkQueueArn", "")}
    later: LetGo | None = None
    if stack.place is not None:
        from ops import let_go  # noqa: PLC0415  it needs this module

        later = partial(let_go.later, stack.place)
    url = stack.output("FailedQueueUrl")
    return FailedQueue(stack.client("sqs"), url, arns, lane_url, later)


@dataclass(frozen=True, slots=True)
class _Polled:
    """The result of a poll: how many came, None if SQS hides no more; how many are visible."""

    found: int | None
    visible: int | None = None


class _Search:
    """Decides how long a hold collects, and how many messages each poll asks for."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._end = time.monotonic() + _LOOK_SECONDS
        self._most = 1
        self._quiet = 0
        self._over = False

    def polls(self) -> Iterator[int]:
        """Yield how many messages to ask for: few if they are large, to save memory."""
        while not (self._over or time.monotonic() > self._end):
            yield self._most

    def learn(self, sizes: Sequence[int]) -> None:
        """Learn the size of messages from a poll."""
        if sizes:
            self._most = max(1, min(_AT_ONCE, _MAX_BYTES // max(*sizes, 1)))

    def note(self, polled: _Polled) -> None:
        """Decide whether to continue after a poll."""
        if polled.found is None:
            self._over = True
        elif polled.found:
            self._quiet = 0
            self._end = time.monotonic() + _LOOK_SECONDS
        else:
            self._quiet += 1
            elsewhere = self._quiet >= _QUIET_POLLS
            if not polled.visible and (self._look.is_whole or elsewhere):
                self._over = True


def _message(raw: Any) -> dict[str, Any]:  # noqa: ANN401  boto3's answer
    """Return a message as it was sent here: its body, attributes and group."""
    given = raw.get("MessageAttributes") or {}
    kept = ("DataType", "StringValue", "BinaryValue")
    group = (raw.get("Attributes") or {}).get("MessageGroupId")
    attributes = {
        name: {key: value[key] for key in kept if key in value} for name, value in given.items()
    }
    return {
        "MessageBody": raw["Body"],
        **({"MessageAttributes": attributes} if attributes else {}),
        **({"MessageGroupId": group} if group else {}),
    }
