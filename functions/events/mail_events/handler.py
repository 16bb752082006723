"""Entry of the ledger's stream: takes changes, returns the first one that must come again.

The event bus and the webhooks share this reader, because a stream supports only two.
What Lambda gave up comes in by a queue (replay.py).
"""

from __future__ import annotations

import json
import os
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError
from outbox import aws

from mail_events import replay
from mail_events.changes import event_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from outbox.telemetry import Telemetry
    from outbox.webhooks.recording import Recorder

SOURCE: Final = "taqnyat-mail"
_MAX_ENTRIES: Final = 10  # of one PutEvents; each is far below its limit of size

Entries = list[tuple[str, dict[str, Any]]]


class NotToldError(Exception):
    """The bus did not take all events that are told once more: the message comes again."""


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Publish the changes of one batch, in order; or, from the queue, what Lambda gave up.

    A change that could not be published comes again, with all changes after it. So an event may
    come twice, and none is left out.

    Raises:
        ClientError: AWS refused to store the events for webhooks; the whole batch comes again.
        NotToldError, UnreadableError: a message of the queue comes again.

    """
    records = event["Records"]
    if records[0].get("eventSource") != "aws:sqs":
        return _tell(records)
    for message in records:
        _tell_again(message["body"])
    return {"batchItemFailures": []}


def _tell_again(body: str) -> None:
    stretch = replay.stretch_of(body)
    try:
        for changes in replay.read(aws.client("dynamodbstreams"), stretch):
            if _tell(changes)["batchItemFailures"]:
                raise NotToldError
    except ClientError as error:
        raise aws.redacted(error) from None


def _tell(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    webhooks = _container()
    if webhooks is not None:
        recorder, telemetry = webhooks
        telemetry.kept(recorder.record_changes(change["dynamodb"] for change in records))
    bus = os.environ.get("EVENT_BUS_NAME")
    return publish(records, bus) if bus else {"batchItemFailures": []}


@cache
def _container() -> tuple[Recorder, Telemetry] | None:
    if not os.environ.get("WEBHOOKS_TABLE"):
        return None
    # A stack without webhooks need not import them.
    from outbox.settings import Settings  # noqa: PLC0415
    from outbox.telemetry import Telemetry  # noqa: PLC0415
    from outbox.webhooks import wiring  # noqa: PLC0415
    from outbox.webhooks.recording import Recorder  # noqa: PLC0415

    settings = Settings.from_environ(os.environ)
    return Recorder(wiring.stores(settings)), Telemetry(settings.metrics_namespace)


def publish(records: Sequence[Mapping[str, Any]], bus: str) -> dict[str, Any]:
    """Publish changes on the bus."""
    events = aws.client("events")
    for portion in _portions(entries(records, bus)):
        answer = events.put_events(Entries=[entry for _, entry in portion])
        if answer["FailedEntryCount"]:
            outcomes = zip(portion, answer["Entries"], strict=True)
            first = next(number for (number, _), outcome in outcomes if "ErrorCode" in outcome)
            return {"batchItemFailures": [{"itemIdentifier": first}]}
    return {"batchItemFailures": []}


def entries(records: Sequence[Mapping[str, Any]], bus: str) -> Entries:
    """Return (sequence number of the change, entry for PutEvents) for each change with an event."""
    found: Entries = []
    include_tags = os.environ.get("INCLUDE_TAGS") == "yes"
    for record in records:
        event = event_of(record, include_tags=include_tags)
        if event is not None:
            kind, detail = event
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
