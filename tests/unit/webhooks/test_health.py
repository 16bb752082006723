"""How an endpoint does: when one event at a time is tried, when again, and when it is paused."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from outbox.settings import Settings
from outbox.webhooks.health import (
    PAUSE_AFTER_SECONDS,
    RUN,
    Call,
    Health,
    after,
    next_try,
    spread,
)

WAITS = Settings(ledger_table="t", mail_queue_url="u", mail_queue_arn="a").webhook_retry_seconds
GOOD, BAD = Call(ok=True, seconds=0.1, status=200), Call(ok=False, seconds=0.1, status=500)
SLOW = Call(ok=True, seconds=7.0, status=200)
NOW = 1_800_000_000.0


def many(call: Call, count: int, *, probe: bool = False) -> Health:
    """Return how an endpoint does after so many calls."""
    health = Health()
    for _ in range(count):
        health = after(health, call, NOW, WAITS, 0.5, probe=probe)
    return health


def test_the_waits_are_those_that_resend_documents() -> None:
    assert WAITS == (5, 300, 1800, 7200, 18000, 36000, 36000)


def test_one_success_forgets_all_failures() -> None:
    assert after(many(BAD, 50), GOOD, NOW, WAITS, 0.5, probe=True) == Health()


@pytest.mark.parametrize("call", [BAD, SLOW])
def test_a_run_of_bad_calls_and_one_event_at_a_time_is_tried(call: Call) -> None:
    assert not many(call, RUN - 1).single
    assert many(call, RUN).single


def test_calls_that_failed_together_are_one_sign() -> None:
    assert many(BAD, RUN).probe_at == many(BAD, 3 * RUN).probe_at == NOW + WAITS[0]


def test_each_probe_that_fails_waits_longer() -> None:
    health, waits = many(BAD, RUN), []
    for _ in range(len(WAITS) + 2):
        waits.append(health.probe_at - NOW)
        health = after(health, BAD, NOW, WAITS, 0.5, probe=True)

    assert waits == [*WAITS, WAITS[-1], WAITS[-1]]


def test_a_slow_endpoint_waits_as_long_as_it_took_and_is_never_paused() -> None:
    health = many(SLOW, 500)

    assert health.probe_at == NOW + 7
    assert not health.must_pause(NOW + 10**9)


def test_three_days_of_failures_are_a_pause() -> None:
    health, now = Health(), NOW
    while not health.must_pause(now):
        now += 36000
        health = after(health, BAD, now, WAITS, 0.5, probe=False)

    assert PAUSE_AFTER_SECONDS <= now - NOW - 36000 < PAUSE_AFTER_SECONDS + 36000


def test_a_failure_long_ago_does_not_count() -> None:
    first = after(Health(), BAD, NOW, WAITS, 0.5, probe=False)
    later = NOW + 2 * PAUSE_AFTER_SECONDS
    second = after(first, BAD, later, WAITS, 0.5, probe=False)

    assert not second.must_pause(later)
    assert second.failing_since == later


def test_an_event_is_tried_eight_times() -> None:
    found = [next_try(tries, NOW, WAITS, 0.5) for tries in range(1, len(WAITS) + 2)]

    assert found == [*(NOW + wait for wait in WAITS), None]


def test_what_an_endpoint_asks_for_makes_a_wait_longer_and_never_shorter() -> None:
    assert next_try(1, NOW, WAITS, 0.5, 60.0) == NOW + 60
    assert next_try(2, NOW, WAITS, 0.5, 60.0) == NOW + WAITS[1]
    assert next_try(len(WAITS) + 1, NOW, WAITS, 0.5, 60.0) is None
    asking = replace(BAD, wait=59.5)
    assert after(Health(), asking, NOW, WAITS, 0.5, probe=False).probe_at == NOW + 60
    assert after(many(BAD, RUN + 3), asking, NOW, WAITS, 0.5, probe=True).probe_at == NOW + WAITS[1]


@given(st.integers(1, 100_000), st.floats(0, 1))
def test_a_wait_is_a_tenth_longer_or_shorter(seconds: int, draw: float) -> None:
    assert 0.9 * seconds - 1 <= spread(seconds, draw) <= 1.1 * seconds + 1
    assert spread(seconds, draw) >= 1


def test_an_answer_is_slow_from_five_seconds_on() -> None:
    assert [Call(ok=True, seconds=seconds).slow for seconds in (4.9, 5.0)] == [False, True]


def test_three_days_to_the_second_are_enough_for_a_pause() -> None:
    health = Health(failing_since=5)
    moments = (4 + PAUSE_AFTER_SECONDS, 5 + PAUSE_AFTER_SECONDS)
    assert [health.must_pause(now) for now in moments] == [False, True]


def test_what_follows_the_first_bad_call_exactly() -> None:
    second = int(NOW)
    failed = Health(run=1, failing_since=second, failed_at=second)
    found = [
        after(Health(), call, NOW + 0.5, WAITS, 0.5, probe=probe)
        for call, probe in ((SLOW, False), (BAD, False), (BAD, True))
    ]

    assert found == [Health(run=1), failed, replace(failed, probes=1)]
    tried = Health(single=True, probes=9)
    assert after(tried, BAD, NOW, (5, 300), 0.5, probe=True).probe_at == NOW + 300
