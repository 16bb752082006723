"""How a batch's deliveries run side by side: one after the other, or all of them in step.

In step, each delivery makes one call, then the next delivery makes one: a crash finds all of them
half way. Both are deterministic; only one thread ever runs.
"""

import threading
from collections.abc import Callable, Iterable
from contextvars import copy_context
from typing import Any, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Serial:
    """One after the other. Takes the place of an executor."""

    def map(self, function: Callable[[T], R], items: Iterable[T]) -> list[R]:
        return [function(item) for item in items]

    def step(self) -> None:
        """Let the others make a call: there are none."""


class Lockstep(Serial):
    """All in step: each makes a call in its turn."""

    def __init__(self) -> None:
        self._local = threading.local()

    def map(self, function: Callable[[T], R], items: Iterable[T]) -> list[R]:
        runners = [_Runner(self._local, function, item) for item in items]
        for runner in runners:
            runner.thread.start()
        while waiting := [runner for runner in runners if not runner.done]:
            for runner in waiting:
                runner.go_on()
            self.step()  # one batch beside another: they take turns too
        for runner in runners:
            runner.thread.join()
            if runner.error is not None:
                raise runner.error
        return [runner.result for runner in runners]

    def step(self) -> None:
        runner = getattr(self._local, "runner", None)
        if runner is not None:
            runner.pass_on()


class _Runner:
    """One delivery's thread, which runs only in its turn."""

    def __init__(
        self, local: threading.local, function: Callable[[Any], Any], item: object
    ) -> None:
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.done = False
        self.result: Any = None
        self.error: BaseException | None = None
        self._local = local
        self._context = copy_context()
        self._function = function
        self._item = item
        self._mine = threading.Semaphore(0)
        self._back = threading.Semaphore(0)

    def go_on(self) -> None:
        """Give it its turn, and wait until it has passed it on."""
        self._mine.release()
        self._back.acquire()

    def pass_on(self) -> None:
        """End its turn, and wait for the next."""
        self._back.release()
        self._mine.acquire()

    def _run(self) -> None:
        self._mine.acquire()
        self._local.runner = self
        try:
            self.result = self._context.run(self._function, self._item)
        except BaseException as error:  # noqa: BLE001 - a crash too is the caller's
            self.error = error
        self.done = True
        self._back.release()


class TurnLock:
    """A lock that passes the turn on while another delivery holds it."""

    def __init__(self, step: Callable[[], None]) -> None:
        self._step = step
        self._held = False

    def __enter__(self) -> None:
        while self._held:
            self._step()
        self._held = True

    def __exit__(self, *_: object) -> None:
        self._held = False
