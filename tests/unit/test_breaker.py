"""The circuit breaker of one container: whom an outcome blames, and what follows for all others."""

from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any, cast

import pytest
from outbox.sending.breaker import Call, CircuitBreaker, HalfOpenBreaker, Reaction
from outbox.sending.control import ControlRecord, PauseState, Refusal, Suspicion
from outbox.sending.rate import Rate
from taqnyat import Outcome, Scope, Verdict

SENT = Outcome(Verdict.SENT, Scope.MAIL, "sent")
REFUSED = Outcome(Verdict.TERMINAL, Scope.MAIL, "sender_refused")
LIMITED = Outcome(Verdict.RETRYABLE, Scope.RATE, "rate_limited", 429)
BUSY = Outcome(Verdict.RETRYABLE, Scope.PROVIDER, "provider_unavailable", 503)
LATE = Outcome(Verdict.UNKNOWN, Scope.PROVIDER, "timeout")
EMPTY = Outcome(Verdict.RETRYABLE, Scope.ACCOUNT, "balance_empty", code=2)
BLOCKED = Outcome(Verdict.RETRYABLE, Scope.ACCOUNT, "ip_refused", code=102, ip="10.0.0.1")
FILTERED = Outcome(Verdict.RETRYABLE, Scope.EITHER, "token_refused", 403)
LEAST = 10
NOW = 1000.0


class Account:
    """The control record and the event source behind the breaker."""

    def __init__(self) -> None:
        self.known = ControlRecord()
        self.begins: list[dict[str, Any]] = []
        self.raised: list[Refusal] = []
        self.cleared: list[tuple[Suspicion, float]] = []
        self.switches: list[bool] = []
        self.standing: Suspicion | None = None

    def record(self) -> ControlRecord:
        return self.known

    def begin(self, reason: str, detail: str = "", **given: Any) -> bool:  # noqa: ANN401
        self.begins.append({"reason": reason, "detail": detail, **given})
        began = not self.known.pause.paused
        self.known = ControlRecord(PauseState(paused=True, reason=reason))
        return began

    def raise_against(self, refusal: Refusal) -> Suspicion:
        self.raised.append(refusal)
        if self.standing is None:
            return Suspicion(refusal, int(NOW))
        return self.standing._replace(mails=self.standing.mails + 1)

    def clear(self, suspicion: Suspicion, sent_at: float) -> None:
        self.cleared.append((suspicion, sent_at))

    def disable(self) -> bool:
        self.switches.append(False)
        return True


@pytest.fixture
def account() -> Account:
    return Account()


@pytest.fixture
def breaker(account: Account) -> CircuitBreaker:
    part = cast("Any", account)
    return CircuitBreaker(part, part, part, LEAST)


_numbers = count()


def call(outcome: Outcome, mail: str = "", started: float = NOW, *, alone: bool = False) -> Call:
    return Call(mail or f"m{next(_numbers)}", "shop@acme.sa", outcome, started, alone)


def carry_out(breaker: CircuitBreaker, *calls: Call) -> list[Reaction | None]:
    reactions = []
    for one in calls:
        reaction = breaker.record(one)
        if reaction is not None:
            breaker.react(reaction, one)
        reactions.append(reaction)
    return reactions


def test_an_answer_that_names_the_account_pauses_at_once(
    breaker: CircuitBreaker, account: Account
) -> None:
    blocked = call(BLOCKED, started=5.0)
    assert carry_out(breaker, blocked, call(EMPTY)) == [Reaction.PAUSE, None]
    [begun] = account.begins
    assert (begun["reason"], begun["detail"], begun["seen_at"]) == ("ip_refused", "10.0.0.1", 5.0)
    assert (begun["cause"], begun["blamed"]) == ("account", (blocked.refusal,))
    assert account.switches == [False]
    assert breaker.refuses() == "paused"


def test_of_many_threads_one_pauses(breaker: CircuitBreaker) -> None:
    with ThreadPoolExecutor(10) as pool:
        reactions = list(pool.map(breaker.record, [call(EMPTY) for _ in range(50)]))
    assert reactions.count(Reaction.PAUSE) == 1


def test_one_refused_mail_is_suspected_however_often_it_is_refused(
    breaker: CircuitBreaker, account: Account
) -> None:
    assert carry_out(breaker, *[call(FILTERED, "m") for _ in range(5)]) == [
        Reaction.SUSPECT,
        *[None] * 4,
    ]
    assert account.begins == []
    assert breaker.refuses() == ""


def test_a_second_different_mail_pauses_and_both_are_named(
    breaker: CircuitBreaker, account: Account
) -> None:
    one, two = call(FILTERED), call(FILTERED)
    assert carry_out(breaker, one, two) == [Reaction.SUSPECT, Reaction.PAUSE]
    assert account.begins[0]["blamed"] == (one.refusal, two.refusal)


def test_the_suspicion_of_another_container_counts(
    breaker: CircuitBreaker, account: Account
) -> None:
    standing = Suspicion(Refusal("other", "x@acme.sa", "token_refused", None, 403), int(NOW))
    account.known = ControlRecord(suspicion=standing)
    breaker.refresh()
    refused = call(FILTERED)
    assert carry_out(breaker, refused) == [Reaction.PAUSE]
    assert account.begins[0]["blamed"] == (standing.refusal, refused.refusal)


def test_a_suspicion_that_was_raised_meanwhile_counts_too(
    breaker: CircuitBreaker, account: Account
) -> None:
    account.standing = Suspicion(Refusal("other", "x@acme.sa", "token_refused", None, 403), 1)
    assert carry_out(breaker, call(FILTERED)) == [Reaction.SUSPECT]
    assert [begun["reason"] for begun in account.begins] == ["token_refused"]
    assert breaker.refuses() == "paused"


@pytest.mark.parametrize("outcome", [SENT, REFUSED])
def test_a_mail_that_goes_through_after_it_clears_a_suspicion(
    breaker: CircuitBreaker, account: Account, outcome: Outcome
) -> None:
    standing = Suspicion(Refusal("other", "x@acme.sa", "token_refused"), int(NOW))
    account.known = ControlRecord(suspicion=standing)
    breaker.refresh()
    early, late = call(outcome, started=NOW - 1), call(outcome, started=NOW + 1)
    assert carry_out(breaker, early, late, call(outcome)) == [None, Reaction.CLEAR, None]
    assert account.cleared == [(standing, NOW + 1)]
    assert carry_out(breaker, call(FILTERED)) == [Reaction.SUSPECT]


def test_a_mail_that_is_refused_alone_is_nobody_else_s_trouble(
    breaker: CircuitBreaker, account: Account
) -> None:
    alone = [call(FILTERED, alone=True) for _ in range(9)]
    assert carry_out(breaker, *alone) == [None] * 9
    assert account.raised == []
    assert carry_out(breaker, call(EMPTY, alone=True)) == [Reaction.PAUSE]


def test_soon_after_a_resume_more_mails_must_be_refused(
    breaker: CircuitBreaker, account: Account
) -> None:
    resumed = PauseState(reason="token_refused", resumed_at=int(NOW) - 60, repeats=1)
    account.known = ControlRecord(resumed)
    breaker.refresh()
    assert carry_out(breaker, *[call(FILTERED) for _ in range(6)]) == [
        *[Reaction.SUSPECT] * 5,
        Reaction.PAUSE,
    ]
    assert account.begins[0]["previous"] == resumed


def test_when_last_a_mail_went_through_is_known_from_here_or_from_others(
    breaker: CircuitBreaker, account: Account
) -> None:
    account.known = ControlRecord(rate=Rate(sent_at=NOW))
    breaker.refresh()
    assert breaker.sent_at == NOW
    carry_out(breaker, call(SENT, started=NOW + 5), call(SENT, started=NOW + 3))
    assert breaker.sent_at == NOW + 5


@pytest.mark.parametrize("failure", [BUSY, LATE])
def test_half_of_the_mails_failing_half_opens_and_two_more_failures_pause(
    breaker: CircuitBreaker, account: Account, failure: Outcome
) -> None:
    for _ in range(LEAST // 2):
        carry_out(breaker, call(SENT), call(failure))
    assert account.begins == []
    assert [breaker.refuses() for _ in range(5)] == ["", "", "", "half_open", "half_open"]
    assert carry_out(breaker, call(failure), call(failure)) == [None, Reaction.PAUSE]
    assert account.begins[0]["cause"] == "provider"


def test_fewer_than_half_change_nothing(breaker: CircuitBreaker) -> None:
    for _ in range(30):
        carry_out(breaker, call(SENT), call(SENT), call(LATE))
    assert [breaker.refuses() for _ in range(9)] == [""] * 9


def test_one_mail_that_fails_ten_times_is_one(breaker: CircuitBreaker) -> None:
    carry_out(breaker, *[call(BUSY, "m") for _ in range(30)])
    carry_out(breaker, *[call(SENT) for _ in range(LEAST - 1)])
    assert breaker.refuses() == ""
    carry_out(breaker, *[call(BUSY, alone=True) for _ in range(30)])
    assert [breaker.refuses() for _ in range(9)] == [""] * 9


def test_the_rate_never_trips_it(breaker: CircuitBreaker, account: Account) -> None:
    assert carry_out(breaker, *[call(LIMITED) for _ in range(100)]) == [None] * 100
    assert (account.begins, account.raised) == ([], [])
    assert breaker.refuses() == ""


def test_half_open_three_that_go_through_close_it(breaker: CircuitBreaker) -> None:
    carry_out(breaker, *[call(LATE) for _ in range(LEAST)])
    for _ in range(3):
        assert breaker.refuses() == ""
    carry_out(breaker, call(SENT), call(LATE), call(SENT))
    assert [breaker.refuses() for _ in range(4)] == ["", "", "", "half_open"]
    carry_out(breaker, call(SENT), call(REFUSED), call(SENT))
    assert [breaker.refuses() for _ in range(9)] == [""] * 9


def test_half_open_a_permit_that_made_no_call_comes_back_with_the_next_batch(
    breaker: CircuitBreaker,
) -> None:
    carry_out(breaker, *[call(LATE) for _ in range(LEAST)])
    breaker.refresh()
    assert [breaker.refuses() for _ in range(4)] == ["", "", "", "half_open"]
    breaker.refresh()
    assert [breaker.refuses() for _ in range(4)] == ["", "", "", "half_open"]


def test_it_follows_the_pause(breaker: CircuitBreaker, account: Account) -> None:
    assert breaker.refresh() == (ControlRecord(), False)
    account.known = ControlRecord(PauseState(paused=True))
    assert breaker.refresh()[1] is False
    assert breaker.refuses() == "paused"
    assert account.switches == [False]
    account.known = ControlRecord(PauseState(resumed_at=9))
    assert breaker.refresh()[1] is True
    assert breaker.refuses() == ""
    assert breaker.refresh()[1] is False


def test_after_a_pause_of_the_provider_the_first_calls_tell(
    breaker: CircuitBreaker, account: Account
) -> None:
    account.known = ControlRecord(PauseState(paused=True, cause="provider"))
    breaker.refresh()
    account.known = ControlRecord(PauseState(resumed_at=9, cause="provider"))
    breaker.refresh()
    assert [breaker.refuses() for _ in range(4)] == ["", "", "", "half_open"]
    assert carry_out(breaker, call(LATE), call(LATE)) == [None, Reaction.PAUSE]


def test_a_suspicion_that_another_container_cleared_is_over(
    breaker: CircuitBreaker, account: Account
) -> None:
    assert carry_out(breaker, call(FILTERED, "m1")) == [Reaction.SUSPECT]
    account.known = ControlRecord()
    breaker.refresh()
    assert carry_out(breaker, call(FILTERED, "m2")) == [Reaction.SUSPECT]


@pytest.mark.parametrize(("later", "reaction"), [(0.9, None), (1.0, Reaction.CLEAR)])
def test_a_mail_clears_a_suspicion_that_was_there_when_it_began(
    breaker: CircuitBreaker, later: float, reaction: Reaction | None
) -> None:
    account_suspects = breaker.record(call(FILTERED, "m1", started=NOW))
    assert account_suspects is Reaction.SUSPECT
    assert breaker.record(call(SENT, "m2", started=NOW + later)) is reaction


def test_a_pause_that_came_and_went_elsewhere_begins_the_count_anew(
    breaker: CircuitBreaker, account: Account
) -> None:
    breaker.refresh()
    carry_out(breaker, *(call(BUSY) for _ in range(LEAST - 1)))
    account.known = ControlRecord(PauseState(resumed_at=9))
    assert breaker.refresh()[1] is False
    carry_out(breaker, call(BUSY))
    assert [breaker.refuses() for _ in range(4)] == [""] * 4


def _half_opened(breaker: CircuitBreaker) -> None:
    carry_out(breaker, *(call(BUSY) for _ in range(LEAST)))
    assert [breaker.refuses() for _ in range(4)] == ["", "", "", "half_open"]


def test_half_open_two_that_go_through_do_not_close_it(breaker: CircuitBreaker) -> None:
    _half_opened(breaker)
    carry_out(breaker, call(SENT), call(REFUSED))
    assert breaker.refuses() == "half_open"
    carry_out(breaker, call(SENT))
    assert breaker.refuses() == ""


def test_half_open_a_call_that_tells_nothing_gives_one_permit_back(breaker: CircuitBreaker) -> None:
    _half_opened(breaker)
    carry_out(breaker, call(LIMITED))
    assert [breaker.refuses() for _ in range(2)] == ["", "half_open"]


def test_a_probe_s_breaker_lets_through_and_keeps_the_call() -> None:
    breaker = HalfOpenBreaker()
    kept = call(EMPTY)
    assert breaker.refuses() == ""
    assert breaker.record(kept) is None
    assert breaker.call == kept
