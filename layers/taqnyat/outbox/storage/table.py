"""The table behind ledger and claims: reads, conditional writes, how long a row is kept."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from outbox.mail.times import iso
from outbox.storage.expressions import Expression, existing_item, pack
from outbox.storage.row import Row

if TYPE_CHECKING:
    from collections.abc import Callable

    from botocore.exceptions import ClientError

    from outbox.mail.mail import Mail
    from outbox.ports import DynamoClient

_DAY: Final = 86400


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
        """`record_days` is how long a row is kept after its last write."""
        self.dynamo = dynamo
        self.name = name
        self.clock = clock
        self._record_seconds = record_days * _DAY

    def get(self, mail_id: str) -> Row | None:
        """Read one row, consistently."""
        answer = self.dynamo.get_item(
            TableName=self.name, Key={"pk": pack(mail_id)}, ConsistentRead=True
        )
        item = answer.get("Item")
        return Row.of(item) if item and "state" in item else None

    def update(
        self,
        write: Expression,
        mail_id: str,
        update: str,
        condition: str,
        returns: str = "NONE",
    ) -> Any:  # noqa: ANN401  botocore's answer
        """Write one row on a condition; a refusal brings the row as it is."""
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

    def existing_row(self, error: ClientError, mail_id: str) -> Row:
        """Return the row that made a write fail; raise any other error."""
        item = existing_item(error)
        row = Row.of(item) if item else self.get(mail_id)
        if row is None:
            raise error  # taken away by its TTL between the write and the read: try again later
        return row

    def expiry(self, from_then: int | None = None) -> int:
        """Return the TTL of a row that is written now, or kept for a message due later."""
        # With each write: a row must outlive every copy of its message, re-driven ones too.
        return int(max(self.clock(), from_then or 0)) + self._record_seconds

    def now(self) -> str:
        """Return the present in ISO 8601."""
        return iso(self.clock())


def identity(mail: Mail) -> dict[str, Any]:
    """Return the attributes that a row has of its mail from the beginning."""
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
