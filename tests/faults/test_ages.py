"""How long mails have waited: SQS's own figure goes silent, the gateway's does not."""

import pytest
from outbox.mail.lanes import Lane

from tests.faults.accounts import START
from tests.faults.world import World

HOUR = 3600.0


def told(world: World, lane: str = Lane.NORMAL) -> float:
    """Return the longest wait that was told of a lane."""
    ages = [age for notes in world.notes for name, age in notes.ages if name == lane]
    return max(ages, default=0.0)


@pytest.mark.parametrize("lane", Lane)
def test_a_mail_that_was_tried_three_times_is_told_by_the_worker_alone(lane: Lane) -> None:
    world = World(FAILURE_RUN="1000")
    world.post("old", priority=str(lane))
    world.taqnyat.refusing = "status_503"
    while world.now < START + 2 * HOUR:
        world.poll()
        world.wait(60.0)
    queue = world.bulk if lane is Lane.BULK else world.mail

    assert len(queue.messages) == 1
    assert world.sqs.age_of_oldest(queue) == 0  # as if nothing waited
    assert 1.5 * HOUR < told(world, lane) <= 2 * HOUR
    assert told(world, Lane.NORMAL if lane is Lane.BULK else Lane.BULK) == 0


def test_nothing_is_told_while_nothing_is_retried() -> None:
    world = World()
    for number in range(20):
        world.post(f"mail {number}")
    world.run_until_quiet()

    assert [notes.ages for notes in world.notes if notes.ages] == []


def test_in_a_pause_of_days_the_probes_tell_how_long_mails_have_waited() -> None:
    """The worker gets nothing then, and SQS leaves out what was received three times."""
    world = World()
    orders = [world.post(f"mail {number}") for number in range(3)]
    world.taqnyat.refusing = "code_102"
    while world.now < START + 6 * 24 * HOUR:
        world.poll()
        world.check()
        world.wait(600.0)

    assert world.paused
    assert world.sqs.age_of_oldest(world.mail) < 5 * 24 * HOUR
    assert told(world) > 5 * 24 * HOUR
    world.taqnyat.refusing = None
    world.run_until_quiet()
    assert [(row := world.row(order)) and row.state for order in orders] == ["sent"] * 3
