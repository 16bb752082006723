"""Schedules: EventBridge Scheduler puts a mail's message on the queue when its time has come."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from outbox.mail.lanes import Lane
from outbox.mail.mail import MailError

if TYPE_CHECKING:
    from collections.abc import Callable

    from outbox.ports import SchedulerClient
    from outbox.settings import Settings

MAX_INPUT_BYTES: Final = 256 * 1024

# Scheduler puts its own values in the place of such words, wherever they stand in a message.
_KEYWORD: Final = "<aws.scheduler."


class Schedules:
    """The schedules of one group. Methods raise botocore's errors when Scheduler does not answer.

    A name stands for one message at one time and is never used for another, so that creating one
    twice, or deleting one late, can do no harm.
    """

    def __init__(self, scheduler: Callable[[], SchedulerClient], settings: Settings) -> None:
        """`scheduler` makes the client: seldom needed, it is not made before."""
        self._scheduler = scheduler
        self._group = settings.schedule_group
        self._role_arn = settings.schedule_role_arn
        self._queue_arns = {
            Lane.NORMAL: settings.mail_queue_arn,
            Lane.BULK: settings.bulk_queue_arn or settings.mail_queue_arn,
        }
        # What Scheduler cannot deliver within a day is not dropped.
        self._dead_letters = {"Arn": settings.failed_queue_arn}

    def create(self, name: str, at: int, text: str, lane: Lane) -> None:
        """Have `text` put on a lane's queue at `at` (epoch seconds); once, however often asked.

        Scheduler gives a message neither attributes nor, on a queue that is not FIFO, a group.
        """
        moment = datetime.fromtimestamp(at, UTC).replace(tzinfo=None)
        try:
            self._scheduler().create_schedule(
                Name=name,
                GroupName=self._group,
                ScheduleExpression=f"at({moment.isoformat(timespec='seconds')})",
                ScheduleExpressionTimezone="UTC",
                FlexibleTimeWindow={"Mode": "OFF"},
                ActionAfterCompletion="DELETE",
                Target={
                    "Arn": self._queue_arns[lane],
                    "RoleArn": self._role_arn,
                    "Input": _escaped(text),
                    "DeadLetterConfig": self._dead_letters,
                },
            )
        except ClientError as error:
            _pass_over(error, "ConflictException")

    def text(self, name: str) -> str | None:
        """Return the message of a schedule; None if it has fired, or never was."""
        try:
            answer = self._scheduler().get_schedule(Name=name, GroupName=self._group)
        except ClientError as error:
            _pass_over(error, "ResourceNotFoundException")
            return None
        return str(answer["Target"]["Input"])

    def delete(self, name: str) -> None:
        """Delete a schedule if it is there."""
        try:
            self._scheduler().delete_schedule(Name=name, GroupName=self._group)
        except ClientError as error:
            _pass_over(error, "ResourceNotFoundException")


def need_room(text: str, kind: str) -> None:
    """Refuse a message that no schedule can hold.

    Raises:
        MailError: it is larger; `kind` is the field to blame.

    """
    if len(_escaped(text).encode()) > MAX_INPUT_BYTES:
        message = f"makes the mail larger than the {MAX_INPUT_BYTES} bytes that can be scheduled"
        raise MailError(kind, message, "payload_too_large")


def _escaped(text: str) -> str:
    # In JSON both read alike.
    return text.replace(_KEYWORD, "\\u003c" + _KEYWORD[1:])


def _pass_over(error: ClientError, code: str) -> None:
    if error.response.get("Error", {}).get("Code") != code:
        raise error
