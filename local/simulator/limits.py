"""A hard rate limit of a provider: a token bucket, or fixed windows. Time is given, never read."""

import math
from typing import Annotated

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from local.simulator.fields import Flag, Seconds


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Limit:
    """So many calls a second.

    Without a `window` a token bucket that holds a second's worth; with one, as many calls as fit
    into so many seconds, counted again from each multiple of it. `retry_after` says whether a
    refusal says when to come again.
    """

    per_second: Annotated[float, Field(ge=0.01, le=100_000)]
    window: Annotated[Seconds, Field(gt=0)] | None = None
    retry_after: Flag = False


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
