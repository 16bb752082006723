"""Evaluates the deployed alarms each minute, as CloudWatch does, over the present metrics."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from local import alarms
from local.alarms import Alarm, Minutes

_LATE_SECONDS = 2.0  # what a minute's last invocation told has come in


class Bell:
    """The alarms of the deployed stack, which are the built template's own."""

    def __init__(self, client: Callable[[str], Any]) -> None:
        """`client` makes the client of a service."""
        self._client = client
        self.active: list[str] = []  # logical names
        self.silent: dict[str, str] = {}  # those that are not rehearsed, and why

    def ring(self, now: float) -> None:
        """Evaluate every alarm over the full minutes before `now` (epoch seconds).

        A changed state is set, and its actions are called. Raises botocore's errors.
        """
        cloudwatch = self._client("cloudwatch")
        active = []
        for page in cloudwatch.get_paginator("describe_alarms").paginate():
            for described in page["MetricAlarms"]:
                alarm = Alarm.described(described)
                name = alarm.name.split("-")[-2]  # <stack>-<logical name>-<made up>
                if alarm.obstacle:
                    self._keep_silent(name, alarm)
                    continue
                end = alarm.end(now)
                found = alarms.points(alarm, self._minutes(alarm, end), end)
                state = alarms.judge(alarm, found)
                if state != alarm.state:
                    self._set(alarm, state, alarms.reason(alarm, found))
                if state == alarms.ALARM:
                    active.append(name)
        self.active = sorted(active)

    def _keep_silent(self, name: str, alarm: Alarm) -> None:
        """Say in the alarm itself that it is not rehearsed: a good state would be made up."""
        if name not in self.silent:
            self.silent[name] = alarm.obstacle
            self._set(alarm, alarms.NO_DATA, f"not rehearsed: {alarm.obstacle}")

    def _set(self, alarm: Alarm, state: str, reason: str) -> None:
        self._client("cloudwatch").set_alarm_state(
            AlarmName=alarm.name, StateValue=state, StateReason=reason
        )

    def _minutes(self, alarm: Alarm, end: int) -> Minutes:
        answer = self._client("cloudwatch").get_metric_statistics(
            Namespace=alarm.namespace,
            MetricName=alarm.metric,
            Dimensions=[{"Name": name, "Value": value} for name, value in alarm.dimensions],
            Statistics=list(alarms.STATISTICS),
            StartTime=datetime.fromtimestamp(end - alarm.span, UTC),
            EndTime=datetime.fromtimestamp(end, UTC),
            Period=alarms.MINUTE,
        )
        return {int(point["Timestamp"].timestamp()): point for point in answer["Datapoints"]}


def until_next_minute() -> float:
    """Return the seconds until the next evaluation."""
    return alarms.MINUTE - time.time() % alarms.MINUTE + _LATE_SECONDS
