"""The ledger: one DynamoDB item a mail. Each arrow of its state machine is one conditional write.

This module has the writes for accepting and changing a mail; `claims.py` has those for its
delivery.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from outbox.mail.states import State
from outbox.storage.expressions import Expression, existing_item, pack, pack_item, unpack
from outbox.storage.row import Row
from outbox.storage.table import LedgerTable, identity
from outbox.throttling import is_throttled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from outbox.mail.mail import Mail


_JOIN: Final = "#join#"
_DAY: Final = 86400
NOT_ACCEPTED: Final = "not_accepted"


class TableBusyError(Exception):
    """DynamoDB takes no more at this moment; nothing was written."""


class RowsBusyError(TableBusyError):
    """Another call writes the same rows at the same moment."""


class Ledger:
    """The mails' rows. Methods raise botocore's errors when DynamoDB does not answer."""

    def __init__(self, table: LedgerTable) -> None:
        """Make no call yet."""
        self._table = table

    def get(self, mail_id: str) -> Row | None:
        """Read one row, consistently."""
        return self._table.get(mail_id)

    def create(self, mail: Mail, state: State, request: str | None = None) -> Row | None:
        """Write a new mail's row; return None, or the row that already has its id.

        `request` is the fingerprint of the whole request, kept if the request has an idempotency
        key and may be repeated.

        Raises:
            TableBusyError: nothing was written.

        """
        try:
            self._table.dynamo.put_item(**self._new(mail, state, request))
        except ClientError as error:
            if is_throttled(error):
                raise TableBusyError from error
            return self._table.existing_row(error, mail.id)
        return None

    def create_all(self, mails: Sequence[tuple[Mail, State, str | None]]) -> list[Row]:
        """Write the rows of 1 to 100 new mails, each with its request: all of them, or none.

        Return [], or the rows that already have some of their ids.

        Raises:
            TableBusyError: nothing was written.
            RowsBusyError: the same; another call is writing the same rows right now.

        """
        puts = [{"Put": self._new(mail, state, request)} for mail, state, request in mails]
        try:
            self._table.dynamo.transact_write_items(TransactItems=puts)
        except ClientError as error:
            reasons: list[Any] = error.response.get("CancellationReasons", [])
            rows = [Row.of(reason["Item"]) for reason in reasons if reason.get("Item")]
            if rows:
                return rows
            if any(reason.get("Code") == "TransactionConflict" for reason in reasons):
                raise RowsBusyError from error
            if is_throttled(error):
                raise TableBusyError from error
            raise
        return []

    def join(self, content: str, key: str, seconds: int) -> str:
        """Give a call without an idempotency key a key; return it, or an earlier equal call's.

        `content` is a hash of the caller and the mails; equal calls join for `seconds`. The stored
        time decides, not the item's TTL: DynamoDB may delete an item days after it.
        """
        now = int(self._table.clock())
        item = {"pk": f"{_JOIN}{content}", "key": key, "until": now + seconds}
        write = Expression()
        over = f"{write.name('until')} <= {write.value(now)}"
        try:
            self._table.dynamo.put_item(
                TableName=self._table.name,
                Item=pack_item(item | {"ttl": now + seconds + _DAY}),
                ConditionExpression=f"attribute_not_exists({write.name('pk')}) OR {over}",
                ExpressionAttributeNames=write.names,
                ExpressionAttributeValues=write.values,
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            existing = existing_item(error)
            if existing is None:
                raise
            return str(unpack(existing["key"]))
        return key

    def cancel(self, mail_id: str, ttl: int = 0) -> Row:
        """Cancel a mail that waits and cannot have been sent; return its row as it is now.

        `ttl` is the row's when it was read, which saves a write. One that lies further away stays.
        """
        dated = ttl <= self._table.expiry()
        canceled, row = self._try_to_cancel(mail_id, dated=dated)
        if not canceled and dated and row.ttl > self._table.expiry():
            row = self._try_to_cancel(mail_id, dated=False)[1]
        return row

    def reschedule(self, row: Row, at: int, schedule: str) -> bool:
        """Move a mail if it is still scheduled as in `row`; `schedule` is its schedule's name.

        Return False if another call has canceled, claimed or moved it.
        """
        write = Expression()
        assign = write.set(
            scheduled_at=at,
            schedule=schedule,
            updated=self._table.now(),
            ttl=self._table.expiry(row, at),
        )
        name = write.name("schedule")
        if row.schedule:
            same = f"{name} = {write.value(row.schedule)}"
        else:
            same = f"attribute_not_exists({name})"
        condition = f"{write.name('state')} = {write.value(State.SCHEDULED)} AND {same}"
        try:
            self._table.update(write, row.id, f"SET {', '.join(assign)}", condition)
        except ClientError as error:
            existing = self._table.existing_row(error, row.id)
            # Our own write: its answer was lost, and the SDK repeated it.
            ours = (existing.scheduled_at, existing.schedule) == (at, schedule)
            return ours and existing.state is State.SCHEDULED
        return True

    def withdraw(self, mail_ids: Sequence[str]) -> None:
        """Cancel 1 to 100 mails whose call broke off before it was answered: all, or none.

        None where a worker has one of them already: their message got through.
        """
        entries = []
        for mail_id in mail_ids:
            write = Expression()
            assign = write.set(state=State.CANCELED, reason=NOT_ACCEPTED, updated=self._table.now())
            waiting = f"({write.value(State.SCHEDULED)}, {write.value(State.QUEUED)})"
            unclaimed = f"attribute_not_exists({write.name('attempt_count')})"
            update = {
                "TableName": self._table.name,
                "Key": {"pk": pack(mail_id)},
                "UpdateExpression": f"SET {', '.join(assign)}",
                "ConditionExpression": f"{write.name('state')} IN {waiting} AND {unclaimed}",
                "ExpressionAttributeNames": write.names,
                "ExpressionAttributeValues": write.values,
            }
            entries.append({"Update": update})
        self._table.dynamo.transact_write_items(TransactItems=entries)

    def _try_to_cancel(self, mail_id: str, *, dated: bool) -> tuple[bool, Row]:
        write = Expression()
        assign = write.set(state=State.CANCELED, updated=self._table.now())
        waiting = f"({write.value(State.SCHEDULED)}, {write.value(State.QUEUED)})"
        unsent = f"attribute_not_exists({write.name('maybe')})"
        condition = f"{write.name('state')} IN {waiting} AND {unsent}"
        if dated:
            ttl, expiry = write.name("ttl"), write.value(self._table.expiry())
            assign.append(f"{ttl} = {expiry}")
            condition += f" AND {ttl} <= {expiry}"
        update = f"SET {', '.join(assign)}"
        try:
            answer = self._table.update(write, mail_id, update, condition, returns="ALL_NEW")
        except ClientError as error:
            return False, self._table.existing_row(error, mail_id)
        return True, Row.of(answer["Attributes"])

    def _new(self, mail: Mail, state: State, request: str | None) -> dict[str, Any]:
        """Make the arguments of a put that fails if the row exists."""
        begin = {"pk": mail.id, "state": state, "updated": self._table.now(), "request": request}
        condition = "attribute_not_exists(pk)"
        write = Expression()
        if mail.has_derived_id:
            # A re-drive may have made a row with this id from a message of an unknown author.
            another = f"{write.name('fingerprint')} <> {write.value(mail.fingerprint)}"
            nobodys = f"attribute_not_exists({write.name('client')}) AND {another}"
            condition += f" OR ({nobodys})"
        named = {
            "ExpressionAttributeNames": write.names,
            "ExpressionAttributeValues": write.values,
        }
        return {
            "TableName": self._table.name,
            "Item": pack_item(
                identity(mail) | begin | {"ttl": self._table.expiry(due=mail.scheduled_at)}
            ),
            "ConditionExpression": condition,
            **(named if write.names else {}),
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
