"""The circuit breaker of one container: it stops calls that would fail.

While it is tripped it allows no call. It trips when sending is paused, and it begins a pause. An
answer about the account trips it at once. An answer that may be about the mail trips it when a
second, different mail gets it too. When the provider failed for half of the mails in its window, it
is half open: it allows three calls at a time; two failures trip it, three successes close it.
"""

from __future__ import annotations

import threading
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from taqnyat import Scope, Verdict

from outbox.sending.control import ControlRecord, Refusal, Suspicion
from outbox.sending.pause import repeats_of
from outbox.sending.window import FailureWindow

if TYPE_CHECKING:
    from taqnyat import Outcome

    from outbox.queues.event_source import EventSource
    from outbox.sending.pause import Pause
    from outbox.sending.suspicion import Suspicions

_PERMITTED: Final = 3
_TRIPS: Final = 2
_BLAMED: Final = 5  # refusals that are kept with a pause


class Call(NamedTuple):
    """One call and its outcome. `started` is epoch seconds.

    `alone` says that the mail was refused while others were sent.
    """

    mail_id: str
    sender: str
    outcome: Outcome
    started: float
    alone: bool = False

    @property
    def refusal(self) -> Refusal:
        """The outcome as a refusal of the mail or the account."""
        outcome = self.outcome
        return Refusal(self.mail_id, self.sender, outcome.reason, outcome.code, outcome.status)

    @property
    def went_through(self) -> bool:
        """Whether Taqnyat accepted the mail, or refused it for its own content."""
        return self.outcome.verdict is Verdict.SENT or (
            self.outcome.verdict is Verdict.TERMINAL and self.outcome.scope is Scope.MAIL
        )


class Reaction(StrEnum):
    """What follows a call for all mails; it is done after the call's own row is settled."""

    SUSPECT = "suspect"
    CLEAR = "clear"
    PAUSE = "pause"


class Breaker(Protocol):
    """Asked by a delivery before each call, and informed after it."""

    @property
    def sent_at(self) -> float: ...  # noqa: D102
    @property
    def tripped(self) -> bool: ...  # noqa: D102
    def refuses(self) -> str: ...  # noqa: D102
    def record(self, call: Call) -> Reaction | None: ...  # noqa: D102
    def react(self, reaction: Reaction, call: Call) -> None: ...  # noqa: D102


class CircuitBreaker:
    """The breaker of one container. Safe to share between threads."""

    def __init__(
        self, pause: Pause, suspicions: Suspicions, event_source: EventSource, least_mails: int
    ) -> None:
        """`least_mails` different mails must have been tried before their failures count."""
        self._pause = pause
        self._suspicions = suspicions
        self._event_source = event_source
        self._window = FailureWindow(least_mails)
        self._lock = threading.Lock()
        self._known = ControlRecord()
        self._suspicion: Suspicion | None = None
        self._cleared: Suspicion | None = None
        self._suspects: dict[str, Refusal] = {}  # since the last mail that went through
        self._blamed: tuple[Refusal, ...] = ()
        self._permits: int | None = None  # None: not half open
        self._passed = self._failed = 0
        self._sent_at = 0.0
        self.tripped = False

    @property
    def sent_at(self) -> float:
        """When a mail was last known to be sent, by this container or another."""
        return max(self._sent_at, self._known.sent_at)

    def refresh(self) -> tuple[ControlRecord, bool]:
        """Read the control record at the start of a batch.

        Return it, and whether a pause has ended since the last batch.
        """
        before, was_tripped = self._known.pause, self.tripped
        record = self._pause.record()
        with self._lock:
            self._known, self._suspicion = record, record.suspicion
            self.tripped = record.pause.paused
            lifted = was_tripped and not self.tripped
            if record.suspicion is None:
                self._suspects.clear()
            if lifted or record.pause.resumed_at != before.resumed_at:
                self._window.clear()
                # The provider had failed: test it with the first calls of each container.
                if record.pause.cause == "provider":
                    self._half_open()
                else:
                    self._permits = None
            elif self._permits is not None:
                # Some of the last batch made no call.
                self._permits = _PERMITTED - self._passed - self._failed
        if self.tripped:
            self._event_source.disable()
        return record, lifted

    def refuses(self) -> str:
        """Return why no call may be made now; "" allows one."""
        with self._lock:
            if self.tripped:
                return "paused"
            if self._permits is None:
                return ""
            if self._permits <= 0:
                return "half_open"
            self._permits -= 1
            return ""

    def record(self, call: Call) -> Reaction | None:
        """Record a call's outcome at once; return what must follow for all mails."""
        with self._lock:
            if call.went_through:
                return self._went_through(call)
            if call.outcome.scope is Scope.ACCOUNT:
                return self._trip(call.refusal)
            if call.outcome.provider_failed and not call.alone:
                return self._provider_failed(call)
            self._give_back()
            if call.outcome.scope is Scope.EITHER and not call.alone:
                return self._suspect(call)
            return None

    def _went_through(self, call: Call) -> Reaction | None:
        self._sent_at = max(self._sent_at, call.started)
        self._window.add(call.mail_id, failed=False)
        if self._permits is not None:
            self._passed += 1
            self._end_of_round()
        suspicion = self._suspicion
        self._suspects.clear()
        if suspicion is None or call.started < suspicion.at:
            return None
        self._suspicion = None
        self._cleared = suspicion
        return Reaction.CLEAR

    def _provider_failed(self, call: Call) -> Reaction | None:
        self._window.add(call.mail_id, failed=True)
        if self._permits is None:
            if self._window.half_fails:
                self._half_open()
            return None
        self._failed += 1
        if self._failed >= _TRIPS:
            return self._trip(call.refusal)
        self._end_of_round()
        return None

    def _half_open(self) -> None:
        self._permits, self._passed, self._failed = _PERMITTED, 0, 0

    def _end_of_round(self) -> None:
        """Close after three successes; else try three more."""
        if self._passed >= _PERMITTED:
            self._permits = None
            self._window.clear()
        elif self._passed + self._failed >= _PERMITTED:
            self._half_open()

    def _suspect(self, call: Call) -> Reaction | None:
        if self._suspicion is None:
            self._suspicion = Suspicion(call.refusal, int(call.started) + 1)
        elif call.mail_id in {self._suspicion.refusal.mail_id, *self._suspects}:
            return None
        self._suspects[call.mail_id] = call.refusal
        if len({self._suspicion.refusal.mail_id, *self._suspects}) >= self._needed(call):
            return self._trip(self._suspicion.refusal, *self._suspects.values())
        return Reaction.SUSPECT

    def _needed(self, call: Call) -> int:
        """Return how many different mails must be refused: 2, then 4, 6, ... after short pauses."""
        return 2 * (1 + repeats_of(self._known.pause, call.outcome.reason, call.started))

    def _trip(self, *blamed: Refusal) -> Reaction | None:
        first, self.tripped = not self.tripped, True
        if first:
            self._blamed = tuple(dict.fromkeys(blamed))[-_BLAMED:]
        return Reaction.PAUSE if first else None

    def _give_back(self) -> None:
        """Return a half-open breaker's permit: the call says nothing about the provider."""
        if self._permits is not None:
            self._permits += 1

    def react(self, reaction: Reaction, call: Call) -> None:
        """Do what follows a call. Raises botocore's errors.

        If the write fails, the next refused call tries it again.
        """
        if reaction is Reaction.CLEAR and self._cleared is not None:
            self._suspicions.clear(self._cleared, call.started)
        elif reaction is Reaction.SUSPECT:
            raised = self._suspicions.raise_against(call.refusal)
            with self._lock:
                if self._suspicion is not None:
                    self._suspicion = raised
                enough = raised.mails >= self._needed(call)
                pauses = enough and self._trip(raised.refusal, call.refusal)
            if pauses:
                self._begin(call)
        elif reaction is Reaction.PAUSE:
            self._begin(call)

    def _begin(self, call: Call) -> None:
        outcome = call.outcome
        if self._pause.begin(
            outcome.reason,
            outcome.ip or "",
            seen_at=call.started,
            cause="provider" if outcome.provider_failed else "account",
            blamed=self._blamed,
            previous=self._known.pause,
        ):
            self._event_source.disable()


class HalfOpenBreaker:
    """The breaker of a probe: it allows the call, keeps it, and changes nothing."""

    sent_at = 0.0
    tripped = False

    def __init__(self) -> None:
        self.call: Call | None = None

    def refuses(self) -> str:
        """Allow the call, although sending is paused."""
        return ""

    def record(self, call: Call) -> Reaction | None:
        """Keep the call."""
        self.call = call
        return None

    def react(self, reaction: Reaction, call: Call) -> None:
        """Do nothing: the probe decides."""
