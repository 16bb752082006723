"""The queue's door: what whoever may send to the queue can do, and cannot.

A mail of its own, and that is all: no row of a client's, no id that would fall to one, no batch
that a worker does not get through.
"""

import json
from typing import Any

import pytest
from outbox.accepting.submission import mail_id
from outbox.mail.report import Report
from outbox.mail.states import State
from outbox.queues.message import MAX_BATCH

from tests.faults import books
from tests.faults.accounts import MAIL_QUEUE, START
from tests.faults.world import World
from tests.unit.api.caller import Caller, mail

YEARS = 10 * 365 * 86400


def put(world: World, body: object, **attributes: str) -> None:
    text = body if isinstance(body, str) else json.dumps(body, separators=(",", ":"))
    world.sqs.send_message(
        QueueUrl=MAIL_QUEUE,
        MessageBody=text,
        MessageAttributes={
            name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
        },
    )


def drain(world: World) -> list[Report]:
    while world.poll():
        pass
    return [report for notes in world.notes for report in notes.reports]


def forged(**fields: Any) -> dict[str, Any]:
    return mail(**{"client": "shop", "subject": "forged"} | fields)


@pytest.mark.parametrize("attributes", [{}, {"state": "failed", "attempt": "0"}])
def test_no_row_of_a_clients_is_made(attributes: dict[str, str]) -> None:
    world = World()
    put(world, forged(id="x-1", accepted_at=(START + YEARS)), **attributes)
    drain(world)

    assert Caller(world).list().body["data"] == []
    assert all("client" not in item for item in world.dynamo.items.values())
    assert len(world.taqnyat.accepted["forged"]) == len(attributes) / 2


@pytest.mark.parametrize("fields", [{}, {"client": "shop"}, {"client": "other"}])
@pytest.mark.parametrize("attributes", [{}, {"state": "unknown", "attempt": "7"}])
@pytest.mark.parametrize("batch", [False, True])
def test_no_idempotency_key_is_taken_in_advance(
    fields: dict[str, str], attributes: dict[str, str], *, batch: bool
) -> None:
    world = World()
    put(world, mail(subject="forged", id=mail_id("shop", "order-1"), **fields), **attributes)
    drain(world)
    shop = Caller(world)
    if batch:
        assert shop.batch([mail()], "order-1").status == 200
    else:
        assert shop.accepted("order-1") == mail_id("shop", "order-1")
    world.redrive()
    drain(world)

    assert len(world.taqnyat.accepted["Hi"]) == 1
    assert shop.state(mail_id("shop", "order-1")) == "sent"


def test_the_very_mail_before_its_client_sends_it_is_sent_once() -> None:
    world = World()
    put(world, mail(id=mail_id("shop", "order-1"), client="shop"), state="failed", attempt="0")
    body = json.loads(world.mail.messages[0].body)
    world.mail.messages[0].body = json.dumps(body | {"campaign_name": "transactional"})
    drain(world)
    assert Caller(world).send("order-1").status == 200
    drain(world)

    assert len(world.taqnyat.accepted["Hi"]) == 1


@pytest.mark.parametrize("ahead", [1, 3600, YEARS])
def test_nothing_is_accepted_after_its_message_was_sent(ahead: int) -> None:
    world = World()
    put(world, mail(id="x-1", accepted_at=START + ahead))
    drain(world)

    assert world.dynamo.items["x-1"]["created"]["S"] <= "2027-01-15T08:00:01Z"


@pytest.mark.parametrize(
    "batch",
    [
        [],
        {},
        [mail(id=f"x-{number}") for number in range(MAX_BATCH + 1)],
        [{"version": 1, "id": "x", "batch": [mail(id="y")]}],
        [{"version": 1, "batch": [{"version": 1, "batch": [], "id": "z"}], "id": "x"}],
        [mail()],
        [mail(id=5)],
        ["text"],
        [None] * 95_000,
    ],
    ids=["empty", "no-list", "many", "nested", "twice-nested", "no-id", "id-5", "text", "95000"],
)
def test_a_batch_that_no_worker_should_go_through_is_invalid(batch: Any) -> None:
    world = World()
    put(world, {"version": 1, "batch": batch})
    [report] = drain(world)

    assert (report.state, report.retry_in) == ("invalid", None)
    assert report.reason.startswith("invalid:batch") is isinstance(batch, list)
    assert len(world.failed.messages) == 1
    assert world.dynamo.items.keys() <= {"#pause"}


@pytest.mark.parametrize("share", [0.05, 0.5, 0.99])
def test_of_a_batch_only_what_was_refused_is_sent_again(share: float) -> None:
    world = World()
    due = 0.0

    def refuses() -> bool:
        nonlocal due
        due += share
        refused, due = due >= 1, due % 1
        return refused

    world.sqs.refuses = refuses
    before = world.sqs.sent
    world.post_batch([f"mail {number}" for number in range(100)])
    world.run_until_quiet()

    assert books.faults(world) == []
    # The batch's own messages are those of what was left of it.
    batches = sum(report.reason == "batch_spread" for report in drain(world))
    assert 100 < world.sqs.sent - before <= 100 + batches


def test_an_answer_that_is_cut_counts_nothing_as_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.post_batch([f"mail {number}" for number in range(20)])
    real = world.sqs.send_message_batch
    cut: list[Any] = []

    def answered(**arguments: Any) -> Any:
        answer = real(**arguments)
        if len(cut) < 3:
            cut.append(answer.pop("Successful"))
        return answer

    monkeypatch.setattr(world.sqs, "send_message_batch", answered)
    world.run_until_quiet()

    assert len(cut) == 3
    assert books.faults(world) == []


def test_a_batch_that_takes_too_long_goes_on_as_a_smaller_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    world.post_batch([f"mail {number}" for number in range(100)])
    real = world.sqs.send_message_batch

    def slow(**arguments: Any) -> Any:
        world.wait(11)
        return real(**arguments)

    monkeypatch.setattr(world.sqs, "send_message_batch", slow)
    world.run_until_quiet()

    assert world.unexpected == []
    assert books.faults(world) == []
    assert {row["state"]["S"] for pk, row in world.dynamo.items.items() if "state" in row} == {
        State.SENT
    }


def test_a_poisoned_door_harms_no_books() -> None:
    """Everything at once, between mails that are as they should be."""
    world = World()
    shop = Caller(world)
    ids = []
    for number in range(20):
        ident = mail_id("shop", f"order-{number}")
        put(world, forged(id=ident))
        put(world, forged(id=ident, client="other"), state="failed", attempt="0")
        put(world, {"version": 1, "batch": [forged(id=ident), forged(id=f"f-{number}")]})
        put(world, {"version": 1, "batch": [None] * 1000})
        if number % 2:
            drain(world)
        ids.append(shop.accepted(f"order-{number}", subject=f"mail {number}"))
        put(world, forged(id=ident), state="unknown", attempt="1")
    drain(world)
    world.run_until_quiet()

    assert {shop.state(ident) for ident in ids} == {"sent"}
    assert [len(world.taqnyat.accepted[f"mail {number}"]) for number in range(20)] == [1] * 20
    assert len(shop.list(limit="100").body["data"]) == 20
    assert world.unexpected == []
