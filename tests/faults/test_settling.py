"""What is known stays known: a write that fails for a moment makes no mail unknown.

A second POST of the same batch, for one, is a transaction on the rows that a worker writes.
"""

import random
from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from outbox.mail.states import State

from tests.faults import books
from tests.faults.accounts import START
from tests.faults.containers import Container
from tests.faults.standins.errors import client_error
from tests.faults.world import World

T = TypeVar("T")

FAULTS = [
    "throttled",
    "conflict",
    "error_before",
    "error_after",
    "timeout_before",
    "timeout_after",
]


def write(policy: str, *, after_the_call: bool) -> int:
    """Return the number of the call that claims a mail, or settles it."""
    trial = World(policy)
    trial.post("invoice")
    trial.poll()
    names = [call.name for call in trial.calls]
    called = names.index("taqnyat.connect")
    if after_the_call:
        return names.index("dynamodb.update_item", called)
    return called - 1 - names[called - 1 :: -1].index("dynamodb.update_item")


@pytest.mark.parametrize("policy", ["hold", "resend"])
@pytest.mark.parametrize("after_the_call", [False, True])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_write_that_fails_for_a_moment(fault: str, policy: str, *, after_the_call: bool) -> None:
    world = World(policy, plan={write(policy, after_the_call=after_the_call): fault})
    order = world.post("invoice")
    world.run_until_quiet()

    row = world.row(order)
    assert row is not None
    assert (row.state, row.resends, row.attempt_count) == (State.SENT, 0, 1)
    assert len(world.taqnyat.accepted["invoice"]) == 1
    assert world.failed.messages == []
    assert books.faults(world) == []


class Storm(World):
    """Half of all writes of rows fail for a minute, some of them with their effect."""

    def __init__(self, seed: int, policy: str, code: str, status: int) -> None:
        self._luck = random.Random(seed)  # noqa: S311 - a test's choice
        self._code = code
        self._status: dict[str, Any] = {"HTTPStatusCode": status}
        self.refused = 0
        super().__init__(policy, batch_size=1)

    def call(self, container: Container, name: str, effect: Callable[[], T]) -> T:
        """Make one call, or fail."""

        def struck() -> T:
            if name != "dynamodb.update_item" or self.now > START + 60 or self._luck.random() < 0.5:
                return effect()
            self.refused += 1
            self.wait(self._luck.uniform(0.05, 1.5))
            if self._status["HTTPStatusCode"] >= 500 and self._luck.random() < 0.5:
                effect()
            raise client_error(name, self._code, ResponseMetadata=self._status)

        return super().call(container, name, struck)


@pytest.mark.parametrize("policy", ["hold", "resend"])
@pytest.mark.parametrize(
    ("code", "status"), [("ThrottlingException", 400), ("InternalServerError", 500)]
)
@pytest.mark.parametrize("seed", range(3))
def test_a_storm_makes_no_mail_unknown_and_sends_none_twice(
    seed: int, code: str, status: int, policy: str
) -> None:
    world = Storm(seed, policy, code, status)
    for number in range(20):
        world.post(f"mail {number}")
    world.run_until_quiet()

    assert world.refused >= 10
    rows = [world.row(order) for order in world.orders.values()]
    assert {(row.state, row.resends) for row in rows if row} == {(State.SENT, 0)}
    assert all(len(taken) == 1 for taken in world.taqnyat.accepted.values())
    assert books.faults(world) == []
