"""The probe: while sending is paused, a few real mails test whether it can go on.

Taqnyat offers no other test. If the account was the cause, one of up to three different mails must
be sent; if the provider had failed, two of three must.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from taqnyat import Scope, Verdict

from outbox.mail.lanes import Lane
from outbox.queues.origin import waited
from outbox.sending import policy
from outbox.sending.breaker import Call, HalfOpenBreaker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from outbox.mail.report import Report
    from outbox.queues.message import ReceivedMessage
    from outbox.queues.queue import MailQueue
    from outbox.sending.control import PauseState
    from outbox.sending.delivery import Delivery
    from outbox.sending.pause import Pause
    from outbox.storage.row import Row
    from outbox.storage.table import LedgerTable

_CALLS: Final = 3
# Enough to find three different callers.
_MAX_HELD: Final = 50
_MAX_ENDED: Final = 20


class Notes(Protocol):
    """What a probe tells beside its reports: AWS's errors, and how long mails have waited."""

    def error(self, what: str, error: Exception) -> None: ...  # noqa: D102
    def retried(self, lane: str, age: float) -> None: ...  # noqa: D102


class Candidate(NamedTuple):
    """A mail that could be a probe. `refused_at` orders those that were refused before."""

    message: ReceivedMessage
    mail_id: str
    caller: tuple[str, str]
    strikes: int = 0
    refused_at: str = ""


class Tally(NamedTuple):
    """The result of a probe so far.

    `ends` after an answer about the account, which settles the question, or after an unknown
    outcome, of which a probe may cause only one.
    """

    provider: bool
    passed: int
    failed: int
    ends: bool = False

    def add(self, call: Call) -> Tally:
        """Count a call; a refusal by the rate does not count."""
        if call.went_through:
            return self._replace(passed=self.passed + 1)
        if call.outcome.scope is Scope.RATE:
            return self
        named = call.outcome.scope is Scope.ACCOUNT
        ends = named or call.outcome.verdict is Verdict.UNKNOWN
        return self._replace(failed=self.failed + 1, ends=ends)

    @property
    def resumes(self) -> bool:
        """Whether enough mails were sent."""
        return self.passed >= (_CALLS - 1 if self.provider else 1)

    @property
    def stays(self) -> bool:
        """Whether too many failed."""
        return self.ends or self.failed >= (_CALLS - 1 if self.provider else _CALLS)

    @property
    def decided(self) -> bool:
        """Whether no other call is needed."""
        return self.resumes or self.stays


class Probe:
    """Probes a pause, and ends it if the probe succeeds."""

    def __init__(
        self,
        pause: Pause,
        queue: MailQueue,
        table: LedgerTable,
        deliver: Callable[[HalfOpenBreaker], Delivery],
        notes: Notes,
        call_seconds: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`deliver` makes a delivery that reports to the breaker, and reads the token again.

        Errors end the probe, but not the status check around it. `call_seconds` is the
        longest time of one call.
        """
        self._pause = pause
        self._queue = queue
        self._table = table
        self._deliver = deliver
        self._notes = notes
        self._call_seconds = call_seconds
        self._clock = clock

    def probe(self, state: PauseState, now: float, deadline: float) -> list[Report]:
        """Probe `state` if a probe is due; return the reports of the messages it processed."""
        tally = Tally(state.cause == "provider", state.passed, state.failed)
        progress = _Progress(tally, newest=state.probes % 2 == 1)
        if not state.next_probe or now < state.next_probe:
            return []
        try:
            # No function runs twice as long as it may send, so two checks never probe together.
            if self._pause.take_probe(state, now + 2 * (deadline - now)):
                try:
                    self._go_on(progress, {refusal.mail_id for refusal in state.blamed}, deadline)
                finally:
                    # Even after an error: all mails wait for this, and the rows have the results.
                    self._conclude(state, progress, now)
                self._end_dead(progress, deadline)
        except Exception as error:  # noqa: BLE001  a bug in one mail must not stop the notices
            self._notes.error("probe_failed", error)
        return progress.reports

    def _go_on(self, progress: _Progress, blamed: set[str], deadline: float) -> None:
        held, all_seen = self._receive(progress, deadline)
        try:
            while held and not progress.tally.decided:
                if self._clock() + self._call_seconds > deadline:
                    return
                chosen = _next(held, progress.callers, blamed, newest=progress.newest)
                self._send(progress, chosen, held, deadline)
            progress.all_tried = all_seen and not held
        finally:
            if held:
                delivery = self._deliver(HalfOpenBreaker())
                for candidate in held:
                    delivery.keep(candidate.message, self._clock())
                    self._queue.retry_later(candidate.message, 1)

    def _receive(self, progress: _Progress, deadline: float) -> tuple[list[Candidate], bool]:
        """Receive until there are three fresh mails; return the candidates, and if these are all.

        Dead messages (expired, canceled, sent before) are found by their bodies and rows, without a
        call, and are skipped. A few of them are ended when the probe has its answer.
        """
        held: list[Candidate] = []
        while len(held) < _MAX_HELD and self._clock() + self._call_seconds <= deadline:
            messages = self._queue.receive(Lane.NORMAL) or self._queue.receive(Lane.BULK)
            if not messages:
                return held, True
            now = self._clock()
            for message in messages:
                # In any case: in a pause nothing else measures how long mails have waited.
                self._notes.retried(message.queue, waited(message, now))
                if message.is_batch:
                    self._process(progress, message, HalfOpenBreaker(), deadline)
            alive = list(self._alive([message for message in messages if not message.is_batch]))
            living = {id(candidate.message) for candidate in alive}
            dead = [one for one in messages if not one.is_batch and id(one) not in living]
            progress.dead = (progress.dead + dead)[:_MAX_ENDED]
            held += alive
            fresh = {candidate.caller for candidate in held if not candidate.refused_at}
            if len(fresh) >= _CALLS:
                break
        return held, False

    def _alive(self, messages: Sequence[ReceivedMessage]) -> Iterator[Candidate]:
        now = self._clock()
        peeked = [(message, message.peek()) for message in messages]
        peeked = [(message, glimpse) for message, glimpse in peeked if not glimpse.expired(now)]
        rows = self._table.get_all([glimpse.mail_id for _, glimpse in peeked])
        for message, glimpse in peeked:
            row = rows.get(glimpse.mail_id)
            if row is None:
                yield Candidate(message, glimpse.mail_id, glimpse.caller)
            elif policy.may_be_claimed(row, message.redrive_attempt, now):
                yield Candidate(message, row.id, glimpse.caller, row.strikes, _refused_at(row))

    def _send(
        self,
        progress: _Progress,
        candidate: Candidate,
        held: list[Candidate],
        deadline: float,
    ) -> None:
        breaker = HalfOpenBreaker()
        held.remove(candidate)
        try:
            self._process(progress, candidate.message, breaker, deadline)
        finally:
            if breaker.call is not None:
                progress.callers.append(candidate.caller)
                progress.tally = progress.tally.add(breaker.call)
                progress.last = breaker.call

    def _process(
        self,
        progress: _Progress,
        message: ReceivedMessage,
        breaker: HalfOpenBreaker,
        deadline: float,
    ) -> None:
        report = self._deliver(breaker).deliver(message, deadline)
        progress.reports.append(report)
        if report.retry_in is None:
            self._queue.delete(message)
        else:
            self._queue.retry_later(message, report.retry_in)

    def _end_dead(self, progress: _Progress, deadline: float) -> None:
        """Process some of the dead messages; the others wait until sending resumes."""
        for message in progress.dead:
            if self._clock() + self._call_seconds > deadline:
                return
            self._process(progress, message, HalfOpenBreaker(), deadline)

    def _conclude(self, state: PauseState, progress: _Progress, began: float) -> None:
        tally, last = progress.tally, progress.last
        # Fewer mails wait than a whole probe needs: those that were tried decide.
        few = progress.all_tried and not tally.decided and last is not None
        if tally.resumes or (few and tally.passed and not tally.failed):
            self._pause.end(state)
        elif last is not None and (tally.stays or (few and tally.failed)):
            self._pause.probe_failed(state, last.outcome.reason, last.outcome.ip or "", began)
        else:
            self._pause.probe_again(state, tally.passed, tally.failed)


@dataclass(slots=True)
class _Progress:
    """The progress of a probe. `newest`: it begins with the newest mail.

    `all_tried`: no other mail waits.
    """

    tally: Tally
    newest: bool
    callers: list[tuple[str, str]] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)
    last: Call | None = None
    all_tried: bool = False
    dead: list[ReceivedMessage] = field(default_factory=list)


def _next(
    held: Sequence[Candidate], tried: Sequence[object], blamed: set[str], *, newest: bool
) -> Candidate:
    """Choose the next mail: best one that did not pause and was not refused, of a new caller.

    Among equals it takes the first (in every second probe: the last), then the last, then one from
    the middle, because bad mails often came together.
    """

    def rank(one: Candidate) -> tuple[bool, bool, int, bool, str]:
        return (
            one.mail_id in blamed,
            bool(one.refused_at),
            one.strikes,
            one.caller in tried,
            one.refused_at,
        )

    best = min(map(rank, held))
    like = [one for one in held if rank(one) == best]
    return like[(-1 if newest else 0, -1, len(like) // 2)[len(tried) % _CALLS]]


def _refused_at(row: Row) -> str:
    """Return when the mail's last call failed for a cause beyond the mail; "" if it did not."""
    last = row.attempts[-1] if row.attempts else {}
    about_all = {Scope.ACCOUNT, Scope.EITHER, Scope.RATE, Scope.PROVIDER}
    return str(last.get("at", "")) if last.get("scope") in about_all else ""
