"""What follows an outcome: this page answers every "what happens when ...?".

Pure: rows, outcomes, times and settings in, decisions out. `delivery.py` does what they say.

| outcome                        | sent before? | next state                              |
|--------------------------------|--------------|-----------------------------------------|
| sent                           | either       | sent                                    |
| terminal                       | no / maybe   | failed / unknown                        |
| unknown, owner chose to hold   | either       | unknown                                 |
| unknown, owner chose to resend | either       | queued, until `max_resends`             |
| retryable, account or rate     | either       | queued; spends no retry window          |
| the same, while others were    | no / maybe   | queued, with a strike; after three,     |
| sent (`refused_alone`)         |              | failed / unknown                        |
| retryable, provider            | no / maybe   | queued; when the retry window has ended |
|                                |              | failed / unknown                        |
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from taqnyat import Outcome, Scope, Verdict

from outbox.mail.states import State
from outbox.mail.times import from_iso

if TYPE_CHECKING:
    from outbox.settings import Settings
    from outbox.storage.row import Row

_MAX_EARLY_SECONDS: Final = 900
_PAUSED_SECONDS: Final = 30
_HALF_OPEN_SECONDS: Final = 5
_MAX_DOUBLINGS: Final = 16
_MAX_RATE_SECONDS: Final = 60
# Under a rate limit any mail may be refused so many times, and more often within this time: after
# a limit fell, most are for some seconds.
_UNLUCKY: Final = 5
_UNLUCKY_SECONDS: Final = 30
_OF_EVERYBODY: Final = frozenset({Scope.ACCOUNT, Scope.EITHER, Scope.RATE})
REFUSED_ALONE: Final = "refused_alone"
_STRIKES: Final = 3
# In units of the longest retry delay (15 minutes): three strikes end a mail after at least 3 hours,
# and it waits up to 2 hours for the next try.
_STRIKES_SPAN: Final = 12
_MAX_STRIKE_WAIT: Final = 8
# A top-up, or a change of a filter, needs time: such a mail keeps its whole retry window.
_PATIENT_STATUSES: Final = frozenset({401, 403})
_PATIENT_CODE: Final = 3
WORKER_DIED: Final = Outcome(Verdict.UNKNOWN, Scope.PROVIDER, "worker_died")
EXPIRED: Final = Outcome(Verdict.TERMINAL, Scope.MAIL, "expired")


class Decision(NamedTuple):
    """The row's next state and its other changes; None removes an attribute.

    `retry_in` is the seconds until the message may be received again, if it must be.
    """

    state: State
    changes: dict[str, Any]
    retry_in: int

    @property
    def reason(self) -> str:
        """The reason's name."""
        return str(self.changes["reason"])


class Unclaimable(StrEnum):
    """What to do with a message whose row cannot be claimed; its value is the report's reason."""

    DELETE = "already_settled"
    DEAD_LETTER = "parked_again"
    SCHEDULE = "scheduled"
    WAIT = "not_ours_now"


def decide(
    row: Row,
    outcome: Outcome,
    now: float,
    settings: Settings,
    luck: float,
    *,
    alone: bool = False,
) -> Decision:
    """Decide what follows the outcome of a call that `row`'s claim allowed.

    `now` is epoch seconds; `luck`, from 0 to 1, spreads the retries; `alone` is `refused_alone`.
    """
    if alone and _earns_strike(row, outcome, now):
        return _strike(row, outcome, int(now), settings)
    retry_in = _backoff(row, outcome, settings, luck)
    state, changes = _next_state(row, outcome, int(now), settings)
    return Decision(state, changes, retry_in)


def refused_alone(row: Row, outcome: Outcome, sent_at: float) -> bool:
    """Return whether a mail failed again although others were sent since its last call.

    Such an outcome is about the mail, and not about the account, the rate or the provider.
    `sent_at` (epoch seconds) is when another mail was last known to be sent.
    """
    if outcome.scope is Scope.MAIL or not row.attempts:
        return False
    last = row.attempts[-1]
    return last.get("scope") != Scope.MAIL and sent_at > from_iso(last["at"])


def refused_delay(reason: str, settings: Settings) -> int:
    """Return the seconds until a message may be received again after the breaker refused it."""
    return paused_delay(settings) if reason == "paused" else _HALF_OPEN_SECONDS


def given_back(settings: Settings, *, paused: bool) -> tuple[str, int]:
    """Return the reason and the wait of a mail whose claim is given back without a call.

    The claim took long: sending was paused since then, or no time is left for a whole call.
    """
    return ("paused", paused_delay(settings)) if paused else ("no_time_left", 0)


def _earns_strike(row: Row, outcome: Outcome, now: float) -> bool:
    """Return whether a mail that was refused alone gets a strike for it."""
    if outcome.verdict is not Verdict.RETRYABLE or outcome.scope not in _OF_EVERYBODY:
        return False
    if outcome.scope is not Scope.RATE:
        return True
    before = row.attempts[-_UNLUCKY:]
    if [attempt.get("scope") for attempt in before] != [Scope.RATE] * _UNLUCKY:
        return False
    return now - from_iso(before[0]["at"]) >= _UNLUCKY_SECONDS


def _strike(row: Row, outcome: Outcome, now: int, settings: Settings) -> Decision:
    """Give a mail a strike; the third one ends it, if enough time lies between them."""
    strikes, struck_at = row.strikes + 1, row.struck_at or now
    retry_until = row.retry_until or now + settings.retry_window_seconds
    wait = settings.retry_cap_seconds * min(2 ** (strikes - 1), _MAX_STRIKE_WAIT)
    changes: dict[str, Any] = {
        "reason": outcome.reason,
        "code": outcome.code,
        "strikes": strikes,
        "struck_at": struck_at,
        "retry_until": retry_until,
    }
    patient = outcome.scope is Scope.ACCOUNT or outcome.code == _PATIENT_CODE
    patient = patient or outcome.status in _PATIENT_STATUSES
    spans = now - struck_at >= _STRIKES_SPAN * settings.retry_cap_seconds
    ends = now >= retry_until if patient else spans
    if strikes >= _STRIKES and ends:
        ended = State.UNKNOWN if row.possibly_sent else State.FAILED
        return Decision(ended, changes | {"reason": REFUSED_ALONE}, wait)
    return Decision(State.QUEUED, changes, wait)


def forgiven(row: Row, redrive_attempt: int | None) -> tuple[Row, dict[str, Any]]:
    """Return a row without its strikes, and the changes that take them away, after a re-drive.

    That is the first claim after the attempt with which the mail went to the failed queue.
    """
    if not row.strikes or redrive_attempt is None or row.attempt_count != redrive_attempt + 1:
        return row, {}
    kept = row._replace(strikes=0, struck_at=0, retry_until=None)
    return kept, {"strikes": None, "struck_at": None, "retry_until": None}


def may_resend(row: Row, settings: Settings) -> bool:
    """Return whether a possibly sent mail may be sent again without asking a person."""
    choice = row.on_unknown or settings.on_unknown
    return choice == "resend" and row.resends < settings.max_resends


def is_abandoned(row: Row, now: float) -> bool:
    """Return whether a worker died while it held the row's claim."""
    return row.state is State.SENDING and row.lease <= now


def may_be_claimed(row: Row, redrive_attempt: int | None, now: float) -> bool:
    """Return whether a message with such a `redrive_attempt` may claim its row now."""
    if row.state is State.SENDING:
        return row.lease <= now
    if row.state is State.SCHEDULED:
        return (row.scheduled_at or 0) <= now
    if row.state in {State.FAILED, State.UNKNOWN}:
        return redrive_attempt == row.attempt_count
    return row.state is State.QUEUED


def paused_delay(settings: Settings) -> int:
    """Return the seconds until a message may be received again while sending is paused."""
    return max(1, min(_PAUSED_SECONDS, settings.probe_delays_seconds[0] // 2))


def unclaimable(row: Row, now: float) -> tuple[Unclaimable, int | None]:
    """Decide on a message whose row cannot be claimed; return the seconds too if it must wait."""
    if row.state in {State.SENT, State.CANCELED}:
        return Unclaimable.DELETE, None
    if row.state in {State.FAILED, State.UNKNOWN}:
        # A worker died between two writes, or SQS delivered twice: the failed queue needs a copy.
        return Unclaimable.DEAD_LETTER, None
    if row.state is State.SCHEDULED and (row.scheduled_at or 0) - now > _MAX_EARLY_SECONDS:
        # From a batch, or rescheduled: its time is too far away to wait in the queue.
        return Unclaimable.SCHEDULE, None
    due = {State.SENDING: row.lease, State.SCHEDULED: row.scheduled_at or 0}.get(row.state, 0)
    return Unclaimable.WAIT, min(max(1, int(due - now) + 1), _MAX_EARLY_SECONDS)


def _next_state(
    row: Row, outcome: Outcome, now: int, settings: Settings
) -> tuple[State, dict[str, Any]]:
    why: dict[str, Any] = {"reason": outcome.reason, "code": outcome.code}
    # If a call may have sent the mail, nobody knows that it failed.
    ended = State.UNKNOWN if row.possibly_sent else State.FAILED
    if outcome.verdict is Verdict.SENT:
        return State.SENT, {
            "reason": outcome.reason,
            "code": None,  # removes that of an earlier attempt
            "msg_id": outcome.msg_id,
            "price": outcome.price,
        }
    if outcome.verdict is Verdict.TERMINAL:
        return ended, why
    if outcome.verdict is Verdict.UNKNOWN:
        why["possibly_sent"], ended = 1, State.UNKNOWN
        if not may_resend(row, settings):
            return State.UNKNOWN, why
    if outcome.scope in _OF_EVERYBODY and outcome.verdict is Verdict.RETRYABLE:
        # Waiting for the account or a turn does not use up the retry window, except for a mail
        # that was refused alone.
        return State.QUEUED, why if row.strikes else why | {"retry_until": None}
    retry_until = row.retry_until or now + settings.retry_window_seconds
    if now >= retry_until:
        return ended, why | {"reason": "retry_window_ended"}
    return State.QUEUED, why | {"retry_until": retry_until}


def _backoff(row: Row, outcome: Outcome, settings: Settings, luck: float) -> int:
    """Return seconds with full jitter, or the provider's Retry-After if that is more."""
    if outcome.scope is Scope.ACCOUNT:
        return paused_delay(settings)
    doublings = min(row.attempt_count - 1, _MAX_DOUBLINGS)
    if outcome.scope is Scope.RATE:
        # The mail's next turn already spreads the load, so at first it only waits for that.
        most = min(settings.retry_cap_seconds, _MAX_RATE_SECONDS)
        longest, least = min(most, (1 << doublings) - 1), 0
    else:
        longest = min(settings.retry_cap_seconds, settings.retry_base_seconds << doublings)
        least = paused_delay(settings) if outcome.scope is Scope.EITHER else 1
    return max(least, round(max(luck * longest, _asked(outcome, settings))))


def _asked(outcome: Outcome, settings: Settings) -> float:
    return min(outcome.retry_after or 0.0, settings.retry_cap_seconds)
