"""The present state of a stack, for `status` and `doctor`."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from outbox import telemetry
from outbox.mail.lanes import Lane
from outbox.mail.times import iso

from ops import money
from ops.stack import Stack

_MINUTE: Final = 60
_LATE_MINUTES: Final = 10  # SQS measures each minute, but not at once
_DEPTHS: Final = {
    "waiting": "ApproximateNumberOfMessages",
    "in_flight": "ApproximateNumberOfMessagesNotVisible",
    "delayed": "ApproximateNumberOfMessagesDelayed",
}
_COUNTS: Final = (
    telemetry.MAIL_ACCEPTED,
    telemetry.MAIL_SENT,
    telemetry.MAIL_RETRIED,
    telemetry.MAIL_FAILED,
    telemetry.MAIL_UNKNOWN,
)


@dataclass(frozen=True, slots=True)
class Depth:
    """About how many messages a queue holds."""

    waiting: int
    in_flight: int
    delayed: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.waiting + self.in_flight + self.delayed


def depth(stack: Stack, output: str) -> Depth:
    """Count the messages of the queue whose URL is in an output."""
    return depth_of(stack, stack.output(output))


def depth_of(stack: Stack, url: str) -> Depth:
    """Count the messages of a queue."""
    answer = stack.client("sqs").get_queue_attributes(
        QueueUrl=url, AttributeNames=list(_DEPTHS.values())
    )
    found = answer["Attributes"]
    return Depth(**{name: int(found.get(key, 0)) for name, key in _DEPTHS.items()})


def mapping_states(stack: Stack) -> list[str]:
    """Return the states of the mappings that feed the worker; there should be one a lane."""
    answer = stack.client("lambda").list_event_source_mappings(
        FunctionName=stack.output("WorkerFunction")
    )
    return [mapping["State"] for mapping in answer["EventSourceMappings"]]


def active_alarms(stack: Stack) -> dict[str, str]:
    """Return the descriptions of the stack's active alarms, by logical name."""
    pages = (
        stack.client("cloudwatch")
        .get_paginator("describe_alarms")
        .paginate(AlarmNamePrefix=f"{stack.name}-", StateValue="ALARM")
    )
    found = (
        (
            alarm["AlarmName"].removeprefix(f"{stack.name}-").partition("-")[0],
            alarm.get("AlarmDescription", ""),
        )
        for page in pages
        for alarm in page["MetricAlarms"]
        # Another stack's name may begin with this one's: its alarms go to a topic of its own.
        if stack.output("AlarmTopicArn") in alarm.get("AlarmActions", [])
    )
    return dict(sorted(found))


def oldest_seconds(stack: Stack, url: str) -> float | None:
    """Return the age of a queue's oldest message as SQS measured it last; None if it did not."""
    name = url.rpartition("/")[2]
    return _newest(stack, "ApproximateAgeOfOldestMessage", "AWS/SQS", {"QueueName": name})


def counts(stack: Stack, minutes: int) -> dict[str, int]:
    """Return what the functions counted in the last minutes, by metric; empty without data."""
    found: dict[str, int] = {}
    for metric in _COUNTS:
        value = _total(stack, metric, minutes)
        if value is not None:
            found[metric] = int(value)
    return found


def not_carried(stack: Stack, minutes: int) -> int:
    """Return how many mails lost fields in the last minutes."""
    return int(_total(stack, telemetry.MAIL_NOT_CARRIED, minutes) or 0)


def snapshot(stack: Stack, minutes: int) -> dict[str, Any]:
    """Return the whole picture, ready for JSON."""
    state, provider = stack.pause.read(), stack.pause.provider()
    purse = stack.money.read()
    return {
        "stack": stack.name,
        "at": iso(time.time()),
        "sending": {
            "paused": state.paused,
            "reason": state.reason if state.paused else None,
            "detail": (state.detail or None) if state.paused else None,
            "by": state.by if state.paused else None,
            "since": iso(state.since) if state.paused else None,
            "next_probe": iso(state.next_probe) if state.paused and state.next_probe else None,
            "probes": state.probes if state.paused else None,
        },
        "provider": {
            "up": provider.get("up"),
            "milliseconds": provider.get("milliseconds"),
            "checked_at": iso(provider["checked_at"]) if provider else None,
        },
        "balance": money.summary(purse) | {"text": money.sentence(purse, stack.settings)},
        "mail_queue": _queue(stack, "MailQueueUrl"),
        # A stack of 0.1.0 has one lane.
        "bulk_queue": _queue(stack, "BulkQueueUrl") if "BulkQueueUrl" in stack.outputs else None,
        "failed_queue": as_dict(depth(stack, "FailedQueueUrl")),
        "mapping": mapping_states(stack),
        "alarms": list(active_alarms(stack)),
        "last_minutes": minutes,
        "counts": counts(stack, minutes),
    }


def _queue(stack: Stack, output: str) -> dict[str, Any]:
    # SQS leaves out what was received three times or more: of that the worker tells.
    lane = {"lane": Lane.BULK if output == "BulkQueueUrl" else Lane.NORMAL}
    ages = (
        oldest_seconds(stack, stack.output(output)),
        _newest(stack, telemetry.RETRIED_MAIL_AGE, stack.settings.metrics_namespace, lane),
    )
    oldest = max((age for age in ages if age is not None), default=None)
    return as_dict(depth(stack, output)) | {"oldest_seconds": oldest}


def as_dict(found: Depth) -> dict[str, int]:
    """Return a depth, ready for JSON."""
    return {"waiting": found.waiting, "in_flight": found.in_flight, "delayed": found.delayed}


def _total(stack: Stack, metric: str, minutes: int) -> float | None:
    namespace = stack.settings.metrics_namespace
    # The period may be cut in two by the full hour.
    points = _points(stack, metric, "Sum", minutes, namespace, {}, _MINUTE * minutes)
    return sum(float(point["Sum"]) for point in points) if points else None


def _newest(
    stack: Stack, metric: str, namespace: str, dimensions: Mapping[str, str]
) -> float | None:
    """Return the highest value of the last minute that was measured."""
    points = _points(stack, metric, "Maximum", _LATE_MINUTES, namespace, dimensions, _MINUTE)
    newest = max(points, key=lambda point: point["Timestamp"], default=None)
    return None if newest is None else float(newest["Maximum"])


def _points(
    stack: Stack,
    metric: str,
    statistic: str,
    minutes: int,
    namespace: str,
    dimensions: Mapping[str, str],
    period: int,
) -> list[dict[str, Any]]:
    now = datetime.now(UTC)
    answer = stack.client("cloudwatch").get_metric_statistics(
        Namespace=namespace,
        MetricName=metric,
        Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        Statistics=[statistic],
        StartTime=now - timedelta(minutes=minutes),
        EndTime=now,
        Period=period,
    )
    points: list[dict[str, Any]] = answer["Datapoints"]
    return points
