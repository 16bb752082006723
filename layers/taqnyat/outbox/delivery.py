"""The delivery of one mail: claim its row, send it once, settle what came of it.

Whatever breaks on the way, the message stays in its queue until the row says what became of the
mail.
"""

from __future__ import annotations

import random
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from botocore.exceptions import BotoCoreError, ClientError
from taqnyat import Letter, Outcome, Scope, Verdict

from outbox.ledger import Attempt, Ledger, Row, iso
from outbox.mail import Mail, MailError
from outbox.states import State

if TYPE_CHECKING:
    from collections.abc import Callable

    from outbox.messages import MailQueue, Received
    from outbox.schedules import Schedules
    from outbox.settings import Settings

_MAX_EARLY_SECONDS: Final = 900
_PAUSED_SECONDS: Final = 30
_TRY_AGAIN_SECONDS: Final = 5
WORKER_DIED: Final = Outcome(Verdict.UNKNOWN, Scope.PROVIDER, "worker_died")
EXPIRED: Final = Outcome(Verdict.TERMINAL, Scope.MAIL, "expired")


class Provider(Protocol):
    """Sends a letter by a deadline (epoch seconds), and never raises."""

    def send(self, letter: Letter, deadline: float) -> Outcome: ...  # noqa: D102


class Stop(Protocol):
    """What a delivery asks before it sends, and tells of each outcome.

    The container's gate, or the canary's own.
    """

    closed: bool

    def observe(self, outcome: Outcome) -> bool: ...  # noqa: D102
    def pause_all(self, outcome: Outcome, started: float) -> None: ...  # noqa: D102


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What became of one message.

    `delay` None: seen through, delete it; else the seconds until it may be seen again.

    `outcome` is the call's, None when none was made; `state` the row's; `seconds` the call's time;
    `waited` the seconds from acceptance to here; `resend` whether an earlier call may have sent the
    mail already.
    """

    mail_id: str
    delay: int | None = None
    state: str = ""
    outcome: Outcome | None = None
    reason: str = ""
    seconds: float = 0.0
    waited: float = 0.0
    resend: bool = False


class Delivery:
    """Delivers mails for one container. Safe to share between threads."""

    def __init__(
        self,
        ledger: Ledger,
        provider: Provider,
        queue: MailQueue,
        gate: Stop,
        schedules: Schedules,
        settings: Settings,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Make no call yet."""
        self._ledger = ledger
        self._provider = provider
        self._queue = queue
        self._gate = gate
        self._schedules = schedules
        self._settings = settings
        self._clock = clock

    def deliver(self, message: Received, deadline: float) -> Report:
        """See one message through, ending by `deadline` (epoch seconds).

        Raises botocore's errors when the ledger or a queue does not answer: the message must then
        be seen again.
        """
        return self._spread(message) if message.is_batch else self._deliver(message, deadline)

    def _deliver(self, message: Received, deadline: float) -> Report:
        now = self._clock()
        try:
            mail = message.mail(self._settings.default_campaign, now)
        except MailError as error:
            return self._invalid(message, error.field)
        if self._gate.closed:
            return Report(mail_id=mail.id, delay=self.paused_delay(), reason="paused")
        if now + self._settings.send_timeout_seconds > deadline:
            return Report(mail_id=mail.id, delay=0, reason="no_time_left")
        token = uuid.uuid4().hex
        taken, row = self._claim(message, mail, token)
        if not taken and row.fingerprint != mail.fingerprint:
            # The stack's default campaign may have changed since the mail was first seen.
            mail = message.mail(row.campaign, now)
            if row.fingerprint != mail.fingerprint:
                return self._invalid(message, "id_conflict", mail.id)
            taken, row = self._claim(message, mail, token)
        if not taken and row.state is State.SENDING and row.lease <= now:
            # Its worker died: the mail is taken over or, where that is not for us, held as unknown.
            if not self._may_resend(row):
                return self._settled(message, mail, row, WORKER_DIED, row.claimed_at, 0.0)
            died = _attempt(row, WORKER_DIED, row.claimed_at, 0.0)
            taken, row = self._ledger.claim_again(row, token, died)
        if not taken:
            return self._standing(message, row, now)
        if mail.expires_at is not None and mail.expires_at <= now:
            return self._settled(message, mail, row, EXPIRED, iso(now), 0.0)
        return self._send(message, mail, row, deadline)

    def _claim(self, message: Received, mail: Mail, token: str) -> tuple[bool, Row]:
        return self._ledger.claim(mail, token, message.redriven, maybe=message.maybe)

    def _spread(self, message: Received) -> Report:
        """Make many messages of one that holds a batch; doing so twice does no harm."""
        try:
            parts = message.parts()
        except MailError as error:
            return self._invalid(message, error.field)
        all_taken = self._queue.put_all(parts)
        return Report(
            mail_id=message.message_id,
            delay=None if all_taken else _TRY_AGAIN_SECONDS,
            reason="batch_spread",
        )

    def paused_delay(self) -> int:
        """Return the seconds for which a message is put back while sending is paused."""
        return max(1, min(_PAUSED_SECONDS, self._settings.probe_delays_seconds[0] // 2))

    def _send(self, message: Received, mail: Mail, row: Row, deadline: float) -> Report:
        started = self._clock()
        last = started + self._settings.send_timeout_seconds
        if last > deadline:
            # Claiming took too long: what is left of the invocation could not hold a whole call.
            self._ledger.settle(row, State.QUEUED, None)
            return Report(mail_id=mail.id, state=State.QUEUED, delay=0, reason="no_time_left")
        outcome = self._provider.send(mail.letter, last)
        seconds = self._clock() - started
        first_to_stop = self._gate.observe(outcome)
        try:
            return self._settled(message, mail, row, outcome, iso(started), seconds)
        finally:
            if first_to_stop:
                # Where it cannot be written, the next call that is refused pauses.
                with suppress(ClientError, BotoCoreError):
                    self._gate.pause_all(outcome, started)

    def _settled(
        self,
        message: Received,
        mail: Mail,
        row: Row,
        outcome: Outcome,
        at: str,
        seconds: float,
    ) -> Report:
        waited = max(0.0, self._clock() - mail.accepted_at)
        state, changes = self._next(row, outcome)
        attempt = None if outcome is EXPIRED else _attempt(row, outcome, at, seconds)
        ours = self._ledger.settle(row, state, attempt, **changes)
        done = ours and state is not State.QUEUED
        reason = changes["reason"]
        if done and state is not State.SENT:
            done = self._parked(message, row, state, reason, outcome.code)
        return Report(
            mail_id=mail.id,
            state=state,
            outcome=outcome,
            reason=reason,
            seconds=seconds,
            waited=waited,
            resend=row.maybe > 0,
            delay=None if done else self._backoff(row, outcome),
        )

    def _parked(
        self, message: Received, row: Row, state: str, reason: str, code: int | None
    ) -> bool:
        try:
            self._queue.park(message, row.id, state, reason, code, row.attempt_count)
        except (ClientError, BotoCoreError):
            return False  # the row is settled: the message parks itself when it is seen again
        return True

    def _next(self, row: Row, outcome: Outcome) -> tuple[State, dict[str, Any]]:
        """Choose the state that follows an outcome, and what else changes in the row."""
        why = {"reason": outcome.reason, "code": outcome.code}
        # Once a call may have sent the mail, "failed" would be a claim that nobody can make.
        ended = State.UNKNOWN if row.maybe else State.FAILED
        if outcome.verdict is Verdict.SENT:
            return State.SENT, {
                "reason": outcome.reason,
                "code": None,  # of an attempt before
                "msg_id": outcome.msg_id,
                "price": outcome.price,
            }
        if outcome.verdict is Verdict.TERMINAL:
            return ended, why
        if outcome.verdict is Verdict.UNKNOWN and not self._may_resend(row):
            return State.UNKNOWN, why | {"maybe": 1}
        if outcome.verdict is Verdict.UNKNOWN:
            why["maybe"], ended = 1, State.UNKNOWN
        if outcome.scope is Scope.ACCOUNT:
            # Waiting for the account spends nothing of the mail's own time to be retried.
            return State.QUEUED, why | {"retry_until": None}
        now = int(self._clock())
        retry_until = row.retry_until or now + self._settings.retry_window_seconds
        if now >= retry_until:
            return ended, why | {"reason": "retry_window_ended"}
        return State.QUEUED, why | {"retry_until": retry_until}

    def _may_resend(self, row: Row) -> bool:
        policy = row.on_unknown or self._settings.on_unknown
        return policy == "resend" and row.resends < self._settings.max_resends

    def _backoff(self, row: Row, outcome: Outcome) -> int:
        """Return seconds with full jitter, or what the provider asked for if that is more."""
        if outcome.scope is Scope.ACCOUNT:
            return self.paused_delay()
        step = min(row.attempt_count - 1, 16)
        longest = min(self._settings.retry_cap_seconds, self._settings.retry_base_seconds * 2**step)
        jittered = random.uniform(0, longest)  # noqa: S311  spreads load, guards nothing
        return max(
            1,
            round(max(jittered, min(outcome.retry_after or 0.0, self._settings.retry_cap_seconds))),
        )

    def _standing(self, message: Received, row: Row, now: float) -> Report:
        """Decide on a message whose row may not be claimed."""
        if row.state in {State.SENT, State.CANCELED}:
            return Report(mail_id=row.id, state=row.state, reason="already_settled")
        if row.state in {State.FAILED, State.UNKNOWN}:
            # The worker died between settling and parking, or SQS delivered twice: the failed queue
            # must have it.
            self._queue.park(
                message, row.id, row.state, row.reason or "", row.code, row.attempt_count
            )
            return Report(mail_id=row.id, state=row.state, reason="parked_again")
        if row.state is State.SCHEDULED and (row.scheduled_at or 0) - now > _MAX_EARLY_SECONDS:
            # Of a batch, or rescheduled since: its time is too far away to wait in the queue.
            self._schedules.create(row.schedule_name, row.scheduled_at or 0, message.body)
            return Report(mail_id=row.id, state=row.state, reason="scheduled")
        due = {State.SENDING: row.lease, State.SCHEDULED: row.scheduled_at or 0}.get(row.state, 0)
        delay = min(max(1, int(due - now) + 1), _MAX_EARLY_SECONDS)
        return Report(mail_id=row.id, state=row.state, delay=delay, reason="not_ours_now")

    def _invalid(self, message: Received, field: str, mail_id: str = "") -> Report:
        identifier = mail_id or message.message_id
        self._queue.park(message, identifier, "invalid", f"invalid:{field}", None, 0)
        return Report(mail_id=identifier, state="invalid", reason=f"invalid:{field}")


def _attempt(row: Row, outcome: Outcome, at: str, seconds: float) -> Attempt:
    record = {
        "at": at,
        "ms": round(seconds * 1000),
        "verdict": outcome.verdict,
        "scope": outcome.scope,
        "reason": outcome.reason,
        "status": outcome.status,
        "code": outcome.code,
        "resend": True if row.maybe else None,
    }
    return {key: value for key, value in record.items() if value is not None}
