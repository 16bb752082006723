"""What callers with limits have used: one item each in the ledger's table, written on a condition.

A caller without limits has no item, and costs no request. A container remembers what it wrote last,
so a single container needs one write a call. If others write too, the failed write returns the
item as it is, and the container tries again with that.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from outbox.accepting.limits import (
    RATE,
    Decision,
    Standing,
    Usage,
    day_at,
    decide,
    standing,
    without,
)
from outbox.storage.expressions import Expression, existing_item, pack, unpack_item

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import tzinfo

    from outbox.accepting.limits import Limits
    from outbox.ports import DynamoClient

_KEPT_SECONDS: Final = 3 * 86400
_TRIES: Final = 8


class UsageRecord:
    """The callers' usage. Methods raise botocore's errors when DynamoDB does not answer."""

    def __init__(
        self,
        dynamo: DynamoClient,
        table: str,
        zone: Callable[[], tzinfo],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`zone` returns the time zone of the day."""
        self._dynamo = dynamo
        self._table = table
        self._zone = zone
        self._clock = clock
        self._seen: dict[str, Usage] = {}

    def take(self, client: str, limits: Limits, mails: int) -> Decision:
        """Count `mails` of a client, unless its limits refuse them."""
        for _ in range(_TRIES):
            usage = self._seen.get(client, Usage())
            now = self._clock()
            decision = decide(usage, limits, mails, now, day_at(now, self._zone()))
            if decision.refused:
                if not self._is_stale(client, usage):
                    return decision
            elif self._write(client, usage, decision.usage):
                return decision
        # Too many calls of this client at the same time: its rate is exceeded.
        return Decision(Usage(), Standing(limits.rate or limits.daily or 0, 0, 1), RATE, 1)

    def give_back(self, client: str, limits: Limits, mails: int) -> None:
        """Subtract `mails` that were counted but not accepted, or were accepted before.

        If that fails, they stay counted.
        """
        for _ in range(_TRIES):
            usage = self._seen.get(client, Usage())
            day = day_at(self._clock(), self._zone())
            if self._write(client, usage, without(usage, limits, mails, day)):
                return

    def standing(self, client: str, limits: Limits) -> Standing:
        """Return the limit of a client that is nearest to its end, as it is stored now."""
        answer = self._dynamo.get_item(TableName=self._table, Key=_key(client))
        now = self._clock()
        return standing(_usage(answer.get("Item") or {}), limits, now, day_at(now, self._zone()))

    def _is_stale(self, client: str, usage: Usage) -> bool:
        """Read the item; return whether others have written since, so that a refusal is right."""
        answer = self._dynamo.get_item(TableName=self._table, Key=_key(client), ConsistentRead=True)
        self._seen[client] = _usage(answer.get("Item") or {})
        return self._seen[client] != usage

    def _write(self, client: str, seen: Usage, usage: Usage) -> bool:
        write = Expression()
        expiry = int(self._clock()) + _KEPT_SECONDS
        assign = write.set(**usage._asdict(), ttl=expiry)
        if seen == Usage():
            condition = "attribute_not_exists(pk)"
        else:
            same = (
                f"{write.name(key)} = {write.value(was)}" for key, was in seen._asdict().items()
            )
            condition = " AND ".join(same)
        try:
            self._dynamo.update_item(
                TableName=self._table,
                Key=_key(client),
                UpdateExpression=f"SET {', '.join(assign)}",
                ConditionExpression=condition,
                ExpressionAttributeNames=write.names,
                ExpressionAttributeValues=write.values,
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            self._seen[client] = _usage(existing_item(error) or {})
            return False
        self._seen[client] = usage
        return True


def _key(client: str) -> dict[str, dict[str, str]]:
    return {"pk": pack(f"#usage:{client}")}


def _usage(item: dict[str, dict[str, str]]) -> Usage:
    values = unpack_item(item)
    return Usage(**{key: values[key] for key in Usage._fields if key in values})
