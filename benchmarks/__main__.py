"""`python -m benchmarks`: measure, print the table, and write it down.

--quick     few rounds and no instruction counts; checks that all runs, judges and writes nothing
--python    the interpreter to measure; Lambda's version is meant
--only      the measures to run, such as start,batch; writes nothing
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks import bill, container, report, sites, startup, throughput
from benchmarks.processes import FarSideProcess, far_side
from benchmarks.results import Results
from benchmarks.sites import Sites


@dataclass(frozen=True, slots=True)
class Effort:
    """How much of each measure a run takes."""

    rounds: int
    starts: int
    hundreds: int  # of mails, for memory
    mails: int  # for the bill
    taqnyat_ms: int  # its answers then
    posts: int  # mails a round through the local stack; 0 leaves it out
    counts: bool


WHOLE = Effort(
    rounds=15, starts=21, hundreds=100, mails=300, taqnyat_ms=200, posts=100, counts=True
)
QUICK = Effort(rounds=2, starts=1, hundreds=3, mails=100, taqnyat_ms=20, posts=0, counts=False)


def main() -> int:
    """Run; return the exit code, which says nothing about speed."""
    given = _parse()
    effort = QUICK if given.quick else WHOLE
    results = Results()
    before = os.getloadavg()
    found = sites.prepare(given.python)
    if not found.byte_code:
        results.skipped.append("byte-code as built: made here, `sam build` found no python3.13")
    with far_side() as far:
        for name, measure in _measures(given.python, found, far, results, effort).items():
            if given.only is None or name in given.only:
                print(f"measuring {name} ...", file=sys.stderr, flush=True)
                measure()
    results.rows.sort(key=lambda row: int(row.number))
    plain = {
        "measured_at": time.strftime("%Y-%m-%d"),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
        "python": _version(given.python),
        "load": " and ".join(f"{load[0]:.1f}" for load in (before, os.getloadavg())),
        "layer_zip_bytes": found.zip_bytes,
        **results.plain(),
    }
    print(report.table(plain["rows"]))
    for reason in results.skipped:
        print(f"left out: {reason}")
    if not given.quick and given.only is None:
        report.write(plain)
    return 0


def _measures(
    python: str, found: Sites, far: FarSideProcess, results: Results, effort: Effort
) -> dict[str, Callable[[], None]]:
    measures: dict[str, Callable[[], None]] = {
        "start": lambda: startup.measure(
            python, found, far, results, effort.starts, counts=effort.counts
        ),
        "batch": lambda: container.measure_batch(python, found, far, results, effort.rounds),
        "cpu": lambda: container.measure_cpu(python, found, far, results, effort.rounds),
        "calls": lambda: container.measure_calls(python, found, far, results),
        "memory": lambda: container.measure_memory(python, found, far, results, effort.hundreds),
        "post": lambda: container.measure_post(python, found, far, results, effort.rounds),
        "bill": lambda: bill.measure(python, found, far, results, effort.mails, effort.taqnyat_ms),
    }
    if effort.posts:
        measures["stack"] = lambda: throughput.measure(results, 11, effort.posts)
    else:
        results.skipped.append("mails a second through the local stack: left out of a quick run")
    return measures


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--only", type=lambda text: text.split(","))
    return parser.parse_args()


def _version(python: str) -> str:
    command = [python, "-c", "import platform; print(platform.python_version())"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
