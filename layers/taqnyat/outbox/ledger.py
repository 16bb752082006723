"""The ledger: one DynamoDB item a mail. Each arrow of its state machine is one conditional write.

A row is claimed before the POST and settled after it, on the condition that the claim is still
ours; what a worker that died leaves behind is a `sending` row whose lease has run out. Never holds
a body, a subject or a whole recipient.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from outbox.dynamo import (
    Expression,
    Item,
    pack,
    pack_item,
    standing_item,
    unpack_item,
)
from outbox.states import State

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from outbox.mail import Mail
    from outbox.ports import DynamoClient

_DAY: Final = 86400
# A row must stay far below the 400 KB of an item, however often its mail is tried.
MAX_ATTEMPTS: Final = 200
# A message may come a little before the time it was scheduled for.
_EARLY_SECONDS: Final = 5

Attempt = dict[str, Any]


class TableBusyError(Exception):
    """Another call writes the same rows at the same moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A mail's row.

    `created` and `updated` are ISO 8601; `lease`, `scheduled_at`, `expires_at` epoch seconds.
    `schedule` is the name of the schedule that a rescheduled mail has, else it has the mail's id.
    `attempts` holds a map a call: at, ms, verdict, scope, reason, and where known status, code,
    resend; of very many, the last MAX_ATTEMPTS. `maybe` is 1 when an earlier call may have sent the
    mail, so that every later one is a resend.
    """

    id: str
    state: State
    fingerprint: str = ""
    request: str = ""
    client: str | None = None
    sender: str = ""
    to: tuple[str, ...] = ()
    to_count: int = 0
    campaign: str = ""
    created: str = ""
    updated: str = ""
    on_unknown: str | None = None
    expires_at: int | None = None
    scheduled_at: int | None = None
    schedule: str = ""
    claim: str = ""
    claimed_at: str = ""
    lease: int = 0
    attempts: tuple[Mapping[str, Any], ...] = ()
    attempt_count: int = 0
    resends: int = 0
    maybe: int = 0
    msg_id: str | None = None
    price: str | None = None
    reason: str | None = None
    code: int | None = None
    retry_until: int | None = None

    @property
    def schedule_name(self) -> str:
        """What its schedule is called, if it has one."""
        return self.schedule or self.id

    @classmethod
    def of(cls, item: Item) -> Row:
        """Read an item; attributes that a later version wrote are passed over."""
        values = unpack_item(item)
        known = {key: values[key] for key in cls.__slots__ if key in values}
        for key in ("to", "attempts"):
            known[key] = tuple(known.get(key, ()))
        return cls(**{**known, "id": values["pk"], "state": State(values["state"])})


class Ledger:
    """The table. Methods raise botocore's errors when DynamoDB does not answer.

    No ledger, no send.
    """

    def __init__(
        self,
        dynamo: DynamoClient,
        table: str,
        *,
        lease_seconds: int,
        record_days: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`lease_seconds` must be longer than the function that claims may run."""
        self._dynamo = dynamo
        self._table = table
        self._lease_seconds = lease_seconds
        self._record_seconds = record_days * _DAY
        self._clock = clock

    def create(self, mail: Mail, state: State, request: str | None = None) -> Row | None:
        """Write a new mail's row; return None, or the row that already stands under its id.

        `request` is the fingerprint of the whole request, kept where an idempotency key may bring
        it again.
        """
        try:
            self._dynamo.put_item(**self._new(mail, state, request))
        except ClientError as error:
            return self._standing(error, mail.id)
        return None

    def create_all(self, mails: Sequence[tuple[Mail, State]], request: str | None) -> list[Row]:
        """Write the rows of 1 to 100 new mails: all of them, or none.

        Return [], or the rows that already stand under some of their ids.

        Raises:
            TableBusyError: another call is writing the same rows right now; nothing was written.

        """
        puts = [{"Put": self._new(mail, state, request)} for mail, state in mails]
        try:
            self._dynamo.transact_write_items(TransactItems=puts)
        except ClientError as error:
            reasons: list[Any] = error.response.get("CancellationReasons", [])
            rows = [Row.of(reason["Item"]) for reason in reasons if reason.get("Item")]
            if rows:
                return rows
            if any(reason.get("Code") == "TransactionConflict" for reason in reasons):
                raise TableBusyError from error
            raise
        return []

    def get(self, mail_id: str) -> Row | None:
        """Read one row, consistently."""
        answer = self._dynamo.get_item(
            TableName=self._table, Key={"pk": pack(mail_id)}, ConsistentRead=True
        )
        item = answer.get("Item")
        return Row.of(item) if item and "state" in item else None

    def cancel(self, mail_id: str) -> Row:
        """Cancel a mail that waits, and that no call may have sent; return its row as it is now."""
        write = Expression()
        assign = write.set(state=State.CANCELED, updated=self._now(), ttl=self._ttl())
        waiting = f"({write.value(State.SCHEDULED)}, {write.value(State.QUEUED)})"
        condition = f"{write.name('state')} IN {waiting}"
        condition += f" AND attribute_not_exists({write.name('maybe')})"
        update = f"SET {', '.join(assign)}"
        try:
            answer = self._update(write, mail_id, update, condition, returns="ALL_NEW")
        except ClientError as error:
            return self._standing(error, mail_id)
        return Row.of(answer["Attributes"])

    def reschedule(self, row: Row, at: int, schedule: str) -> bool:
        """Move a mail that is still scheduled as `row` says; `schedule` is its schedule's name.

        Return False if it is not: canceled, claimed or moved by another call.
        """
        write = Expression()
        assign = write.set(
            scheduled_at=at, schedule=schedule, updated=self._now(), ttl=self._ttl(at)
        )
        name = write.name("schedule")
        if row.schedule:
            same = f"{name} = {write.value(row.schedule)}"
        else:
            same = f"attribute_not_exists({name})"
        condition = f"{write.name('state')} = {write.value(State.SCHEDULED)} AND {same}"
        try:
            self._update(write, row.id, f"SET {', '.join(assign)}", condition)
        except ClientError as error:
            standing = self._standing(error, row.id)
            # Our own write, whose answer was lost and which the SDK repeated.
            ours = (standing.scheduled_at, standing.schedule) == (at, schedule)
            return ours and standing.state is State.SCHEDULED
        return True

    def claim(
        self, mail: Mail, token: str, redriven: int | None = None, *, maybe: bool = False
    ) -> tuple[bool, Row]:
        """Take the right to send `mail` once, until the lease ends.

        Return whether it was taken, and the row as it is now.
        A mail without a row (a direct producer's) gets one here. `redriven` is the number of the
        attempt that parked the mail in the failed queue: by that it may be taken again from
        `failed` or `unknown`, once. `maybe` says that it was parked as `unknown`: should its row be
        gone meanwhile, the new one still calls it a resend.
        """
        write = Expression()
        known = write.value(int(maybe))
        assign = [
            *self._claiming(write, token),
            *write.set_once(**self._identity(mail), maybe=1 if maybe else None),
            write.add("resends", f"if_not_exists({write.name('maybe')}, {known})"),
        ]
        state = write.name("state")
        soon = int(self._clock()) + _EARLY_SECONDS
        due = f"{write.name('scheduled_at')} <= {write.value(soon)}"
        takeable = [
            f"{state} = {write.value(State.QUEUED)}",
            f"({state} = {write.value(State.SCHEDULED)} AND {due})",
        ]
        if redriven is not None:
            parked = f"{state} IN ({write.value(State.FAILED)}, {write.value(State.UNKNOWN)})"
            takeable.append(
                f"({parked} AND {write.name('attempt_count')} = {write.value(redriven)})"
            )
        same = f"{write.name('fingerprint')} = {write.value(mail.fingerprint)}"
        condition = f"attribute_not_exists(pk) OR ({same} AND ({' OR '.join(takeable)}))"
        return self._take(write, mail.id, token, assign, condition)

    def claim_again(self, row: Row, token: str, attempt: Attempt) -> tuple[bool, Row]:
        """Take over a claim whose lease has run out; what is sent by it is marked as a resend."""
        write = Expression()
        assign = [
            *self._claiming(write, token),
            *write.set(maybe=1),
            _history(write, row, attempt),
            write.add("resends", write.value(1)),
        ]
        return self._take(write, row.id, token, assign, self._still(write, row.claim))

    def settle(
        self,
        row: Row,
        state: State,
        attempt: Attempt | None,
        **changes: str | int | None,
    ) -> bool:
        """Write what became of the call that `row`'s claim allowed.

        Return False if the claim is no longer ours. `changes` are further attributes of the row;
        None takes one away.
        """
        write = Expression()
        assign = write.set(state=state, updated=self._now(), ttl=self._ttl(), **changes)
        if attempt is not None:
            assign.append(_history(write, row, attempt))
        gone = [write.name(key) for key, value in changes.items() if value is None]
        removal = f" REMOVE {', '.join(gone)}" if gone else ""
        try:
            self._update(
                write, row.id, f"SET {', '.join(assign)}{removal}", self._still(write, row.claim)
            )
        except ClientError as error:
            standing = self._standing(error, row.id)
            # Our own write, whose answer was lost and which the SDK repeated.
            return standing.claim == row.claim and standing.state is state
        return True

    def resolve_sent(self, mail_id: str, attempt: Attempt) -> Row | None:
        """Note that an unknown mail was sent after all, as a person found out.

        Return None, or the row as it stands if it is not unknown. `attempt` says who and when.
        """
        write = Expression()
        assign = [
            *write.set(state=State.SENT, reason=attempt["reason"]),
            *write.set(updated=self._now(), ttl=self._ttl()),
            write.append("attempts", attempt),
        ]
        unknown = f"{write.name('state')} = {write.value(State.UNKNOWN)}"
        try:
            self._update(write, mail_id, f"SET {', '.join(assign)}", unknown)
        except ClientError as error:
            return self._standing(error, mail_id)
        return None

    def _claiming(self, write: Expression, token: str) -> list[str]:
        lease = int(self._clock()) + self._lease_seconds
        now = self._now()
        return [
            *write.set(state=State.SENDING, claim=token, claimed_at=now, lease=lease, updated=now),
            *write.set(ttl=self._ttl()),
            write.add("attempt_count", write.value(1)),
        ]

    def _take(
        self,
        write: Expression,
        mail_id: str,
        token: str,
        assign: list[str],
        condition: str,
    ) -> tuple[bool, Row]:
        try:
            answer = self._update(
                write, mail_id, f"SET {', '.join(assign)}", condition, returns="ALL_NEW"
            )
        except ClientError as error:
            standing = self._standing(error, mail_id)
            return standing.claim == token and standing.state is State.SENDING, standing
        return True, Row.of(answer["Attributes"])

    def _still(self, write: Expression, claim: str) -> str:
        state, held = write.name("state"), write.name("claim")
        return f"{state} = {write.value(State.SENDING)} AND {held} = {write.value(claim)}"

    def _update(
        self,
        write: Expression,
        mail_id: str,
        update: str,
        condition: str,
        returns: str = "NONE",
    ) -> Any:  # noqa: ANN401  botocore's answer
        return self._dynamo.update_item(
            TableName=self._table,
            Key={"pk": pack(mail_id)},
            UpdateExpression=update,
            ConditionExpression=condition,
            ExpressionAttributeNames=write.names,
            ExpressionAttributeValues=write.values,
            ReturnValues=returns,
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )

    def _standing(self, error: ClientError, mail_id: str) -> Row:
        item = standing_item(error)
        row = Row.of(item) if item else self.get(mail_id)
        if row is None:
            raise error  # taken away by its TTL between the write and the read: try again later
        return row

    def _new(self, mail: Mail, state: State, request: str | None) -> dict[str, Any]:
        """Make the put of a row that must not be there yet."""
        begin = {"pk": mail.id, "state": state, "updated": self._now(), "request": request}
        return {
            "TableName": self._table,
            "Item": pack_item(self._identity(mail) | begin | {"ttl": self._ttl(mail.scheduled_at)}),
            "ConditionExpression": "attribute_not_exists(pk)",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }

    def _identity(self, mail: Mail) -> dict[str, Any]:
        """Make what a row says of its mail from the beginning."""
        return {
            "fingerprint": mail.fingerprint,
            "client": mail.client,
            "sender": mail.sender,
            "to": mail.masked,
            "to_count": len(mail.recipients),
            "campaign": mail.campaign,
            "created": iso(mail.accepted_at),
            "on_unknown": mail.on_unknown,
            "expires_at": mail.expires_at,
            "scheduled_at": mail.scheduled_at,
        }

    def _ttl(self, from_then: int | None = None) -> int:
        # Anew with each write: a row must outlive every copy of its message, re-driven ones too.
        return int(max(self._clock(), from_then or 0)) + self._record_seconds

    def _now(self) -> str:
        return iso(self._clock())


def _history(write: Expression, row: Row, attempt: Attempt) -> str:
    """Append an attempt; a claim's holder alone writes them, so `row` has all that there are."""
    if len(row.attempts) < MAX_ATTEMPTS:
        return write.append("attempts", attempt)
    (assignment,) = write.set(attempts=[*row.attempts[1 - MAX_ATTEMPTS :], attempt])
    return assignment


def iso(seconds: float) -> str:
    """Return epoch seconds as ISO 8601 in UTC with milliseconds; such times sort as text."""
    return (
        datetime.fromtimestamp(seconds, UTC)
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z")
    )
