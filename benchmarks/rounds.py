"""Interleaved rounds: each contender once a round, so that a noisy neighbour hits all alike."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Spread:
    """Median and quartiles of the rounds."""

    median: float
    low: float
    high: float
    rounds: int

    @classmethod
    def of(cls, values: list[float]) -> Spread:
        """Take the quartiles; with fewer than three values, the ends."""
        if len(values) < 3:  # noqa: PLR2004
            return cls(statistics.median(values), min(values), max(values), len(values))
        low, _, high = statistics.quantiles(values, n=4, method="inclusive")
        return cls(statistics.median(values), low, high, len(values))

    def plain(self, digits: int = 6) -> dict[str, float]:
        """Make it ready for JSON."""
        return {key: round(value, digits) for key, value in asdict(self).items()}


def interleaved(
    contenders: Mapping[str, Callable[[], float]], rounds: int, warmup: int = 1
) -> dict[str, list[float]]:
    """Run every contender `warmup` + `rounds` times, in turns; return what each one returned.

    Every second round goes backwards, so that no contender always follows the same one.
    """
    found: dict[str, list[float]] = {name: [] for name in contenders}
    names = list(contenders)
    for number in range(-warmup, rounds):
        for name in names if number % 2 else reversed(names):
            value = contenders[name]()
            if number >= 0:
                found[name].append(value)
    return found


def ratio(values: list[float], reference: list[float]) -> Spread:
    """Compare round by round: what slowed one round slowed both."""
    return Spread.of([a / b for a, b in zip(values, reference, strict=True)])
