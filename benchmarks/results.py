"""What a run found: one row a measure, and the details behind the pictures."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.rounds import Spread, ratio


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A measure beside its reference.

    `number` is the issue's; `goal` the most that `value` may be, in `unit` ("x" for a ratio of
    medians); `low` and `high` are the quartiles of the rounds where there were any.
    """

    number: str
    what: str
    reference: str
    goal: float
    value: float
    unit: str = "x"
    low: float | None = None
    high: float | None = None
    rounds: int = 1
    note: str = ""

    @property
    def met(self) -> bool:
        """Whether the goal is reached."""
        return self.value <= self.goal


@dataclass(slots=True)
class Results:
    """Rows, details by name, and what was left out and why."""

    rows: list[Row] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)

    def compare(
        self,
        number: str,
        what: str,
        reference: str,
        goal: float,
        values: list[float],
        others: list[float],
        note: str = "",
    ) -> None:
        """Add the ratio of two interleaved lists of rounds."""
        found = ratio(values, others)
        self.rows.append(
            Row(
                number=number,
                what=what,
                reference=reference,
                goal=goal,
                value=round(found.median, 3),
                low=round(found.low, 3),
                high=round(found.high, 3),
                rounds=found.rounds,
                note=note,
            )
        )

    def keep(self, name: str, lists: dict[str, list[float]]) -> None:
        """Keep the spread of each list of rounds among the details."""
        self.details[name] = {key: Spread.of(values).plain() for key, values in lists.items()}

    def plain(self) -> dict[str, Any]:
        """Make it ready for JSON."""
        return {
            "rows": [{**asdict(row), "met": row.met} for row in self.rows],
            "details": self.details,
            "skipped": self.skipped,
        }
