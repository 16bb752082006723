"""A row outlives every message that can still bring its mail; what has lost its row is not sent.

The table here deletes a row the moment its time has come.
"""

import json
from typing import Any

import pytest
from outbox.mail.report import Report
from outbox.mail.states import State

from tests.faults.accounts import MAIL_QUEUE, START, Order
from tests.faults.standins.fairness import Message
from tests.faults.world import World

DAY = 86400
YEAR = 365 * DAY


def left_over(world: World) -> None:
    """Let no schedule be deleted: that is best effort."""
    world.scheduler.delete_schedule = lambda **_: {}  # type: ignore[method-assign]


def reports(world: World, order: Order) -> list[Report]:
    return [
        report
        for notes in world.notes
        for report in notes.reports
        if report.mail_id == order.mail_id
    ]


def drain(world: World) -> None:
    while world.poll():
        pass


def sent(world: World, order: Order) -> int:
    return len(world.taqnyat.accepted[order.subject])


def put(world: World, message: Message) -> None:
    """Put a message on the mail queue as it was in the failed one."""
    world.sqs.send_message(
        QueueUrl=MAIL_QUEUE, MessageBody=message.body, MessageAttributes=message.attributes
    )


def test_a_canceled_mail_whose_schedule_fires_all_the_same() -> None:
    world = World(RECORD_DAYS="15")
    order = world.post("invoice", scheduled_at=START + YEAR)
    left_over(world)
    world.cancel(order)
    world.wait(YEAR + 60)
    drain(world)

    assert sent(world, order) == 0
    assert world.mail.messages == world.failed.messages == []


@pytest.mark.parametrize("first", [YEAR, 40 * DAY])
@pytest.mark.parametrize("moved", [60, 0, 30 * DAY])
def test_a_moved_mail_whose_first_schedule_fires_all_the_same(first: int, moved: int) -> None:
    world = World(RECORD_DAYS="15")
    order = world.post("invoice", scheduled_at=START + first)
    left_over(world)
    world.move(order, int(START + moved))
    world.wait(moved + 120)
    drain(world)
    assert sent(world, order) == 1
    world.wait(START + first + 60 - world.now)
    drain(world)

    assert sent(world, order) == 1
    assert world.mail.messages == world.failed.messages == []


def test_a_mail_moved_away_and_back_and_refused() -> None:
    world = World(RECORD_DAYS="15")
    world.taqnyat.refusing = "code_15"
    order = world.post("invoice", scheduled_at=START + DAY)
    left_over(world)
    world.move(order, int(START + YEAR))
    world.move(order, int(START + 2 * DAY))
    world.wait(2 * DAY + 60)
    drain(world)
    world.taqnyat.refusing = None
    world.wait(YEAR)
    drain(world)

    row = world.row(order)
    assert row is not None
    assert (row.state, sent(world, order)) == (State.FAILED, 0)


@pytest.mark.parametrize("state", [None, "failed"])
def test_a_row_outlives_both_queues(state: str | None) -> None:
    """14 days in the failed queue, 10 in the mail queue: the record of a year's age is 30 days."""
    world = World(RECORD_DAYS="15")
    world.taqnyat.script = ["code_15"] if state else []
    order = world.post("invoice")
    drain(world)
    world.wait(13.9 * DAY)
    copies = list(world.failed.messages)
    world.redrive()
    drain(world)
    for copy in copies:
        put(world, copy)
    world.wait(9.9 * DAY)
    drain(world)

    assert sent(world, order) == 1


def test_a_pause_of_months_in_which_the_mail_is_received() -> None:
    world = World(RECORD_DAYS="15")
    order = world.post("invoice")
    world.dynamo.items["#pause"] = {
        "pk": {"S": "#pause"},
        "paused": {"BOOL": True},
        "by": {"S": "operator"},
        "since": {"N": "1"},
        "next_probe": {"N": "0"},
    }
    for _ in range(80):
        for message in world.sqs.take(world.mail, 10):
            world.work([message])
        world.wait(DAY)
    del world.dynamo.items["#pause"]
    world.check()
    world.run_until_quiet()

    row = world.row(order)
    assert row is not None
    assert (row.state, row.resends, sent(world, order)) == (State.SENT, 0, 1)


def test_a_pause_of_months_in_which_a_probe_holds_the_mail_and_sends_another() -> None:
    world = World(RECORD_DAYS="15")
    world.taqnyat.refusing = "code_2"
    orders = [world.post(f"invoice {number}") for number in range(12)]
    drain(world)
    for _ in range(80):
        world.check()
        world.wait(DAY)
    world.taqnyat.refusing = None
    world.check()
    world.run_until_quiet()

    rows = [world.row(order) for order in orders]
    assert {(row.state, row.resends) for row in rows if row} == {(State.SENT, 0)}
    assert [sent(world, order) for order in orders] == [1] * 12


def test_months_without_a_turn() -> None:
    world = World(RECORD_DAYS="15")
    order = world.post("invoice")
    held = {"N": str(round((START + YEAR) * 1000))}
    world.dynamo.items["#pause"] = {"pk": {"S": "#pause"}, "rate_held_until": held}
    for _ in range(80):
        for message in world.sqs.take(world.mail, 10):
            world.work([message])
        world.wait(DAY)
    del world.dynamo.items["#pause"]
    world.run_until_quiet()

    row = world.row(order)
    assert row is not None
    assert (row.state, row.resends, sent(world, order)) == (State.SENT, 0, 1)


@pytest.mark.parametrize("by_hand", [False, True])
def test_a_mail_whose_row_is_gone_waits_for_a_person(*, by_hand: bool) -> None:
    """As after a restore of the table to a time before the mail."""
    world = World()
    order = world.post("invoice")
    del world.dynamo.items[order.mail_id]
    drain(world)

    assert sent(world, order) == 0
    assert world.row(order) is None
    [parked] = world.failed.messages
    texts = {name: value["StringValue"] for name, value in parked.attributes.items()}
    assert texts == {"id": order.mail_id, "state": "unknown", "reason": "no_record", "attempt": "0"}
    [report] = reports(world, order)
    assert (report.state, report.reason, report.retry_in) == (State.UNKNOWN, "no_record", None)

    (world.redrive_by_hand if by_hand else world.redrive)()
    drain(world)
    row = world.row(order)
    assert row is not None
    assert (row.state, row.resends, row.possibly_sent) == (State.SENT, 1, 1)
    assert sent(world, order) == 1


@pytest.mark.parametrize("state", ["failed", "unknown"])
@pytest.mark.parametrize("client", [None, "shop"])
def test_a_re_driven_mail_whose_row_is_gone_is_a_resend(state: str, client: str | None) -> None:
    world = World()
    order = world.drop("invoice")
    message = world.mail.messages.pop()
    fields: dict[str, Any] = {**json.loads(message.body), "id": order.mail_id}
    message.body = json.dumps(fields | ({"client": client} if client else {}))
    message.attributes = {
        "id": {"DataType": "String", "StringValue": order.mail_id},
        "state": {"DataType": "String", "StringValue": state},
        "attempt": {"DataType": "Number", "StringValue": "3"},
    }
    put(world, message)
    put(world, message)
    drain(world)

    row = world.row(order)
    assert row is not None
    assert (row.state, row.resends, row.client) == (State.SENT, 1, None)
    assert sent(world, order) == 1


def test_a_second_parked_copy_at_a_record_of_15_days() -> None:
    """The copies are re-driven two weeks apart, the second one into a pause of days."""
    world = World(RECORD_DAYS="15")
    world.taqnyat.refusing = "code_14"
    order = world.post("invoice")
    [message] = world.sqs.take(world.mail, 1)
    world.deliver_twice([message])
    world.work([message])
    world.mail.messages.clear()
    assert len(world.failed.messages) == 2
    first, second = world.failed.messages
    world.taqnyat.refusing = None
    world.wait(DAY)
    put(world, first)
    drain(world)
    assert sent(world, order) == 1
    world.wait(12.8 * DAY)
    put(world, second)
    world.wait(9.5 * DAY)
    drain(world)

    row = world.row(order)
    assert row is not None
    assert (row.state, row.resends, sent(world, order)) == (State.SENT, 0, 1)


@pytest.mark.parametrize(
    ("reply", "state", "sent_times"),
    [
        (None, State.SENT, 1),
        ("code_15", State.FAILED, 0),
        ("hang_but_accepted", State.UNKNOWN, 1),
        ("status_503", State.SENT, 1),
    ],
)
def test_a_message_that_comes_again_after_it_was_deleted(
    reply: str | None, state: State, sent_times: int
) -> None:
    """At least once: a server that missed a delete gives the message out again, days later."""
    world = World()
    world.taqnyat.script = [reply] if reply else []
    order = world.post("invoice")
    [message] = world.mail.messages
    world.run_until_quiet()
    for days in (0, 1, 9):
        world.wait(days * DAY)
        world.sqs.come_again(world.mail, message)
        drain(world)

    row = world.row(order)
    assert row is not None
    assert (row.state, sent(world, order), row.resends) == (state, sent_times, 0)
    copies = {str(parked.attributes["attempt"]["StringValue"]) for parked in world.failed.messages}
    assert copies <= {"1"}
