"""The table of ledger and claims: reads, conditional writes, and how long a row is kept."""

from __future__ import annotations

import itertools
import random
import time
from typing import TYPE_CHECKING, Any, Final

from outbox.mail.lanes import Lane
from outbox.mail.times import iso
from outbox.storage.expressions import Expression, existing_item, pack
from outbox.storage.row import Row
from outbox.throttling import passes, persist, throttled

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from botocore.exceptions import ClientError

    from outbox.mail.mail import Mail, Pairs
    from outbox.ports import DynamoClient

_DAY: Final = 86400
_UNPROCESSED_WAITS: Final = (0.02, 0.05, 0.1, 0.2, 0.4)
_MOST_STALLED: Final = 10  # answers in a row with nothing read: some three seconds
# A message can be 10 days in the mail queue, 14 in the failed queue, and then be re-driven.
MIN_RECORD_DAYS: Final = 30


class LedgerTable:
    """The ledger's table. Methods raise botocore's errors when DynamoDB does not answer.

    No ledger, no send.
    """

    def __init__(
        self,
        dynamo: DynamoClient,
        name: str,
        record_days: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`record_days` is how long a row is kept after its last write, at least 30."""
        self.dynamo = dynamo
        self.name = name
        self.clock = clock
        self._record_seconds = max(record_days, MIN_RECORD_DAYS) * _DAY

    def get(self, mail_id: str) -> Row | None:
        """Read one row, consistently."""
        answer = self.dynamo.get_item(
            TableName=self.name, Key={"pk": pack(mail_id)}, ConsistentRead=True
        )
        item = answer.get("Item")
        return Row.of(item) if item and "state" in item else None

    def get_all(self, mail_ids: Sequence[str]) -> dict[str, Row]:
        """Read up to 100 rows, by id; the result leaves out ids without a row.

        What DynamoDB leaves unprocessed is read again after growing waits, while anything is read.
        """
        rows: dict[str, Row] = {}
        keys = [{"pk": pack(mail_id)} for mail_id in dict.fromkeys(mail_ids)]
        waits = itertools.chain(_UNPROCESSED_WAITS, itertools.repeat(_UNPROCESSED_WAITS[-1]))
        stalled = 0
        while keys:
            asked = len(keys)
            answer = self.dynamo.batch_get_item(RequestItems={self.name: {"Keys": keys}})
            found = [item for item in answer["Responses"].get(self.name, []) if "state" in item]
            rows |= {row.id: row for row in map(Row.of, found)}
            keys = answer.get("UnprocessedKeys", {}).get(self.name, {}).get("Keys", [])
            stalled = stalled + 1 if len(keys) == asked else 0
            if stalled == _MOST_STALLED:
                raise throttled("BatchGetItem")
            if keys:
                wait = next(waits)
                time.sleep(random.uniform(wait / 2, wait))  # noqa: S311  spreads load
        return rows

    def update(
        self,
        write: Expression,
        mail_id: str,
        update: str,
        condition: str,
        returns: str = "NONE",
        until: float = 0.0,
        again: Callable[[Exception], bool] = passes,
    ) -> Any:  # noqa: ANN401  botocore's answer
        """Write one row on a condition; if it fails, the error has the row as it is.

        While `again` says so, the same is written again until `until` (epoch seconds).
        """

        def call() -> Any:  # noqa: ANN401  botocore's answer
            return self.dynamo.update_item(
                TableName=self.name,
                Key={"pk": pack(mail_id)},
                UpdateExpression=update,
                ConditionExpression=condition,
                ExpressionAttributeNames=write.names,
                ExpressionAttributeValues=write.values,
                ReturnValues=returns,
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )

        return persist(call, until, self.clock, again)

    def existing_row(self, error: ClientError, mail_id: str) -> Row:
        """Return the row that made a write fail; raise any other error."""
        item = existing_item(error)
        row = Row.of(item) if item else self.get(mail_id)
        if row is None:
            raise error  # its TTL deleted it between the write and the read: try again later
        return row

    def expiry(self, row: Row | None = None, due: int | None = None) -> int:
        """Return the TTL of a row that is written now, and has a message due at `due`.

        It is never earlier than the TTL of `row`: a row must outlive every message of its mail, and
        a schedule that was deleted may still fire.
        """
        least = int(max(self.clock(), due or 0)) + self._record_seconds
        return max(least, row.ttl if row else 0)

    def now(self) -> str:
        """Return the present in ISO 8601."""
        return iso(self.clock())


def identity(mail: Mail) -> dict[str, Any]:
    """Return the attributes that a row gets from its mail when it is made."""
    return {
        "fingerprint": mail.fingerprint,
        "client": mail.client,
        "lane": None if mail.lane is Lane.NORMAL else mail.lane,
        "sender": mail.sender,
        "to": mail.masked,
        "to_count": len(mail.recipients),
        "campaign": mail.campaign,
        "created": iso(mail.accepted_at),
        "on_unknown": mail.on_unknown,
        "expires_at": mail.expires_at,
        "scheduled_at": mail.scheduled_at,
        # Most mails have none of these, and a row has no empty attribute.
        "tags": _maps(mail.tags),
        "headers": _maps(mail.headers),
        "not_carried": mail.not_carried or None,
    }


def _maps(pairs: Pairs) -> list[dict[str, str]] | None:
    return [{"name": name, "value": value} for name, value in pairs] or None
