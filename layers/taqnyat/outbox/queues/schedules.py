"""Schedules: EventBridge Scheduler sends a mail's message to the queue at its time."""

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

# Scheduler replaces such words in a message with its own values.
_KEYWORD: Final = "<aws.scheduler."


class Schedules:
    """The schedules of one group. Methods raise botocore's errors when Scheduler does not answer.

    A name belongs to one message at one time and is never used again. So it does no harm to create
    a schedule twice, or to delete it late.
    """

    def __init__(self, scheduler: Callable[[], SchedulerClient], settings: Settings) -> None:
        """`scheduler` makes the client at its first use, which is rare."""
        self._scheduler = scheduler
        self._group = settings.schedule_group
        self._role_arn = settings.schedule_role_arn
        self._queue_arns = {
            Lane.NORMAL: settings.mail_queue_arn,
            Lane.BULK: settings.bulk_queue_arn or settings.mail_queue_arn,
        }
        # Scheduler sends what it cannot deliver within a day to the failed queue.
        self._dead_letters = {"Arn": settings.failed_queue_arn}

    def create(self, name: str, at: int, text: str, lane: Lane) -> None:
        """Schedule `text` for a lane's queue at `at` (epoch seconds); a repeat changes nothing.

        Scheduler gives a message no attributes, and a group only on a FIFO queue.
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
            _ignore(error, "ConflictException")

    def text(self, name: str) -> str | None:
        """Return the message of a schedule; None if it has fired or does not exist."""
        try:
            answer = self._scheduler().get_schedule(Name=name, GroupName=self._group)
        except ClientError as error:
            _ignore(error, "ResourceNotFoundException")
            return None
        return str(answer["Target"]["Input"])

    def delete(self, name: str) -> None:
        """Delete a schedule if it exists."""
        try:
            self._scheduler().delete_schedule(Name=name, GroupName=self._group)
        except ClientError as error:
            _ignore(error, "ResourceNotFoundException")


def need_room(text: str, kind: str) -> None:
    """Refuse a message that no schedule can hold.

    Raises:
        MailError: it is too large; the error names `kind`.

    """
    if len(_escaped(text).encode()) > MAX_INPUT_BYTES:
        message = f"makes the mail larger than the {MAX_INPUT_BYTES} bytes that can be scheduled"
        raise MailError(kind, message, "payload_too_large")


def _escaped(text: str) -> str:
    # In JSON both mean the same.
    return text.replace(_KEYWORD, "\\u003c" + _KEYWORD[1:])


def _ignore(error: ClientError, code: str) -> None:
    if error.response.get("Error", {}).get("Code") != code:
        raise error
