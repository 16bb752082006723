"""Scheduled mails, with the rights that the template grants."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.e2e.world import World


def _in(**delta: float) -> str:
    return (datetime.now(UTC) + timedelta(**delta)).isoformat()


def _schedules(world: World, mail_id: str) -> list[dict[str, Any]]:
    scheduler = world.stack.client("scheduler")
    found = scheduler.list_schedules(NamePrefix=mail_id)["Schedules"]
    return [
        scheduler.get_schedule(Name=entry["Name"], GroupName=entry["GroupName"]) for entry in found
    ]


def test_a_mail_of_the_next_minute_is_sent_then(world: World) -> None:
    world.call("GET", "/status")  # a container's start would take away from the time
    mail_id = world.post(world.mail(scheduled_at=_in(seconds=8)))

    assert world.row(mail_id)["state"] == "scheduled"
    row = world.until_state(mail_id, "sent")
    assert row["attempts"][0]["at"] >= row["created"]
    assert len(world.received()) == 1


def test_a_message_that_comes_too_early_gets_its_schedule_again(world: World) -> None:
    mail_id = world.post(world.mail(scheduled_at=_in(hours=2)))
    [schedule] = _schedules(world, mail_id)
    world.stack.client("scheduler").delete_schedule(
        Name=schedule["Name"], GroupName=schedule["GroupName"]
    )

    message = json.loads(schedule["Target"]["Input"])
    world.put_on_queue(message)

    [again] = world.until(lambda: _schedules(world, mail_id))
    assert json.loads(again["Target"]["Input"]) == message
    assert again["ScheduleExpression"] == schedule["ScheduleExpression"]
    assert world.row(mail_id)["state"] == "scheduled"
    assert world.received() == []


def test_scheduler_brings_a_mail_at_its_time(world: World) -> None:
    """The mail was due long ago, its schedule is moved to now: nobody waits for hours here."""
    mail_id = world.post(world.mail(scheduled_at=_in(hours=2)))
    [schedule] = _schedules(world, mail_id)
    ledger = world.stack.client("dynamodb")
    ledger.update_item(
        TableName=world.stack.outputs["LedgerTable"],
        Key={"pk": {"S": mail_id}},
        UpdateExpression="SET scheduled_at = :now",
        ExpressionAttributeValues={":now": {"N": str(int(datetime.now(UTC).timestamp()))}},
    )
    world.stack.client("scheduler").update_schedule(
        Name=schedule["Name"],
        GroupName=schedule["GroupName"],
        FlexibleTimeWindow=schedule["FlexibleTimeWindow"],
        Target=schedule["Target"],
        ActionAfterCompletion=schedule["ActionAfterCompletion"],
        ScheduleExpression=f"at({datetime.now(UTC):%Y-%m-%dT%H:%M:%S})",
    )

    world.until_state(mail_id, "sent")
    assert len(world.received()) == 1
    assert _schedules(world, mail_id) == []


def test_a_scheduled_mail_of_a_batch_is_scheduled_by_the_worker(world: World) -> None:
    body = json.dumps([world.mail(), world.mail(scheduled_at=_in(hours=2))]).encode()
    status, _, answer = world.call("POST", "/emails/batch", body)
    assert status == 200
    now, later = (entry["id"] for entry in answer["data"])

    world.until_state(now, "sent")
    world.until(lambda: _schedules(world, later))
    status, _, _ = world.call("POST", f"/emails/{later}/cancel")
    assert status == 200
    assert _schedules(world, later) == []
    assert world.row(later)["state"] == "canceled"
