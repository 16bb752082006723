"""A deployment: containers of 0.1.0 and of today work on one table and one queue."""

import pytest
from mail_send import worker

from tests.faults.books import faults
from tests.faults.installation import Version
from tests.faults.world import World

MAILS = 60


def accept(world: World) -> None:
    for number in range(MAILS):
        if number % 3:
            world.post(f"mail {number}")
        else:
            world.drop(f"mail {number}")
    world.post_batch([f"batch {number}" for number in range(20)])


@pytest.mark.parametrize("first", ["old", "today"])
def test_both_versions_send_each_mail_once(world: World, old: Version, first: str) -> None:
    modules = [old.worker, worker]
    world.worker_modules = modules if first == "old" else modules[::-1]
    accept(world)
    world.taqnyat.script = ["status_503", "code_15", "status_500", "hang"] * 4

    world.run_until_quiet()

    assert faults(world) == []
    assert world.unexpected == []
    states = [row.state for order in world.orders.values() if (row := world.row(order))]
    assert len(states) == MAILS + 20
    assert set(states) <= {"sent", "failed", "unknown"}
    assert "invalid" not in {
        message.attributes.get("state", {}).get("StringValue") for message in world.failed.messages
    }


@pytest.mark.parametrize("died", ["old", "today"])
def test_one_version_takes_over_what_the_other_left(world: World, old: Version, died: str) -> None:
    modules = {"old": old.worker, "today": worker}
    order = world.post("mail")
    world.worker_modules = [modules[died]]
    world.plan = {len(world.calls) + number: "crash_after" for number in (6,)}
    world.poll()
    assert world.struck == ["crash_after"]
    world.plan = {}
    world.replace_containers()
    world.worker_modules = [module for name, module in modules.items() if name != died]

    world.run_until_quiet()

    assert faults(world) == []
    row = world.row(order)
    assert row is not None
    assert row.state == "sent"
