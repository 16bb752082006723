"""Callers that Taqnyat refuses with 429 again and again, while it may take the mails of others.

A limit may be one sender's own. Its mails must not use up the turns of all others, so each
container remembers who was refused. The memory is only the container's: it costs no request.
"""

from __future__ import annotations

import threading
from typing import Final, NamedTuple

from outbox.sending.rate import FORGOTTEN_SECONDS

Caller = tuple[str, str]  # client and sender

# After so many refusals in a row, none of its mails sent between, a caller is refused for now.
_STREAK: Final = 3
# The same, where nobody else was sent either: then it may be everybody's limit, which counts over
# some seconds.
_DOUBT_SECONDS: Final = 30.0
_MOST_WAIT_SECONDS: Final = 60
_MOST_CALLERS: Final = 1000


class _Streak(NamedTuple):
    """The refusals of a caller since its last sent mail: the begins of the first and last call."""

    refusals: int
    since: float
    last: float


_NONE: Final = _Streak(0, 0.0, 0.0)


class Standing:
    """The streaks of one container. Safe to share between threads. Times are epoch seconds."""

    def __init__(self) -> None:
        self._streaks: dict[Caller, _Streak] = {}
        self._sent_at = 0.0
        self._lock = threading.Lock()

    @property
    def is_clean(self) -> bool:
        """Whether no caller has a streak."""
        return not self._streaks

    def sent(self, caller: Caller | None, started: float) -> None:
        """Note that Taqnyat took a mail; the caller is not needed while all is clean."""
        with self._lock:
            self._sent_at = max(self._sent_at, started)
            if caller is not None:
                self._streaks.pop(caller, None)

    def refused(self, caller: Caller, started: float) -> bool:
        """Note a 429; return whether only this caller is refused, since others were sent."""
        with self._lock:
            if caller not in self._streaks and len(self._streaks) >= _MOST_CALLERS:
                self._streaks.clear()
            before = self._streaks.get(caller, _Streak(0, started, started))
            self._streaks[caller] = before._replace(refusals=before.refusals + 1, last=started)
            return before.refusals >= _STREAK and self._sent_at > before.since

    def wait(self, caller: Caller, now: float) -> int:
        """Return how long a mail without a turn waits (seconds); 0: its caller is not refused now.

        It grows with the time in which nothing of the caller was sent, to a minute.
        """
        refusals, since, last = self._streaks.get(caller, _NONE)
        if refusals < _STREAK or now - last > FORGOTTEN_SECONDS:
            return 0
        if self._sent_at <= since and now - since < _DOUBT_SECONDS:
            return 0
        return max(1, min(_MOST_WAIT_SECONDS, int((now - since) / 2)))
