"""Senders and domains that Taqnyat refuses with 429 again and again, while it takes other mails.

A limit may be that of one sender, or of the mails to one domain. They must not use up the turns of
all others, so each container remembers whose mails were refused: by their marks. The memory is only
the container's: it costs no request.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final, NamedTuple

from outbox.sending.rate import FORGOTTEN_SECONDS

if TYPE_CHECKING:
    from collections.abc import Sequence

Mark = tuple[str, ...]  # client and sender, or a recipient's domain

# After so many refusals in a row, and none of its mails sent between, a mark is refused for now.
_STREAK: Final = 3
# The same, where nobody else was sent either: at first it may be everybody's limit, which counts
# over some seconds. Refusals of the same few seconds show no more than one.
_DOUBT_SECONDS: Final = 30.0
_MOMENT_SECONDS: Final = 5.0
MOST_WAIT_SECONDS: Final = 60
_MOST_MARKS: Final = 1000


class _Streak(NamedTuple):
    """The refusals of a mark since its last sent mail: the begins of the first and last call."""

    refusals: int
    since: float
    last: float


_NONE: Final = _Streak(0, 0.0, 0.0)


class Standing:
    """The streaks of one container. Safe to share between threads. Times are epoch seconds."""

    def __init__(self) -> None:
        self._streaks: dict[Mark, _Streak] = {}
        self._sent_at = 0.0
        self._sent_marks: tuple[Mark, ...] = ()
        self._lock = threading.Lock()

    @property
    def is_clean(self) -> bool:
        """Whether no mark has a streak."""
        return not self._streaks

    def sent(self, marks: Sequence[Mark], started: float) -> None:
        """Note that Taqnyat took a mail; while all is clean its marks may be left out."""
        with self._lock:
            if marks and started > self._sent_at:
                self._sent_at, self._sent_marks = started, tuple(marks)
            for mark in marks:
                self._streaks.pop(mark, None)

    def refused(self, marks: Sequence[Mark], started: float) -> bool:
        """Note a 429; return whether a mark alone is refused, since other mails were sent."""
        with self._lock:
            own = [self._refused(mark, started) for mark in marks]
        return any(own)

    def wait(self, marks: Sequence[Mark], now: float) -> int:
        """Return how long a mail without a turn waits (seconds); 0: no mark is refused now.

        For each refused mark it grows with the time in which nothing of it was sent, to a minute.
        """
        return sum(self._wait(mark, now) for mark in marks)

    def _refused(self, mark: Mark, started: float) -> bool:
        if mark not in self._streaks and len(self._streaks) >= _MOST_MARKS:
            self._streaks.clear()
        before = self._streaks.get(mark, _Streak(0, started, started))
        self._streaks[mark] = before._replace(refusals=before.refusals + 1, last=started)
        return before.refusals >= _STREAK and self._others_sent(mark, before.since)

    def _others_sent(self, mark: Mark, since: float) -> bool:
        """Return whether a mail of others was the last one sent; one of the same shows nothing."""
        return self._sent_at > since and mark not in self._sent_marks

    def _wait(self, mark: Mark, now: float) -> int:
        refusals, since, last = self._streaks.get(mark, _NONE)
        if refusals < _STREAK or now - last > FORGOTTEN_SECONDS:
            return 0
        doubtful = now - since < _DOUBT_SECONDS or last - since < _MOMENT_SECONDS
        if doubtful and not self._others_sent(mark, since):
            return 0
        return max(1, min(MOST_WAIT_SECONDS, int((now - since) / 2)))
