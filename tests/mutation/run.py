"""Runs tests against mutants: collected once, then a process for each mutant, forked from there.

A first process runs every test once, and notes how long it took and which functions it called; for
a mutant only tests are run that called its function, the most specific ones first.
"""

import json
import os
import resource
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
from _pytest.runner import runtestprotocol

from tests.mutation.generate import Mutant
from tests.mutation.switch import SWITCH

NO_TEST: Final = "no test"
LIVES: Final = "lives"
KILLED: Final = "killed"
TIMED_OUT: Final = "timed out"

_POLL_SECONDS: Final = 0.01


@dataclass(frozen=True, slots=True)
class Limits:
    """How long things may take, in seconds.

    `slowest` is the longest test that takes part, `mutant` what the tests of one mutant may take
    together, by their times without a mutant. A mutant gets several times as much before it counts
    as caught by its time: of processor time, as others may use the machine.
    """

    slowest: float = 0.5
    mutant: float = 5.0


@dataclass(frozen=True, slots=True)
class _Test:
    item: pytest.Item
    seconds: float
    breadth: int


class MutationRun:
    """A plugin of pytest's: takes the place of running the tests that were collected."""

    def __init__(self, mutants: Sequence[Mutant], children: int, limits: Limits) -> None:
        self._mutants = mutants
        self._children = children
        self._limits = limits
        self.results: dict[str, str] = {}
        self.passed = 0

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Map the tests, then try each mutant."""
        if session.testsfailed:
            # What its tests would have caught would count as not noticed.
            raise session.Interrupted("a test module cannot be read; its error is above")
        by_function = self._mapped(session)
        session.config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]  # noqa: SLF001  shared by all
        waiting = iter(self._mutants)
        running: dict[int, tuple[Mutant, float]] = {}
        done = 0
        while True:
            while len(running) < self._children and (mutant := next(waiting, None)):
                tests = self._chosen(by_function.get(f"{mutant.module}.{mutant.function}", []))
                if not tests:
                    self._note(mutant, NO_TEST)
                    continue
                seconds = sum(test.seconds for test in tests)
                pid = _fork(partial(_try, mutant, tests, seconds))
                running[pid] = (mutant, time.monotonic() + 60 + 20 * seconds)
            if not running:
                return True
            for pid, code in _ended(running):
                mutant = running.pop(pid)[0]
                self._note(mutant, {0: LIVES, 1: KILLED}.get(code, TIMED_OUT))
                done += 1
                if done % 500 == 0:
                    print(f"{done:,} of {len(self._mutants):,} tried", flush=True)  # noqa: T201

    def _note(self, mutant: Mutant, result: str) -> None:
        self.results[f"{mutant.module}.{mutant.name}"] = result

    def _chosen(self, tests: Sequence[_Test]) -> list[_Test]:
        """Return the most specific tests, as many as the time holds."""
        chosen: list[_Test] = []
        left = self._limits.mutant
        for test in sorted(tests, key=lambda test: (test.breadth, test.seconds)):
            if chosen and test.seconds > left:
                continue
            chosen.append(test)
            left -= test.seconds
        return chosen

    def _mapped(self, session: pytest.Session) -> dict[str, list[_Test]]:
        paths = [Path(f"map-{part}.json") for part in range(self._children)]
        parts = [session.items[part :: self._children] for part in range(self._children)]
        pids = [_fork(partial(_map, *given)) for given in zip(parts, paths, strict=True)]
        for pid in pids:
            os.waitpid(pid, 0)
        notes: dict[str, Any] = {}
        for path in paths:
            notes |= json.loads(path.read_text("utf-8"))
        found: dict[str, list[_Test]] = {}
        for item in session.items:
            seconds, passed, touched = notes.get(item.nodeid, (0.0, False, []))
            if passed and seconds <= self._limits.slowest:
                self.passed += 1
                for function in touched:
                    found.setdefault(function, []).append(_Test(item, seconds, len(touched)))
        return found


def _map(items: Sequence[pytest.Item], path: Path) -> int:
    """Run each test by itself; note its time, whether it passed, and the functions it called."""
    notes: dict[str, tuple[float, bool, list[str]]] = {}
    for item in items:
        SWITCH.touched = set()
        began = time.process_time()
        reports = runtestprotocol(item, nextitem=None, log=False)
        seconds = time.process_time() - began
        passed = all(report.passed for report in reports)
        notes[item.nodeid] = (seconds, passed, sorted(SWITCH.touched))
    path.write_text(json.dumps(notes), "utf-8")
    return 0


def _try(mutant: Mutant, tests: Sequence[_Test], seconds: float) -> int:
    most = int(10 + 10 * seconds)
    resource.setrlimit(resource.RLIMIT_CPU, (most, most + 5))
    SWITCH.module, SWITCH.mutant = mutant.module, mutant.name
    items = [test.item for test in tests]
    for item, following in zip(items, [*items[1:], None], strict=True):
        if any(report.failed for report in runtestprotocol(item, nextitem=following, log=False)):
            return 1
    return 0


def _fork(work: Callable[[], int]) -> int:
    """Do `work` in a process of its own, in silence; its result is the exit code."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        os.setpgid(0, 0)
        silence = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(silence, stream)
        code = work()
    except BaseException:  # noqa: BLE001  a mutant may raise anything: it is caught
        code = 1
    finally:
        os._exit(code)


def _ended(running: dict[int, tuple[Mutant, float]]) -> Iterator[tuple[int, int]]:
    """Return the processes that have ended, with their codes; those past their time are killed."""
    ended: list[tuple[int, int]] = []
    while not ended:
        for pid, (_, last) in running.items():
            found, status = os.waitpid(pid, os.WNOHANG)
            if found:
                ended.append((pid, os.waitstatus_to_exitcode(status)))
            elif time.monotonic() > last:
                with suppress(ProcessLookupError):
                    os.killpg(pid, signal.SIGKILL)
        time.sleep(0 if ended else _POLL_SECONDS)
    yield from ended
