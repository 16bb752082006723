"""The failure rate of the provider over the last different mails of one container.

A mail counts once, with its last outcome, even if it fails ten times. As in resilience4j's sliding
window, a minimum number of mails must be in it before it has a rate.
"""

from __future__ import annotations

from typing import Final

_SIZE: Final = 24
_HALF: Final = 0.5


class FailureWindow:
    """The last outcomes, by mail. Not safe to share between threads."""

    def __init__(self, least: int) -> None:
        """`least` different mails must be in the window before it has a rate."""
        self._least = least
        self._size = max(_SIZE, least)
        self._failed: dict[str, bool] = {}

    def add(self, mail_id: str, *, failed: bool) -> None:
        """Add an outcome."""
        self._failed.pop(mail_id, None)
        self._failed[mail_id] = failed
        if len(self._failed) > self._size:
            del self._failed[next(iter(self._failed))]

    def clear(self) -> None:
        """Forget all outcomes."""
        self._failed.clear()

    @property
    def rate(self) -> float:
        """The share that failed, 0 to 1; 0 before there are enough different mails."""
        seen = len(self._failed)
        return sum(self._failed.values()) / seen if seen >= self._least else 0.0

    @property
    def half_fails(self) -> bool:
        """Whether so many failed that a few calls should test the provider first."""
        return self.rate >= _HALF
