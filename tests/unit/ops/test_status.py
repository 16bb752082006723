"""`status`: what it says of a queue is true now, not ten minutes ago."""

from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import Mock

import pytest

from ops import watch
from ops.commands.status import _queue
from ops.stack import Stack

QUEUE = "https://sqs.example/1/mail"


def stack(points: list[dict[str, Any]]) -> Stack:
    """Make a stack whose CloudWatch has these points."""
    cloudwatch = Mock()
    cloudwatch.get_metric_statistics.return_value = {"Datapoints": points}
    return Stack("mail", {"cloudwatch": cloudwatch}.__getitem__, "here")


def test_the_oldest_mail_is_as_it_was_measured_last() -> None:
    now = datetime.now(UTC)
    measured = (
        {"Timestamp": now, "Maximum": 30.0},
        {
            "Timestamp": now - timedelta(minutes=5),
            "Maximum": 500.0,
        },
    )

    assert watch.oldest_seconds(stack([*measured]), QUEUE) == 30.0
    assert watch.oldest_seconds(stack([*reversed(measured)]), QUEUE) == 30.0
    assert watch.oldest_seconds(stack([]), QUEUE) is None


@pytest.mark.parametrize(
    ("counts", "oldest", "shown"),
    [
        ((3, 0, 0), 44.0, "3 waiting, 0 in flight, 0 delayed, the oldest for 44 s"),
        ((0, 2, 0), 44.0, "0 waiting, 2 in flight, 0 delayed, the oldest for 44 s"),
        ((0, 0, 1), 44.0, "0 waiting, 0 in flight, 1 delayed, the oldest for 44 s"),
        ((0, 0, 0), 44.0, "0 waiting, 0 in flight, 0 delayed"),  # measured before it was empty
        ((3, 0, 0), None, "3 waiting, 0 in flight, 0 delayed"),
    ],
)
def test_an_empty_queue_has_no_oldest_mail(
    counts: tuple[int, int, int], oldest: float | None, shown: str
) -> None:
    queue = dict(zip(("waiting", "in_flight", "delayed"), counts, strict=True))

    assert _queue(queue | {"oldest_seconds": oldest}) == shown
