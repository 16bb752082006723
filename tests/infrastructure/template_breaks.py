"""Break the template in each way of breaks.py, and see whether the tests of this folder notice.

    python -m tests.infrastructure.template_breaks [--sample N | words of the breaks to try]

Fewer than LEAST percent noticed are a failure.
"""

import contextlib
import io
import logging
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from copy import deepcopy
from functools import cache
from typing import Any, Final

import pytest

from tests.infrastructure import calls, expansion
from tests.infrastructure.breaks import Break, Path, breaks

LEAST: Final = 95
SEED: Final = 13
# Whose tests are about the template alone; those most likely to notice come first, by type.
FILES: Final = (
    "alarms",
    "api",
    "calls",
    "closures",
    "dashboard",
    "domain",
    "functions",
    "network",
    "parameters",
    "permissions",
    "queues",
    "review",
    "storage",
)
FIRST: Final = {
    "AWS::CloudWatch::Alarm": ("review",),
    "AWS::DynamoDB::Table": ("storage",),
    "AWS::IAM::Policy": ("calls",),
    "AWS::IAM::Role": ("calls", "permissions"),
    "AWS::Logs::LogGroup": ("functions",),
    "AWS::SQS::Queue": ("queues",),
    "AWS::SQS::QueuePolicy": ("queues",),
    "AWS::SecretsManager::Secret": ("storage",),
    "AWS::Serverless::Api": ("api",),
    "AWS::Serverless::Function": ("functions", "queues", "review"),
    "Mappings": ("queues", "review"),
    "Outputs": ("review", "storage"),
    "Parameters": ("parameters",),
}
OPTIONS: Final = (
    *("-x", "-q", "--assert=plain", "-p", "no:cacheprovider"),
    *("-p", "no:hypothesispytest", "-p", "no:schemathesis", "-p", "no:playwright"),
)


def prepare() -> None:
    """Load once what every try needs."""
    logging.disable(logging.WARNING)
    calls.needs()
    expansion.expanded()


def noticed(broken: Break) -> bool:
    """Say whether a test fails on a broken template."""
    template = expansion.raw()
    place = broken.path[0]
    if place == "Resources":
        place = template["Resources"][broken.path[1]]["Type"]
    first = FIRST.get(str(place), ())
    changed = broken.apply(template)
    if changed == template:
        raise ValueError(f"{broken} changes nothing")
    rest = [name for name in FILES if name not in first]
    quick = _expanded(changed, broken.path)
    return bool(first and _fails(changed, first, quick)) or _fails(changed, rest, quick)


def _expanded(changed: dict[str, Any], path: Path) -> dict[str, Any] | None:
    """Return a broken template as SAM expands it, where it leaves the part alone; else None.

    SAM takes most of the time of a try.
    """
    section, name = path[0], path[1]
    whole, base = expansion.raw(), expansion.expanded()
    if section not in {"Resources", "Outputs", "Conditions"}:
        return None
    if base[section].get(name) != whole[section][name] or name not in changed[section]:
        return None
    return {**base, section: {**base[section], name: changed[section][name]}}


def _fails(
    template: dict[str, Any], files: Sequence[str], quick: dict[str, Any] | None = None
) -> bool:
    """Run the tests of some files on a template, in a process of its own.

    `quick` is the template expanded, if that is known.
    """
    pid = os.fork()
    if pid:
        _, status = os.waitpid(pid, 0)
        return os.waitstatus_to_exitcode(status) != 0
    code = 70
    try:
        expansion.raw = lambda: deepcopy(template)
        expansion.expanded.cache_clear()
        if quick is not None:
            expansion.expanded = cache(lambda: quick)
        paths = [f"tests/infrastructure/test_{name}.py" for name in files]
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            code = int(pytest.main([*OPTIONS, *paths]))
    finally:
        os._exit(code)


def main(arguments: Sequence[str]) -> int:
    """Try the breaks that are asked for; print those that were not noticed, and the score."""
    prepare()
    # `make test` has just run them itself when it tries a sample.
    if "--sample" not in arguments and _fails(expansion.raw(), FILES):
        sys.stdout.write("The tests fail on the template as it is.\n")
        return 2
    begin = time.monotonic()
    chosen = _chosen(breaks(expansion.raw()), arguments)
    tried = Counter(one.kind for one in chosen)
    alive: Counter[str] = Counter()
    for one in chosen:
        if not noticed(one):
            alive[one.kind] += 1
            sys.stdout.write(f"NOT NOTICED {one}\n")
            sys.stdout.flush()
    for kind, number in sorted(tried.items()):
        sys.stdout.write(f"{kind:<18} {number - alive[kind]} of {number}\n")
    done = len(chosen) - alive.total()
    share = 100 * done / max(1, len(chosen))
    seconds = time.monotonic() - begin
    sys.stdout.write(f"{done} of {len(chosen)} noticed, {share:.1f}%, {seconds:.0f} s\n")
    return int(not chosen or share < LEAST)


def _chosen(found: list[Break], arguments: Sequence[str]) -> list[Break]:
    """Return all, those with a word in their name, or with --sample N as many drawn at random."""
    if not arguments:
        return found
    if arguments[0] == "--sample":
        return random.Random(SEED).sample(found, int(arguments[1]))  # noqa: S311 - guards nothing
    return [one for one in found if any(word in str(one) for word in arguments)]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
