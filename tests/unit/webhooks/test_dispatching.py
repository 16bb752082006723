"""A run: what it calls, what it writes down, and when the next one comes."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any
from unittest.mock import Mock

import pytest
from outbox.webhooks.deliveries import Deliveries, Delivery
from outbox.webhooks.dispatching import Dispatcher, Run
from outbox.webhooks.endpoint import Endpoint
from outbox.webhooks.endpoints import Endpoints
from outbox.webhooks.events import Event, first_id
from outbox.webhooks.health import Call, Health
from outbox.webhooks.queue import Wakeup, WebhookQueue
from outbox.webhooks.stores import LEASE_SECONDS, Stores
from outbox.webhooks.turns import Turns

from tests.clock import Clock
from tests.faults.standins.dynamo import SortedDynamo

NOW = 1_800_000_000
AT = "2027-01-15T08:00:00.000Z"
WAITS = (5, 300)
WAKEUP = Wakeup("shop", "e-1")
HOOK = Endpoint(id="e-1", client="shop", url="", events=(), secrets=(), created=AT)
GOOD = Call(ok=True, seconds=0.25, status=200)
BAD = Call(ok=False, seconds=0.5, status=500)
GONE = Call(ok=False, seconds=0.0, reason="refused_url")


def event(number: int) -> Event:
    name = f"{first_id(NOW)}{number:020d}"
    return Event(id=name, kind="email.sent", created_at=AT, client="shop", data={})


class InOrder:
    """In the place of the pool; notes how many calls are made at once."""

    def __init__(self) -> None:
        self.rounds: list[int] = []

    def map(
        self, function: Callable[[Delivery], Call], items: Iterable[Delivery], /
    ) -> Iterable[Call]:
        found = list(items)
        self.rounds.append(len(found))
        return [function(item) for item in found]


class Desk:
    """A dispatcher on a table in memory; `answers` is what the endpoint says, the last for ever."""

    def __init__(self, *answers: Call, events: int = 1, hook: Endpoint = HOOK) -> None:
        self.clock = Clock(NOW)
        dynamo, self.sqs = SortedDynamo("hooks"), Mock()
        self.deliveries = Deliveries(dynamo, "hooks", self.clock)
        self.turns = Turns(dynamo, "hooks", LEASE_SECONDS, self.clock)
        self.endpoints = Endpoints(dynamo, "hooks")
        stores = Stores(self.endpoints, self.deliveries, self.turns, WebhookQueue(self.sqs, "url"))
        self.answers = list(answers)
        self.executor = InOrder()
        self.called: list[str] = []
        self.noticed: list[Endpoint] = []
        self.takes = 0.0
        self.meanwhile: Callable[[], None] | None = None
        self.run = Dispatcher(
            stores, self, self.executor, WAITS, self.noticed.append, self.clock
        ).run
        self.endpoints.create(hook)
        self.deliveries.keep("e-1", [event(number) for number in range(events)])

    def post(self, endpoint: Endpoint, event: Event) -> Call:
        assert endpoint.id == "e-1"
        self.called.append(event.id)
        if self.meanwhile:
            self.meanwhile()
        self.clock.now += self.takes
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    @property
    def sent(self) -> list[tuple[Wakeup, int]]:
        """The messages that were sent, with their delays."""
        calls = [call.kwargs for call in self.sqs.send_message.call_args_list]
        return [(Wakeup.read(call["MessageBody"]), call["DelaySeconds"]) for call in calls]


@pytest.fixture(autouse=True)
def _no_luck(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.random", lambda: 0.5)


def test_what_is_delivered_is_in_the_log_and_nothing_more_comes() -> None:
    desk = Desk(GOOD, events=2)
    assert desk.run(WAKEUP) == Run("shop", "e-1", delivered=2, seconds=[0.25, 0.25])
    assert desk.deliveries.waiting("e-1", 9) == []
    [_, first] = desk.deliveries.log("e-1", 9)
    assert first == Delivery(
        event=event(0),
        tries=1,
        attempts=({"at": AT, "ms": 250, "status": 200},),
        outcome="delivered",
    )
    assert (desk.sent, desk.turns.take("e-1", "next", 0) is not None) == ([], True)


def test_what_fails_is_tried_again_by_a_timer_and_ends_in_the_log() -> None:
    desk = Desk(BAD, GONE, BAD)
    assert desk.run(WAKEUP) == Run("shop", "e-1", retried=1, seconds=[0.5])
    [waiting] = desk.deliveries.waiting("e-1", 9)
    assert (waiting.due, waiting.tries) == (NOW + 5, 1)
    timer = Wakeup("shop", "e-1", NOW + 5)
    assert desk.sent == [(timer, 5)]
    desk.clock.now += 5
    assert desk.run(timer) is not None
    assert desk.sent[1:] == [(Wakeup("shop", "e-1", NOW + 305), 300)]
    desk.clock.now += 300
    run = desk.run(desk.sent[1][0])
    assert run is not None
    assert (run.failed, run.retried, run.delivered) == (1, 0, 0)
    [done] = desk.deliveries.log("e-1", 9)
    assert (done.outcome, done.tries) == ("failed", 3)
    assert done.attempts == (
        {"at": AT, "ms": 500, "status": 500},
        {"at": "2027-01-15T08:00:05.000Z", "ms": 0, "reason": "refused_url"},
        {"at": "2027-01-15T08:05:05.000Z", "ms": 500, "status": 500},
    )
    assert len(desk.sent) == 2


def test_one_timer_is_enough_for_many_events() -> None:
    desk = Desk(BAD, events=1)
    desk.run(WAKEUP)
    desk.deliveries.keep("e-1", [event(7)])
    desk.run(WAKEUP)
    assert [delay for _, delay in desk.sent] == [5]


def test_a_timer_is_never_longer_than_sqs_allows() -> None:
    desk = Desk(Call(ok=False, seconds=0.0, status=429, wait=3000.0))
    desk.run(WAKEUP)
    assert desk.sent == [(Wakeup("shop", "e-1", NOW + 900), 900)]


def test_another_run_is_left_to_call() -> None:
    desk = Desk(GOOD)
    desk.turns.take("e-1", "other", 0)
    assert desk.run(WAKEUP) is None
    assert desk.called == []


def test_ten_at_once_until_the_time_is_over_then_others_come_first() -> None:
    desk = Desk(GOOD, events=25)
    desk.takes = 0.125
    run = desk.run(WAKEUP)
    assert run is not None
    assert (desk.executor.rounds, run.delivered) == ([10, 10], 20)
    assert desk.sent == [(WAKEUP, 0)]
    assert desk.run(WAKEUP) is not None
    assert desk.executor.rounds[2:] == [5]
    assert len(desk.sent) == 1


def test_after_ten_failures_one_event_is_tried_at_a_time() -> None:
    desk = Desk(*[BAD] * 10, GOOD, events=12)
    desk.run(WAKEUP)
    assert (desk.executor.rounds, desk.sent) == ([10], [(Wakeup("shop", "e-1", NOW + 5), 5)])
    desk.clock.now += 5
    desk.run(desk.sent[0][0])
    assert desk.executor.rounds[1:] == [1, 10, 1]
    assert desk.deliveries.waiting("e-1", 9) == []
    turn = desk.turns.take("e-1", "next", 0)
    assert turn is not None
    assert turn.health == Health()


@pytest.mark.parametrize("fields", [{"enabled": False}, {"paused_at": AT}])
def test_an_endpoint_that_is_off_is_not_called(fields: dict[str, Any]) -> None:
    desk = Desk(GOOD, hook=replace(HOOK, **fields))
    assert desk.run(WAKEUP) == Run("shop", "e-1")
    assert (desk.called, desk.sent) == ([], [])


def test_an_endpoint_that_is_gone_is_not_called() -> None:
    desk = Desk(GOOD)
    desk.endpoints.remove("shop", "e-1")
    assert desk.run(WAKEUP) == Run("shop", "e-1")
    assert (desk.called, desk.sent) == ([], [])


def test_three_days_of_failures_pause_it_and_tell_the_operators() -> None:
    desk = Desk(BAD, events=9)
    run = desk.run(WAKEUP)
    while run is not None and not run.paused and desk.clock.now < NOW + 6 * 86400:
        desk.clock.now += 36_000
        desk.deliveries.keep("e-1", [event(int(desk.clock.now))])
        run = desk.run(WAKEUP)
    assert desk.clock.now == NOW + 8 * 36_000  # the first at or after three days
    [found] = desk.endpoints.of("shop")
    assert found.paused_at == "2027-01-18T16:00:00.000Z"
    assert [one.id for one in desk.noticed] == ["e-1"]


def test_somebody_who_mended_the_endpoint_waits_for_no_time() -> None:
    desk = Desk(*[BAD] * 10, GOOD, events=10)
    desk.run(WAKEUP)
    desk.clock.now += 1
    run = desk.run(replace(WAKEUP, now=True))
    assert run is not None
    assert (run.delivered, desk.deliveries.waiting("e-1", 9)) == (10, [])


def test_whoever_is_woken_during_a_run_is_called_in_it() -> None:
    desk = Desk(GOOD)

    def meanwhile() -> None:
        desk.meanwhile = None
        desk.deliveries.keep("e-1", [event(9)])
        assert not desk.turns.wake("e-1")

    desk.meanwhile = meanwhile
    run = desk.run(WAKEUP)
    assert run is not None
    assert (run.delivered, desk.sent) == (2, [])
