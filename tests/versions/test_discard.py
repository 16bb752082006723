"""A mail that an operator discarded: no worker of any version sends it, whatever copy comes."""

from collections.abc import Iterator

import pytest
from mail_send import worker
from outbox.storage.table import LedgerTable

from ops.history import History
from tests.faults.accounts import TABLE
from tests.faults.installation import Version, installed
from tests.faults.world import World


@pytest.fixture
def world(old: Version) -> Iterator[World]:
    with installed(old):
        yield World("hold")


@pytest.mark.parametrize("answer", ["code_15", "status_500"])
@pytest.mark.parametrize("version", ["old", "today"])
def test_a_discarded_mail_is_never_sent(
    world: World, old: Version, answer: str, version: str
) -> None:
    world.taqnyat.script = [answer]
    order = world.post("mail")
    world.run_until_quiet()
    row = world.row(order)
    assert row is not None
    assert row.state in {"failed", "unknown"}
    history = History(LedgerTable(world.dynamo, TABLE, 90, lambda: world.now), "Nora")
    calls = len(world.taqnyat.calls)

    assert history.write(history.discarded(row, "sent by hand"))
    assert history.write(history.discarded(row, "again")) is False
    world.worker_modules = [old.worker if version == "old" else worker]
    # Its copy was not taken away: SQS's own redrive brings it to a worker.
    assert len(world.failed.messages) == 1
    world.redrive()
    world.run_until_quiet()

    found = world.row(order)
    assert found is not None
    assert (found.state, found.reason) == ("canceled", "discarded")
    assert [(entry["by"], entry["why"]) for entry in found.actions] == [("Nora", "sent by hand")]
    assert len(world.taqnyat.calls) == calls
    assert not world.failed.messages


def test_a_mail_that_was_redriven_since_is_not_discarded(world: World) -> None:
    world.taqnyat.script = ["code_15"]
    order = world.post("mail")
    world.run_until_quiet()
    row = world.row(order)
    assert row is not None
    world.redrive_by_hand()
    world.run_until_quiet()
    history = History(LedgerTable(world.dynamo, TABLE, 90, lambda: world.now), "Nora")

    assert history.write(history.discarded(row, "too late")) is False
    found = world.row(order)
    assert found is not None
    assert found.state == "sent"
