"""The gate of one container: when it closes, who pauses all others, and when it opens again."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pytest
from outbox.pause import Gate, PauseState
from taqnyat import Outcome, Scope, Verdict

SENT = Outcome(Verdict.SENT, Scope.MAIL, "sent")
REFUSED = Outcome(Verdict.TERMINAL, Scope.MAIL, "sender_refused")
BUSY = Outcome(Verdict.RETRYABLE, Scope.PROVIDER, "rate_limited")
LATE = Outcome(Verdict.UNKNOWN, Scope.PROVIDER, "timeout")
EMPTY = Outcome(Verdict.RETRYABLE, Scope.ACCOUNT, "balance_empty")
BLOCKED = Outcome(Verdict.RETRYABLE, Scope.ACCOUNT, "ip_refused", ip="10.0.0.1")
RUN = 3


class Account:
    """The pause item and the intake behind the gate."""

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

    def switch(self, *, on: bool) -> bool:
        self.switches.append(on)
        return True


@pytest.fixture
def account() -> Account:
    return Account()


@pytest.fixture
def gate(account: Account) -> Gate:
    part = cast("Any", account)
    return Gate(part, part, RUN)


def test_an_account_in_trouble_closes_it_at_once_and_the_first_to_see_it_pauses(gate: Gate) -> None:
    assert [gate.observe(EMPTY) for _ in range(3)] == [True, False, False]
    assert gate.closed


@pytest.mark.parametrize("failure", [BUSY, LATE])
def test_a_run_of_provider_failures_closes_it(gate: Gate, failure: Outcome) -> None:
    assert [gate.observe(failure) for _ in range(RUN + 1)] == [False] * (RUN - 1) + [True, False]


@pytest.mark.parametrize("between", [SENT, REFUSED])
def test_any_answer_about_a_mail_ends_the_run(gate: Gate, between: Outcome) -> None:
    for outcome in (BUSY, LATE, between, BUSY, BUSY):
        assert gate.observe(outcome) is False
    assert not gate.closed


def test_of_many_threads_one_pauses(gate: Gate) -> None:
    with ThreadPoolExecutor(10) as pool:
        assert sum(pool.map(gate.observe, [EMPTY] * 50)) == 1


def test_a_pause_shuts_the_intake_once(gate: Gate, account: Account) -> None:
    gate.pause_all(BLOCKED, 5.0)
    gate.pause_all(EMPTY, 6.0)
    assert account.begins == [("ip_refused", "10.0.0.1", 5.0), ("balance_empty", "", 6.0)]
    assert account.switches == [False]


def test_it_follows_the_item(gate: Gate, account: Account) -> None:
    assert (gate.refresh(), gate.closed) == (False, False)
    account.paused = True
    assert (gate.refresh(), gate.closed) == (False, True)
    assert account.switches == [False]
    account.paused = False
    assert (gate.refresh(), gate.closed) == (True, False)
    assert (gate.refresh(), gate.closed) == (False, False)


def test_after_a_pause_the_run_begins_anew(gate: Gate) -> None:
    for _ in range(RUN):
        gate.observe(BUSY)
    assert gate.refresh()
    assert [gate.observe(BUSY) for _ in range(RUN)] == [False] * (RUN - 1) + [True]
