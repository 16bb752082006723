"""What follows an outcome, row by row: strikes, waits, the end of a mail."""

from typing import Any

import pytest
from outbox.mail.states import State
from outbox.mail.times import iso
from outbox.sending.policy import (
    EXPIRED,
    WORKER_DIED,
    Decision,
    Unclaimable,
    decide,
    forgiven,
    is_abandoned,
    may_resend,
    paused_delay,
    refused_alone,
    refused_delay,
    unclaimable,
)
from outbox.settings import Settings
from outbox.storage.row import Row
from taqnyat import Outcome, Scope, Verdict

NOW = 1_800_000_000
SETTINGS = Settings(ledger_table="t", mail_queue_url="q", mail_queue_arn="a")
CAP = SETTINGS.retry_cap_seconds
WINDOW = SETTINGS.retry_window_seconds
SPAN = 12 * CAP
LIMITED = Outcome(Verdict.RETRYABLE, Scope.RATE, "rate_limited", 429)
MOVED = Outcome(Verdict.RETRYABLE, Scope.EITHER, "http_404", 404)
FILTERED = Outcome(Verdict.RETRYABLE, Scope.EITHER, "token_refused", 403)
UNKNOWN_KEY = Outcome(Verdict.RETRYABLE, Scope.EITHER, "token_refused", 401)
POOR = Outcome(Verdict.RETRYABLE, Scope.EITHER, "balance_too_low", 400, code=3)
EMPTY = Outcome(Verdict.RETRYABLE, Scope.ACCOUNT, "balance_empty", 400, code=2)
BUSY = Outcome(Verdict.RETRYABLE, Scope.PROVIDER, "provider_unavailable", 503)
LATE = Outcome(Verdict.UNKNOWN, Scope.PROVIDER, "timeout")
REFUSED = Outcome(Verdict.TERMINAL, Scope.MAIL, "sender_refused", 400, code=14)
SENT = Outcome(Verdict.SENT, Scope.MAIL, "sent", 201, msg_id="7", price="0.05")


def row(**fields: Any) -> Row:  # noqa: ANN401 - fields of a row
    """Return a claimed row."""
    return Row(**{"id": "m1", "state": State.SENDING, "attempt_count": 1, **fields})


def decided(outcome: Outcome, *, alone: bool = False, luck: float = 0.5, **fields: Any) -> Decision:  # noqa: ANN401
    """Decide on a row."""
    return decide(row(**fields), outcome, NOW + 0.9, SETTINGS, luck, alone=alone)


# ---- Strikes -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "wait"), [(0, CAP), (1, 2 * CAP), (2, 4 * CAP), (3, 8 * CAP), (4, 8 * CAP)]
)
def test_each_strike_waits_twice_as_long_to_two_hours(before: int, wait: int) -> None:
    struck = {"strikes": before, "struck_at": NOW - 5, "retry_until": NOW + 7} if before else {}

    found = decided(MOVED, alone=True, **struck)

    assert found == Decision(
        State.QUEUED,
        {
            "reason": "http_404",
            "code": None,
            "strikes": before + 1,
            "struck_at": NOW - 5 if before else NOW,
            "retry_until": NOW + 7 if before else NOW + WINDOW,
        },
        wait,
    )


@pytest.mark.parametrize("possibly_sent", [0, 1])
@pytest.mark.parametrize(
    ("strikes", "since", "ends"),
    [(2, SPAN, True), (2, SPAN - 1, False), (1, SPAN, False), (9, SPAN - 1, False)],
)
def test_the_third_strike_ends_a_mail_after_three_hours(
    strikes: int,
    since: int,
    ends: bool,  # noqa: FBT001
    possibly_sent: int,
) -> None:
    found = decided(
        MOVED,
        alone=True,
        strikes=strikes,
        struck_at=NOW - since,
        retry_until=NOW + 9,
        possibly_sent=possibly_sent,
    )

    ended = State.UNKNOWN if possibly_sent else State.FAILED
    assert found.state is (ended if ends else State.QUEUED)
    assert found.reason == ("refused_alone" if ends else "http_404")
    assert found.changes["strikes"] == strikes + 1


@pytest.mark.parametrize("outcome", [FILTERED, UNKNOWN_KEY, POOR, EMPTY])
@pytest.mark.parametrize(("until", "ends"), [(NOW, True), (NOW + 1, False)])
def test_what_a_person_can_mend_is_kept_for_its_whole_window(
    outcome: Outcome,
    until: int,
    ends: bool,  # noqa: FBT001
) -> None:
    found = decided(outcome, alone=True, strikes=5, struck_at=NOW - 99 * SPAN, retry_until=until)

    assert found.state is (State.FAILED if ends else State.QUEUED)
    assert found.changes["code"] == outcome.code


@pytest.mark.parametrize(
    ("scopes", "seconds", "strikes"),
    [
        (["rate"] * 5, 30, 1),
        (["provider", *["rate"] * 5], 30, 1),
        (["rate"] * 5, 29, 0),
        (["rate"] * 9, 29, 0),
        ([*["rate"] * 4, "provider"], 30, 0),
        (["rate"] * 4, 30, 0),
        ([], 30, 0),
    ],
)
def test_any_mail_may_be_unlucky_with_the_rate_five_times_and_for_half_a_minute(
    scopes: list[str], seconds: int, strikes: int
) -> None:
    attempts = tuple({"scope": scope, "at": iso(NOW - seconds)} for scope in scopes)

    found = decided(LIMITED, alone=True, attempts=attempts)

    assert found.changes.get("strikes", 0) == strikes


@pytest.mark.parametrize("outcome", [BUSY, LATE, REFUSED, SENT])
def test_nothing_else_earns_a_strike(outcome: Outcome) -> None:
    assert "strikes" not in decided(outcome, alone=True).changes
    assert "strikes" not in decided(MOVED).changes


@pytest.mark.parametrize(
    ("scope", "at", "sent_at", "alone"),
    [
        ("provider", NOW, NOW + 1, True),
        ("either", NOW, NOW, False),
        ("rate", NOW, NOW - 1, False),
        ("mail", NOW, NOW + 1, False),
        (None, NOW, NOW + 1, True),
    ],
)
def test_a_mail_is_refused_alone_where_others_went_through_since(
    scope: str | None,
    at: int,
    sent_at: float,
    alone: bool,  # noqa: FBT001
) -> None:
    before = {"at": iso(at - 500), "scope": "mail"}, {"at": iso(at), "scope": scope}

    assert refused_alone(row(attempts=before), MOVED, sent_at) is alone
    assert not refused_alone(row(attempts=before), REFUSED, sent_at)
    assert not refused_alone(row(), MOVED, sent_at)


@pytest.mark.parametrize(
    ("attempt", "is_forgiven"), [(3, True), (2, False), (4, False), (None, False)]
)
def test_a_re_drive_forgives_its_strikes(
    attempt: int | None,
    is_forgiven: bool,  # noqa: FBT001
) -> None:
    struck = row(strikes=3, struck_at=5, retry_until=9, attempt_count=4)

    kept, changes = forgiven(struck, attempt)

    if is_forgiven:
        assert kept == row(attempt_count=4)
        assert changes == {"strikes": None, "struck_at": None, "retry_until": None}
    else:
        assert (kept, changes) == (struck, {})
    assert forgiven(row(retry_until=9, attempt_count=4), 3)[1] == {}


# ---- The next state ------------------------------------------------------------------------------


def test_a_sent_mail_keeps_what_taqnyat_said() -> None:
    assert decided(SENT, code=3) == Decision(
        State.SENT, {"reason": "sent", "code": None, "msg_id": "7", "price": "0.05"}, 2
    )


@pytest.mark.parametrize(("possibly_sent", "state"), [(0, State.FAILED), (1, State.UNKNOWN)])
def test_a_terminal_answer_ends_a_mail(possibly_sent: int, state: State) -> None:
    found = decided(REFUSED, possibly_sent=possibly_sent)

    assert (found.state, found.changes) == (state, {"reason": "sender_refused", "code": 14})
    assert decided(EXPIRED, possibly_sent=possibly_sent).state is state


@pytest.mark.parametrize(
    ("on_unknown", "resends", "state"),
    [
        ("hold", 0, "unknown"),
        (None, 0, "unknown"),
        ("resend", 4, "queued"),
        ("resend", 5, "unknown"),
    ],
)
def test_a_doubtful_mail_is_held_or_sent_again_a_few_times(
    on_unknown: str | None, resends: int, state: str
) -> None:
    found = decided(LATE, on_unknown=on_unknown, resends=resends)

    until = {"retry_until": NOW + WINDOW} if state == "queued" else {}
    assert found.state == state
    assert found.changes == {"reason": "timeout", "code": None, "possibly_sent": 1, **until}
    assert may_resend(row(on_unknown=on_unknown, resends=resends), SETTINGS) is (state == "queued")


def test_the_stack_s_choice_is_for_mails_without_one() -> None:
    resending = SETTINGS._replace(on_unknown="resend")

    assert may_resend(row(), resending)
    assert not may_resend(row(on_unknown="hold"), resending)


@pytest.mark.parametrize("outcome", [EMPTY, POOR, LIMITED])
def test_waiting_for_everybody_s_sake_spends_no_window(outcome: Outcome) -> None:
    why = {"reason": outcome.reason, "code": outcome.code}

    assert decided(outcome, retry_until=NOW - 1).changes == why | {"retry_until": None}
    assert decided(outcome, retry_until=NOW - 1, strikes=1).changes == why
    assert decided(outcome, retry_until=NOW - 1).state is State.QUEUED


@pytest.mark.parametrize(("until", "ends"), [(NOW, True), (NOW - 1, True), (NOW + 1, False)])
def test_a_failing_provider_is_tried_until_the_window_ends(until: int, ends: bool) -> None:  # noqa: FBT001
    found = decided(BUSY, retry_until=until)

    if ends:
        assert (found.state, found.reason) == (State.FAILED, "retry_window_ended")
        assert "retry_until" not in found.changes
        assert decided(BUSY, retry_until=until, possibly_sent=1).state is State.UNKNOWN
    else:
        assert (found.state, found.changes["retry_until"]) == (State.QUEUED, until)
    assert decided(BUSY).changes["retry_until"] == NOW + WINDOW


# ---- Waits ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("attempts", "luck", "wait"),
    [
        (1, 1.0, 5),
        (2, 1.0, 10),
        (4, 1.0, 40),
        (9, 1.0, 900),
        (60, 1.0, 900),
        (4, 0.5, 20),
        (4, 0, 1),
    ],
)
def test_a_wait_doubles_with_each_attempt_and_is_spread(
    attempts: int, luck: float, wait: int
) -> None:
    assert decided(BUSY, attempt_count=attempts, luck=luck).retry_in == wait


@pytest.mark.parametrize(("attempts", "most"), [(1, 1), (3, 4), (8, 60), (60, 60)])
def test_after_a_429_a_mail_waits_a_minute_at_most(attempts: int, most: int) -> None:
    longest = decided(LIMITED, attempt_count=attempts, luck=1.0).retry_in

    assert most - 1 <= longest <= most
    assert decided(LIMITED, attempt_count=attempts, luck=0.0).retry_in <= 1


@pytest.mark.parametrize(("asked", "wait"), [(7.0, 7), (4000.0, 900), (0.2, 1)])
def test_what_taqnyat_asked_for_is_waited_up_to_15_minutes(asked: float, wait: int) -> None:
    outcome = Outcome(Verdict.RETRYABLE, Scope.PROVIDER, "busy", 503, retry_after=asked)

    assert decided(outcome, luck=0.0).retry_in == wait


def test_in_a_pause_a_mail_waits_half_as_long_as_the_first_probe_does() -> None:
    assert decided(EMPTY, attempt_count=9, luck=1.0).retry_in == 30
    assert decided(MOVED, luck=0.0).retry_in == 30
    assert decided(MOVED, attempt_count=9, luck=1.0).retry_in == 900
    for first, wait in ((60, 30), (600, 30), (40, 20), (1, 1)):
        assert paused_delay(SETTINGS._replace(probe_delays_seconds=(first, 5000))) == wait
    assert refused_delay("paused", SETTINGS) == 30
    assert refused_delay("half_open", SETTINGS) == 5


# ---- What cannot be claimed ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"state": State.SENT}, (Unclaimable.DELETE, None)),
        ({"state": State.CANCELED}, (Unclaimable.DELETE, None)),
        ({"state": State.FAILED}, (Unclaimable.DEAD_LETTER, None)),
        ({"state": State.UNKNOWN}, (Unclaimable.DEAD_LETTER, None)),
        ({"state": State.SCHEDULED, "scheduled_at": NOW + 901}, (Unclaimable.SCHEDULE, None)),
        ({"state": State.SCHEDULED, "scheduled_at": NOW + 900}, (Unclaimable.WAIT, 900)),
        ({"state": State.SCHEDULED, "scheduled_at": NOW + 60}, (Unclaimable.WAIT, 61)),
        ({"state": State.SCHEDULED}, (Unclaimable.WAIT, 1)),
        ({"state": State.SENDING, "lease": NOW + 60, "scheduled_at": 5}, (Unclaimable.WAIT, 61)),
        ({"state": State.SENDING, "lease": NOW + 5000}, (Unclaimable.WAIT, 900)),
        ({"state": State.QUEUED, "lease": NOW + 60}, (Unclaimable.WAIT, 1)),
    ],
)
def test_what_becomes_of_a_message_whose_row_cannot_be_claimed(
    fields: dict[str, Any], found: tuple[Unclaimable, int | None]
) -> None:
    assert unclaimable(row(**fields), NOW) == found


@pytest.mark.parametrize(
    ("state", "lease", "abandoned"),
    [
        (State.SENDING, NOW, True),
        (State.SENDING, NOW + 1, False),
        (State.QUEUED, 0, False),
    ],
)
def test_a_claim_is_abandoned_when_its_lease_has_run_out(
    state: State,
    lease: int,
    abandoned: bool,  # noqa: FBT001
) -> None:
    assert is_abandoned(row(state=state, lease=lease), NOW) is abandoned
    assert (WORKER_DIED.verdict, WORKER_DIED.scope) == (Verdict.UNKNOWN, Scope.PROVIDER)
