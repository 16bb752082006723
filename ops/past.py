"""The mails of a campaign that the ledger has before the campaign runs again."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from outbox.storage.expressions import pack
from outbox.storage.row import Row

from ops import sending
from ops.campaign import ADDRESS_PART, Line
from ops.interrupt import Stop
from ops.rows import rows_of
from ops.stack import Stack


@dataclass(slots=True)
class Past:
    """Lines, sorted by what the ledger has of them.

    `before` were accepted by an earlier run, with their ids; `changed` were accepted too, with
    their key and another text; `again` are new ones to an address that got the campaign, with the
    id of the mail that it got.
    """

    before: dict[str, Row] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)
    again: dict[str, str] = field(default_factory=dict)

    def row(self, line: Line) -> Row | None:
        """Return the row of a line that was accepted before."""
        return self.before.get(line.id)


def look(stack: Stack, lines: Sequence[Line], *, keyed: bool, stop: Stop) -> Past:
    """Ask the ledger about every line."""
    past = Past()
    rows = rows_of(stack, [entry for line in lines for entry in {line.id, line.first_id}], stop)
    for line in lines:
        row = rows.get(line.id) or rows.get(line.first_id)
        if row is None:
            continue
        past.before[line.id] = row
        by_row = keyed or row.id != line.id  # the key identifies it, and not the rendered text
        if by_row and row.fingerprint != line.fingerprint:
            past.changed.add(line.id)
    new = [line for line in lines if line.id not in past.before]
    if new and not keyed:
        ids = set(_ids(stack))
        known = {entry[:ADDRESS_PART]: entry for entry in ids}
        # Those that are there by now are another terminal's, accepted since the rows were read.
        parts = ((line.id, line.id[:ADDRESS_PART]) for line in new if line.id not in ids)
        past.again = {mail_id: known[part] for mail_id, part in parts if part in known}
    return past


def _ids(stack: Stack) -> Iterator[str]:
    """Yield the ids of all mails that the command line accepted, from the index only."""
    start: dict[str, Any] = {}
    while True:
        answer = stack.client("dynamodb").query(
            TableName=stack.output("LedgerTable"),
            IndexName="by-client",
            KeyConditionExpression="#client = :client",
            ExpressionAttributeNames={"#client": "client"},
            ExpressionAttributeValues={":client": pack(sending.CLIENT)},
            **start,
        )
        for item in answer.get("Items", []):
            yield str(item["pk"]["S"])
        if not answer.get("LastEvaluatedKey"):
            return
        start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}
