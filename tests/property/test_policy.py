"""What follows an outcome: properties of every row, outcome, time and setting."""

from hypothesis import given
from hypothesis import strategies as some
from outbox.mail.states import ARROWS, State
from outbox.mail.times import iso
from outbox.sending import policy
from outbox.settings import Settings
from outbox.storage.row import Row
from taqnyat import Outcome, Scope, Verdict

NOW = 1_800_000_000
SETTINGS = Settings(ledger_table="t", mail_queue_url="u", mail_queue_arn="a")
SENT, FAILED, UNKNOWN, QUEUED = State.SENT, State.FAILED, State.UNKNOWN, State.QUEUED
LUCK = some.floats(0, 1)

rows = some.builds(
    lambda **known: Row(id="m", state=State.SENDING, **known),
    on_unknown=some.sampled_from([None, "hold", "resend"]),
    attempt_count=some.integers(1, 300),
    resends=some.integers(0, 6),
    possibly_sent=some.integers(0, 1),
    retry_until=some.none() | some.integers(NOW - 100, NOW + 100),
)
outcomes = some.builds(
    Outcome,
    some.sampled_from(Verdict),
    some.sampled_from(Scope),
    some.just("reason"),
    retry_after=some.none() | some.floats(0, 1e6),
)
settings = some.builds(
    lambda on_unknown, cap: SETTINGS._replace(on_unknown=on_unknown, retry_cap_seconds=cap),
    some.sampled_from(["hold", "resend"]),
    some.integers(1, 900),
)


@given(rows, outcomes, settings, LUCK)
def test_every_outcome_has_a_decision_that_the_states_allow(
    row: Row, outcome: Outcome, setting: Settings, luck: float
) -> None:
    decision = policy.decide(row, outcome, NOW, setting, luck)

    assert decision.state in ARROWS[State.SENDING] - {State.SENDING}
    longest = max(setting.retry_cap_seconds, policy.paused_delay(setting))
    least = 0 if outcome.scope is Scope.RATE else 1
    assert least <= decision.retry_in <= longest
    assert decision.reason in {"reason", "retry_window_ended"}


@given(rows, outcomes, settings, LUCK)
def test_what_may_have_been_sent_never_ends_as_failed(
    row: Row, outcome: Outcome, setting: Settings, luck: float
) -> None:
    decision = policy.decide(row, outcome, NOW, setting, luck)

    if row.possibly_sent or outcome.verdict is Verdict.UNKNOWN:
        assert decision.state is not FAILED
    if outcome.verdict is Verdict.UNKNOWN:
        assert decision.changes["possibly_sent"] == 1


@given(rows, outcomes, settings, LUCK)
def test_only_an_owner_s_choice_sends_an_unknown_mail_again(
    row: Row, outcome: Outcome, setting: Settings, luck: float
) -> None:
    decision = policy.decide(row, outcome, NOW, setting, luck)

    chose = (row.on_unknown or setting.on_unknown) == "resend"
    if outcome.verdict is Verdict.UNKNOWN and not (chose and row.resends < setting.max_resends):
        assert decision.state is UNKNOWN


@given(rows, settings, LUCK, some.sampled_from(Scope))
def test_what_is_not_the_mail_s_fault_spends_no_retry_window(
    row: Row, setting: Settings, luck: float, scope: Scope
) -> None:
    outcome = Outcome(Verdict.RETRYABLE, scope, "reason")
    decision = policy.decide(row, outcome, NOW, setting, luck)

    if scope in {Scope.ACCOUNT, Scope.EITHER, Scope.RATE}:
        assert (decision.state, decision.changes["retry_until"]) == (QUEUED, None)
    elif decision.state is QUEUED:
        assert decision.changes["retry_until"] > NOW
    else:
        assert (row.retry_until or NOW + 1) <= NOW


struck = some.builds(
    lambda **known: Row(
        id="m",
        state=State.SENDING,
        attempts=({"scope": "rate", "at": iso(NOW - 30)},) * 5,
        **known,
    ),
    strikes=some.integers(0, 9),
    struck_at=some.integers(NOW - 50_000, NOW),
    retry_until=some.integers(NOW - 100, NOW + 100),
    possibly_sent=some.integers(0, 1),
)
refusals = some.sampled_from(
    [
        Outcome(Verdict.RETRYABLE, Scope.EITHER, "balance_too_low", 400, 3),
        Outcome(Verdict.RETRYABLE, Scope.EITHER, "token_refused", 403),
        Outcome(Verdict.RETRYABLE, Scope.EITHER, "wrong_endpoint", 404),
        Outcome(Verdict.RETRYABLE, Scope.RATE, "rate_limited", 429),
        Outcome(Verdict.RETRYABLE, Scope.ACCOUNT, "balance_empty", 400, 2),
    ]
)


@given(struck, refusals)
def test_three_strikes_over_three_hours_end_a_mail(row: Row, outcome: Outcome) -> None:
    assert policy.refused_alone(row, outcome, NOW)
    decision = policy.decide(row, outcome, NOW, SETTINGS, 0.5, alone=True)

    patient = outcome.code in {2, 3} or outcome.status == 403
    spans = (row.retry_until or 0) <= NOW if patient else NOW - (row.struck_at or NOW) >= 3 * 3600
    ends = row.strikes >= 2 and spans
    ended = UNKNOWN if row.possibly_sent else FAILED
    assert decision.state is (ended if ends else QUEUED)
    assert decision.changes["strikes"] == row.strikes + 1
    assert decision.changes["retry_until"] is not None
    assert (decision.reason == "refused_alone") is ends
    assert 900 <= decision.retry_in <= 7200


@given(rows, refusals)
def test_nobody_is_struck_for_the_first_refusal_or_while_nothing_goes_through(
    row: Row, outcome: Outcome
) -> None:
    assert not policy.refused_alone(row, outcome, NOW)
    refused = row._replace(attempts=({"scope": outcome.scope, "at": iso(NOW)},))
    assert not policy.refused_alone(refused, outcome, NOW)
    assert policy.refused_alone(refused, outcome, NOW + 1)


@given(some.sampled_from(State), some.integers(0, NOW + 10_000), some.integers(0, NOW + 10_000))
def test_a_row_that_cannot_be_claimed_loses_no_message(
    state: State, lease: int, scheduled_at: int
) -> None:
    row = Row(id="m", state=state, lease=lease, scheduled_at=scheduled_at)
    action, wait = policy.unclaimable(row, NOW)

    waits = state in {QUEUED, State.SENDING} or (
        state is State.SCHEDULED and scheduled_at - NOW <= 900
    )
    assert (wait is not None) is waits
    assert (action is policy.Unclaimable.WAIT) is waits
    assert wait is None or 1 <= wait <= 900
    assert (action is policy.Unclaimable.DEAD_LETTER) is (state in {FAILED, UNKNOWN})
