"""An application that sends steadily for simulated hours, and the account's money meanwhile."""

from collections.abc import Callable
from decimal import Decimal
from itertools import count
from typing import Any

from tests.faults.accounts import MINUTE, START
from tests.faults.world import World

HOUR = 60 * MINUTE
# Taqnyat's top-up takes up to two; the alarm's default is three.
WARN_HOURS = 3.0


class Shop:
    """An application that sends steadily, in a world whose schedule checks each minute."""

    def __init__(self, a_minute: float = 1.0, **environment: Any) -> None:
        self.world = World(**environment)
        self.topic = self.world.sns.notices
        self._names = (f"mail {number}" for number in count())
        self._a_minute = a_minute
        self._due = 0.0
        self.hours: list[tuple[float, float]] = []

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return self.world.now - START

    def minute(self) -> None:
        """Let a minute pass: mails are sent at its begin, then the status check runs."""
        world = self.world
        end = world.now + MINUTE
        self._due += self._a_minute
        while self._due >= 1:
            self._due -= 1
            world.drop(next(self._names))
        while world.poll():
            pass
        seen = len(world.cloudwatch.data)
        world.check()
        for datum in world.cloudwatch.data[seen:]:
            if datum["MetricName"] == "BalanceHoursLeft":
                self.hours.append((self.elapsed, datum["Value"]))
        world.wait(max(0.0, end - world.now))

    def run(self, hours: float, each: Callable[[], None] = lambda: None) -> None:
        """Let hours pass."""
        for _ in range(round(hours * 60)):
            self.minute()
            each()

    def until_paused(self, hours: float) -> float:
        """Let hours pass; return the hour at which sending was paused."""
        for _ in range(round(hours * 60)):
            self.minute()
            if self.world.paused:
                return self.elapsed / HOUR
        raise AssertionError

    @property
    def first_alarm(self) -> float | None:
        """The hour of the first measure below the alarm's threshold."""
        return next((at / HOUR for at, left in self.hours if left < WARN_HOURS), None)

    def told(self) -> list[str]:
        """Return the subjects of the notices."""
        return [notice["Subject"].partition(": ")[2] for notice in self.topic]


LIES: dict[str, Callable[[World, Decimal], None]] = {
    "always the same": lambda world, _: setattr(world.taqnyat, "balance_reply", Decimal(40)),
    "falls by half as much": lambda world, spent: setattr(
        world.taqnyat, "balance_reply", 400 - spent / 2
    ),
    "falls by a fifth more": lambda world, spent: setattr(
        world.taqnyat, "balance_reply", 500 - spent * Decimal("1.2")
    ),
    "falls by itself": lambda world, _: setattr(
        world.taqnyat, "balance_reply", 400 - Decimal(world.now - START) / 30
    ),
}
