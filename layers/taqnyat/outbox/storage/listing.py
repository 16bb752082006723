"""A client's mails, newest first: the index tells which, the table what became of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from outbox.storage.expressions import Item, pack, pack_item
from outbox.storage.row import Row

if TYPE_CHECKING:
    from outbox.ports import DynamoClient


class Listing:
    """Lists rows. Raises botocore's errors when DynamoDB does not answer."""

    def __init__(self, dynamo: DynamoClient, table: str) -> None:
        """Make no call yet."""
        self._dynamo = dynamo
        self._table = table

    def page(
        self, client: str, limit: int, cursor: Row | None = None, *, newer: bool = False
    ) -> tuple[list[Row], bool]:
        """Return up to `limit` rows of a client, and whether there are more beyond them.

        `cursor` is one of the client's rows: those older than it follow, or with `newer` those that
        stand before it. The index follows the table within a moment, not at once.
        """
        start = {"client": client, "created": cursor.created, "pk": cursor.id} if cursor else {}
        answer = self._dynamo.query(
            TableName=self._table,
            IndexName="by-client",
            KeyConditionExpression="#client = :client",
            ExpressionAttributeNames={"#client": "client"},
            ExpressionAttributeValues={":client": pack(client)},
            ScanIndexForward=newer,
            Limit=limit + 1,
            **({"ExclusiveStartKey": pack_item(start)} if start else {}),
        )
        keys = [{"pk": item["pk"]} for item in answer["Items"]]
        found = self._rows(keys[:limit])
        # In the order of the index, to the last tie: a page's ends are the next pages' cursors.
        ordered = reversed(keys[:limit]) if newer else keys[:limit]
        rows = [found[key["pk"]["S"]] for key in ordered if key["pk"]["S"] in found]
        return rows, len(keys) > limit

    def _rows(self, keys: list[Item]) -> dict[str, Row]:
        rows: dict[str, Row] = {}
        while keys:
            answer = self._dynamo.batch_get_item(RequestItems={self._table: {"Keys": keys}})
            found = map(Row.of, answer["Responses"].get(self._table, []))
            rows |= {row.id: row for row in found}
            keys = answer.get("UnprocessedKeys", {}).get(self._table, {}).get("Keys", [])
        return rows
