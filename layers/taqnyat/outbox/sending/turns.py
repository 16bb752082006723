"""Turns: when each mail of a batch may be sent, so that all workers together keep one rate.

Without a limit this reads and writes nothing. With a limit, a batch takes its turns in one write:
it moves the record's clock forward by the turns that it took, and writes what it learned from the
last batch. A batch takes only turns for which it has time to wait.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from math import floor
from typing import TYPE_CHECKING, Final, NamedTuple

from taqnyat import Scope, Verdict

from outbox.mail.lanes import Lane
from outbox.sending.control import not_paused
from outbox.sending.rate import (
    FORGOTTEN_SECONDS,
    LIFTED,
    START,
    Rate,
    Tally,
    lowered,
    lowers,
)
from outbox.storage.expressions import Expression

if TYPE_CHECKING:
    from collections.abc import Callable

    from outbox.mail.report import Report
    from outbox.sending.control import Control

_TRIES: Final = 3
_MAX_HOLD_SECONDS: Final = 900.0
_MAX_WAIT_SECONDS: Final = 60
_MILLI: Final = 1000
_WAITED_SECONDS: Final = 0.1
_MOST_REMEMBERED: Final = 200
# Until the first refusal a batch takes the turns of so many seconds: what it learns counts soon.
_SOON_LEARNED_SECONDS: Final = 0.5
# A batch takes its turns when they are so near: what was learned until then counts for them.
_AHEAD_SECONDS: Final = 1.0
# While it may be too early for all, so long after one mail that tests it comes the next.
_TEST_SECONDS: Final = 0.5


class Taken(NamedTuple):
    """The times (epoch seconds) at which calls may begin; the others wait `wait` seconds.

    After `again` seconds, unless 0, is the time to take turns: others have those until then.
    """

    times: tuple[float, ...]
    wait: int = 1
    again: float = 0.0


class Turns:
    """The turns of one container's batches. Safe to share between threads."""

    def __init__(
        self,
        control: Control,
        most: float,
        call_seconds: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`most` is MaxSendRate, mails a second (0: no limit); a call may take `call_seconds`."""
        self._control = control
        self._call_seconds = call_seconds
        self._most = most
        self._clock = clock
        self._lock = threading.Lock()
        self._tally = Tally()
        self._rate = Rate()
        self._refused_mail = ""
        self._waited = True
        self._sent: deque[float] = deque(maxlen=_MOST_REMEMBERED)  # when the last calls began
        self.stopped = False

    def limits(self, rate: Rate) -> bool:
        """Return whether a limit holds now."""
        return rate.limit(self._most, self._clock()) > 0

    def take(self, rate: Rate, count: int, deadline: float, lane: Lane) -> Taken:
        """Take turns for up to `count` calls, each of which must have ended by `deadline`.

        Mails for which there is no time wait in the queue. Raises botocore's errors when DynamoDB
        does not answer: then nothing may be sent.
        """
        self.stopped = False
        latest = deadline - self._call_seconds
        for _ in range(_TRIES):
            self._rate = rate
            taken, rate = self._try(rate, count, latest, lane)
            if taken is not None:
                return taken
        return Taken(())  # too many others take turns at this moment

    def _try(self, rate: Rate, count: int, latest: float, lane: Lane) -> tuple[Taken | None, Rate]:
        now, tally = self._clock(), self._tally
        limit = rate.limit(self._most, now)
        if rate.held_until > now:
            return Taken((), _wait(rate.held_until - now)), rate
        if not limit:
            self._tally = Tally()
            return Taken((now,) * count), rate
        write = Expression()
        assign = self._learned(write, rate, tally, now)
        if lowers(rate, tally):
            after = lowered(rate, limit, tally, now)
            if after.held_until > now:
                return self._wait_for(write, assign, after, now), rate
            limit = after.limit(self._most, now)
        interval = 1 / (limit * rate.share(lane, now))
        begins = rate.begins(lane, now, passed=tally.successes > 0)
        if rate.hold and not tally.successes:
            # One mail tests whether it is still too early. No other goes before its answer.
            count, interval = min(count, int(begins <= now)), max(interval, _TEST_SECONDS)
        if rate.learned and not rate.ceiling:
            count = min(count, max(1, round(limit * _SOON_LEARNED_SECONDS)))
        fit = min(count, max(0, floor((latest - begins) / interval) + 1))
        ahead = begins - now
        far = rate.learned and ahead > _AHEAD_SECONDS and not lowers(rate, tally)
        if not fit or far:
            again = ahead - _AHEAD_SECONDS / 2 if fit else 0.0
            return Taken((), _wait(ahead), again), rate
        ends = begins + fit * interval
        clock = "rate_bulk_turn" if lane is Lane.BULK else "rate_turn"
        assign += write.set(**{clock: _milli(ends)})
        if rate.share(lane, now) < 1:
            # Bulk waits longer by the turns that normal takes.
            assign += write.set(rate_bulk_turn=_milli(rate.bulk_turn + fit / limit))
        written, record = self._control.write(
            write, assign, _is_still(write, clock, rate.next_turn(lane))
        )
        if not written:
            return None, record.rate
        with self._lock:
            self._tally = Tally(limit=limit)
        times = tuple(begins + number * interval for number in range(fit))
        self._waited = times[-1] - now >= _WAITED_SECONDS
        return Taken(times, _wait(ends - now)), rate

    def _wait_for(self, write: Expression, assign: list[str], after: Rate, now: float) -> Taken:
        """Let all workers wait: Taqnyat's count over some seconds is used up."""
        until = _milli(after.held_until)
        self._control.write(write, assign + write.set(rate_turn=until, rate_bulk_turn=until))
        with self._lock:
            self._tally = Tally()
        return Taken((), _wait(after.held_until - now))

    def _learned(self, write: Expression, rate: Rate, tally: Tally, now: float) -> list[str]:
        """Assign what a tally changes in the rate."""
        if lowers(rate, tally):
            after = lowered(rate, rate.limit(self._most, now), tally, now)
            return write.set(
                rate_learned=_milli(after.learned),
                rate_learned_until=_milli(after.learned_until),
                rate_ceiling=_milli(after.ceiling),
                rate_lowered_at=_milli(after.lowered_at),
                rate_held_until=_milli(after.held_until),
                rate_hold=_milli(after.hold),
                rate_bursty_until=_milli(after.bursty_until),
                rate_counted_since=_milli(after.counted_since),
                rate_counted=after.counted,
            )
        if not tally.successes:
            return []
        sent = write.set(sent_at=int(tally.sent_at))
        if not rate.learned:
            return sent
        if rate.hold:
            sent += write.set(rate_hold=0)
        # A batch that did not wait for its turns does not show that more would go through.
        gained = write.value(_milli(rate.gain(now) * tally.successes) if self._waited else 0)
        counted = write.add("rate_counted", write.value(tally.successes))
        return [*sent, write.add("rate_learned", gained), counted]

    def record(self, report: Report, started: float) -> None:
        """Count Taqnyat's answer to a call that began at `started`.

        Raises botocore's errors when a limit cannot be written.
        """
        outcome = report.outcome
        if outcome is None or report.refused_alone:
            return
        if outcome.scope is not Scope.RATE:
            if outcome.verdict is Verdict.SENT:
                with self._lock:
                    self._tally, self._refused_mail = self._tally.success(started), ""
                    self._sent.append(started)
            return
        with self._lock:
            self._tally = self._tally.refusal(started)
            # Two different mails in a row: the next ones would be refused too.
            two = self._refused_mail not in ("", report.mail_id)
            self._refused_mail = report.mail_id
            self.stopped = self.stopped or two
        if two and outcome.retry_after:
            self._hold(min(outcome.retry_after, _MAX_HOLD_SECONDS))
        if not self._rate.limit(self._most, self._clock()):
            self._limit()

    def _hold(self, seconds: float) -> None:
        """Stop all sending until the time that Taqnyat asked for."""
        until = self._clock() + seconds
        if self._rate.held_until >= until - 1:
            return
        self._rate = self._rate._replace(held_until=until)
        write = Expression()
        assign = write.set(rate_held_until=_milli(until))
        self._control.write(write, [*assign, *not_paused(write)])

    def _limit(self) -> None:
        """Begin with a limit: there was none, and Taqnyat refused."""
        now = self._clock()
        with self._lock:
            lately = sum(started > now - 1 for started in self._sent)
        # Half: Taqnyat may have let through what it had saved up.
        start = max(START, lately / 2)
        self._rate = self._rate._replace(learned=start, learned_until=now + FORGOTTEN_SECONDS)
        write = Expression()
        assign = write.set(
            rate_learned=_milli(start),
            rate_learned_until=_milli(now + FORGOTTEN_SECONDS),
            rate_ceiling=0,
            rate_lowered_at=_milli(now),
            rate_hold=0,
            rate_counted_since=_milli(now),
            rate_counted=0,
        )
        until = write.name("rate_learned_until")
        unknown = f"attribute_not_exists({until}) OR {until} <= {write.value(_milli(now))}"
        unknown += f" OR {write.name('rate_learned')} >= {write.value(_milli(LIFTED))}"
        self._control.write(write, [*assign, *not_paused(write)], unknown)


def _milli(value: float) -> int:
    return round(value * _MILLI)


def _wait(seconds: float) -> int:
    return min(max(1, round(seconds)), _MAX_WAIT_SECONDS)


def _is_still(write: Expression, name: str, value: float) -> str:
    placeholder = write.name(name)
    if not value:
        return f"attribute_not_exists({placeholder})"
    return f"{placeholder} = {write.value(_milli(value))}"
