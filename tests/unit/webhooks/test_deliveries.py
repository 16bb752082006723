"""Where events wait and where they end: the places, their order, and how many at once."""

import time
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from outbox.webhooks.deliveries import Changes, Deliveries, Delivery
from outbox.webhooks.events import Event, first_id

from tests.clock import Clock
from tests.faults.standins.dynamo import SortedDynamo

NOW = 1_800_000_000.0
AT = "2027-01-15T08:00:00.500Z"  # half a second after NOW


def event(number: int, at: float = NOW, **fields: Any) -> Event:  # noqa: ANN401 - of an event
    name = f"{first_id(at)}{number:020d}"
    fields = {"client": "shop", "data": {"a": "مرحبا"}, "tags": {"n": "v"}, **fields}
    return Event(id=name, kind="email.sent", created_at=AT, **fields)


@pytest.fixture
def dynamo() -> SortedDynamo:
    return SortedDynamo("hooks")


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


@pytest.fixture
def kept(dynamo: SortedDynamo, clock: Clock) -> Deliveries:
    return Deliveries(dynamo, "hooks", clock)


def names(found: list[Delivery]) -> list[int]:
    return [int(delivery.event.id[-5:]) for delivery in found]


def places(dynamo: SortedDynamo) -> list[str]:
    return sorted(item["sk"]["S"] for item in dynamo.items.values())


def test_an_event_waits_once_from_when_it_was_made(kept: Deliveries, dynamo: SortedDynamo) -> None:
    for _ in range(2):
        kept.keep("e-1", [event(1)])
    [item] = dynamo.items.values()
    assert item["pk"] == {"S": "deliveries/e-1"}
    assert item["sk"] == {"S": f"waiting/1800000000500/{event(1).id}"}
    assert item["ttl"] == {"N": str(int(NOW) + 14 * 86400)}
    assert item["tries"] == {"N": "0"}
    assert item.keys().isdisjoint({"outcome"})
    assert kept.waiting("e-1", 9) == [Delivery(event=event(1), due=NOW + 0.5)]
    assert kept.next_due("e-1") == NOW + 0.5
    assert kept.next_due("e-2") is None


def test_an_event_for_everybody_has_no_client_and_no_tags(kept: Deliveries) -> None:
    bare = event(1, client=None, tags={})
    kept.keep("e-1", [bare])
    assert kept.waiting("e-1", 1)[0].event == bare


def test_what_is_due_comes_in_its_order_and_only_so_many(kept: Deliveries) -> None:
    changes = Changes()
    for number, due in ((1, NOW + 1), (2, NOW - 5), (3, NOW), (4, NOW - 9)):
        kept.wait(changes, Delivery(event=event(number), due=due))
    kept.write("e-1", changes)
    assert names(kept.due("e-1", NOW, 9)) == [4, 2, 3]
    assert names(kept.due("e-1", NOW, 2)) == [4, 2]
    assert names(kept.waiting("e-1", 9)) == [4, 2, 3, 1]
    assert names(kept.waiting("e-1", 3)) == [4, 2, 3]
    assert kept.next_due("e-1") == NOW - 9


def test_what_is_done_leaves_its_place_for_the_log(kept: Deliveries, dynamo: SortedDynamo) -> None:
    kept.keep("e-1", [event(1)])
    [waiting] = kept.waiting("e-1", 1)
    done = replace(waiting, tries=1, attempts=({"at": AT, "ms": 5},), outcome="delivered")
    changes = Changes()
    kept.leave(changes, waiting)
    kept.done(changes, done)
    kept.write("e-1", changes)
    assert places(dynamo) == [f"log/{event(1).id}"]
    assert kept.get("e-1", event(1).id) == replace(done, due=0.0)
    assert kept.get("e-1", "another") is None
    assert kept.get("e-2", event(1).id) is None


def test_the_same_place_is_written_and_not_deleted_after_it(kept: Deliveries) -> None:
    kept.keep("e-1", [event(1)])
    [waiting] = kept.waiting("e-1", 1)
    changes = Changes()
    kept.leave(changes, waiting)
    kept.wait(changes, replace(waiting, tries=1))
    kept.write("e-1", changes)
    assert [delivery.tries for delivery in kept.waiting("e-1", 9)] == [1]


def test_the_last_forty_attempts_are_kept(kept: Deliveries) -> None:
    changes = Changes()
    attempts = tuple({"at": AT, "ms": number} for number in range(41))
    kept.done(changes, Delivery(event=event(1), attempts=attempts, outcome="failed"))
    kept.write("e-1", changes)
    found = kept.get("e-1", event(1).id)
    assert found is not None
    assert found.attempts == attempts[1:]


@pytest.fixture
def log(kept: Deliveries) -> Deliveries:
    changes = Changes()
    for number in range(5):
        done = Delivery(event=event(number, NOW + number), outcome="delivered")
        kept.done(changes, done)
    kept.write("e-1", changes)
    return kept


def test_the_log_is_read_from_the_newest_in_pages(log: Deliveries) -> None:
    assert names(log.log("e-1", 9)) == [4, 3, 2, 1, 0]
    assert names(log.log("e-1", 2)) == [4, 3]
    assert names(log.log("e-1", 2, before=event(3, NOW + 3).id)) == [2, 1]
    assert names(log.log("e-1", 9, since=NOW + 3)) == [4, 3]


def test_a_replayed_event_waits_as_before_its_first_try(log: Deliveries, clock: Clock) -> None:
    clock.now += 60
    done = replace(log.log("e-1", 1)[0], tries=8, attempts=({"at": AT, "ms": 5},))
    log.replay("e-1", [done])
    assert log.waiting("e-1", 9) == [
        Delivery(event=done.event, due=NOW + 60, attempts=done.attempts)
    ]
    assert names(log.log("e-1", 1)) == [4]


def test_what_waits_for_a_later_time_is_made_due_without_a_try(kept: Deliveries) -> None:
    changes = Changes()
    for number, due, tries in ((1, NOW - 1, 3), (2, NOW + 5, 3), (3, NOW + 9, 0)):
        kept.wait(changes, Delivery(event=event(number), due=due, tries=tries))
    kept.write("e-1", changes)
    kept.hurry("e-1")
    found = kept.waiting("e-1", 9)
    assert [(one.due, one.tries) for one in found] == [(NOW - 1, 3), (NOW, 2), (NOW, 0)]


class Busy(SortedDynamo):
    """Leaves writes undone, so many times; notes how many it was given."""

    def __init__(self) -> None:
        super().__init__("hooks")
        self.given: list[tuple[str, int]] = []
        self.undone = 0

    def batch_write_item(self, **arguments: Any) -> Any:  # noqa: ANN401 - botocore's answer
        requests = arguments["RequestItems"]["hooks"]
        self.given.append((next(iter(requests[0])), len(requests)))
        if self.undone:
            self.undone -= 1
            return {"UnprocessedItems": {"hooks": requests}}
        return super().batch_write_item(**arguments)


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    return waits


def test_writes_go_in_twenty_fives_puts_first(clock: Clock) -> None:
    busy = Busy()
    kept = Deliveries(busy, "hooks", clock)
    kept.keep("e-1", [event(number) for number in range(26)])
    changes = Changes()
    for waiting in kept.waiting("e-1", 99):
        kept.leave(changes, waiting)
        kept.done(changes, waiting)
    busy.given.clear()
    kept.write("e-1", changes)
    sizes = [("PutRequest", 25), ("PutRequest", 1), ("DeleteRequest", 25), ("DeleteRequest", 1)]
    assert busy.given == sizes


@pytest.mark.parametrize(("undone", "calls"), [(0, 1), (5, 6), (6, 6)])
def test_what_is_left_undone_is_written_again_with_a_longer_wait_each(
    clock: Clock, slept: list[float], undone: int, calls: int
) -> None:
    busy = Busy()
    busy.undone = undone
    kept = Deliveries(busy, "hooks", clock)
    if undone == 6:
        with pytest.raises(ClientError, match="ThroughputExceeded"):
            kept.keep("e-1", [event(1)])
    else:
        kept.keep("e-1", [event(1)])
    assert len(busy.given) == calls
    assert slept == [0.05 * 2**number for number in range(undone)]
