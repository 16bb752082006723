"""Outcomes that nobody knows: held or resent, re-driven by a human, and always on record."""

from typing import Any

import pytest
from outbox.mail.states import State

from tests.faults import books
from tests.faults.accounts import FAILED_QUEUE_ARN, MAIL_QUEUE_ARN, Order
from tests.faults.standins import sqs
from tests.faults.world import World

DAY = 86400


def _number(world: World, name: str, nth: int = 0) -> int:
    """Return the number of a call in a run that does the same."""
    return [number for number, call in enumerate(world.calls) if call.name == name][nth]


def _dies_after_the_answer(policy: str, subject: str = "mail") -> World:
    """Run one mail whose worker dies when Taqnyat has taken it, before the row says so."""
    trial = World(policy=policy)
    trial.drop(subject)
    trial.run_until_quiet()
    plan = {_number(trial, "taqnyat.answer"): "crash_after"}
    world = World(policy=policy, plan=plan)
    world.drop(subject)
    return world


def test_a_worker_that_dies_leaves_its_mail_unknown_and_it_is_told() -> None:
    world = _dies_after_the_answer("hold")
    world.run_until_quiet()
    order = world.orders["mail"]
    row = world.row(order)
    assert row is not None
    assert (row.state, row.reason, row.possibly_sent) == (State.UNKNOWN, "worker_died", 1)
    assert [attempt["reason"] for attempt in row.attempts] == ["worker_died"]
    [report] = [report for notes in world.notes for report in notes.reports]
    # MailUnknown counts by the report: its alarm must see this mail too.
    assert (report.state, report.reason) == (State.UNKNOWN, "worker_died")
    assert report.outcome is not None
    assert len(world.parked(order)) == 1
    assert books.faults(world) == []


def test_under_resend_a_worker_that_dies_costs_one_resend_on_record() -> None:
    world = _dies_after_the_answer("resend")
    world.run_until_quiet()
    row = world.row(world.orders["mail"])
    assert row is not None
    assert (row.state, row.resends, len(row.attempts)) == (State.SENT, 1, 2)
    assert [attempt.get("resend") for attempt in row.attempts] == [None, True]
    assert len(world.taqnyat.accepted["mail"]) == 2


def test_a_worker_that_dies_each_time_is_taken_over_no_more_than_allowed() -> None:
    world = World(policy="resend", MAX_RESENDS="2")
    world.taqnyat.refusing = "hang_but_accepted"
    world.drop("mail")
    world.run_until_quiet()
    row = world.row(world.orders["mail"])
    assert row is not None
    assert (row.state, row.resends) == (State.UNKNOWN, 2)
    assert len(world.taqnyat.accepted["mail"]) == 3
    assert books.faults(world) == []


@pytest.mark.parametrize("by_hand", [False, True])
@pytest.mark.parametrize("policy", ["hold", "resend"])
def test_a_mail_that_was_sent_is_never_sent_again_by_a_re_drive(
    policy: str,
    by_hand: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    world = World(policy=policy)
    world.taqnyat.script = ["code_15"]
    order = world.drop("mail")
    world.run_until_quiet()
    [copy] = world.parked(order)
    world.failed.messages.append(copy)  # SQS delivered it twice, each was parked
    redrive = world.redrive_by_hand if by_hand else world.redrive
    redrive()
    world.run_until_quiet()
    row = world.row(order)
    assert row is not None
    assert row.state is State.SENT
    assert len(world.taqnyat.calls) == 2  # the one that failed, the one that did not
    assert world.failed.messages == []


def test_a_re_drive_of_an_unknown_mail_is_marked_as_a_resend() -> None:
    world = World()
    world.taqnyat.script = ["hang_but_accepted"]
    order = world.drop("mail")
    world.run_until_quiet()
    world.redrive()
    world.run_until_quiet()
    row = world.row(order)
    assert row is not None
    assert (row.state, row.resends) == (State.SENT, 1)
    assert [attempt.get("resend") for attempt in row.attempts] == [None, True]


def test_a_re_drive_that_outlives_the_row_is_still_a_resend() -> None:
    world = World()
    world.taqnyat.script = ["hang_but_accepted"]
    order = world.drop("mail")
    world.run_until_quiet()
    del world.dynamo.items[order.mail_id]  # its time to live has ended
    world.redrive()
    world.run_until_quiet()
    row = world.row(order)
    assert row is not None
    assert (row.state, row.resends, row.possibly_sent) == (State.SENT, 1, 1)
    assert [attempt.get("resend") for attempt in row.attempts] == [True]


def test_a_failed_mail_really_is_tried_again_by_each_re_drive() -> None:
    world = World()
    order = world.drop("mail")
    for attempts in (1, 2, 3):
        world.taqnyat.script = ["code_15"]
        world.run_until_quiet()
        row = world.row(order)
        assert row is not None
        assert (row.state, row.attempt_count) == (State.FAILED, attempts)
        world.sqs.start_message_move_task(SourceArn=FAILED_QUEUE_ARN, DestinationArn=MAIL_QUEUE_ARN)
    world.run_until_quiet()
    row = world.row(order)
    assert row is not None
    assert row.state is State.SENT


def test_the_default_campaign_may_change_while_a_mail_is_on_its_way() -> None:
    world = World()
    world.taqnyat.script = ["status_503"]
    order = world.drop("mail")
    world.poll()
    world.environment["DEFAULT_CAMPAIGN"] = "another"
    world.replace_containers()
    world.run_until_quiet()
    row = world.row(order)
    assert row is not None
    assert (row.state, row.campaign) == (State.SENT, "transactional")
    assert books.faults(world) == []


def test_another_mail_under_the_same_id_is_refused() -> None:
    world = World()
    world.drop("first", id="one")
    world.run_until_quiet()
    world.drop("second", id="one")
    world.run_until_quiet()
    [parked] = world.failed.messages
    assert parked.attributes["reason"]["StringValue"] == "invalid:id_conflict"
    assert list(world.taqnyat.accepted) == ["first"]


@pytest.mark.parametrize("fault", ["error_before", "timeout_after", "throttled"])
def test_a_pause_that_cannot_be_written_hides_no_outcome(fault: str) -> None:
    trial = World()
    trial.taqnyat.script = ["code_2"]
    trial.drop("mail")
    trial.poll()
    writes = [number for number, call in enumerate(trial.calls) if "update_item" in call.name]
    world = World(plan={writes[3]: fault})  # after the record, the claim and its settlement
    world.taqnyat.script = ["code_2"]
    order = world.drop("mail")
    world.poll()
    assert [report.reason for notes in world.notes for report in notes.reports] == ["balance_empty"]
    world.run_until_quiet()
    assert len(world.taqnyat.accepted[order.subject]) == 1
    assert books.faults(world) == []


def _state(world: World, order: Order) -> State | None:
    row = world.row(order)
    return None if row is None else row.state


def test_an_account_refusal_spends_nothing_of_the_retry_window() -> None:
    world = World(RETRY_WINDOW_SECONDS="600", FAILURE_RUN="1000")
    world.taqnyat.script = ["status_503", "code_2"]
    world.taqnyat.refusing = "code_2"
    order = world.drop("mail")
    world.at(7200, lambda: setattr(world.taqnyat, "refusing", None))
    world.run_until_quiet()
    assert _state(world, order) is State.SENT


@pytest.mark.parametrize("policy", ["hold", "resend"])
def test_a_worker_that_was_called_dead_may_still_say_that_its_mail_was_sent(policy: str) -> None:
    """It stalls between the answer and the row for longer than its lease: nobody knows better."""
    world = World(policy)
    order = world.post("invoice")
    table = world.dynamo
    real = table.update_item
    late: list[float] = []

    def slow(**arguments: Any) -> Any:
        values = {str(value) for value in arguments["ExpressionAttributeValues"].values()}
        if str({"S": "sent"}) in values and not late:
            late.append(world.now)
            world.wait(400)  # frozen: its lease runs out, and SQS gives the message to another
            message = world.mail.messages[0]
            world.sqs.deliver_again(message)
            world.work([message], slot=1)
        return real(**arguments)

    table.update_item = slow  # type: ignore[method-assign]
    [message] = world.sqs.take(world.mail, 1)
    world.ask_worker({"Records": [sqs.record(message)]}, seconds=1000)
    world.run_until_quiet()
    world.redrive()
    world.run_until_quiet()

    row = world.row(order)
    assert row is not None
    assert late
    assert row.state is State.SENT
    if policy == "hold":
        assert (len(world.taqnyat.accepted["invoice"]), row.resends) == (1, 0)
    else:
        assert row.resends == len(world.taqnyat.accepted["invoice"]) - 1
