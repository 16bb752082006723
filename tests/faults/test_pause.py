"""Pause and resume: few calls, no mail failed, and after the cause is gone no hand moved."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import pytest
from outbox.mail.states import State
from outbox.queues.event_source import EventSource
from outbox.sending.pause import Pause
from outbox.storage.row import Row

from tests.faults import books
from tests.faults.accounts import MAIL_QUEUE_ARN, MINUTE, TABLE, TOKEN, WORKER
from tests.faults.conftest import Publish
from tests.faults.provider import REPLIES, Reply, Taqnyat
from tests.faults.standins.others import Functions
from tests.faults.world import World

MAILS = 1000
IN_FLIGHT = 20
HOURS_PAUSED = 3
SWITCH = "lambda.update_event_source_mapping"
POST = "taqnyat.answer"
MAY_BE_THE_MAIL = {"code_3", "status_405"}
REASONS = {
    "code_2": "balance_empty",
    "code_3": "balance_too_low",
    "code_101": "api_disabled",
    "code_102": "ip_refused",
    "code_104": "token_refused",
    "status_405": "wrong_endpoint",
}


@dataclass(frozen=True)
class Figures:
    """What one run came to."""

    counts: dict[str, int]

    def summary(self) -> dict[str, object]:
        return {"counts": self.counts}


def refuse(world: World, answer: str) -> None:
    """Let Taqnyat refuse the account, by the token that it does not know or by an answer."""
    if answer == "code_104":
        world.taqnyat.tokens = {"another"}
    else:
        world.taqnyat.refusing = answer


def put_right(world: World) -> None:
    """Do what a human does at Taqnyat or in the secret; nothing is done in the gateway."""
    world.taqnyat.refusing = None
    world.secrets.values += world.taqnyat.tokens - set(world.secrets.values)


def minute(world: World) -> int:
    """Let the queue be polled and the schedule check once; return the calls of the check."""
    while world.poll_side_by_side():
        pass
    before = len(world.taqnyat.calls)
    world.check()
    calls = len(world.taqnyat.calls) - before
    world.wait(MINUTE)
    return calls


def by_hand(world: World) -> Pause:
    """Return the pause as the command line has it."""
    return Pause(world.dynamo, TABLE, (300,), clock=lambda: world.now)


def resume_by_hand(world: World) -> None:
    pause = by_hand(world)
    assert pause.end(pause.read())
    assert EventSource(lambda: Functions(world.mapping), WORKER, [MAIL_QUEUE_ARN]).enable()


def rows(world: World) -> list[Row]:
    return [row for order in world.orders.values() if (row := world.row(order))]


def paused_world(answer: str = "code_2") -> World:
    """Return a world with two mails that an answer has paused."""
    world = World()
    refuse(world, answer)
    world.drop("one")
    world.drop("two")
    world.poll()
    assert world.paused
    return world


def numbers(world: World, name: str) -> list[int]:
    return [number for number, call in enumerate(world.calls) if call.name == name]


@pytest.mark.parametrize("answer", REASONS)
def test_a_thousand_mails_wait_for_the_account_and_are_sent_once(
    answer: str, publish: Publish
) -> None:
    world = World(lockstep=True)
    refuse(world, answer)
    for number in range(MAILS):
        world.drop(f"mail {number}")
    assert world.poll_side_by_side()
    before_the_pause_holds = len(world.taqnyat.calls)
    assert before_the_pause_holds <= IN_FLIGHT
    assert (world.paused, world.pause.reason) == (True, REASONS[answer])
    while world.poll_side_by_side():
        pass
    assert len(world.taqnyat.calls) == before_the_pause_holds

    probes = [minute(world) for _ in range(HOURS_PAUSED * 60)]
    # An answer that names the account leaves nothing to try; of others three mails' decide.
    assert set(probes) == {0, 3 if answer in MAY_BE_THE_MAIL else 1}
    # The hours saw no call that was not a probe, and no mail given up.
    assert len(world.taqnyat.calls) == before_the_pause_holds + sum(probes)
    assert world.failed.messages == []
    assert len(world.mail.messages) == MAILS

    put_right(world)
    # One probe resumes: until it is due, and until the mails have come into sight again.
    after = [minute(world) for _ in range(40)]
    assert sum(after) == 1
    assert not world.paused
    assert len(world.taqnyat.accepted) == MAILS
    assert {len(taken) for taken in world.taqnyat.accepted.values()} == {1}
    assert {row.state for row in rows(world)} == {State.SENT}
    assert world.failed.messages == []
    assert books.faults(world) == []
    counts = {
        "mails": MAILS,
        "calls before the pause held": before_the_pause_holds,
        "pauses": sum("paused" in notice["Subject"] for notice in world.sns.notices),
        "probes": sum(probes) + sum(after),
        "sent exactly once": len(world.taqnyat.accepted),
        "failed": len(world.failed.messages),
    }
    assert counts["pauses"] == 1
    publish(f"paused by {answer} for {HOURS_PAUSED} hours", Figures(counts))


def test_the_first_refusal_stops_the_rest_of_its_batch() -> None:
    world = World()
    refuse(world, "code_2")
    for number in range(IN_FLIGHT):
        world.drop(f"mail {number}")
    world.poll()  # one after the other, in one container
    assert len(world.taqnyat.calls) == 1
    world.poll()  # in another, which knows by the ledger
    assert len(world.taqnyat.calls) == 1
    assert {row.attempt_count for row in rows(world)} == {1}


def test_the_wait_before_a_probe_grows_from_1_minute_to_30() -> None:
    world = paused_world()
    since = world.pause.since
    del world.taqnyat.calls[:]
    while len(world.taqnyat.calls) < 7:
        minute(world)
    times = [since, *(at for at, _ in world.taqnyat.calls)]
    waits = [later - earlier for earlier, later in pairwise(times)]
    for wait, minutes in zip(waits, (1, 2, 5, 10, 20, 30, 30), strict=True):
        # The schedule comes once a minute.
        assert minutes * MINUTE <= wait <= (minutes + 1.1) * MINUTE


def test_a_token_rotated_amid_a_batch_is_read_once_a_container_and_fails_no_mail() -> None:
    world = World(lockstep=True)
    for number in range(IN_FLIGHT):
        world.drop(f"before {number}")
    world.poll_side_by_side()
    assert world.secrets.reads == 2
    for number in range(IN_FLIGHT):
        world.drop(f"after {number}")
    # It changes when half of one batch has been answered, and nothing of the other.
    amid = len(world.taqnyat.calls) + 5
    decide = Taqnyat.decide

    def rotating(taqnyat: Taqnyat, body: bytes, now: float) -> Reply:
        if len(taqnyat.calls) == amid:
            taqnyat.tokens = {"another"}
            world.secrets.values.append("another")
        return decide(taqnyat, body, now)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Taqnyat, "decide", rotating)
        world.poll_side_by_side()
    assert world.secrets.reads == 2 + 2
    assert not world.paused
    assert world.mail.messages == []
    assert {(row.state, row.attempt_count) for row in rows(world)} == {(State.SENT, 1)}
    assert len(world.taqnyat.calls) == 2 * IN_FLIGHT + (IN_FLIGHT - 5)
    assert books.faults(world) == []


def test_a_pause_by_hand_sends_no_probe_and_ends_by_hand() -> None:
    world = World()
    by_hand(world).begin_by_hand("maintenance")
    order = world.drop("mail")
    assert sum(minute(world) for _ in range(600)) == 0
    assert world.taqnyat.calls == []
    assert (world.paused, world.pause.by) == (True, "operator")
    resume_by_hand(world)
    world.run_until_quiet()
    assert len(world.taqnyat.accepted[order.subject]) == 1
    assert books.faults(world) == []


def test_a_probe_that_goes_through_does_not_end_a_pause_by_hand(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = paused_world()
    put_right(world)
    decide = Taqnyat.decide

    def meanwhile(taqnyat: Taqnyat, body: bytes, now: float) -> Reply:
        by_hand(world).begin_by_hand("maintenance")
        return decide(taqnyat, body, now)

    monkeypatch.setattr(Taqnyat, "decide", meanwhile)
    world.wait(6 * MINUTE)
    world.check()
    assert len(world.taqnyat.accepted) == 1
    assert (world.paused, world.pause.by) == (True, "operator")
    assert sum(minute(world) for _ in range(120)) == 0
    resume_by_hand(world)
    world.run_until_quiet()
    assert books.faults(world) == []


def test_a_provider_that_fails_pauses_until_a_probe_goes_through() -> None:
    world = World(lockstep=True)
    world.taqnyat.refusing = "status_503"
    for number in range(10):
        world.drop(f"mail {number}")
    world.poll_side_by_side(1)
    assert not world.paused  # ten may be unlucky: three more tell
    for number in range(10):
        world.drop(f"later mail {number}")
    world.poll_side_by_side(1)
    assert (world.paused, world.pause.reason) == (True, "provider_unavailable")
    assert len(world.taqnyat.calls) <= 13
    assert sum(minute(world) for _ in range(4)) == 3 * 2
    assert (world.paused, world.pause.probes) == (True, 3)
    world.taqnyat.refusing = None
    world.run_until_quiet()
    assert not world.paused
    assert {row.state for row in rows(world)} == {State.SENT}
    assert books.faults(world) == []


def test_an_answer_to_a_call_from_before_the_resume_does_not_pause_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    order = world.drop("mail")
    decide = Taqnyat.decide

    def late(taqnyat: Taqnyat, body: bytes, now: float) -> Reply:
        if taqnyat.calls:
            return decide(taqnyat, body, now)
        taqnyat.calls.append((now, order.subject))
        assert by_hand(world).begin("balance_empty")
        world.wait(5)
        resume_by_hand(world)
        return REPLIES["code_2"]

    monkeypatch.setattr(Taqnyat, "decide", late)
    world.poll()
    assert (world.paused, world.mapping.state) == (False, "Enabled")
    world.run_until_quiet()
    assert len(world.taqnyat.accepted["mail"]) == 1
    assert books.faults(world) == []


def test_the_queue_is_not_polled_while_sending_is_paused() -> None:
    world = paused_world()
    lanes = (world.mapping, world.bulk_mapping)
    assert [mapping.state for mapping in lanes] == ["Disabling"] * 2
    world.wait(MINUTE)
    assert [(mapping.state, mapping.feeds) for mapping in lanes] == [("Disabled", False)] * 2
    put_right(world)
    world.run_until_quiet()
    assert [mapping.state for mapping in lanes] == ["Enabled"] * 2
    assert len(numbers(world, SWITCH)) == 4


@pytest.mark.parametrize("lane", ["mapping", "bulk_mapping"])
def test_a_mapping_that_somebody_switched_is_put_right_by_the_next_check(lane: str) -> None:
    world = World()
    getattr(world, lane).switch(enabled=False)
    world.wait(MINUTE)
    world.check()
    assert getattr(world, lane).state == "Enabling"


@pytest.mark.parametrize("lane", ["mapping", "bulk_mapping"])
def test_a_mapping_that_somebody_switched_on_in_a_pause_is_put_right_too(lane: str) -> None:
    world = paused_world()
    world.wait(MINUTE)
    getattr(world, lane).switch(enabled=True)
    world.wait(MINUTE)
    world.check()
    assert getattr(world, lane).state == "Disabling"


def test_a_probe_finds_its_mail_in_either_lane_and_resumes_both() -> None:
    world = World()
    refuse(world, "code_2")
    world.post("bulk", priority="bulk")
    world.poll()
    assert world.pause.reason == "balance_empty"
    put_right(world)
    world.run_until_quiet()
    assert not world.paused
    assert len(world.taqnyat.accepted["bulk"]) == 1


@pytest.mark.parametrize("fault", ["error_before", "timeout_before", "throttled"])
def test_a_switch_that_failed_is_put_right_by_the_next_check(fault: str) -> None:
    def run(plan: dict[int, str], switched: Callable[[World], None]) -> World:
        world = World(plan=plan)
        refuse(world, "code_2")
        world.drop("mail")
        world.poll()
        switched(world)
        world.wait(6 * MINUTE)
        put_right(world)
        world.check()
        assert not world.paused
        return world

    trial = run({}, lambda _: None)
    off, _, on, _ = numbers(trial, SWITCH)

    def not_off(world: World) -> None:
        assert (world.paused, world.mapping.state) == (True, "Enabled")
        world.check()
        assert world.mapping.state == "Disabling"

    run({off: fault}, not_off)
    world = run({on: fault}, lambda _: None)
    assert world.mapping.state == "Disabled"
    world.wait(MINUTE)
    world.check()
    assert world.mapping.state == "Enabling"


def test_mails_wait_for_the_token_to_be_set_and_go_on_by_themselves() -> None:
    world = World()
    world.secrets.values = []
    for number in range(30):
        world.drop(f"mail {number}")
    assert sum(minute(world) for _ in range(120)) == 0
    assert (world.paused, world.pause.reason) == (True, "token_not_set")
    assert world.taqnyat.calls == []
    assert world.failed.messages == []
    world.secrets.values.append(TOKEN)
    world.run_until_quiet()
    assert len(world.taqnyat.calls) == 30
    assert {row.state for row in rows(world)} == {State.SENT}
    assert books.faults(world) == []


@pytest.mark.parametrize("answer", REASONS)
def test_the_notice_names_the_reason_once_and_the_address_that_was_refused(answer: str) -> None:
    world = paused_world(answer)
    for _ in range(180):
        minute(world)
    [notice] = world.sns.notices
    assert REASONS[answer] in notice["Message"]
    assert notice["Subject"].endswith("sending paused")
    assert ("refused address: 10.0.0.1" in notice["Message"]) == (answer == "code_102")
    put_right(world)
    world.run_until_quiet()
    assert len(world.sns.notices) == 1  # a resume is told when it has held
    for _ in range(4):
        minute(world)
    [_, end] = world.sns.notices
    assert end["Subject"].endswith("sending resumed")
