"""Entry of the ledger's stream: changes in, the first one that must come again out."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, Final

from outbox import aws

from mail_events.changes import event_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

SOURCE: Final = "taqnyat-mail"
_MAX_ENTRIES: Final = 10  # of one PutEvents; each is far below its limit of size

Entries = list[tuple[str, dict[str, Any]]]


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Publish the changes of one batch, in order.

    When EventBridge does not take one, that one and all after it come again: an event may be
    published twice, and is never left out.
    """
    bus = aws.client("events")
    for portion in _portions(entries(event["Records"], os.environ["EVENT_BUS_NAME"])):
        answer = bus.put_events(Entries=[entry for _, entry in portion])
        if answer["FailedEntryCount"]:
            outcomes = zip(portion, answer["Entries"], strict=True)
            first = next(number for (number, _), outcome in outcomes if "ErrorCode" in outcome)
            return {"batchItemFailures": [{"itemIdentifier": first}]}
    return {"batchItemFailures": []}


def entries(records: Sequence[Mapping[str, Any]], bus: str) -> Entries:
    """Return (sequence number of the change, entry for PutEvents) for each change that tells."""
    found: Entries = []
    include_tags = os.environ.get("INCLUDE_TAGS") == "yes"
    for record in records:
        told = event_of(record, include_tags=include_tags)
        if told is not None:
            kind, detail = told
            entry = {
                "EventBusName": bus,
                "Source": SOURCE,
                "DetailType": kind,
                "Detail": json.dumps(detail),
            }
            found.append((record["dynamodb"]["SequenceNumber"], entry))
    return found


def _portions(found: Entries) -> Iterator[Entries]:
    for begin in range(0, len(found), _MAX_ENTRIES):
        yield found[begin : begin + _MAX_ENTRIES]
