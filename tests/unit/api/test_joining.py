"""A client without an idempotency key repeats after a time-out: where its key asks, one mail."""

from collections.abc import Callable

import pytest

from tests.faults.world import World
from tests.unit.api.caller import Caller, Reply, interrupt, mail, sent, waiting

WITHIN = 300


@pytest.fixture
def joining(world: World) -> Caller:
    """Give a caller whose equal calls are one for five minutes."""
    return Caller(world, join_within=WITHIN)


def batch_ids(reply: Reply) -> list[str]:
    assert reply.status == 200, reply.body
    return [entry["id"] for entry in reply.body["data"]]


def test_a_repeat_is_the_first_ones_mail(joining: Caller, world: World) -> None:
    first = joining.accepted()

    assert joining.accepted() == first
    world.run_until_quiet()
    assert joining.accepted() == first
    world.run_until_quiet()
    assert sent(world) == {"Hi": 1}


def test_by_default_a_repeat_is_another_mail_and_costs_no_call_more(
    shop: Caller, world: World
) -> None:
    assert shop.accepted() != shop.accepted()
    assert not [key for key in world.dynamo.items if key.startswith("#join")]


def test_time_decides_and_not_the_items_life(joining: Caller, world: World) -> None:
    first = joining.accepted()
    world.now += WITHIN - 1
    assert joining.accepted() == first
    world.now += 1

    second = joining.accepted()

    assert second != first
    assert joining.accepted() == second


@pytest.mark.parametrize(
    "changes",
    [
        {"to": ["b@example.com"]},
        {"to": ["a@example.com", "b@example.com"]},
        {"subject": "Another"},
        {"text": "Another"},
        {"text": None, "html": "Hello"},
        {"from": "shop@acme.sa"},
        {"campaign_name": "spring"},
        {"scheduled_at": 1_800_007_200},
    ],
)
def test_another_mail_is_another(joining: Caller, changes: dict[str, object]) -> None:
    given = {key: value for key, value in (mail() | changes).items() if value is not None}

    first = joining.accepted()
    reply = joining.call("POST", "/emails", given)
    assert reply.status == 200, reply.body
    assert reply.body["id"] != first


def test_another_caller_is_another(joining: Caller, world: World) -> None:
    assert joining.accepted() != Caller(world, client="other", join_within=WITHIN).accepted()


def test_a_key_of_its_own_is_what_counts(joining: Caller) -> None:
    assert len({joining.accepted(), joining.accepted("k1"), joining.accepted("k2")}) == 3
    assert joining.accepted("k1") == joining.accepted("k1")


def test_bulk_mails_are_never_joined(joining: Caller) -> None:
    assert joining.accepted(priority="bulk") != joining.accepted(priority="bulk")
    bulk = [mail(priority="bulk")]
    assert batch_ids(joining.batch(bulk)) != batch_ids(joining.batch(bulk))


def test_a_mail_that_was_never_queued_is_queued_by_the_repeat(
    joining: Caller, world: World
) -> None:
    world.plan = {2: "error_before"}  # the message, after the join and the row
    assert joining.send().status == 500
    assert waiting(world) == []

    joining.accepted()

    world.run_until_quiet()
    assert sent(world) == {"Hi": 1}


@pytest.mark.parametrize("call", [0, 1, 2])
@pytest.mark.parametrize("fault", ["error_before", "error_after"])
def test_whatever_broke_the_repeat_is_one_mail(
    joining: Caller, world: World, call: int, fault: str
) -> None:
    world.plan = {call: fault}
    joining.send()

    joining.accepted()
    joining.accepted()

    world.run_until_quiet()
    assert sent(world) == {"Hi": 1}


@pytest.mark.parametrize("how", ["canceled", "failed"])
def test_after_a_mail_that_ended_the_repeat_is_a_new_one(
    joining: Caller, world: World, how: str
) -> None:
    first = joining.accepted()
    if how == "canceled":
        joining.cancel(first)
    else:
        world.taqnyat.refusing = "code_14"
        world.run_until_quiet()
        world.taqnyat.refusing = None
    assert joining.state(first) == how

    second = joining.accepted()

    assert second != first
    assert joining.accepted() == second
    world.run_until_quiet()
    assert sent(world) == {"Hi": 1}


def test_a_batch_is_joined_as_a_whole(joining: Caller) -> None:
    mails = [mail(subject="One"), mail(subject="Two"), mail(subject="Two")]

    first = batch_ids(joining.batch(mails))

    assert len(set(first)) == 3
    assert batch_ids(joining.batch(mails)) == first
    assert batch_ids(joining.batch(mails[:2])) != first[:2]
    joining.cancel(first[0])
    again = batch_ids(joining.batch(mails))
    assert (again[0] != first[0], again[1:]) == (True, first[1:])
    assert batch_ids(joining.batch(mails)) == again


@pytest.mark.parametrize(
    "repeat", [lambda caller: caller.send(), lambda caller: caller.batch([mail()])]
)
def test_two_equal_calls_at_once_are_one(
    joining: Caller, world: World, repeat: Callable[[Caller], Reply]
) -> None:
    answers: list[Reply] = []
    interrupt(world, 1, lambda: answers.append(repeat(joining)))

    answers.append(repeat(joining))

    assert answers[0].body == answers[1].body
    world.run_until_quiet()
    assert sent(world) == {"Hi": 1}
