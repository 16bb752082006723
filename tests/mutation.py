"""The score of `make mutation`: how many of the small changes to the core the tests noticed.

What lives on is listed; fewer than LEAST percent killed are a failure.
"""

import json
import sys
from pathlib import Path

MUTANTS = Path("build/mutation/mutants")
LEAST = 90
# mutmut's codes of a mutant that is caught: by a test, by its time limit.
CAUGHT = {1, 3, -24, 24, 36, 152, 255}


def main() -> int:
    """Print the score per module, and the mutants that live."""
    killed = total = 0
    alive: list[str] = []
    for path in sorted(MUTANTS.rglob("*.py.meta")):
        codes: dict[str, int | None] = json.loads(path.read_text())["exit_code_by_key"]
        tried = {name: code for name, code in codes.items() if code is not None}
        if not tried:
            continue
        lives = [name for name, code in tried.items() if code not in CAUGHT]
        alive += lives
        dead = len(tried) - len(lives)
        killed, total = killed + dead, total + len(tried)
        module = path.relative_to(MUTANTS).with_suffix("")
        line = f"{module}: {dead:,} of {len(tried):,} killed, {dead / len(tried):.1%}"
        left = len(codes) - len(tried)
        sys.stdout.write(f"{line}, {left:,} not tried\n" if left else f"{line}\n")
    sys.stdout.write("\n".join(alive) + "\n")
    sys.stdout.write(f"{killed:,} of {total:,} killed\n")
    return int(killed * 100 < LEAST * total or not total)


if __name__ == "__main__":
    sys.exit(main())
