"""The failure rate of the provider over the last different mails of one container.

A mail counts once, with its last outcome: one that fails ten times says no more than one that fails
once. As in resilience4j's sliding window there is a least number of calls before it says anything.
"""

from __future__ import annotations

from typing import Final

_SIZE: Final = 24
_HALF: Final = 0.5


class FailureWindow:
    """The last outcomes, by mail. Not safe to share between threads."""

    def __init__(self, least: int) -> None:
        """`least` different mails must have been seen before the window says anything."""
        self._least = least
        self._size = max(_SIZE, least)
        self._failed: dict[str, bool] = {}

    def add(self, mail_id: str, *, failed: bool) -> None:
        """Take in an outcome."""
        self._failed.pop(mail_id, None)
        self._failed[mail_id] = failed
        if len(self._failed) > self._size:
            del self._failed[next(iter(self._failed))]

    def clear(self) -> None:
        """Forget all outcomes."""
        self._failed.clear()

    @property
    def rate(self) -> float:
        """The part that failed, 0 to 1; 0 before enough different mails were seen."""
        seen = len(self._failed)
        return sum(self._failed.values()) / seen if seen >= self._least else 0.0

    @property
    def half_fails(self) -> bool:
        """Whether so many failed that a few calls should tell before all go on."""
        return self.rate >= _HALF
