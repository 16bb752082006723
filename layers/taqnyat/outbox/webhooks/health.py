"""The health of an endpoint, and what follows a call to it: pure decisions, no I/O.

An endpoint that answers is called for many events at once. After many refused or slow calls in a
row it is called for one event at a time; its other events wait in the table.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

# After this many refused or slow calls in a row, one event at a time is tried.
RUN: Final = 10
SLOW_SECONDS: Final = 5.0
PAUSE_AFTER_SECONDS: Final = 3 * 86400
# A failure more than a day after the last one begins a new count.
_FORGOTTEN_SECONDS: Final = 86400
_SPREAD: Final = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """The health of an endpoint. Times are epoch seconds, 0 for none.

    `run` calls in a row were refused or slow. Every call since `failing_since` was refused, the
    last at `failed_at`; `probes` of them were single calls. No call is made before `probe_at`;
    with `single`, one event at a time is tried.
    """

    run: int = 0
    failing_since: int = 0
    failed_at: int = 0
    single: bool = False
    probes: int = 0
    probe_at: int = 0

    def must_pause(self, now: float) -> bool:
        """Return whether it has failed so long that it must be paused."""
        return bool(self.failing_since) and now - self.failing_since >= PAUSE_AFTER_SECONDS


@dataclass(frozen=True, slots=True)
class Call:
    """The result of a call: `status` is None without an answer; `reason` then says why.

    `wait` is the seconds that an endpoint asks for when it refuses (Retry-After).
    """

    ok: bool
    seconds: float
    status: int | None = None
    reason: str = ""
    wait: float = 0.0

    @property
    def slow(self) -> bool:
        """Whether the answer took too long."""
        return self.seconds >= SLOW_SECONDS


def after(
    health: Health, call: Call, now: float, waits: Sequence[int], draw: float, *, probe: bool
) -> Health:
    """Return an endpoint's health after a call at `now` (epoch seconds).

    `waits` are the seconds before each further try; `draw` (0 to 1) spreads them. `probe` says that
    it was a single call: several failures at once count as one.
    """
    if call.ok and not call.slow:
        return Health()
    second = int(now)
    run = health.run + 1
    single = health.single or run >= RUN
    if call.ok:
        # A slow endpoint waits as long as its call took, so that others get their turn.
        pause = int(call.seconds) if single else 0
        return Health(run=run, single=single, probe_at=second + pause if single else 0)
    alone = now - health.failed_at > _FORGOTTEN_SECONDS
    since = second if not health.failing_since or alone else health.failing_since
    probes = health.probes + 1 if probe else 0
    wait = spread(waits[min(probes, len(waits) - 1)], draw) if single else 0
    wait = max(wait, math.ceil(call.wait))
    return replace(
        health,
        run=run,
        failing_since=since,
        failed_at=second,
        single=single,
        probes=probes,
        probe_at=second + wait if wait else 0,
    )


def next_try(
    tries: int, now: float, waits: Sequence[int], draw: float, asked: float = 0.0
) -> float | None:
    """Return when an event is tried again after its `tries`-th try failed; None: never.

    `asked` are the seconds that the endpoint asks for: they can only make the wait longer.
    """
    if tries > len(waits):
        return None
    return now + max(spread(waits[tries - 1], draw), asked)


def spread(seconds: int, draw: float) -> int:
    """Return a wait that is up to a tenth longer or shorter."""
    return max(1, round(seconds * (1 + _SPREAD * (2 * draw - 1))))
