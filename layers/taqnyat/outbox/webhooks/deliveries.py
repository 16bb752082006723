"""The deliveries of each endpoint, waiting and done, in one partition of the table.

    waiting/<due>/<event>   an event that waits for its next try; the first due comes first
    log/<event>             an event that was delivered, or was tried for the last time
    health                  the endpoint's health, the run that calls it now, its timers

An event is written to its new place before it is deleted at the old one. A crash in between doubles
the event, but never loses it.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from outbox.mail.times import from_iso
from outbox.storage.expressions import Item, pack_item, unpack_item
from outbox.throttling import throttled
from outbox.webhooks.events import Event, first_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from outbox.ports import TableClient

KEPT_SECONDS: Final = 14 * 86400
MAX_ATTEMPTS: Final = 40  # of one event in the log, replays included
DELIVERED: Final = "delivered"
FAILED: Final = "failed"
_MAX_WRITES: Final = 25  # of one BatchWriteItem
_WRITE_TRIES: Final = 6
_MAX_HURRIED: Final = 100
_WAITING: Final = "waiting/"
_LOG: Final = "log/"
_LAST: Final = "~"

Attempt = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """The delivery of one event to one endpoint.

    `due` is epoch seconds; `tries` counts since it was kept or replayed last; `attempts` has a map
    for each call: at, ms, and status or reason. `outcome` is empty while it waits.
    """

    event: Event
    due: float = 0.0
    tries: int = 0
    attempts: tuple[Mapping[str, Any], ...] = ()
    outcome: str = ""


@dataclass(slots=True)
class Changes:
    """Writes to one endpoint's partition, made together: first the puts, then the deletes."""

    puts: dict[str, Item] = field(default_factory=dict)
    deletes: set[str] = field(default_factory=set)


class Deliveries:
    """The deliveries of all endpoints. Methods raise botocore's errors when DynamoDB fails."""

    def __init__(
        self, dynamo: TableClient, table: str, clock: Callable[[], float] = time.time
    ) -> None:
        """Make no call yet."""
        self._dynamo = dynamo
        self._table = table
        self._clock = clock

    def keep(self, endpoint_id: str, events: Iterable[Event]) -> None:
        """Keep events for an endpoint; the same event twice is kept once."""
        changes = Changes()
        for event in events:
            self.wait(changes, Delivery(event=event, due=from_iso(event.created_at)))
        self.write(endpoint_id, changes)

    def due(self, endpoint_id: str, now: float, limit: int) -> list[Delivery]:
        """Return up to `limit` events that are due, the first due first."""
        return [
            _delivery(item)
            for item in self._query(endpoint_id, _WAITING, _waiting(now, _LAST), limit)
        ]

    def next_due(self, endpoint_id: str) -> float | None:
        """Return when the first waiting event is due (epoch seconds), None without one."""
        items = self._query(endpoint_id, _WAITING, f"{_WAITING}{_LAST}", 1)
        return _delivery(items[0]).due if items else None

    def waiting(self, endpoint_id: str, limit: int) -> list[Delivery]:
        """Return events that wait, the first due first."""
        items = self._query(endpoint_id, _WAITING, f"{_WAITING}{_LAST}", limit)
        return [_delivery(item) for item in items]

    def hurry(self, endpoint_id: str) -> None:
        """Make the next events that wait for a later time due now; this try does not count."""
        changes, now = Changes(), self._clock()
        for delivery in self.waiting(endpoint_id, _MAX_HURRIED):
            if delivery.due > now:
                self.leave(changes, delivery)
                self.wait(changes, replace(delivery, due=now, tries=max(0, delivery.tries - 1)))
        self.write(endpoint_id, changes)

    def log(
        self, endpoint_id: str, limit: int, *, since: float = 0.0, before: str = _LAST
    ) -> list[Delivery]:
        """Return events that are done, the newest first.

        `since` is epoch seconds; events from the id `before` on are left out.
        """
        found = self._query(
            endpoint_id, f"{_LOG}{first_id(since)}", f"{_LOG}{before}", limit + 1, newest=True
        )
        deliveries = [_delivery(item) for item in found]
        return [delivery for delivery in deliveries if delivery.event.id != before][:limit]

    def get(self, endpoint_id: str, event_id: str) -> Delivery | None:
        """Return an event that is done."""
        answer = self._dynamo.get_item(
            TableName=self._table, Key=_key(endpoint_id, _LOG + event_id), ConsistentRead=True
        )
        item = answer.get("Item")
        return _delivery(item) if item else None

    def replay(self, endpoint_id: str, deliveries: Iterable[Delivery]) -> None:
        """Make events that are done wait again, as before their first try."""
        changes = Changes()
        for done in deliveries:
            again = Delivery(event=done.event, due=self._clock(), attempts=done.attempts)
            self.wait(changes, again)
        self.write(endpoint_id, changes)

    def wait(self, changes: Changes, delivery: Delivery) -> None:
        """Add to `changes`: an event waits until it is due."""
        sort = _waiting(delivery.due, delivery.event.id)
        changes.puts[sort] = self._item(sort, delivery)

    def done(self, changes: Changes, delivery: Delivery) -> None:
        """Add to `changes`: an event is done, with its outcome."""
        sort = f"{_LOG}{delivery.event.id}"
        changes.puts[sort] = self._item(sort, delivery)

    def leave(self, changes: Changes, delivery: Delivery) -> None:
        """Add to `changes`: an event leaves its waiting place."""
        changes.deletes.add(_waiting(delivery.due, delivery.event.id))

    def write(self, endpoint_id: str, changes: Changes) -> None:
        """Make the changes."""
        gone = changes.deletes - changes.puts.keys()
        for requests in (
            [
                {"PutRequest": {"Item": {**_key(endpoint_id, sort), **item}}}
                for sort, item in changes.puts.items()
            ],
            [{"DeleteRequest": {"Key": _key(endpoint_id, sort)}} for sort in sorted(gone)],
        ):
            for start in range(0, len(requests), _MAX_WRITES):
                self._write_some(requests[start : start + _MAX_WRITES])

    def _write_some(self, requests: Sequence[dict[str, Any]]) -> None:
        left = list(requests)
        for number in range(_WRITE_TRIES):
            answer = self._dynamo.batch_write_item(RequestItems={self._table: left})
            left = answer.get("UnprocessedItems", {}).get(self._table, [])
            if not left:
                return
            time.sleep(0.05 * 2**number)
        raise throttled("BatchWriteItem")

    def _query(
        self, endpoint_id: str, first: str, last: str, limit: int, *, newest: bool = False
    ) -> list[Item]:
        answer = self._dynamo.query(
            TableName=self._table,
            KeyConditionExpression="pk = :pk AND sk BETWEEN :first AND :last",
            ExpressionAttributeValues=pack_item(
                {":pk": partition(endpoint_id), ":first": first, ":last": last}
            ),
            ConsistentRead=True,
            ScanIndexForward=not newest,
            Limit=limit,
        )
        items: list[Item] = answer["Items"]
        return items

    def _item(self, sort: str, delivery: Delivery) -> Item:
        event = delivery.event
        return pack_item(
            {
                "sk": sort,
                "kind": event.kind,
                "created_at": event.created_at,
                "client": event.client,
                "data": json.dumps(event.data, ensure_ascii=False),
                "tags": dict(event.tags) or None,
                "tries": delivery.tries,
                "attempts": [dict(each) for each in delivery.attempts[-MAX_ATTEMPTS:]],
                "outcome": delivery.outcome or None,
                "ttl": int(self._clock()) + KEPT_SECONDS,
            }
        )


def partition(endpoint_id: str) -> str:
    """Return the partition of an endpoint's deliveries."""
    return f"deliveries/{endpoint_id}"


def _key(endpoint_id: str, sort: str) -> Item:
    return pack_item({"pk": partition(endpoint_id), "sk": sort})


def _waiting(due: float, event_id: str) -> str:
    return f"{_WAITING}{round(due * 1000):013d}/{event_id}"


def _delivery(item: Item) -> Delivery:
    values = unpack_item(item)
    place, _, rest = values["sk"].partition("/")
    due, _, event_id = rest.rpartition("/")
    event = Event(
        id=event_id,
        kind=values["kind"],
        created_at=values["created_at"],
        client=values.get("client"),
        data=json.loads(values["data"]),
        tags=values.get("tags", {}),
    )
    return Delivery(
        event=event,
        due=int(due) / 1000 if place == "waiting" else 0.0,
        tries=values["tries"],
        attempts=tuple(values["attempts"]),
        outcome=values.get("outcome", ""),
    )
