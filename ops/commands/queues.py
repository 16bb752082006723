"""The failed queue of a stack, for the commands that look into it."""

from ops.failed import FailedQueue
from ops.stack import Stack


def failed_queue(stack: Stack) -> FailedQueue:
    """Return the stack's failed queue."""
    return FailedQueue(
        stack.client("sqs"),
        stack.output("FailedQueueUrl"),
        stack.output("MailQueueUrl"),
        stack.outputs.get("BulkQueueUrl", ""),
    )
