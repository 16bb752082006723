"""Retries over days: to their own end, and not to one that SQS would make of a message."""

from outbox.ledger import MAX_ATTEMPTS
from outbox.messages import MAX_RECEIVES
from outbox.states import State

from tests.faults import books
from tests.faults.world import MAX_RECEIVES as QUEUE_RECEIVES
from tests.faults.world import RETENTION_SECONDS, START, World

DAY = 86400


def test_a_mail_is_retried_to_its_end_whatever_the_queue_counts() -> None:
    world = World(FAILURE_RUN="100000", RETRY_WINDOW_SECONDS=str(9 * DAY))
    world.taqnyat.refusing = "status_503"
    order = world.drop("mail")
    world.run_until_quiet(rounds=5000)
    row = world.row(order)
    assert row is not None
    assert (row.state, row.reason) == (State.FAILED, "retry_window_ended")
    assert row.attempt_count > QUEUE_RECEIVES > MAX_RECEIVES
    assert len(row.attempts) == MAX_ATTEMPTS
    assert books.faults(world) == []


def test_a_mail_that_waits_longer_than_the_queue_keeps_a_message_is_not_lost() -> None:
    world = World(FAILURE_RUN="100000", RETRY_WINDOW_SECONDS=str(9 * DAY))
    world.taqnyat.refusing = "status_503"
    order = world.drop("mail")
    world.at(2 * DAY, lambda: setattr(world.taqnyat, "refusing", "code_2"))
    world.at(4 * DAY, lambda: setattr(world.taqnyat, "refusing", "status_503"))
    world.at(12 * DAY, lambda: setattr(world.taqnyat, "refusing", None))
    world.run_until_quiet(rounds=10_000)
    row = world.row(order)
    assert row is not None
    assert row.state is State.SENT
    assert world.taqnyat.accepted["mail"][0].at - START > RETENTION_SECONDS
    assert books.faults(world) == []
