"""Rows of the ledger, a hundred a call."""

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, TypeVar

from outbox.storage.expressions import pack
from outbox.storage.row import Row

from ops.interrupt import Stop
from ops.side_by_side import side_by_side
from ops.stack import Stack

T = TypeVar("T")

AT_ONCE: Final = 100  # of one BatchGetItem
_WAIT_SECONDS: Final = 0.1
_LONGEST_WAIT_SECONDS: Final = 2.0


def rows_of(stack: Stack, ids: Iterable[str], stop: Stop) -> dict[str, Row]:
    """Return the rows of mails by id, read consistently, with calls in parallel."""
    table, dynamo = stack.output("LedgerTable"), stack.client("dynamodb")
    work = chunks(list(dict.fromkeys(ids)), AT_ONCE)
    calls = side_by_side(work, lambda some: read_rows(dynamo, table, some), stop)
    return {row.id: row for _, rows in calls for row in rows}


def read_rows(dynamo: Any, table: str, ids: Iterable[str]) -> list[Row]:  # noqa: ANN401  boto3's clients have no common type
    """Return the rows of up to a hundred mails in one call, or in more where DynamoDB says so."""
    found: list[Row] = []
    keys: list[Any] = [{"pk": pack(entry)} for entry in dict.fromkeys(ids)]
    wait = _WAIT_SECONDS
    while keys:
        request = {table: {"Keys": keys, "ConsistentRead": True}}
        answer = dynamo.batch_get_item(RequestItems=request)
        items = answer.get("Responses", {}).get(table, [])
        found += [Row.of(item) for item in items if "state" in item]
        keys = answer.get("UnprocessedKeys", {}).get(table, {}).get("Keys", [])
        if keys:
            time.sleep(wait)
            wait = min(_LONGEST_WAIT_SECONDS, wait * 2)
    return found


def chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Yield the items, `size` at a time."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
