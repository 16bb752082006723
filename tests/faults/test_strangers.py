"""Another queue of the account may name ours as its dead-letter queue: what comes is left alone."""

import json

import pytest

from tests.faults.accounts import FAILED_QUEUE_ARN, MAIL_QUEUE_ARN
from tests.faults.standins.fairness import Message, Queue
from tests.faults.world import World

ORDERS = Queue(30, 86400, arn="arn:aws:sqs:us-east-1:123456789012:orders")
MAIL = {"from": "shop@acme.sa", "to": ["a@example.com"], "subject": "theirs", "text": "x"}
BODIES = [json.dumps(MAIL), json.dumps({"order": 1042}), "\u0645\u0631\u062d\u0628\u0627"]


def theirs(world: World, body: str) -> Message:
    """Make a message that SQS moved out of another queue."""
    text = {"DataType": "String", "StringValue": "theirs"}
    return Message("theirs", body, {"kind": text}, world.now, world.now, came_from=ORDERS)


@pytest.mark.parametrize("body", BODIES)
def test_the_worker_sends_none_of_it_and_gives_it_back_as_it_came(body: str) -> None:
    world = World()
    world.mail.add(theirs(world, body))
    world.run_until_quiet()

    [back] = world.failed.messages
    assert back.body == body
    assert back.attributes["kind"]["StringValue"] == "theirs"
    assert world.taqnyat.accepted == {}
    assert set(world.dynamo.items) <= {"#pause"}  # no row: the control record alone
    assert world.errors == []


def test_sqs_s_own_redrive_of_all_sends_none_of_it_either() -> None:
    world = World()
    ours = world.post("ours")
    world.taqnyat.script = ["code_14"]
    world.run_until_quiet()
    world.mail.add(theirs(world, BODIES[0]))
    world.run_until_quiet()
    for _ in range(2):  # it is moved as often as somebody presses the button
        world.sqs.start_message_move_task(SourceArn=FAILED_QUEUE_ARN, DestinationArn=MAIL_QUEUE_ARN)
        world.run_until_quiet()

    row = world.row(ours)
    assert row is not None
    assert row.state == "sent"
    assert [message.body for message in world.failed.messages] == [BODIES[0]]


def test_a_probe_leaves_it_alone_too() -> None:
    world = World()
    world.post("ours")
    world.taqnyat.refusing = "code_102"
    world.poll()
    tripped = world.paused
    assert tripped
    world.taqnyat.refusing = None
    world.mail.add(theirs(world, BODIES[0]))
    world.run_until_quiet()

    assert not world.paused
    assert len(world.taqnyat.accepted) == 1
    assert [message.body for message in world.failed.messages] == [BODIES[0]]


def test_a_schedule_s_dead_letter_is_ours() -> None:
    """What Scheduler could not deliver carries its own attributes, and the mail's message."""
    world = World()
    order = world.post("later", scheduled_at=int(world.now) + 3600)
    world.scheduler.fails = True
    world.wait(4000.0)
    world.poll()
    [letter] = world.failed.messages

    assert letter.attributes["TARGET_ARN"]["StringValue"] == MAIL_QUEUE_ARN
    world.scheduler.fails = False
    world.redrive()
    world.run_until_quiet()
    row = world.row(order)
    assert row is not None
    assert row.state == "sent"
