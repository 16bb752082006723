"""The figures of what it costs: the same in both pages, and those of the template and the bill."""

import json
import re
from pathlib import Path

from benchmarks.report import million
from tests.infrastructure.resolution import Deployment

ROOT = Path(__file__).parents[2]
OPERATIONS = (ROOT / "docs/operations.md").read_text("utf-8")
PERFORMANCE = (ROOT / "docs/performance.md").read_text("utf-8")
FREE_ALARMS, ALARM = 10, 0.10


def test_a_million_mails_cost_the_same_in_both_pages() -> None:
    measured = json.loads((ROOT / "benchmarks/results.json").read_text("utf-8"))["details"]
    [told] = re.findall(r"each million mails\*\*, posted one by one \| \*\*about (\d+)", OPERATIONS)
    parts = re.search(r"The \d+ USD are (.+), as \[measured\]", OPERATIONS, re.DOTALL)

    assert parts
    assert told == f"{million(measured):.0f}"
    assert rf"cost about \${told}, with their records" in PERFORMANCE
    figures = [float(figure) for figure in re.findall(r"\d\.\d\d", parts[1])]
    assert round(sum(figures)) == int(told)
    assert f"The {told} USD are" in OPERATIONS


def test_data_out_costs_the_same_in_both_pages() -> None:
    [told] = re.findall(r"data out .+ \| (\d+) \(Arabic\), (\d+) \(English\)", OPERATIONS)

    for figure in told:
        assert rf"\${figure}" in PERFORMANCE
    # 50 KB, as form encoding makes them, at 0.09 USD a GB
    assert [round(50 * grown * 0.09) for grown in (2.6, 1.05)] == [int(figure) for figure in told]


def test_the_alarms_cost_what_is_told() -> None:
    [(count, cost)] = re.findall(r"\| (\d+) alarms \(beyond 10.+ \| (\d\.\d\d) \|", OPERATIONS)
    alarms = Deployment().of("AWS::CloudWatch::Alarm")

    assert int(count) == len(alarms)
    assert float(cost) == round((len(alarms) - FREE_ALARMS) * ALARM, 2)


def test_the_measured_page_says_what_its_source_says() -> None:
    source = (ROOT / "benchmarks/performance.md").read_text("utf-8")
    fixed = [line for line in source.splitlines() if not re.search(r"\$[a-z]", line)]

    assert len(fixed) > 50
    assert [line for line in fixed if line.replace("$$", "$") not in PERFORMANCE] == []
