"""How long the balance lasts, and whether that is proven. Pure.

Taqnyat does not document that the balance of `/account/balance` pays for mails. It is proven while
it falls by the prices of the sent mails; then its fall shows how long it lasts. While it does not
(another channel uses it too, or another balance pays), there is no forecast.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from outbox.storage.money import Reading

HOUR: Final = 3600
MIN_MAILS: Final = 20
_WITHIN: Final = Decimal("0.1")
_MINUTE: Final = 60
_EXPIRES_SOON: Final = timedelta(days=14)
# Metrics appear some minutes after the mails that they count.
SETTLED_SECONDS: Final = 300


class Proof(StrEnum):
    """Whether the balance falls by the prices of the mails."""

    OPEN = "open"  # not known yet: too short a time, or too few mails
    AGREES = "agrees"
    DIFFERS = "differs"


@dataclass(frozen=True, slots=True)
class Spent:
    """The prices of the mails that were sent in the minute that began at `at` (epoch seconds)."""

    at: int
    amount: Decimal
    mails: int


@dataclass(frozen=True, slots=True)
class Forecast:
    """The forecast from the newest readings; amounts are in the account's currency.

    `seconds_left` is None when nothing is proven, or nothing was spent in the last hour.
    """

    proof: Proof
    fell: Decimal = Decimal(0)
    spent: Decimal = Decimal(0)
    mails: int = 0
    seconds: int = 0
    seconds_left: int | None = None


def forecast(readings: Sequence[Reading], spent: Sequence[Spent], now: float) -> Forecast:
    """Compare the fall of the balance with the prices of the mails, and forecast how long it lasts.

    A time in which the balance rose had a top-up, and is left out on both sides.
    """
    falls = [(one, two) for one, two in pairwise(readings) if two.balance <= one.balance]
    found = _compared([pair for pair in falls if pair[1].at <= now - SETTLED_SECONDS], spent)
    if found.proof is not Proof.AGREES:
        return found
    left = _seconds_left(readings[-1].balance, falls)
    return Forecast(found.proof, found.fell, found.spent, found.mails, found.seconds, left)


def expires_soon(expires: str, today: date) -> bool:
    """Return whether the account's last day (ISO 8601; empty: not known) is near or past."""
    return bool(expires) and date.fromisoformat(expires) - today <= _EXPIRES_SOON


def _compared(falls: list[tuple[Reading, Reading]], spent: Sequence[Spent]) -> Forecast:
    """Compare the newest falls, as few as give a long enough time with enough mails."""
    fell = paid = mails = Decimal(0)
    seconds = 0
    proof = Proof.OPEN
    for one, two in reversed(falls):
        fell += one.balance - two.balance
        seconds += two.at - one.at
        for minute in spent:
            share = _overlap(minute.at, one.at, two.at)
            paid += minute.amount * share
            mails += minute.mails * share
        if seconds >= HOUR and mails >= MIN_MAILS:
            close = paid > 0 and abs(fell - paid) <= paid * _WITHIN
            proof = Proof.AGREES if close else Proof.DIFFERS
            break
    return Forecast(proof, fell, round(paid, 3), round(mails), seconds)


def _overlap(minute: int, begin: int, end: int) -> Decimal:
    common = min(minute + _MINUTE, end) - max(minute, begin)
    return Decimal(max(common, 0)) / _MINUTE


def _seconds_left(balance: Decimal, falls: list[tuple[Reading, Reading]]) -> int | None:
    """Divide the balance by its fall in the last hour."""
    if balance <= 0:
        return 0
    fell = Decimal(0)
    seconds = 0
    for one, two in reversed(falls):
        fell += one.balance - two.balance
        seconds += two.at - one.at
        if seconds >= HOUR:
            break
    return int(balance * seconds / fell) if fell > 0 else None
