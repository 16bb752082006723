"""`make mutation`: changes the code in small ways, one at a time; the tests must notice.

Run in a folder of its own, which has a copy of all code: it is changed there.
"""

import argparse
import fnmatch
import json
import random
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

import pytest

from tests.mutation.generate import Mutant, is_wording, mutate
from tests.mutation.report import report
from tests.mutation.run import Limits, MutationRun

PACKAGES: Final = (
    "taqnyat",
    "outbox",
    "mail_authorize",
    "mail_events",
    "mail_send",
    "mail_status",
    "mail_webhooks",
    "ops",
)
_MUTANTS: Final = Path("mutants.json")
_RESULTS: Final = Path("results.json")


def main() -> int:
    """Try the mutants that are asked for, and tell how many were caught."""
    parser = argparse.ArgumentParser(prog="make mutation", description=__doc__)
    parser.add_argument("modules", nargs="*", help="patterns, as outbox.sending.*")
    parser.add_argument("--sample", type=int, default=0, help="so many of each module; 0: all")
    parser.add_argument("--seed", type=int, default=13, help="another draws other ones")
    parser.add_argument("--children", type=int, default=1, help="processes at once")
    parser.add_argument("--seconds", type=float, default=5.0, help="of tests for one mutant")
    parser.add_argument("--tests", nargs="*", default=["tests/unit"], help="files and folders")
    given = parser.parse_args()
    every = _mutants(given.modules or ["*"])
    mutants = [mutant for mutant in every if not is_wording(mutant)]
    print(f"{len(every) - len(mutants):,} of {len(every):,} mutants only reword a text: left out")  # noqa: T201
    drawn = _drawn(mutants, given.sample, given.seed)
    run = MutationRun(drawn, given.children, Limits(mutant=given.seconds))
    pytest.main(["-q", "-s", "-p", "no:cacheprovider", *given.tests], plugins=[run])
    known = json.loads(_RESULTS.read_text("utf-8")) if _RESULTS.exists() else {}
    _RESULTS.write_text(json.dumps(known | run.results), "utf-8")
    return report(mutants, run.results, run.passed)


def _mutants(patterns: Sequence[str]) -> list[Mutant]:
    """Return the mutants of some modules; those of a module are written into it the first time."""
    known = json.loads(_MUTANTS.read_text("utf-8")) if _MUTANTS.exists() else {}
    found: list[Mutant] = []
    for path in (path for package in PACKAGES for path in sorted(Path(package).rglob("*.py"))):
        module = ".".join(path.with_suffix("").parts).removesuffix(".__init__")
        if not any(fnmatch.fnmatchcase(module, pattern) for pattern in patterns):
            continue
        if module not in known:
            known[module] = [asdict(mutant) for mutant in mutate(path, module)]
            _MUTANTS.write_text(json.dumps(known), "utf-8")
        found += [Mutant(**entry) for entry in known[module]]
    return found


def _drawn(mutants: list[Mutant], sample: int, seed: int) -> list[Mutant]:
    """Draw so many mutants of each module, the same each time for a seed."""
    if not sample:
        return mutants
    chosen: list[Mutant] = []
    for module in dict.fromkeys(mutant.module for mutant in mutants):
        inside = [mutant for mutant in mutants if mutant.module == module]
        chosen += random.Random(f"{seed} {module}").sample(inside, min(sample, len(inside)))  # noqa: S311  draws a sample
    return chosen


if __name__ == "__main__":
    sys.exit(main())
