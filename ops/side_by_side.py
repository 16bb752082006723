"""Calls in parallel, in threads that need not end with the command."""

import math
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


def side_by_side(
    work: Iterable[T],
    do: Callable[[T], R],
    stop: Stop,
    threads: int = THREADS,
    until: float = math.inf,
) -> Iterator[tuple[T, R]]:
    """Yield (item, result of `do`) in the order of their end; items are read one by one as needed.

    After a request to stop no more are begun, and results that come within the second that a stop
    may take are still yielded; `until` (of time.monotonic) ends it too. The first error ends it and
    is raised.
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
        yield from _results(results, stop, threads, until)
    finally:
        over.set()


def _results(
    results: "queue.Queue[tuple[T, R] | BaseException | None]",
    stop: Stop,
    running: int,
    until: float,
) -> Iterator[tuple[T, R]]:
    while running:
        if time.monotonic() >= until or (stop.asked and not stop.seconds_left):
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


def aside(do: Callable[[], R], stop: Stop) -> R:
    """Return the result of one call, which a request to stop does not wait for.

    Raises:
        KeyboardInterrupt: a stop was requested, and the result did not come.

    """
    for _, result in side_by_side([None], lambda _: do(), stop, 1):
        return result
    raise KeyboardInterrupt
