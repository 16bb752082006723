"""The world stands in for the real one in all tests of this folder; the counts are printed."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from typing import Protocol

import pytest

from tests.faults.installation import installed

_PROPERTY = "faults"


class Figures(Protocol):
    """What can be put into the summary."""

    def summary(self) -> dict[str, object]: ...  # `counts`, and `boundaries` and `struck` if any


Publish = Callable[[str, Figures], None]


@pytest.fixture(autouse=True, scope="module")
def _world() -> Iterator[None]:
    with installed():
        yield


@pytest.fixture
def publish(record_property: Callable[[str, object], None]) -> Publish:
    """Put counts into the summary, under a heading; by the test's report, whoever runs it."""

    def put(heading: str, counts: Figures) -> None:
        record_property(_PROPERTY, {"heading": heading, **counts.summary()})

    return put


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the counts, also when all is well."""
    totals: dict[str, Counter[str]] = defaultdict(Counter)
    boundaries: set[str] = set()
    struck: Counter[str] = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, value in getattr(report, "user_properties", ()):
                if name == _PROPERTY and report.when == "call":
                    totals[value["heading"]].update(value["counts"])
                    boundaries.update(value.get("boundaries", ()))
                    struck.update(value.get("struck", {}))
    if not totals:
        return
    terminalreporter.section("faults")
    for heading, counts in totals.items():
        figures = ", ".join(f"{count:,} {name}" for name, count in counts.items())
        terminalreporter.write_line(f"{heading}: {figures}")
    if not boundaries:
        return
    terminalreporter.write_line(f"{len(boundaries)} boundaries: {', '.join(sorted(boundaries))}")
    kinds = ", ".join(f"{name} {count:,}" for name, count in sorted(struck.items()))
    terminalreporter.write_line(f"{len(struck)} kinds of faults struck: {kinds}")
