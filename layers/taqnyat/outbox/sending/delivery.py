"""The delivery of one mail: claim its row, send it once, settle the row.

If anything fails, the message stays in its queue until the row has the mail's outcome.
"""

from __future__ import annotations

import random
import time
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from outbox.mail.mail import Mail, MailError
from outbox.mail.report import NO_RECORD, Report
from outbox.mail.states import State
from outbox.mail.times import iso
from outbox.sending import policy
from outbox.sending.breaker import Breaker, Call
from outbox.sending.divert import divert, reject
from outbox.storage.claims import NoRecordError
from outbox.storage.row import attempt_record

if TYPE_CHECKING:
    from collections.abc import Callable

    from taqnyat import Letter, Outcome

    from outbox.queues.message import ReceivedMessage
    from outbox.queues.queue import MailQueue
    from outbox.queues.schedules import Schedules
    from outbox.settings import Settings
    from outbox.storage.claims import Claims
    from outbox.storage.row import Row


class Provider(Protocol):
    """Sends a letter by a deadline (epoch seconds), and never raises."""

    def send(self, letter: Letter, deadline: float) -> Outcome: ...  # noqa: D102


class Delivery:
    """Delivers mails for one container. Safe to share between threads."""

    def __init__(
        self,
        claims: Claims,
        provider: Provider,
        queue: MailQueue,
        breaker: Breaker,
        schedules: Schedules,
        settings: Settings,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Make no call yet."""
        self._claims = claims
        self._provider = provider
        self._queue = queue
        self._breaker = breaker
        self._schedules = schedules
        self._settings = settings
        self._clock = clock

    def deliver(self, message: ReceivedMessage, deadline: float) -> Report:
        """Process one message, ending by `deadline` (epoch seconds).

        Raises botocore's errors when the ledger or a queue does not answer: the message must then
        be received again.
        """
        try:
            if diverted := divert(message, self._queue, self._settings, self._clock, deadline):
                return diverted
            now = self._clock()
            mail = message.mail(self._settings.default_campaign, now)
        except MailError as error:
            return reject(message, self._queue, error.field)
        return self._deliver(message, mail, now, deadline)

    def keep(self, message: ReceivedMessage, now: float) -> None:
        """Keep the row of a message that is requeued, since SQS would soon give it up."""
        if message.is_given_up_soon(now):
            self._claims.keep(message.peek().mail_id)

    def _deliver(self, message: ReceivedMessage, mail: Mail, now: float, deadline: float) -> Report:
        self.keep(message, now)
        if refusal := self._breaker.refuses():
            wait = policy.refused_delay(refusal, self._settings)
            return Report(mail_id=mail.id, retry_in=wait, reason=refusal)
        if now + self._settings.send_timeout_seconds > deadline:
            return Report(mail_id=mail.id, retry_in=0, reason="no_time_left")
        try:
            return self._claim(message, mail, now, deadline)
        except NoRecordError:
            if mail.client is None:
                return reject(message, self._queue, "id", mail.id)
            # It may have been sent long ago; a person may still choose to send it.
            self._queue.dead_letter(message, mail.id, State.UNKNOWN, NO_RECORD, None, 0)
            return Report(mail_id=mail.id, state=State.UNKNOWN, reason=NO_RECORD)

    def _claim(self, message: ReceivedMessage, mail: Mail, now: float, deadline: float) -> Report:
        token, latest = uuid.uuid4().hex, deadline - self._settings.send_timeout_seconds
        claimed, row = self._claims.claim(mail, token, message.redrive_attempt, latest)
        if not claimed and row.fingerprint != mail.fingerprint:
            # The stack's default campaign may have changed since the mail was first received.
            mail = message.mail(row.campaign, now)
            if row.fingerprint != mail.fingerprint:
                return reject(message, self._queue, "id_conflict", mail.id)
            claimed, row = self._claims.claim(mail, token, message.redrive_attempt, latest)
        if not claimed and policy.is_abandoned(row, now):
            died, at = policy.WORKER_DIED, row.claimed_at
            if not policy.may_resend(row, self._settings):
                return self._settle(message, mail, row, died, at, 0.0, deadline)
            attempt = attempt_record(row, died, at, 0.0)
            claimed, row = self._claims.take_over(row, token, attempt, latest)
        if not claimed:
            return self._skip_unclaimable(message, row, now)
        if mail.expires_at is not None and mail.expires_at <= now:
            return self._settle(message, mail, row, policy.EXPIRED, iso(now), 0.0, deadline)
        return self._send(message, mail, row, deadline)

    def _send(self, message: ReceivedMessage, mail: Mail, row: Row, deadline: float) -> Report:
        started = self._clock()
        last = started + self._settings.send_timeout_seconds
        if last > deadline or self._breaker.tripped:
            self._claims.settle(row, State.QUEUED, None, deadline)
            why, wait = policy.given_back(self._settings, paused=self._breaker.tripped)
            return Report(mail_id=mail.id, state=State.QUEUED, retry_in=wait, reason=why)
        outcome = self._provider.send(mail.letter, last)
        seconds = self._clock() - started
        alone = policy.refused_alone(row, outcome, self._breaker.sent_at)
        call = Call(mail.id, mail.sender, outcome, started, alone)
        reaction = self._breaker.record(call)
        try:
            at = iso(started)
            return self._settle(message, mail, row, outcome, at, seconds, deadline, alone=alone)
        finally:
            if reaction is not None:
                with suppress(ClientError, BotoCoreError):  # the next refused call tries again
                    self._breaker.react(reaction, call)

    def _settle(
        self,
        message: ReceivedMessage,
        mail: Mail,
        row: Row,
        outcome: Outcome,
        at: str,
        seconds: float,
        deadline: float,
        *,
        alone: bool = False,
    ) -> Report:
        now = self._clock()
        luck = random.uniform(0, 1)  # noqa: S311  spreads load, guards nothing
        row, gone = policy.forgiven(row, message.redrive_attempt)
        decision = policy.decide(row, outcome, now, self._settings, luck, alone=alone)
        attempt = None if outcome is policy.EXPIRED else attempt_record(row, outcome, at, seconds)
        changes = gone | decision.changes
        ours = self._claims.settle(row, decision.state, attempt, deadline, **changes)
        done = ours and decision.state is not State.QUEUED
        if done and decision.state is not State.SENT:
            done = self._dead_letter(message, row, decision, outcome.code)
        return Report(
            mail_id=mail.id,
            state=decision.state,
            outcome=outcome,
            reason=decision.reason,
            seconds=seconds,
            waited=max(0.0, now - mail.accepted_at),
            resend=row.possibly_sent > 0,
            refused_alone=alone,
            retry_in=None if done else decision.retry_in,
        )

    def _dead_letter(
        self, message: ReceivedMessage, row: Row, decision: policy.Decision, code: int | None
    ) -> bool:
        with suppress(ClientError, BotoCoreError):
            self._queue.dead_letter(
                message, row.id, decision.state, decision.reason, code, row.attempt_count
            )
            return True
        return False  # the row is settled: the next receive tries again

    def _skip_unclaimable(self, message: ReceivedMessage, row: Row, now: float) -> Report:
        action, wait = policy.unclaimable(row, now)
        if action is policy.Unclaimable.DEAD_LETTER:
            self._claims.keep(row.id)  # its message lives on in the failed queue
            reason = row.reason or ""
            self._queue.dead_letter(message, row.id, row.state, reason, row.code, row.attempt_count)
        elif action is policy.Unclaimable.SCHEDULE:
            self._schedules.create(
                row.schedule_name, row.scheduled_at or 0, message.body, message.lane
            )
        return Report(mail_id=row.id, state=row.state, retry_in=wait, reason=action.value)
