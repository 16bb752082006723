"""The failed queue of a stack, for the commands that look into it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from ops.dead_letters import DeadLetter
from ops.failed_queue import FailedQueue, Look
from ops.interrupt import Stop
from ops.screen import Screen
from ops.stack import Stack

INCOMPLETE = 3  # the exit code where not all of the failed queue was seen


def failed_queue(stack: Stack) -> FailedQueue:
    """Return the stack's failed queue."""
    normal, bulk = stack.output("MailQueueUrl"), stack.outputs.get("BulkQueueUrl")

    def lane_url(attributes: dict[str, Any]) -> str:
        lane = attributes.get("lane", {}).get("StringValue")
        return bulk if bulk and lane == "bulk" else normal

    arns = {stack.output("MailQueueArn"), stack.outputs.get("BulkQueueArn", "")}
    return FailedQueue(stack.client("sqs"), stack.output("FailedQueueUrl"), arns, lane_url)


@contextmanager
def looking(
    screen: Screen,
    queue: FailedQueue,
    stop: Stop,
    notice: Callable[[DeadLetter, Any], None] | None = None,
) -> Iterator[Look]:
    """Hold the whole queue, saying how far it is while that takes time."""
    with ExitStack() as held:
        with screen.busy("looking into the failed queue") as told:
            look = held.enter_context(queue.look(stop, told, notice))
        yield look
