"""Calls in parallel, in threads that need not end with the command."""

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeVar

from ops.interrupt import Stop

T = TypeVar("T")
R = TypeVar("R")

THREADS: Final = 8
_LOOK_SECONDS: Final = 0.1
_GRACE_SECONDS: Final = 0.8


def side_by_side(
    work: Iterable[T], do: Callable[[T], R], stop: Stop, threads: int = THREADS
) -> Iterator[tuple[T, R]]:
    """Yield (item, result of `do`) in the order of their end; items are read one by one as needed.

    After a request to stop no more are begun, and results that come within a second are still
    yielded. The first error ends it and is raised.
    """
    items = iter(work)
    results: queue.Queue[tuple[T, R] | BaseException | None] = queue.Queue()
    taking = threading.Lock()
    over = threading.Event()

    def run() -> None:
        try:
            while not (over.is_set() or stop.asked):
                with taking:
                    if over.is_set() or stop.asked:
                        break
                    item = next(items, results)
                if item is results:
                    break
                results.put((item, do(item)))  # type: ignore[arg-type]  # the mark is no item
        except BaseException as error:  # noqa: BLE001  raised again where it is waited for
            results.put(error)
        results.put(None)

    for _ in range(threads):
        # A daemon thread: a call that hangs must not delay the end of the command.
        threading.Thread(target=run, daemon=True).start()
    try:
        yield from _results(results, stop, threads)
    finally:
        over.set()


def _results(
    results: "queue.Queue[tuple[T, R] | BaseException | None]", stop: Stop, running: int
) -> Iterator[tuple[T, R]]:
    asked_at = None
    while running:
        if stop.asked and asked_at is None:
            asked_at = time.monotonic()
        if asked_at is not None and time.monotonic() - asked_at > _GRACE_SECONDS:
            return
        try:
            found = results.get(timeout=_LOOK_SECONDS)
        except queue.Empty:
            continue
        if found is None:
            running -= 1
        elif isinstance(found, BaseException):
            raise found
        else:
            yield found
