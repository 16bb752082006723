"""What the model went through is printed, also when all is well."""

import pytest

_PROPERTY = "model"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the counts."""
    lines = [
        value
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", "") == "call"
        for name, value in report.user_properties
        if name == _PROPERTY
    ]
    if lines:
        terminalreporter.section("model")
    for heading, figures in lines:
        counts = ", ".join(f"{count:,} {name}" for name, count in figures.items())
        terminalreporter.write_line(f"{heading}: {counts}")
