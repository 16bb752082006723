"""Retries over days: to their own end, and not to one that SQS would make of a message."""

from itertools import pairwise

import pytest
from outbox.mail.states import State
from outbox.queues import message
from outbox.storage import claims

from tests.faults import books
from tests.faults.accounts import MAX_RECEIVES as QUEUE_RECEIVES
from tests.faults.accounts import RETENTION_SECONDS, START
from tests.faults.world import World

DAY = 86400


def test_a_mail_is_retried_to_its_end_whatever_the_queue_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert message.MAX_RECEIVES < QUEUE_RECEIVES - 50
    # A tenth of all, for the sake of time.
    monkeypatch.setattr(message, "MAX_RECEIVES", message.MAX_RECEIVES // 10)
    monkeypatch.setattr(claims, "MAX_ATTEMPTS", claims.MAX_ATTEMPTS // 10)
    world = World(FAILURE_RUN="100000", RETRY_WINDOW_SECONDS=str(DAY))
    world.mail.max_receives = QUEUE_RECEIVES // 10
    world.taqnyat.refusing = "status_503"
    order = world.drop("mail")
    world.run_until_quiet()
    row = world.row(order)
    assert row is not None
    assert (row.state, row.reason) == (State.FAILED, "retry_window_ended")
    assert row.attempt_count > world.mail.max_receives
    assert len(row.attempts) == claims.MAX_ATTEMPTS
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


def _attempts_at(world: World, subject: str = "mail") -> list[float]:
    return [at - START for at, called in world.taqnyat.calls if called == subject]


def test_a_retry_backs_off_with_full_jitter_up_to_its_cap() -> None:
    world = World(FAILURE_RUN="1000", RETRY_BASE_SECONDS="4", RETRY_CAP_SECONDS="60")
    world.taqnyat.script = ["status_503"] * 8
    world.drop("mail")
    world.run_until_quiet()
    at = _attempts_at(world)
    gaps = [round(later - earlier) for earlier, later in pairwise(at)]
    assert gaps == [2, 4, 8, 16, 30, 30, 30, 30]  # the middle of 0 to 4, 8, 16, 32, 60


@pytest.mark.parametrize(
    ("reply", "least"), [("status_429_in_90s", 90), ("status_503_at_a_date", 900)]
)
def test_what_the_provider_asks_to_wait_is_waited(reply: str, least: int) -> None:
    world = World()
    world.taqnyat.script = [reply]
    world.drop("mail")
    world.run_until_quiet()
    first, second = _attempts_at(world)
    assert least <= second - first <= least + 5


@pytest.mark.parametrize(
    ("policy", "reply", "state"),
    [
        ("hold", "status_503", State.FAILED),
        ("resend", "status_503", State.FAILED),
        ("resend", "hang", State.UNKNOWN),
        ("resend", "hang_but_accepted", State.UNKNOWN),
    ],
)
def test_a_retry_window_ends(policy: str, reply: str, state: State) -> None:
    world = World(policy, FAILURE_RUN="1000", RETRY_WINDOW_SECONDS="600", MAX_RESENDS="50")
    world.taqnyat.refusing = reply
    order = world.drop("mail")
    world.run_until_quiet()
    row = world.row(order)
    assert row is not None
    assert (row.state, row.reason) == (state, "retry_window_ended")
    assert 600 <= _attempts_at(world)[-1] <= 600 + 900 + 60
    assert books.faults(world) == []


@pytest.mark.parametrize(
    ("policy", "script", "state"),
    [
        ("hold", ["status_503_at_a_date"], State.FAILED),
        ("resend", ["hang"], State.UNKNOWN),
    ],
)
def test_a_mail_that_expires_is_not_sent_any_more(
    policy: str, script: list[str], state: State
) -> None:
    world = World(policy, RETRY_BASE_SECONDS="900")
    world.taqnyat.script = script
    order = world.drop("mail", expires_at=START + 60)
    world.run_until_quiet()
    row = world.row(order)
    assert row is not None
    assert (row.state, row.reason) == (state, "expired")
    assert len(world.taqnyat.calls) == 1
    assert len(world.parked(order)) == 1


def test_a_mail_may_choose_for_itself_what_an_unknown_outcome_means() -> None:
    for policy, chosen, state in (
        ("hold", "resend", State.SENT),
        ("resend", "hold", State.UNKNOWN),
    ):
        world = World(policy)
        world.taqnyat.script = ["hang"]
        order = world.drop("mail", on_unknown=chosen)
        world.run_until_quiet()
        row = world.row(order)
        assert row is not None
        assert row.state is state
        assert books.faults(world) == []
