"""A mail that Taqnyat always refuses, among others that go through: it ends by itself, alone."""

import pytest
from outbox.mail.states import State
from outbox.sending.policy import REFUSED_ALONE

from local.simulator.content import Content
from tests.faults import books
from tests.faults.accounts import MINUTE, START, Order
from tests.faults.provider import Rule
from tests.faults.world import World

HOUR = 60 * MINUTE


@pytest.fixture
def world() -> World:
    world = World()
    world.taqnyat.rules = [Rule("status_404", Content(subject="poison"))]
    return world


def _live(world: World, order: Order, hours: float, state: State | None = None) -> None:
    """Let a good mail come each minute, until the other one has reached a state."""
    end = world.now + hours * HOUR
    while world.now < end:
        world.drop(f"good {len(world.orders)}")
        while world.poll():
            pass
        world.check()
        row = world.row(order)
        if row is not None and row.state is state:
            return
        world.wait(MINUTE)


def test_three_strikes_end_it_and_nobody_else_waits(world: World) -> None:
    order = world.drop("poison")
    _live(world, order, 8, State.FAILED)
    row = world.row(order)
    assert row is not None
    assert (row.state, row.reason) == (State.FAILED, REFUSED_ALONE)
    assert world.now - START >= 3 * HOUR
    assert len(world.parked(order)) == 1
    good = [name for name in world.orders if name.startswith("good")]
    assert all(len(world.taqnyat.accepted[name]) == 1 for name in good)
    assert world.sns.notices == []


@pytest.mark.parametrize("by_hand", [False, True])
def test_a_re_drive_resets_the_strikes(world: World, *, by_hand: bool) -> None:
    order = world.drop("poison")
    _live(world, order, 8, State.FAILED)
    (world.redrive_by_hand if by_hand else world.redrive)()
    _live(world, order, 1)
    row = world.row(order)
    assert row is not None
    assert row.state is State.QUEUED
    assert 1 <= row.strikes <= 3
    assert row.struck_at > world.now - HOUR - MINUTE
    assert (row.retry_until or 0) > world.now

    world.taqnyat.rules = []
    world.run_until_quiet()
    assert len(world.taqnyat.accepted["poison"]) == 1
    assert books.faults(world) == []
