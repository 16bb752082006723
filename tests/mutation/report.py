"""The score: how many of the small changes to each module the tests noticed.

What lives on is listed; fewer than LEAST percent caught are a failure.
"""

import sys
from collections.abc import Mapping, Sequence
from typing import Final

from tests.mutation.generate import Mutant
from tests.mutation.run import KILLED, NO_TEST, TIMED_OUT

LEAST: Final = 90


def report(mutants: Sequence[Mutant], results: Mapping[str, str], tests: int) -> int:
    """Print what lives, then the score of each module; return 1 where it is too low."""
    tried = [mutant for mutant in mutants if _key(mutant) in results]
    alive = [mutant for mutant in tried if not _is_caught(results[_key(mutant)])]
    for mutant in alive:
        why = " (no test)" if results[_key(mutant)] == NO_TEST else ""
        _say(f"{_key(mutant)}{why}: {mutant.before}  ->  {mutant.after}")
    for module in dict.fromkeys(mutant.module for mutant in mutants):
        _say(_score(module, [mutant for mutant in mutants if mutant.module == module], results))
    caught = len(tried) - len(alive)
    _say(f"{tests:,} tests; {caught:,} of {len(tried):,} caught, of {len(mutants):,} mutants")
    return int(not tried or caught * 100 < LEAST * len(tried))


def _score(module: str, mutants: Sequence[Mutant], results: Mapping[str, str]) -> str:
    tried = [results[_key(mutant)] for mutant in mutants if _key(mutant) in results]
    caught = sum(map(_is_caught, tried))
    part = f"{caught / len(tried):.0%}" if tried else "-"
    sampled = "" if len(tried) == len(mutants) else f" (sample of {len(mutants):,})"
    return f"| `{module}` | {caught:,} of {len(tried):,}{sampled} | {part} |"


def _is_caught(result: str) -> bool:
    return result in {KILLED, TIMED_OUT}


def _key(mutant: Mutant) -> str:
    return f"{mutant.module}.{mutant.name}"


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
