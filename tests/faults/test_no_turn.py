"""Under a limit, messages that no call follows take no turns: others do not wait behind them."""

import json
from collections.abc import Callable

import pytest

from tests.crowd.timeline import CrowdWorld
from tests.faults.accounts import MAIL_QUEUE, START

MANY = 150
DAY = 86400


def canceled(world: CrowdWorld) -> None:
    for number in range(MANY):
        world.cancel(world.post(f"canceled {number}"))


def scheduled(world: CrowdWorld) -> None:
    names = [f"later {number}" for number in range(100)]
    world.post_batch(names, scheduled_at=int(START) + DAY)
    world.work(world.sqs.take(world.mail, 1))


def not_valid(world: CrowdWorld) -> None:
    for number in range(MANY):
        body = json.dumps({"subject": number}) if number % 2 else "no JSON"
        world.sqs.send_message(QueueUrl=MAIL_QUEUE, MessageBody=body)


def copies_of_bulk_mails_in_the_normal_lane(world: CrowdWorld) -> None:
    for number in range(MANY):
        world.post(f"bulk {number}", priority="bulk")
    for message in world.bulk.messages:
        world.sqs.send_message(
            QueueUrl=MAIL_QUEUE, MessageBody=message.body, MessageAttributes=message.attributes
        )
    world.bulk.messages.clear()


def without_a_record(world: CrowdWorld) -> None:
    for number in range(MANY):
        del world.dynamo.items[world.post(f"restored {number}").mail_id]


@pytest.mark.parametrize(
    "crowd",
    [canceled, scheduled, not_valid, copies_of_bulk_mails_in_the_normal_lane, without_a_record],
)
def test_others_do_not_wait_behind_messages_without_a_call(
    crowd: Callable[[CrowdWorld], None],
) -> None:
    world = CrowdWorld(most=5)
    begun: list[float] = []

    def fill() -> None:
        crowd(world)
        for number in range(10):
            world.post(f"shop {number}")
        begun.append(world.now)
        world.open()

    world.timeline.begin(fill)
    names = [f"shop {number}" for number in range(10)]
    world.timeline.run(
        lambda: all(map(world.taqnyat.accepted.get, names)) or world.now > START + 300
    )

    # Ten at five a second; with a turn for each of the others they took half a minute.
    assert world.now - begun[0] < 8
