"""A caller's limits: mails a second and mails a day. Pure; usage.py keeps what was used.

Mails are counted, not requests. The mails of one second may come together. A larger batch is
accepted when nothing of the rate is used, and later calls wait for its time. So no batch is refused
for ever, and over a longer time the rate holds.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Final, NamedTuple

RATE: Final = "rate_limit_exceeded"
DAILY: Final = "daily_quota_exceeded"
_BURST_SECONDS: Final = 1.0
_RIYADH: Final = "Asia/Riyadh"


class Limits(NamedTuple):
    """Mails a second and mails a day; None for no limit."""

    rate: int | None = None
    daily: int | None = None


class Usage(NamedTuple):
    """What a caller has used.

    From `free_at` (epoch milliseconds) on nothing of the rate is used; `mails` were accepted on
    `day` (ISO 8601).
    """

    free_at: int = 0
    day: str = ""
    mails: int = 0


class Day(NamedTuple):
    """A caller's day, and the seconds until it ends."""

    name: str
    seconds_left: int


class Standing(NamedTuple):
    """A limit's state: its mails, the mails that are left, seconds until all are free again."""

    limit: int
    remaining: int
    reset: int


class Decision(NamedTuple):
    """Whether mails are accepted.

    `refused` is the error's name, or "" if they are accepted; `usage` then includes them.
    `standing` is the limit that refuses, or the one that is nearest to its end.
    """

    usage: Usage
    standing: Standing
    refused: str = ""
    retry_after: int = 0


def decide(usage: Usage, limits: Limits, mails: int, now: float, day: Day) -> Decision:
    """Decide on `mails` at `now` (epoch seconds); `limits` has at least one."""
    standings = []
    after = usage
    if limits.daily is not None:
        count = usage.mails if usage.day == day.name else 0
        if count + mails > limits.daily:
            left = Standing(limits.daily, max(0, limits.daily - count), day.seconds_left)
            return Decision(usage, left, DAILY, day.seconds_left)
        after = after._replace(day=day.name, mails=count + mails)
        standings.append(Standing(limits.daily, limits.daily - count - mails, day.seconds_left))
    if limits.rate is not None:
        used = max(0.0, usage.free_at / 1000 - now)
        more = mails / limits.rate
        if used and used + more > _BURST_SECONDS + 0.001:  # what is kept is rounded up
            wait = max(1, math.ceil(used + more - max(_BURST_SECONDS, more)))
            return Decision(usage, _of_rate(limits.rate, used), RATE, wait)
        after = after._replace(free_at=math.ceil((now + used + more) * 1000))
        standings.append(_of_rate(limits.rate, used + more))
    return Decision(after, min(standings, key=lambda standing: standing.remaining))


def standing(usage: Usage, limits: Limits, now: float, day: Day) -> Standing:
    """Return the limit that is nearest to its end; `limits` has at least one."""
    found = []
    if limits.daily is not None:
        count = usage.mails if usage.day == day.name else 0
        found.append(Standing(limits.daily, max(0, limits.daily - count), day.seconds_left))
    if limits.rate is not None:
        found.append(_of_rate(limits.rate, max(0.0, usage.free_at / 1000 - now)))
    return min(found, key=lambda each: each.remaining)


def without(usage: Usage, limits: Limits, mails: int, day: Day) -> Usage:
    """Return the usage without `mails` that were counted before."""
    if limits.rate is not None:
        usage = usage._replace(free_at=usage.free_at - math.ceil(mails / limits.rate * 1000))
    if limits.daily is not None and usage.day == day.name:
        usage = usage._replace(mails=max(0, usage.mails - mails))
    return usage


def day_at(now: float, zone: tzinfo) -> Day:
    """Return the day that it is at `now` (epoch seconds) in a time zone."""
    here = datetime.fromtimestamp(now, zone)
    tomorrow = datetime(here.year, here.month, here.day, tzinfo=zone) + timedelta(days=1)
    # Compare the moments: on some days the clocks change.
    left = tomorrow.timestamp() - now
    return Day(here.date().isoformat(), max(1, math.ceil(left)))


def time_zone(name: str) -> tzinfo | None:
    """Return a time zone by its name; None if this machine does not know it."""
    if name == _RIYADH:
        return timezone(timedelta(hours=3), name)  # since 1947, and without a database
    if name == "UTC":
        return UTC
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # noqa: PLC0415  few callers have a quota

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _of_rate(rate: int, used: float) -> Standing:
    return Standing(
        rate, max(0, math.floor(rate * (_BURST_SECONDS - used) + 0.001)), math.ceil(used)
    )
