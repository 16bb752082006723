"""The control record: a cut answer is not "not paused"; a stack's first batch makes it."""

from collections.abc import Callable
from typing import Any

import pytest
from outbox.mail.states import State

from tests.faults.world import World


def _cut(world: World, operation: str, cut: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Let an answer about the control record arrive without some of it."""
    call = getattr(world.dynamo, operation)

    def answer(**arguments: Any) -> dict[str, Any]:
        whole: dict[str, Any] = call(**arguments)
        return cut(whole) if arguments["Key"]["pk"]["S"] == "#pause" else whole

    setattr(world.dynamo, operation, answer)


def _without_pause(answer: dict[str, Any]) -> dict[str, Any]:
    item = {name: value for name, value in answer.get("Item", {}).items() if name != "paused"}
    return {"Item": item}


@pytest.mark.parametrize("cut", [lambda _: {}, lambda _: {"Item": {}}, _without_pause])
def test_an_answer_without_the_pause_lets_nothing_through(
    cut: Callable[[dict[str, Any]], dict[str, Any]],
) -> None:
    world = World()
    world.pause_by_hand("maintenance")
    _cut(world, "get_item", cut)
    world.post("one")

    world.poll()

    assert world.taqnyat.accepted == {}
    assert world.pause.paused
    assert world.pause.reason == "maintenance"


@pytest.mark.parametrize("what", ["worker", "status"])
def test_two_answers_that_were_cut_stop_all(what: str) -> None:
    world = World()
    world.pause_by_hand("maintenance")
    _cut(world, "get_item", lambda _: {})
    _cut(world, "update_item", lambda _: {})
    order = world.post("one")
    if what == "worker":
        world.poll()
    else:
        world.check()

    assert world.taqnyat.accepted == {}
    assert world.pause.paused
    row = world.row(order)
    assert row is not None
    assert row.state is State.QUEUED
    # Back in seconds, not when its visibility timeout ends.
    assert world.mail.messages[0].visible_at - world.now < 10


def test_a_new_stack_s_first_batch_makes_the_record_and_no_other_writes_it() -> None:
    world = World()
    for subject in ("one", "two", "three"):
        world.post(subject)
        world.poll()

    assert world.dynamo.items["#pause"] == {
        "pk": {"S": "#pause"},
        "paused": {"BOOL": False},
        "resumed_at": {"N": "0"},
    }
    writes = [call.name for call in world.calls if call.process == "worker"]
    claims_and_settlements = 3 * 2
    assert writes.count("dynamodb.update_item") == claims_and_settlements + 1


@pytest.mark.parametrize("record", [None, {"rate_turn": {"N": "5"}}])
def test_a_stack_with_a_rate_from_its_first_day_can_be_paused(
    record: dict[str, Any] | None,
) -> None:
    """Turns are written into the record too, and were there before any pause."""
    world = World(MAX_SEND_RATE="50")
    if record is not None:
        world.dynamo.items["#pause"] = {"pk": {"S": "#pause"}, **record}
    world.taqnyat.refusing = "code_2"
    world.post("one")

    world.poll()

    assert world.pause.paused
    assert world.pause.reason == "balance_empty"
