"""The failed queue of a stack, for the commands that read it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from ops.dead_letters import DeadLetter
from ops.failed_queue import FailedQueue, Look
from ops.failed_queue import of_stack as failed_queue
from ops.interrupt import Stop
from ops.screen import Screen

__all__ = ["INCOMPLETE", "failed_queue", "looking"]
INCOMPLETE = 3  # the exit code where not all of the failed queue was seen


@contextmanager
def looking(
    screen: Screen,
    queue: FailedQueue,
    stop: Stop,
    notice: Callable[[DeadLetter, Any], None] | None = None,
) -> Iterator[Look]:
    """Hold the whole queue, and show the progress."""
    look: Look | None = None
    try:
        with ExitStack() as held:
            with screen.busy("reading the failed queue") as told:
                look = held.enter_context(queue.look(stop, told, notice))
            yield look
    finally:
        if look is not None and look.released_later:
            screen.note(f"{look.released_later:,} held mail(s) can be seen again in a moment.")
