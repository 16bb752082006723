"""EventBridge Scheduler: one-time schedules in memory, each of which sends one message."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tests.faults.standins.errors import client_error, only
from tests.faults.standins.sqs import Sqs

MAX_INPUT_BYTES = 256 * 1024
_NAME = re.compile(r"[0-9a-zA-Z-_.]{1,64}")
_AT = re.compile(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)")


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule of one time (epoch seconds), its time zone being UTC."""

    at: float
    target: dict[str, Any]


class Scheduler:
    """The schedules of one group, by name; a fired one is gone, as ActionAfterCompletion says."""

    def __init__(self, group: str, role_arn: str, sqs: Sqs, clock: Callable[[], float]) -> None:
        self.schedules: dict[str, Schedule] = {}
        self._group = group
        self._role_arn = role_arn
        self._sqs = sqs
        self._clock = clock
        self.fails = False  # whether what is due cannot be put on its queue

    def create_schedule(self, **arguments: Any) -> Any:
        name, group, expression, zone, window, after, target = only(
            arguments,
            "Name",
            "GroupName",
            "ScheduleExpression",
            "ScheduleExpressionTimezone",
            "FlexibleTimeWindow",
            "ActionAfterCompletion",
            "Target",
        )
        self._check("CreateSchedule", name, group)
        when = _AT.fullmatch(expression)
        if when is None or (zone, window, after) != ("UTC", {"Mode": "OFF"}, "DELETE"):
            raise client_error("CreateSchedule", "ValidationException")
        if target["RoleArn"] != self._role_arn or not target["DeadLetterConfig"]["Arn"]:
            raise client_error("CreateSchedule", "ValidationException")
        if not 1 <= len(target["Input"].encode()) <= MAX_INPUT_BYTES:
            raise client_error("CreateSchedule", "ValidationException")
        if name in self.schedules:
            raise client_error("CreateSchedule", "ConflictException")
        at = datetime.fromisoformat(when[1]).replace(tzinfo=UTC).timestamp()
        self.schedules[name] = Schedule(at, target)
        return {"ScheduleArn": f"arn:aws:scheduler:us-east-1:123456789012:schedule/{group}/{name}"}

    def get_schedule(self, **arguments: Any) -> Any:
        name, group = only(arguments, "Name", "GroupName")
        self._check("GetSchedule", name, group)
        if name not in self.schedules:
            raise client_error("GetSchedule", "ResourceNotFoundException")
        return {"Name": name, "GroupName": group, "Target": self.schedules[name].target}

    def delete_schedule(self, **arguments: Any) -> Any:
        name, group = only(arguments, "Name", "GroupName")
        self._check("DeleteSchedule", name, group)
        if name not in self.schedules:
            raise client_error("DeleteSchedule", "ResourceNotFoundException")
        del self.schedules[name]
        return {}

    def fire(self) -> None:
        """Send the messages that are due, and put Scheduler's own values into them."""
        due = [name for name, entry in self.schedules.items() if entry.at <= self._clock()]
        for name in due:
            target = self.schedules.pop(name).target
            text = target["Input"].replace("<aws.scheduler.attempt-number>", "1")
            if self.fails:
                self._dead_letter(name, target, text)
                continue
            self._sqs.send_message(QueueUrl=target["Arn"], MessageBody=text)

    def _dead_letter(self, name: str, target: dict[str, Any], text: str) -> None:
        """Send what could not be delivered to the dead-letter queue, with what AWS says of it."""
        ours = f"arn:aws:scheduler:us-east-1:123456789012:schedule/{self._group}"
        said = {
            "ERROR_CODE": "AWS.SimpleQueueService.NonExistentQueue",
            "EXHAUSTED_RETRY_CONDITION": "MaximumEventAgeInSeconds",
            "RETRY_ATTEMPTS": "185",
            "SCHEDULE_ARN": f"{ours}/{name}",
            "TARGET_ARN": target["Arn"],
        }
        self._sqs.send_message(
            QueueUrl=target["DeadLetterConfig"]["Arn"],
            MessageBody=text,
            MessageAttributes={
                key: {"DataType": "String", "StringValue": value} for key, value in said.items()
            },
        )

    def _check(self, operation: str, name: str, group: str) -> None:
        if group != self._group or not _NAME.fullmatch(name):
            raise client_error(operation, "ValidationException")
