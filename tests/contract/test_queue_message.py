"""The queue's message, version 1: what the API writes is what the worker reads."""

import json
from pathlib import Path
from typing import Any

import pytest
from mail_send import worker
from outbox.messages import Received

from tests.faults.standins import sqs
from tests.faults.world import WORKER_SECONDS, Context, Process, World, installed
from tests.unit.api.caller import Caller

EVENTS = Path(__file__).parents[2] / "events"
SUBJECT = "\u2067تم استلام طلبك\u2069 \N{PARTY POPPER}"
HTML = '<p dir="rtl">أهلا\u200f &amp; "مرحبا"\r\n\t\N{FAMILY}</p>'


def posted(**fields: Any) -> tuple[str, sqs.Message]:  # noqa: ANN401
    """Post a mail; return its id and its message."""
    with installed():
        world = World()
        mail_id = Caller(world).accepted(subject=SUBJECT, text=None, html=HTML, **fields)
        [message] = world.mail.messages
        return mail_id, message


def test_the_api_writes_what_the_design_says() -> None:
    mail_id, message = posted(
        to=["Nora <nora@example.com>", "s@example.com"],
        campaign_name="ربيع",
        expires_at="2027-02-01T00:00:00Z",
        on_unknown="resend",
    )
    body = json.loads(message.body)
    assert body.pop("accepted_at").endswith("Z")
    assert body == {
        "version": 1,
        "id": mail_id,
        "from": "orders@acme.sa",
        "to": ["nora@example.com", "s@example.com"],
        "subject": SUBJECT,
        "html": HTML,
        "campaign_name": "ربيع",
        "expires_at": 1801440000,
        "on_unknown": "resend",
        "client": "shop",
    }
    assert SUBJECT in message.body  # not escaped: each letter would cost six bytes


def test_the_worker_reads_it_byte_for_byte() -> None:
    mail_id, message = posted()
    mail = Received.from_record(sqs.record(message)).mail("another", 0.0)
    assert (mail.id, mail.subject, mail.body) == (mail_id, SUBJECT, HTML)
    assert (mail.campaign, mail.client) == ("transactional", "shop")


@pytest.mark.parametrize(
    ("name", "states"),
    [
        ("sqs-mail.json", ["sent"]),
        ("sqs-direct-producer.json", ["sent"]),
        ("sqs-poison.json", ["invalid"]),
        ("sqs-redriven.json", ["sent"]),
    ],
)
def test_the_worker_sees_each_sample_event_through(name: str, states: list[str]) -> None:
    event = json.loads((EVENTS / name).read_text("utf-8"))
    with installed():
        world = World()
        answer = _given_to_the_worker(world, event)
    assert answer == {"batchItemFailures": []}
    assert world.errors == []
    assert [report.state for notes in world.notes for report in notes.reports] == states


def test_the_worker_sees_a_whole_batch_through() -> None:
    event = json.loads((EVENTS / "sqs-batch.json").read_text("utf-8"))
    with installed():
        world = World()
        answer = _given_to_the_worker(world, event)
    assert answer == {"batchItemFailures": []}
    states = [report.state for notes in world.notes for report in notes.reports]
    assert len(states) == len(event["Records"])
    assert set(states) <= {"sent", "invalid"}


def _given_to_the_worker(world: World, event: dict[str, Any]) -> Any:  # noqa: ANN401
    container = world._container("worker", 0)  # noqa: SLF001
    container.process = Process("worker", world.now + WORKER_SECONDS)
    context = Context(world, container.process)
    return world._run(container, lambda: worker.handler(event, context))  # noqa: SLF001
