"""Endpoints and turns in the table: who may write, what a lost answer does, who calls next."""

from dataclasses import replace
from typing import Any
from unittest.mock import Mock

import pytest
from botocore.exceptions import ClientError
from outbox.webhooks.endpoint import Endpoint, EndpointError, Sealed
from outbox.webhooks.endpoints import Endpoints
from outbox.webhooks.events import Event
from outbox.webhooks.health import Health
from outbox.webhooks.queue import Wakeup, WebhookQueue
from outbox.webhooks.recording import Recorder
from outbox.webhooks.stores import Stores
from outbox.webhooks.turns import Turns

from tests.clock import Clock
from tests.faults.standins.dynamo import SortedDynamo

NOW = 1_800_000_000
LEASE = 60


def hook(name: str, client: str = "shop", created: str = "2027") -> Endpoint:
    return Endpoint(
        id=name,
        client=client,
        url="https://app.acme.sa/",
        events=("email.sent", "email.failed"),
        secrets=(Sealed("a", 5), Sealed("b")),
        created=created,
        include_tags=True,
        enabled=False,
        paused_at="2027",
    )


@pytest.fixture
def dynamo() -> SortedDynamo:
    return SortedDynamo("hooks")


@pytest.fixture
def endpoints(dynamo: SortedDynamo) -> Endpoints:
    return Endpoints(dynamo, "hooks")


def test_an_endpoint_is_read_as_it_was_written(endpoints: Endpoints) -> None:
    endpoints.create(hook("e-1"))
    assert endpoints.get("shop", "e-1") == hook("e-1")
    assert endpoints.get("shop", "e-2") is None
    assert endpoints.get("other", "e-1") is None
    assert endpoints.clients() == ["shop"]


def test_the_oldest_comes_first(endpoints: Endpoints) -> None:
    for name, created in (("c", "2"), ("b", "1"), ("a", "2")):
        endpoints.create(hook(name, created=created))
    assert [found.id for found in endpoints.of("shop")] == ["b", "a", "c"]


def test_ten_places_for_each_client(endpoints: Endpoints, dynamo: SortedDynamo) -> None:
    for number in range(10):
        endpoints.create(hook(f"e-{number}"))
    with pytest.raises(EndpointError) as error:
        endpoints.create(hook("e-10"))
    assert (error.value.field, error.value.message) == (
        "endpoint",
        "is one more than the 10 that a key may have",
    )
    endpoints.create(hook("e-10", client="other"))
    places = {item["sk"]["S"] for item in dynamo.items.values() if "id" in item}
    assert places == {str(number) for number in range(10)}


def test_a_change_counts_the_writes(endpoints: Endpoints) -> None:
    endpoints.create(hook("e-1"))
    for revision in (1, 2):
        found = endpoints.change("shop", "e-1", lambda one: replace(one, url="https://b.acme.sa/"))
        assert found == replace(hook("e-1"), url="https://b.acme.sa/", revision=revision)
        assert endpoints.get("shop", "e-1") == found
    assert endpoints.change("shop", "e-2", lambda one: one) is None


def test_a_change_beside_another_is_made_on_top_of_it(endpoints: Endpoints) -> None:
    endpoints.create(hook("e-1"))
    calls = []

    def slowly(found: Endpoint) -> Endpoint:
        calls.append(found.revision)
        if len(calls) == 1:
            endpoints.change("shop", "e-1", lambda one: replace(one, paused_at="later"))
        return replace(found, enabled=True)

    found = endpoints.change("shop", "e-1", slowly)
    assert found is not None
    assert (found.enabled, found.paused_at, found.revision) == (True, "later", 2)
    assert calls == [0, 1]


def test_a_change_that_others_win_five_times_is_given_up(endpoints: Endpoints) -> None:
    endpoints.create(hook("e-1"))
    calls = []

    def never_first(found: Endpoint) -> Endpoint:
        calls.append(found)
        endpoints.change("shop", "e-1", lambda one: one)
        return replace(found, enabled=True)

    with pytest.raises(EndpointError) as error:
        endpoints.change("shop", "e-1", never_first)
    assert str(error.value) == "`endpoint` is being changed by others; try again"
    assert len(calls) == 5


class Repeated(SortedDynamo):
    """Writes everything twice, as the SDK does after a lost answer."""

    def put_item(self, **arguments: Any) -> Any:  # noqa: ANN401 - botocore's answer
        super().put_item(**arguments)
        return super().put_item(**arguments)


def test_a_write_that_is_repeated_is_one_write() -> None:
    endpoints = Endpoints(Repeated("hooks"), "hooks")
    endpoints.create(hook("e-1"))
    assert endpoints.of("shop") == [hook("e-1")]
    found = endpoints.change("shop", "e-1", lambda one: replace(one, enabled=True))
    assert found is not None
    assert found.revision == 1


def test_a_removed_endpoint_is_gone_and_its_place_is_free(endpoints: Endpoints) -> None:
    endpoints.create(hook("e-1"))
    endpoints.create(hook("e-2"))
    assert endpoints.remove("shop", "e-1")
    assert not endpoints.remove("shop", "e-1")
    assert not endpoints.remove("other", "e-2")
    assert [found.id for found in endpoints.of("shop")] == ["e-2"]


def test_a_listing_is_read_to_its_end() -> None:
    dynamo = Mock()
    pages = [
        {"Items": [{"sk": {"S": "a"}}], "LastEvaluatedKey": {"pk": {"S": "clients"}}},
        {"Items": [{"sk": {"S": "b"}}]},
    ]
    dynamo.query.side_effect = pages
    assert Endpoints(dynamo, "hooks").clients() == ["a", "b"]
    asked = {
        "TableName": "hooks",
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": {"S": "clients"}},
        "ConsistentRead": True,
    }
    assert [call.kwargs for call in dynamo.query.call_args_list] == [
        asked,
        {**asked, "ExclusiveStartKey": {"pk": {"S": "clients"}}},
    ]


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


@pytest.fixture
def turns(dynamo: SortedDynamo, clock: Clock) -> Turns:
    return Turns(dynamo, "hooks", LEASE, clock)


def test_one_run_at_a_time_and_a_dead_one_is_followed(turns: Turns, clock: Clock) -> None:
    first = turns.take("e-1", "one", 0)
    assert first is not None
    assert (first.token, first.lease, first.health) == ("one", NOW + LEASE, Health())
    assert turns.take("e-1", "two", 0) is None
    again = turns.take("e-1", "one", 0)
    assert again is not None
    assert again.wakes == 1  # of the one that was turned away
    assert turns.take("e-2", "two", 0) is not None
    clock.now += LEASE - 1
    assert turns.take("e-1", "two", 0) is None
    clock.now += LEASE + 1
    assert turns.take("e-1", "two", 0) is not None


def test_the_item_is_where_other_versions_look_for_it(turns: Turns, dynamo: SortedDynamo) -> None:
    assert turns.wake("e-1")
    [item] = dynamo.items.values()
    assert item == {"pk": {"S": "deliveries/e-1"}, "sk": {"S": "health"}, "wakes": {"N": "1"}}


def test_whoever_is_woken_meanwhile_runs_again(turns: Turns) -> None:
    turn = turns.take("e-1", "one", 0)
    assert turn is not None
    assert not turns.wake("e-1")  # the run will look
    again = turns.release("e-1", turn, Health(run=3), [])
    assert again is not None
    assert (again.token, again.wakes) == ("one", 1)
    assert turns.release("e-1", again, Health(run=3), [NOW + 9, NOW + 5, NOW + 5]) is None
    after = turns.take("e-1", "two", NOW + 5)
    assert after is not None
    assert (after.health, after.timers) == (Health(run=3), (NOW + 9,))


def test_a_release_of_another_s_turn_changes_nothing(turns: Turns, clock: Clock) -> None:
    old = turns.take("e-1", "one", 0)
    assert old is not None
    clock.now += LEASE
    assert turns.take("e-1", "two", 0) is not None
    assert turns.release("e-1", old, Health(run=9), [], woken=True) is None
    assert turns.take("e-1", "three", 0) is None


def test_a_release_after_a_message_was_sent_minds_no_waking(turns: Turns) -> None:
    turn = turns.take("e-1", "one", 0)
    assert turn is not None
    turns.wake("e-1")
    assert turns.release("e-1", turn, Health(), [], woken=True) is None
    assert turns.take("e-1", "two", 0) is not None


def test_a_timer_is_enough_while_no_call_may_be_made(turns: Turns, clock: Clock) -> None:
    assert turns.wake("e-1")
    turn = turns.take("e-1", "one", 0)
    assert turn is not None
    turns.release("e-1", turn, Health(probe_at=NOW + 5), [NOW + 5])
    assert not turns.wake("e-1")
    clock.now += 5
    assert turns.wake("e-1")


@pytest.mark.parametrize(
    ("timers", "between"),
    [((), False), ((5,), False), ((6,), True), ((12,), True), ((13,), False), ((5, 6), True)],
)
def test_a_timer_between(turns: Turns, timers: tuple[int, ...], *, between: bool) -> None:
    turn = turns.take("e-1", "one", 0)
    assert turn is not None
    assert replace(turn, timers=timers).timer_between(5, 10) is between


def test_errors_of_aws_are_not_swallowed() -> None:
    dynamo = Mock()
    error = ClientError({"Error": {"Code": "Throttled"}}, "UpdateItem")
    dynamo.update_item.side_effect = dynamo.put_item.side_effect = error
    turns = Turns(dynamo, "hooks", LEASE)
    for call in (lambda: turns.take("e-1", "one", 0), lambda: turns.wake("e-1")):
        with pytest.raises(ClientError):
            call()


@pytest.mark.parametrize("now", [True, False])
def test_a_wakeup_is_read_as_it_was_sent(*, now: bool) -> None:
    sqs = Mock()
    wakeup = Wakeup("shop", "e-1", 7, now=now)
    WebhookQueue(sqs, "url").send(wakeup, 5)
    more = ',"now":true' if now else ""
    body = f'{{"client":"shop","endpoint":"e-1","timer":7{more}}}'
    sqs.send_message.assert_called_once_with(QueueUrl="url", MessageBody=body, DelaySeconds=5)
    assert Wakeup.read(body) == wakeup
    WebhookQueue(sqs, "url").send(wakeup)
    assert sqs.send_message.call_args.kwargs["DelaySeconds"] == 0


def told(name: str, client: str | None, kind: str = "email.sent") -> Event:
    return Event(id=name, kind=kind, created_at="2027-01-15T08:00:00.000Z", client=client, data={})


@pytest.fixture
def stores(dynamo: SortedDynamo) -> Stores:
    """Give the stores, with three endpoints of two clients."""
    found = Stores.of(dynamo, "hooks", Mock(), "url")
    for name, client in (("e-1", "shop"), ("e-2", "shop"), ("e-3", "news")):
        found.endpoints.create(replace(hook(name, client), enabled=True, paused_at=""))
    return found


def woken(stores: Stores) -> list[Wakeup]:
    """Return the messages that were sent."""
    sent = stores.queue._sqs.send_message.call_args_list  # type: ignore[attr-defined]  # noqa: SLF001
    return [Wakeup.read(call.kwargs["MessageBody"]) for call in sent]


def kept(stores: Stores) -> dict[str, list[str]]:
    """Return the events that wait, by endpoint."""
    return {
        name: [each.event.id for each in stores.deliveries.waiting(name, 9)]
        for name in ("e-1", "e-2", "e-3")
    }


def test_an_event_waits_for_each_endpoint_of_its_client_that_wants_it(stores: Stores) -> None:
    stores.endpoints.change("shop", "e-2", lambda one: replace(one, events=("email.failed",)))
    events = [told("1", "shop"), told("2", "shop", "email.failed"), told("3", "shop", "email.x")]

    assert Recorder(stores).record(events) == 3
    assert kept(stores) == {"e-1": ["1", "2"], "e-2": ["2"], "e-3": []}
    assert woken(stores) == [Wakeup("shop", "e-1"), Wakeup("shop", "e-2")]


def test_an_event_for_everybody_waits_for_the_endpoints_of_all_clients(stores: Stores) -> None:
    assert Recorder(stores).record([told("1", None), told("2", "news")]) == 4
    assert kept(stores) == {"e-1": ["1"], "e-2": ["1"], "e-3": ["1", "2"]}
    places = [("news", "e-3"), ("shop", "e-1"), ("shop", "e-2")]
    assert woken(stores) == [Wakeup(*place) for place in places]


def test_an_endpoint_that_is_paused_keeps_events_and_is_not_woken(stores: Stores) -> None:
    stores.endpoints.change("shop", "e-1", lambda one: replace(one, paused_at="2027"))
    stores.endpoints.change("shop", "e-2", lambda one: replace(one, enabled=False))

    assert Recorder(stores).record([told("1", "shop")]) == 1
    assert (kept(stores), woken(stores)) == ({"e-1": ["1"], "e-2": [], "e-3": []}, [])


def test_whoever_runs_is_woken_only_if_it_must_be_at_once(stores: Stores) -> None:
    assert stores.turns.take("e-1", "one", 0) is not None
    [endpoint] = [one for one in stores.endpoints.of("shop") if one.id == "e-1"]

    Recorder(stores).wake(endpoint)
    assert woken(stores) == []
    Recorder(stores).wake(endpoint, now=True)
    assert woken(stores) == [Wakeup("shop", "e-1", now=True)]


def test_the_changes_of_the_ledger_are_told(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes: dict[str, Event | None] = {"a": told("1", "shop"), "b": None, "c": told("2", "news")}
    monkeypatch.setattr(
        "outbox.webhooks.recording.event_of", lambda change: changes[change["name"]]
    )

    recorder = Recorder(stores)
    assert recorder.record_changes([{"name": name} for name in changes]) == 3
    assert kept(stores) == {"e-1": ["1"], "e-2": ["1"], "e-3": ["2"]}
    assert recorder.record_changes([{"name": "b"}]) == 0


def test_what_aws_says_of_a_refusal_is_not_raised(
    stores: Stores, dynamo: SortedDynamo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("outbox.webhooks.recording.event_of", lambda _: told("1", "shop"))
    answer: Any = {"Error": {"Code": "Throttled", "Message": "nora@example.com"}}
    monkeypatch.setattr(dynamo, "query", Mock(side_effect=ClientError(answer, "Query")))
    with pytest.raises(ClientError, match="Throttled") as error:
        Recorder(stores).record_changes([{}])
    assert "nora" not in str(error.value)
