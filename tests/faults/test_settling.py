"""What is known stays known: a write that fails for a moment makes no mail unknown.

A second POST of the same batch, for one, is a transaction on the rows that a worker writes.
"""

import pytest
from outbox.mail.states import State

from tests.faults import books
from tests.faults.world import World

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
