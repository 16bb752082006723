"""The circuit breaker of one container: when it trips, who pauses all others, when it resets."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pytest
from outbox.sending.breaker import CircuitBreaker
from outbox.sending.control import PauseState
from taqnyat import Outcome, Scope, Verdict

SENT = Outcome(Verdict.SENT, Scope.MAIL, "sent")
REFUSED = Outcome(Verdict.TERMINAL, Scope.MAIL, "sender_refused")
BUSY = Outcome(Verdict.RETRYABLE, Scope.PROVIDER, "rate_limited")
LATE = Outcome(Verdict.UNKNOWN, Scope.PROVIDER, "timeout")
EMPTY = Outcome(Verdict.RETRYABLE, Scope.ACCOUNT, "balance_empty")
BLOCKED = Outcome(Verdict.RETRYABLE, Scope.ACCOUNT, "ip_refused", ip="10.0.0.1")
RUN = 3


class Account:
    """The pause item and the event source behind the breaker."""

    def __init__(self) -> None:
        self.paused = False
        self.begins: list[tuple[str, str, float | None]] = []
        self.switches: list[bool] = []

    def read(self) -> PauseState:
        return PauseState(paused=self.paused)

    def begin(self, reason: str, detail: str = "", seen_at: float | None = None) -> bool:
        self.begins.append((reason, detail, seen_at))
        began, self.paused = not self.paused, True
        return began

    def enable(self) -> bool:
        self.switches.append(True)
        return True

    def disable(self) -> bool:
        self.switches.append(False)
        return True


@pytest.fixture
def account() -> Account:
    return Account()


@pytest.fixture
def breaker(account: Account) -> CircuitBreaker:
    part = cast("Any", account)
    return CircuitBreaker(part, part, RUN)


def test_an_account_in_trouble_trips_it_at_once_and_the_first_to_see_it_pauses(
    breaker: CircuitBreaker,
) -> None:
    assert [breaker.record(EMPTY) for _ in range(3)] == [True, False, False]
    assert breaker.tripped


@pytest.mark.parametrize("failure", [BUSY, LATE])
def test_a_run_of_provider_failures_trips_it(breaker: CircuitBreaker, failure: Outcome) -> None:
    assert [breaker.record(failure) for _ in range(RUN + 1)] == [False] * (RUN - 1) + [True, False]


@pytest.mark.parametrize("between", [SENT, REFUSED])
def test_any_answer_about_a_mail_ends_the_run(breaker: CircuitBreaker, between: Outcome) -> None:
    for outcome in (BUSY, LATE, between, BUSY, BUSY):
        assert breaker.record(outcome) is False
    assert not breaker.tripped


def test_of_many_threads_one_pauses(breaker: CircuitBreaker) -> None:
    with ThreadPoolExecutor(10) as pool:
        assert sum(pool.map(breaker.record, [EMPTY] * 50)) == 1


def test_a_pause_disables_the_event_source_once(breaker: CircuitBreaker, account: Account) -> None:
    breaker.pause_all(BLOCKED, 5.0)
    breaker.pause_all(EMPTY, 6.0)
    assert account.begins == [("ip_refused", "10.0.0.1", 5.0), ("balance_empty", "", 6.0)]
    assert account.switches == [False]


def test_it_follows_the_item(breaker: CircuitBreaker, account: Account) -> None:
    assert (breaker.refresh(), breaker.tripped) == (False, False)
    account.paused = True
    assert (breaker.refresh(), breaker.tripped) == (False, True)
    assert account.switches == [False]
    account.paused = False
    assert (breaker.refresh(), breaker.tripped) == (True, False)
    assert (breaker.refresh(), breaker.tripped) == (False, False)


def test_after_a_pause_the_run_begins_anew(breaker: CircuitBreaker) -> None:
    for _ in range(RUN):
        breaker.record(BUSY)
    assert breaker.refresh()
    assert [breaker.record(BUSY) for _ in range(RUN)] == [False] * (RUN - 1) + [True]
