"""A hard rate limit of a provider: a token bucket, or fixed windows. Time is given, never read."""

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from local.simulator import fields
from local.simulator.fields import FieldError

_MAX_PER_SECOND = 100_000


@dataclass(frozen=True, slots=True)
class Limit:
    """So many calls a second.

    Without a `window` a token bucket that holds a second's worth; with one, as many calls as fit
    into so many seconds, counted anew at each multiple of it. `retry_after` tells whether a
    refusal says when to come again.
    """

    per_second: float
    window: float | None = None
    retry_after: bool = False

    def show(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "per_second": self.per_second,
            "window": self.window,
            "retry_after": self.retry_after,
        }


class Limiter:
    """Counts calls against a limit, which may be another one at each call. One thread at a time."""

    def __init__(self) -> None:
        """Begin with a full bucket and an empty window."""
        self._tokens = math.inf
        self._at = -math.inf
        self._window = (0.0, -1)
        self._taken = 0

    def take(self, limit: Limit, now: float) -> float | None:
        """Take one call at `now` (seconds); None if it may pass, else the seconds until one may."""
        if limit.window is None:
            return self._from_bucket(limit, now)
        return self._from_window(limit, limit.window, now)

    def _from_bucket(self, limit: Limit, now: float) -> float | None:
        room = max(1.0, limit.per_second)
        refill = (now - self._at) * limit.per_second
        self._tokens, self._at = min(room, self._tokens + refill), now
        if self._tokens >= 1:
            self._tokens -= 1
            return None
        return (1 - self._tokens) / limit.per_second

    def _from_window(self, limit: Limit, window: float, now: float) -> float | None:
        number = math.floor(now / window)
        if self._window != (window, number):
            self._window, self._taken = (window, number), 0
        if self._taken < max(1, math.floor(limit.per_second * window)):
            self._taken += 1
            return None
        return (number + 1) * window - now


def read(value: object, field: str) -> Limit | None:
    """Read `{"per_second": 20, "window": 10, "retry_after": true}`, or null for no limit.

    Raises:
        FieldError: names the field that is wrong.

    """
    if value is None:
        return None
    given = fields.obj(value, field, ("per_second", "window", "retry_after"))
    per_second = fields.amount(given.get("per_second"), f"{field}.per_second")
    if not Decimal("0.01") <= per_second <= _MAX_PER_SECOND:
        raise FieldError(f"{field}.per_second", f"must be from 0.01 to {_MAX_PER_SECOND}")
    window = given.get("window")
    if window is not None:
        window = fields.seconds(window, f"{field}.window")
        if not window:
            raise FieldError(f"{field}.window", "must be more than 0 seconds")
    retry_after = fields.flag(given.get("retry_after", False), f"{field}.retry_after")
    return Limit(float(per_second), window, retry_after)
