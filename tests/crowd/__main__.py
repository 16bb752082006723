"""`make crowd`: many mails at once, with production's times; a table at the end.

    python -m tests.crowd [--seed N] [--scale 0.1] [SCENARIO ...]

Each live scenario has a local stack of its own; the others are simulated.
Exit code 1 if one missed its goal. The figures before are those of 0.1.0.
"""

import argparse
import sys
import time
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
_TESTS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["pytest"][
    "ini_options"
]
sys.path[:0] = [str(ROOT / path) for path in _TESTS["pythonpath"]]

from tests.crowd.beside import BESIDE  # noqa: E402 - found by the path above
from tests.crowd.campaign import CAMPAIGN  # noqa: E402 - found by the path above
from tests.crowd.company import COMPANIES  # noqa: E402 - found by the path above
from tests.crowd.limits import LIMITS  # noqa: E402 - found by the path above
from tests.crowd.list_in_memory import LISTS  # noqa: E402 - found by the path above
from tests.crowd.money import MONEY  # noqa: E402 - found by the path above
from tests.crowd.scenarios import LIVE, Row, Run  # noqa: E402 - found by the path above

SCENARIOS = {**LIVE, **COMPANIES, **BESIDE, **CAMPAIGN, **LISTS, **LIMITS, **MONEY}
OUT = ROOT / "build" / "crowd.md"
_MARKS = {True: "yes", False: "**no**", None: ""}


def main() -> int:
    """Run the scenarios, print each as it ends, and write the table."""
    parser = argparse.ArgumentParser(prog="make crowd", description=__doc__)
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help=", ".join(SCENARIOS))
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of what is drawn")
    parser.add_argument("--scale", type=float, default=1.0, help="the share of the mails")
    given = parser.parse_args()
    if unknown := set(given.scenarios) - SCENARIOS.keys():
        parser.error(f"no such scenario: {', '.join(sorted(unknown))}")
    run = Run(given.seed, given.scale)
    rows: list[Row] = []
    for name in given.scenarios or SCENARIOS:
        _say(f"{name} ...")
        begin = time.monotonic()
        found = SCENARIOS[name](run)
        rows += found
        for row in found:
            _say(_line(row))
        _say(f"{name}: {time.monotonic() - begin:.0f} s")
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(_table(rows, run), "utf-8")
    _say(f"{OUT.name} is written; seed {run.seed}")
    return int(any(row.good is False for row in rows))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _table(rows: list[Row], run: Run) -> str:
    head = ["what", "0.1.0", "goal", "now", "kept"]
    lines = [" | ".join(head), " | ".join("---" for _ in head), *map(_line, rows)]
    return f"Seed {run.seed}, {run.scale:.0%} of the mails.\n\n" + "\n".join(lines) + "\n"


def _line(row: Row) -> str:
    return " | ".join((row.what, row.before, row.goal, row.after, _MARKS[row.good]))


if __name__ == "__main__":
    sys.exit(main())
