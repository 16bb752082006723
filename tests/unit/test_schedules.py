"""Schedules: what EventBridge Scheduler is asked for, word by word, and which refusals count."""

import time
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import Mock

import pytest
from botocore.exceptions import ClientError
from outbox.mail.lanes import Lane
from outbox.mail.mail import MailError
from outbox.queues.schedules import MAX_INPUT_BYTES, Schedules, need_room
from outbox.settings import Settings

AT = 1_800_000_000  # 2027-01-15T08:00:00Z
SETTINGS = Settings(
    ledger_table="t",
    mail_queue_url="u",
    mail_queue_arn="arn:normal",
    bulk_queue_arn="arn:bulk",
    failed_queue_arn="arn:failed",
    schedule_group="mails",
    schedule_role_arn="arn:role",
)


def schedules(scheduler: Mock, settings: Settings = SETTINGS) -> Schedules:
    return Schedules(lambda: scheduler, settings)


@pytest.fixture
def _riyadh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the machine have another time than UTC."""
    monkeypatch.setenv("TZ", "Asia/Riyadh")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("_riyadh")
@pytest.mark.parametrize(
    ("settings", "lane", "arn"),
    [
        (SETTINGS, Lane.NORMAL, "arn:normal"),
        (SETTINGS, Lane.BULK, "arn:bulk"),
        (SETTINGS._replace(bulk_queue_arn=""), Lane.BULK, "arn:normal"),
    ],
)
def test_a_schedule_brings_a_message_to_its_lane_once(
    settings: Settings, lane: Lane, arn: str
) -> None:
    scheduler = Mock()
    schedules(scheduler, settings).create("m-1", AT, '{"a":"<aws.scheduler.x>"}', lane)
    scheduler.create_schedule.assert_called_once_with(
        Name="m-1",
        GroupName="mails",
        ScheduleExpression="at(2027-01-15T08:00:00)",
        ScheduleExpressionTimezone="UTC",
        FlexibleTimeWindow={"Mode": "OFF"},
        ActionAfterCompletion="DELETE",
        Target={
            "Arn": arn,
            "RoleArn": "arn:role",
            # Scheduler would put its own value in the place of the word.
            "Input": '{"a":"\\u003caws.scheduler.x>"}',
            "DeadLetterConfig": {"Arn": "arn:failed"},
        },
    )


def test_a_schedule_is_read_and_deleted_by_its_name() -> None:
    scheduler = Mock()
    scheduler.get_schedule.return_value = {"Target": {"Input": "{}"}}
    assert schedules(scheduler).text("m-1") == "{}"
    scheduler.get_schedule.assert_called_once_with(Name="m-1", GroupName="mails")
    schedules(scheduler).delete("m-1")
    scheduler.delete_schedule.assert_called_once_with(Name="m-1", GroupName="mails")


CALLS: dict[str, tuple[str, Callable[[Schedules], object]]] = {
    "create_schedule": ("ConflictException", lambda one: one.create("m", AT, "{}", Lane.NORMAL)),
    "get_schedule": ("ResourceNotFoundException", lambda one: one.text("m")),
    "delete_schedule": ("ResourceNotFoundException", lambda one: one.delete("m")),
}


@pytest.mark.parametrize("name", CALLS)
def test_what_is_done_already_is_no_error_and_all_else_is(name: str) -> None:
    code, call = CALLS[name]
    scheduler = Mock()
    getattr(scheduler, name).side_effect = ClientError({"Error": {"Code": code}}, name)
    assert call(schedules(scheduler)) is None
    answers: list[Any] = [{"Error": {"Code": "ThrottlingException"}}, {"Error": {}}, {}]
    for answer in answers:
        error = ClientError(answer, name)
        getattr(scheduler, name).side_effect = error
        with pytest.raises(ClientError) as raised:
            call(schedules(scheduler))
        assert raised.value is error


def test_a_message_needs_room_with_all_that_is_escaped_in_it() -> None:
    word = "<aws.scheduler."
    room = MAX_INPUT_BYTES - len(word) - 5
    need_room("x" * MAX_INPUT_BYTES, "html")
    need_room("x" * room + word, "html")
    for text in ("x" * (MAX_INPUT_BYTES + 1), "x" * (room + 1) + word):
        with pytest.raises(MailError) as error:
            need_room(text, "html")
        assert (error.value.field, error.value.name) == ("html", "payload_too_large")
        assert error.value.message == (
            "makes the mail larger than the 262144 bytes that can be scheduled"
        )
