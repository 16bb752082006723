"""The messages of the failed queue: how an operator selects them, and what is done with each.

Pure: messages, rows and tasks in, decisions out.
"""

import base64
import contextlib
import json
import re
import sys
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from outbox.mail.addresses import AddressError, bare
from outbox.mail.states import State
from outbox.mail.times import iso
from outbox.queues.message import STRANGE, ReceivedMessage
from outbox.queues.origin import is_strange_dead_letter
from outbox.storage.row import Row

_IDENTIFIER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")
_REASON: Final = re.compile(r"[a-z][a-z0-9_:.\[\]?-]{0,79}", re.IGNORECASE)
_STATES: Final = ("failed", "unknown", "invalid")
_CLIENT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_ADDRESS: Final = re.compile(r"[\x21-\x7e]{3,320}")
_BASE64: Final = b"b"
_PLAIN: Final = b"p"
NOT_VALID: Final = "(not valid)"
DISCARDED: Final = "discarded"  # the reason in a row
NO_RECORD: Final = "its record is gone: it is sent again, and marked as a resend"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """The part of a message that is kept while it is held: of the mail, only its sender.

    `state` is failed, unknown or invalid; empty when SQS itself moved the message, or Scheduler
    sent it; strange when it is none of this stack's (`foreign`). `attempt` is the number of the
    attempt after which it came here. `sent_at` is epoch seconds, `size` bytes.
    `packed` is its receipt handle: of 120,000 messages these are the most that is kept. `crowd`
    says that it holds many mails that were never tried: a batch that SQS itself moved.
    """

    message_id: str
    packed: bytes
    mail_id: str
    state: str
    reason: str
    code: int | None
    sender: str
    client: str
    attempt: int | None
    sent_at: float
    size: int
    foreign: bool
    crowd: bool = False

    @classmethod
    def of_row(cls, row: Row) -> "DeadLetter":
        """Represent a mail without a message here; there is nothing to move or to delete."""
        attempt = row.attempt_count or None
        return cls(
            "",
            b"",
            row.id,
            row.state,
            row.reason or "",
            row.code,
            row.sender,
            row.client or "",
            attempt,
            0.0,
            0,
            foreign=False,
        )

    @property
    def handle(self) -> str:
        """Its receipt handle; empty where there is no message."""
        kind, kept = self.packed[:1], self.packed[1:]
        return base64.b64encode(kept).decode() if kind == _BASE64 else kept.decode()

    def summary(self) -> dict[str, Any]:
        """Return the fields that may be shown: no recipient, subject or body."""
        return {
            "id": self.mail_id,
            "state": self.state or None,
            "reason": self.reason or None,
            "code": self.code,
            "from": self.sender or None,
            "client": self.client or None,
            "since": iso(self.sent_at),
        }


def read(raw: Mapping[str, Any], arns: AbstractSet[str]) -> DeadLetter:
    """Read a message of ReceiveMessage; the mail queues' ARNs tell whose dead letters are ours.

    A value that a producer wrote is used only if it has the expected form.
    """
    message = ReceivedMessage.from_queue(raw)
    document = _document(message.body)
    stated = message.attributes.get("id") or document.get("id")
    code = message.attributes.get("code", "")
    foreign = is_strange_dead_letter(message, arns)
    state = message.attributes.get("state", "")
    known = STRANGE if foreign else state if state in _STATES else ""
    return DeadLetter(
        message_id=message.message_id,
        packed=packed(message.receipt_handle),
        mail_id=_form(_IDENTIFIER, stated) or message.message_id,
        state=sys.intern(known),
        reason=sys.intern(_form(_REASON, message.attributes.get("reason"))),
        code=int(code) if re.fullmatch(r"-?[0-9]{1,9}", code) else None,
        sender=sys.intern(_sender(document.get("from"))),
        client=sys.intern(_form(_CLIENT, document.get("client"))),
        attempt=message.redrive_attempt,
        sent_at=message.sent_at,
        size=len(message.body.encode(errors="replace")),
        foreign=foreign,
        crowd=message.is_batch and not known,
    )


def packed(handle: str) -> bytes:
    """Return a receipt handle in three quarters of its size: AWS's are base64."""
    with contextlib.suppress(ValueError):
        found = base64.b64decode(handle, validate=True)
        if base64.b64encode(found).decode() == handle:
            return _BASE64 + found
    return _PLAIN + handle.encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The selection of messages; None selects any. Times are epoch seconds.

    `sender` may be a part of the address; the state "" means that SQS itself moved the message.
    """

    states: frozenset[str] | None = None
    ids: frozenset[str] | None = None
    reason: str | None = None
    code: int | None = None
    sender: str | None = None
    client: str | None = None
    since: float | None = None
    until: float | None = None

    def takes(self, letter: DeadLetter) -> bool:
        """Return whether a message is selected."""
        return (
            (self.states is None or letter.state in self.states)
            and (self.ids is None or letter.mail_id in self.ids)
            and self.reason in (None, letter.reason)
            and self.code in (None, letter.code)
            and (self.sender is None or self.sender.lower() in letter.sender.lower())
            and self.client in (None, letter.client)
            and (self.since is None or letter.sent_at >= self.since)
            and (self.until is None or letter.sent_at < self.until)
        )


@dataclass(frozen=True, slots=True)
class Group:
    """Messages of one cause. `since` and `last` are epoch seconds."""

    state: str
    reason: str
    code: int | None
    sender: str
    client: str
    count: int
    since: float
    last: float

    def summary(self) -> dict[str, Any]:
        """Return it for programs and people."""
        return {
            "count": self.count,
            "state": self.state or None,
            "reason": self.reason or None,
            "code": self.code,
            "from": self.sender or None,
            "client": self.client or None,
            "since": iso(self.since),
            "last": iso(self.last),
        }


def groups(letters: Iterable[DeadLetter]) -> list[Group]:
    """Return the causes, the largest first."""
    found: dict[tuple[str, str, int | None, str, str], list[float]] = {}
    for letter in letters:
        key = (letter.state, letter.reason, letter.code, letter.sender, letter.client)
        times = found.setdefault(key, [0, letter.sent_at, letter.sent_at])
        times[0] += 1
        times[1] = min(times[1], letter.sent_at)
        times[2] = max(times[2], letter.sent_at)
    made = [Group(*key, int(count), first, last) for key, (count, first, last) in found.items()]
    return sorted(made, key=lambda group: (-group.count, group.since))


class Task(StrEnum):
    """The task of an operator."""

    REDRIVE = "redrive"
    REDRIVE_WITHOUT_RECORD = "redrive without record"  # too
    RESEND = "resend"
    SENT = "sent"
    DISCARD = "discard"


class Action(StrEnum):
    """The action on a message."""

    MOVE = "move"  # back to the mail queue, for one more try
    NOTE = "note"  # in the row, as sent or discarded; the message goes
    REMOVE = "remove"  # the message alone goes: its mail is settled otherwise
    LEAVE = "leave"


Decision = tuple[Action, str]


@dataclass(frozen=True, slots=True)
class Step:
    """The decision about one message, and its reason."""

    letter: DeadLetter
    action: Action
    why: str

    @property
    def is_doubtful(self) -> bool:
        """Whether the mail may arrive twice."""
        return self.action is Action.MOVE and (
            self.letter.state == "unknown" or self.why == NO_RECORD
        )

    def summary(self) -> dict[str, Any]:
        """Return it for people and programs."""
        return {**self.letter.summary(), "action": str(self.action), "why": self.why}


def decide(task: Task, letter: DeadLetter, row: Row | None) -> Decision:
    """Decide on one message by its mail's row, and say why."""
    if letter.foreign:
        return Action.LEAVE, "is none of this stack's: another queue's, or without our attributes"
    if row is not None and row.state in {State.SENT, State.CANCELED}:
        told = "was discarded" if row.reason == DISCARDED else f"is {row.state} already"
        return Action.REMOVE, f"the mail {told}"
    if row is not None and _is_older(letter, row):
        return Action.REMOVE, "an older copy: the mail was tried again since, and failed again"
    return _BY_TASK[task](letter, row)


def _is_older(letter: DeadLetter, row: Row) -> bool:
    ended = row.state in {State.FAILED, State.UNKNOWN}
    return ended and letter.attempt is not None and letter.attempt < row.attempt_count


def _redrive(letter: DeadLetter, row: Row | None) -> Decision:
    if row is None:
        return _without_row(letter)
    if row.state not in {State.FAILED, State.UNKNOWN}:
        if letter.attempt is None and letter.state == "":
            return Action.MOVE, "not settled yet: its worker did not finish"
        return Action.LEAVE, f"the mail is {row.state}: another copy is in the queue"
    if letter.attempt is None:
        return Action.LEAVE, "carries no attempt number: send the mail again as a new one"
    return Action.MOVE, "one more try"


def _without_row(letter: DeadLetter) -> Decision:
    if letter.state == "unknown":
        return Action.MOVE, NO_RECORD
    if letter.state == "failed":
        why = "its record is gone, so it may have been sent since: --without-record sends it again"
        return Action.LEAVE, why
    return Action.MOVE, "is validated again" if letter.state == "invalid" else "never tried"


def _redrive_without_record(letter: DeadLetter, row: Row | None) -> Decision:
    if row is None and letter.state == "failed":
        return Action.MOVE, NO_RECORD
    return _redrive(letter, row)


def _resend(letter: DeadLetter, row: Row | None) -> Decision:
    if row is not None and row.state is not State.UNKNOWN:
        return Action.LEAVE, _not_unknown(row)
    return _redrive(letter, row)


def _sent(_letter: DeadLetter, row: Row | None) -> Decision:
    if row is None or row.state is not State.UNKNOWN:
        return Action.LEAVE, _not_unknown(row)
    return Action.NOTE, "is noted as sent"


def _discard(letter: DeadLetter, row: Row | None) -> Decision:
    if letter.crowd:
        return Action.LEAVE, "holds many mails that were never tried: `failed redrive` first"
    if row is None:
        return Action.REMOVE, "has no record"
    if row.state in {State.FAILED, State.UNKNOWN} or (
        row.state is State.QUEUED and letter.attempt is None and letter.state == ""
    ):
        return Action.NOTE, "is discarded"
    return Action.LEAVE, f"the mail is {row.state}: another copy is in the queue"


_BY_TASK: Final = {
    Task.REDRIVE: _redrive,
    Task.REDRIVE_WITHOUT_RECORD: _redrive_without_record,
    Task.RESEND: _resend,
    Task.SENT: _sent,
    Task.DISCARD: _discard,
}


def _not_unknown(row: Row | None) -> str:
    return f"the mail is {row.state}, not unknown" if row else "it has no record"


def _document(body: str) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _form(form: re.Pattern[str], value: object) -> str:
    return value if isinstance(value, str) and form.fullmatch(value) else ""


def _sender(value: object) -> str:
    if value is None:
        return ""
    try:
        found = bare(value) if isinstance(value, str) and len(value) <= 600 else ""  # noqa: PLR2004  as mails allow
    except (AddressError, ValueError):
        found = ""
    return found if _ADDRESS.fullmatch(found) else NOT_VALID
