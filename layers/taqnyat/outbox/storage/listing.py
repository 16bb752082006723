"""A client's mails, newest first: the index has their ids, the table their rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from outbox.storage.expressions import pack, pack_item

if TYPE_CHECKING:
    from outbox.storage.row import Row
    from outbox.storage.table import LedgerTable


class Listing:
    """Lists rows. Raises botocore's errors when DynamoDB does not answer."""

    def __init__(self, table: LedgerTable) -> None:
        """Make no call yet."""
        self._table = table

    def page(
        self, client: str, limit: int, cursor: Row | None = None, *, newer: bool = False
    ) -> tuple[list[Row], bool]:
        """Return up to `limit` rows of a client, and whether there are more beyond them.

        `cursor` is one of the client's rows: the page has the rows that are older than it, or with
        `newer` those that are newer. The index follows the table with a short delay.
        """
        start = {"client": client, "created": cursor.created, "pk": cursor.id} if cursor else {}
        answer = self._table.dynamo.query(
            TableName=self._table.name,
            IndexName="by-client",
            KeyConditionExpression="#client = :client",
            ExpressionAttributeNames={"#client": "client"},
            ExpressionAttributeValues={":client": pack(client)},
            ScanIndexForward=newer,
            Limit=limit + 1,
            **({"ExclusiveStartKey": pack_item(start)} if start else {}),
        )
        ids = [item["pk"]["S"] for item in answer["Items"]]
        found = self._table.get_all(ids[:limit])
        # Keep the index's order exactly: the ends of a page are the cursors of the next pages.
        ordered = reversed(ids[:limit]) if newer else ids[:limit]
        return [found[mail_id] for mail_id in ordered if mail_id in found], len(ids) > limit
