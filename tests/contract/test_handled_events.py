"""Each sample event, given to the entry that it is for, in a world in memory."""

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from mail_authorize import handler as authorizer
from mail_send import worker
from mail_status import handler as status
from outbox import aws
from outbox.mail.mail import MailError
from outbox.mail.states import State
from outbox.queues.message import ReceivedMessage
from outbox.storage.ledger import Ledger
from outbox.storage.table import LedgerTable

from tests.faults.accounts import TABLE, WORKER_SECONDS
from tests.faults.containers import Context, Process
from tests.faults.world import World

EVENTS = Path(__file__).parents[2] / "events"
API = {
    "api-get-email.json": 404,
    "api-get-status.json": 200,
    "api-post-email-invalid.json": 422,
    "api-post-email-not-json.json": 400,
    "api-post-email-resend-sdk.json": 200,
    "api-post-email-bulk.json": 200,
    "api-post-email-text.json": 200,
    "api-post-email-unsupported.json": 422,
    "api-post-email.json": 200,
    "api-unknown-path.json": 404,
}
SQS = {
    "sqs-batch-of-both-lanes.json": {""},
    "sqs-batch.json": {"sent", "invalid"},
    "sqs-bulk.json": {"sent"},
    "sqs-direct-producer.json": {"sent"},
    "sqs-mail.json": {"sent"},
    "sqs-poison.json": {"invalid"},
    "sqs-redriven.json": {"sent"},
}
OTHERS = {"authorizer-token.json", "schedule.json"}


def event(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((EVENTS / name).read_text("utf-8"))
    return document


def handled(world: World, function: str, handle: Callable[[Context], Any]) -> Any:  # noqa: ANN401
    """Let a function's container handle what it is given."""
    container = world._container(function, 0)  # noqa: SLF001
    container.process = Process(function, world.now + WORKER_SECONDS)
    answer = world._run(container, lambda: handle(Context(world, container.process)))  # noqa: SLF001
    assert world.errors == []
    return answer


def test_no_event_is_left_out() -> None:
    assert {path.name for path in EVENTS.iterdir()} == {*API, *SQS, *OTHERS}


@pytest.mark.parametrize(("name", "expected"), API.items())
def test_the_api_answers(world: World, name: str, expected: int) -> None:
    answer = world.ask(event(name))
    assert world.errors == []
    assert answer["statusCode"] == expected
    body = json.loads(answer["body"])
    assert body.get("statusCode", expected) == expected
    assert len(world.waiting) == (expected == 200 and name.startswith("api-post"))


def has_row(world: World, record: dict[str, Any]) -> None:
    """Give a client's mail the row that the API writes before its message."""
    message = ReceivedMessage.from_record(record)
    with suppress(MailError):
        mail = message.mail("transactional", world.now)
        if mail.client and message.redrive_attempt is None:
            table = LedgerTable(world.dynamo, TABLE, 30, lambda: world.now)
            Ledger(table).create(mail, State.QUEUED)


@pytest.mark.parametrize(("name", "states"), SQS.items())
def test_the_worker_sees_it_through(world: World, name: str, states: set[str]) -> None:
    given = event(name)
    world.environment["BULK_QUEUE_ARN"] = event("sqs-bulk.json")["Records"][0]["eventSourceARN"]
    for record in given["Records"]:
        has_row(world, record)
    answer = handled(world, "worker", lambda context: worker.handler(given, context))
    assert answer == {"batchItemFailures": []}
    reports = [report for notes in world.notes for report in notes.reports]
    assert len(reports) == len(given["Records"])
    assert {str(report.state) for report in reports} == states
    sent = sum(report.state == "sent" for report in reports)
    assert sum(map(len, world.taqnyat.accepted.values())) == sent
    spread = {"sqs-batch-of-both-lanes.json": [1, 1]}.get(name, [0, 0])
    assert [len(world.mail.messages), len(world.bulk.messages)] == spread
    assert len(world.failed.messages) == len(reports) - sent - any(spread)


def test_the_status_check_writes_its_metrics(world: World) -> None:
    answer = handled(
        world, "status", lambda context: status.handler(event("schedule.json"), context)
    )
    assert answer == {"provider_up": True, "sending_paused": False}
    assert {datum["MetricName"] for datum in world.cloudwatch.data} == {
        "ProviderUp",
        "ProviderLatency",
        "SendingPaused",
        "Balance",
    }


@pytest.mark.parametrize(("key", "effect"), [("example-key", "Allow"), ("another", "Deny")])
def test_the_authorizer_decides(monkeypatch: pytest.MonkeyPatch, key: str, effect: str) -> None:
    class Secrets:
        def get_secret_value(self, **_: str) -> dict[str, str]:
            rules = {"sha256": hashlib.sha256(key.encode()).hexdigest()}
            return {"SecretString": json.dumps({"shop": rules})}

    monkeypatch.setenv("API_KEYS_SECRET_ID", "arn:keys")
    monkeypatch.setattr(aws, "client", lambda _: Secrets())
    answer = authorizer.handler(event("authorizer-token.json"), None)
    assert answer["policyDocument"]["Statement"][0]["Effect"] == effect
