"""Probes and runs of failures: what pauses, what keeps a pause, what ends it."""

from collections.abc import Sequence

import pytest
from outbox.sending.pause import Pause

from tests.faults import books
from tests.faults.accounts import START, TABLE
from tests.faults.world import World

HOUR = 3600


def _queued(mails: int) -> World:
    world = World()
    for number in range(mails):
        world.drop(f"mail {number}")
    return world


def _good_again(world: World, after: float) -> None:
    world.at(after, lambda: setattr(world.taqnyat, "refusing", None))


def _one_by_one(world: World, replies: Sequence[str | None]) -> None:
    """Give a mail of its own to each reply; None is a success."""
    for number, reply in enumerate(replies):
        world.drop(f"mail {len(world.orders)}.{number}")
        world.taqnyat.refusing = reply
        world.work(world.sqs.take(world.mail, 1))
    world.taqnyat.refusing = None


def test_half_of_the_mails_failing_and_then_two_more_pause() -> None:
    for more, paused in ((["status_503", None], False), (["status_503", "status_503"], True)):
        world = World(batch_size=1, FAILURE_RUN="10")
        _one_by_one(world, [None, "status_503"] * 5)
        assert not world.paused
        _one_by_one(world, more)
        assert world.paused is paused
        world.run_until_quiet()
        assert books.faults(world) == []


def test_fewer_failures_than_half_and_refusals_by_the_rate_pause_nothing() -> None:
    world = World(batch_size=1, FAILURE_RUN="10")
    _one_by_one(world, [None, None, "status_503", "status_429"] * 10)
    assert not world.paused


def test_after_a_resume_two_more_failures_pause_again_and_the_notices_are_folded() -> None:
    world = World(FAILURE_RUN="3")
    for number in range(30):
        world.drop(f"mail {number}")
    world.taqnyat.refusing = "status_503"

    def good_for_a_moment() -> None:
        world.taqnyat.refusing = None
        world.taqnyat.script = ["code_15", "code_15", "status_503", "status_503", "status_503"]

    world.at(400, good_for_a_moment)
    world.run_until_quiet()
    for _ in range(5):
        world.wait(60)
        world.check()
    subjects = [notice["Subject"].rpartition(" ")[2] for notice in world.sns.notices]
    assert subjects in (["paused", "resumed"], ["paused", "paused", "resumed"])
    assert books.faults(world) == []


@pytest.mark.parametrize("minutes", [3, 4, 5])
@pytest.mark.parametrize("reply", ["status_503", "hang"])
def test_after_minutes_of_failures_sending_goes_on_within_two(reply: str, minutes: int) -> None:
    world = _queued(60)
    world.taqnyat.refusing = reply
    _good_again(world, minutes * 60)
    world.run_until_quiet()
    assert world.pause.resumed_at - START - minutes * 60 <= 120
    assert books.faults(world) == []


@pytest.mark.parametrize("reply", ["status_503", "hang", "status_429"])
def test_a_probe_that_the_provider_fails_keeps_the_pause(reply: str) -> None:
    world = _queued(30)
    world.taqnyat.refusing = "code_2"
    world.at(200, lambda: setattr(world.taqnyat, "refusing", reply))
    held: list[bool] = []
    world.at(1500, lambda: held.append(world.paused))
    _good_again(world, 1600)
    world.run_until_quiet()
    assert held == [True]
    assert books.faults(world) == []


@pytest.mark.parametrize("reply", ["code_14", "code_15", "status_400"])
def test_a_probe_that_is_about_the_mail_alone_resumes(reply: str) -> None:
    world = _queued(30)
    world.taqnyat.refusing = "code_2"

    def top_up() -> None:
        world.taqnyat.refusing = None
        world.taqnyat.script = [reply]

    world.at(200, top_up)
    world.run_until_quiet()
    assert len(world.failed.messages) == 1
    assert sum(len(taken) for taken in world.taqnyat.accepted.values()) == 29
    assert books.faults(world) == []


def test_a_probe_that_dies_is_followed_by_another() -> None:
    trial = World()
    trial.taqnyat.refusing = "code_2"
    trial.drop("mail")
    trial.at(250, lambda: setattr(trial.taqnyat, "refusing", None))
    trial.run_until_quiet()
    calls = [(call.process, call.name) for call in trial.calls]
    world = World(plan={calls.index(("status", "taqnyat.answer")): "crash_before"})
    world.taqnyat.refusing = "code_2"
    world.drop("mail")
    world.drop("another")
    world.at(250, lambda: setattr(world.taqnyat, "refusing", None))
    world.run_until_quiet()
    assert not world.paused
    assert books.faults(world) == []


def test_status_checks_that_overlap_probe_once() -> None:
    world = World()
    world.taqnyat.refusing = "code_2"
    for number in range(5):
        world.drop(f"mail {number}")
    world.poll()
    world.wait(400)
    calls = len(world.taqnyat.calls)
    reads = range(len(world.calls), len(world.calls) + 10)
    for number in reads:
        world.plan = {number: "schedule"}  # a second check runs at each call of the first
        world.check()
    assert len(world.taqnyat.calls) == calls + 1


def test_a_queue_that_is_empty_leaves_the_probe_due() -> None:
    world = World()
    world.taqnyat.refusing = "code_2"
    world.drop("mail", expires_at=START + 60)
    world.run_until_quiet()
    assert world.paused
    world.taqnyat.refusing = None
    world.wait(10 * HOUR)
    world.drop("late")
    world.run_until_quiet()
    assert world.pause.resumed_at
    assert len(world.taqnyat.accepted["late"]) == 1


def test_a_secret_that_is_read_stale_costs_a_pause_and_no_mail() -> None:
    def run(plan: dict[int, str]) -> World:
        world = World(plan=plan)
        world.drop("first")
        world.work(world.sqs.take(world.mail, 10))
        world.taqnyat.tokens = {"another"}
        world.secrets.values.append("another")
        for number in range(10):
            world.drop(f"mail {number}")
        world.work(world.sqs.take(world.mail, 10))
        return world

    trial = run({})
    assert not trial.paused
    reads = [n for n, call in enumerate(trial.calls) if call.name.endswith("get_secret_value")]
    world = run({reads[-1]: "stale"})
    assert world.paused
    world.run_until_quiet()
    for _ in range(3):
        world.wait(60)
        world.check()
    assert len(world.sns.notices) == 2
    assert len(world.taqnyat.accepted) == 11
    assert books.faults(world) == []


def _paused_without_mails() -> World:
    world = World()
    world.taqnyat.refusing = "code_2"
    world.drop("first")
    world.poll()
    world.taqnyat.refusing = None
    world.mail.messages.clear()
    del world.dynamo.items[world.orders.pop("first").mail_id]
    world.wait(301)
    assert world.paused
    return world


def test_a_probe_that_finds_no_mail_ends_within_the_check_and_loses_none() -> None:
    """A client that gives up before the queue does leaves a poll behind, which takes a mail."""
    world = _paused_without_mails()
    began = world.now
    world.check()
    assert world.now - began < 5
    world.wait(1)
    order = world.drop("second")
    world.wait(60)
    world.check()
    row = world.row(order)
    assert row is not None
    assert row.state == "sent"
    assert not world.paused
    assert world.errors == []


@pytest.mark.parametrize("call", ["receive_message", "delete_message", "change_message_visibility"])
@pytest.mark.parametrize("fault", ["error_before", "timeout_before", "timeout_after"])
def test_an_error_of_a_queue_ends_the_probe_and_not_the_check(call: str, fault: str) -> None:
    def paused() -> World:
        world = _paused_without_mails()
        world.drop("second")
        world.taqnyat.script = ["code_2"] if call == "change_message_visibility" else []
        return world

    dry = paused()
    before = len(dry.calls)
    dry.check()
    number = next(
        index
        for index, made in enumerate(dry.calls)
        if index >= before and made.name == f"sqs.{call}"
    )
    world = paused()
    world.plan = {number: fault}
    world.check()

    assert world.struck == [fault]
    assert world.errors == []
    assert any("probe_failed" in trouble for notes in world.notes for trouble in notes.troubles)
    # Only a mail that was sent tells that sending can go on; not that it is off the queue.
    assert world.paused is (call != "delete_message")
    sent = [report for notes in world.notes for report in notes.reports if report.state == "sent"]
    assert len(sent) == (call == "delete_message")
    assert world.cloudwatch.data[-1]["MetricName"] == "SendingPaused"
    world.run_until_quiet()
    assert books.faults(world) == []


def _account_paused(policy: str = "hold") -> World:
    """Return a world that the account's refusal of two mails at once has paused."""
    world = World(policy)
    world.taqnyat.refusing = "code_102"
    for subject in ("one", "two"):
        world.post(subject)
    world.poll()
    assert world.paused
    world.wait(60)
    return world


def test_a_probe_that_is_refused_tells_the_address_that_was() -> None:
    world = _account_paused()
    told = world.pause.detail
    world.dynamo.items["#pause"]["detail"] = {"S": "before"}

    world.check()

    assert told
    assert (world.pause.detail, world.pause.probes) == (told, 1)


def test_a_probe_takes_a_mail_that_was_not_refused_before_those_that_were() -> None:
    world = _account_paused()
    refused = {"M": {"at": {"S": "2027-01-15T08:00:00.000Z"}, "scope": {"S": "account"}}}
    world.dynamo.items[world.orders["two"].mail_id]["attempts"] = {"L": [refused]}
    world.post("three")
    world.taqnyat.refusing = None

    world.check()

    assert set(world.taqnyat.accepted) == {"three"}
    assert not world.paused


@pytest.mark.parametrize(("lease", "sent"), [(-1, True), (60, False)])
def test_a_probe_takes_over_what_a_dead_worker_left_and_nothing_that_one_has_in_hand(
    lease: int,
    sent: bool,  # noqa: FBT001
) -> None:
    world = World("resend")
    order = world.post("one")
    item = world.dynamo.items[order.mail_id]
    item |= {
        "state": {"S": "sending"},
        "claim": {"S": "another"},
        "claimed_at": {"S": "2027-01-15T08:00:00.000Z"},
        "lease": {"N": str(int(world.now) + lease)},
        "attempt_count": {"N": "1"},
    }
    Pause(world.dynamo, TABLE, (1,), clock=lambda: world.now).begin("balance_empty")
    world.wait(2)

    world.check()

    assert ("one" in world.taqnyat.accepted) is sent
    assert world.paused is not sent
