"""An upgrade from 0.1.0 with 500 mails in flight, and back: each sent once, none refused.

The functions are those of both versions, one after the other and for a while side by side, on one
table and the same queues. CloudFormation's part is the world's: the bulk queue is made by the
upgrade, and kept, unread, by the way back.
"""

import json
import uuid
from collections import Counter

from mail_send import api, worker
from mail_status import handler as status
from outbox.settings import Settings

from ops import leftover, watch
from ops.stack import Stack
from tests.faults.accounts import BULK_QUEUE, FAILED_QUEUE, MAIL_QUEUE, MINUTE, TABLE, Order
from tests.faults.books import faults
from tests.faults.installation import Version
from tests.faults.world import World

HOUR = 3600


def run_old(world: World, old: Version) -> None:
    world.api_module, worker_module, world.status_module = old.wired
    world.worker_modules = [worker_module]
    world.accepted_status = 202
    world.deploy(bulk=False)


def run_today(world: World, old: Version, *, beside: bool = False) -> None:
    """Deploy today's; `beside` containers of 0.1.0 that still run."""
    world.api_module, world.status_module = api, status
    world.worker_modules = [old.worker, worker] if beside else [worker]
    world.accepted_status = 200
    world.deploy(bulk=True)


def accept(world: World, first: int, count: int, **fields: str) -> None:
    """Accept mails by each door: one by one, in batches, straight onto the queue, and scheduled."""
    for number in range(first, first + count):
        subject = f"mail {number}"
        match number % 10:
            case 0:
                batch(
                    world, [subject, *(f"{subject} of batch {more}" for more in range(4))], fields
                )
            case 1:
                world.drop(subject)
            case 2:
                world.post(subject, scheduled_at=int(world.now) + 2 * HOUR, **fields)
            case _:
                world.post(subject, **fields)


def batch(world: World, subjects: list[str], fields: dict[str, str]) -> None:
    mails = [
        {"from": "shop@acme.sa", "to": "a@example.com", "subject": subject, "text": "Hello"}
        | fields
        for subject in subjects
    ]
    if fields:
        mails[0].pop("priority")  # both lanes in one
    event = {
        "httpMethod": "POST",
        "path": "/emails/batch",
        "resource": "/emails/batch",
        "headers": {},
        "body": json.dumps(mails),
        "requestContext": {
            "authorizer": {"client": "shop", "from": '["*"]', "scopes": "send read"}
        },
    }
    answer = world.ask(event)
    assert answer["statusCode"] == world.accepted_status
    for subject, entry in zip(subjects, json.loads(answer["body"])["data"], strict=True):
        world.orders[subject] = Order(subject, mail_id=entry["id"], accepted=True)


def work(world: World, polls: int) -> None:
    for _ in range(polls):
        world.poll()
        world.wait(1)


def move_what_is_left(world: World) -> int:
    """Do what the command line does after the way back, on the stack as it is then."""
    stack = Stack("taqnyat-mail", lambda service: world.services[service], "")
    outputs = {"MailQueueUrl": MAIL_QUEUE, "FailedQueueUrl": FAILED_QUEUE, "LedgerTable": TABLE}
    given = [{"OutputKey": name, "OutputValue": value} for name, value in outputs.items()]
    stack.__dict__["described"] = {"Outputs": given}
    stack.__dict__["settings"] = Settings(
        ledger_table=TABLE, mail_queue_url=MAIL_QUEUE, mail_queue_arn="arn"
    )
    done = leftover.move(stack, leftover.Leftover(BULK_QUEUE, watch.Depth(0, 0, 0)))
    assert done["left"] == 0
    return done["moved"]


def test_an_upgrade_and_back_with_500_mails_in_flight(world: World, old: Version) -> None:
    trouble = ["status_503", "status_429_in_90s"]
    run_old(world, old)
    accept(world, 0, 120)
    world.taqnyat.script = trouble * 10
    work(world, 5)

    run_today(world, old, beside=True)
    accept(world, 120, 60)
    accept(world, 180, 120, priority="bulk")
    world.taqnyat.script = trouble * 10
    work(world, 8)
    run_today(world, old)
    accept(world, 300, 60, priority="bulk")
    in_flight = [
        order
        for order in world.orders.values()
        if (row := world.row(order)) and row.state != "sent"
    ]
    assert len(world.orders) >= 500
    assert len(in_flight) >= 300
    assert len(world.bulk.messages) >= 20
    work(world, 3)

    run_old(world, old)
    accept(world, 360, 30)
    world.wait(10 * MINUTE)
    assert move_what_is_left(world) > 0
    assert world.bulk.messages == []
    world.wait(3 * HOUR)
    world.scheduler.fire()  # bulk mails that were scheduled come into the queue that nothing reads
    move_what_is_left(world)
    world.run_until_quiet(schedules=True)

    assert faults(world) == []
    assert world.unexpected == []
    states = Counter(row.state for order in world.orders.values() if (row := world.row(order)))
    assert states == {"sent": len(world.orders)}
    assert {len(times) for times in world.taqnyat.accepted.values()} == {1}
    assert world.failed.messages == []


def test_a_bulk_mail_that_failed_is_re_driven_by_either_version(world: World, old: Version) -> None:
    run_today(world, old)
    world.taqnyat.script = ["code_15"] * 2
    for _ in range(2):
        world.post(str(uuid.uuid4()), priority="bulk")
    work(world, 2)
    assert len(world.failed.messages) == 2
    run_old(world, old)
    world.redrive()
    world.run_until_quiet()
    assert [len(times) for times in world.taqnyat.accepted.values()] == [1, 1]
