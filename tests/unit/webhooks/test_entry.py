"""The entry of the webhook queue: what is counted, what comes again, and what it is made of."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from mail_webhooks import handler as entry
from mail_webhooks.notice import notify
from outbox.webhooks import wiring
from outbox.webhooks.dispatching import Run
from outbox.webhooks.endpoint import Endpoint, EndpointError
from outbox.webhooks.queue import Wakeup

BODY = '{"client":"shop","endpoint":"e-1","timer":5}'
TROUBLE = ClientError({"Error": {"Code": "Throttled"}}, "Query")


class Notes:
    """In the place of the telemetry: what it is told, in order."""

    def __init__(self) -> None:
        self.told: list[tuple[object, ...]] = []

    def called(self, run: Run) -> None:
        self.told.append((run,))

    def error(self, *what: object) -> None:
        self.told.append(what)

    def flush(self) -> None:
        self.told.append(())


class InOrder:
    """In the place of the pool."""

    def map(self, function: Callable[[str], Any], items: Any) -> list[Any]:  # noqa: ANN401
        return [function(item) for item in items]


def test_runs_are_counted_and_what_was_not_run_comes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    done = Run("shop", "e-1", delivered=1)
    results = {"busy": None, "run": done, "broken": TROUBLE, "last": done}
    telemetry = Notes()
    monkeypatch.setattr(entry, "_container", lambda: (results.get, InOrder(), telemetry))
    records = [{"body": name, "messageId": f"id-{name}"} for name in results]
    assert entry.handler({"Records": records}, None) == {
        "batchItemFailures": [{"itemIdentifier": "id-busy"}, {"itemIdentifier": "id-broken"}]
    }
    assert telemetry.told == [(done,), ("webhook_failed", TROUBLE), (done,), ()]


def test_without_records_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    telemetry = Notes()
    monkeypatch.setattr(entry, "_container", lambda: (None, InOrder(), telemetry))
    assert entry.handler({}, None) == {"batchItemFailures": []}
    assert telemetry.told == [()]


def test_metrics_are_flushed_after_an_error_too(monkeypatch: pytest.MonkeyPatch) -> None:
    telemetry = Notes()
    monkeypatch.setattr(entry, "_container", lambda: (None, InOrder(), telemetry))
    with pytest.raises(TypeError):
        entry.handler({"Records": [{"body": "x", "messageId": "i"}]}, None)
    assert telemetry.told == [()]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Mock, Mock]:
    """Give a container with a dispatcher that does nothing; and how both were made."""
    environ = {
        "LEDGER_TABLE": "t",
        "MAIL_QUEUE_URL": "u",
        "MAIL_QUEUE_ARN": "a",
        "METRICS_NAMESPACE": "Acme",
        "ALARM_TOPIC_ARN": "arn:topic",
        "WEBHOOK_RETRY_SECONDS": "7,8",
        "WEBHOOK_LOOPBACK": "on",
    }
    dispatcher, parts = Mock(), Mock()
    monkeypatch.setattr(entry, "os", SimpleNamespace(environ=environ))
    monkeypatch.setattr(entry, "Dispatcher", dispatcher)
    monkeypatch.setattr(entry, "Poster", parts.poster)
    monkeypatch.setattr(entry, "Telemetry", parts.telemetry)
    monkeypatch.setattr(entry, "aws", parts.aws)
    monkeypatch.setattr(wiring, "stores", lambda settings: ("stores", settings.ledger_table))
    monkeypatch.setattr(wiring, "seals", lambda settings: ("seals", settings.ledger_table))
    return entry._container.__wrapped__(), dispatcher, parts  # noqa: SLF001 - the wiring


def test_the_container_is_made_from_the_settings(made: tuple[Any, Mock, Mock]) -> None:
    (_, runs, telemetry), dispatcher, parts = made
    [stores, poster, calls, waits, notifies] = dispatcher.call_args.args
    assert (stores, poster, waits) == (("stores", "t"), parts.poster.return_value, (7, 8))
    parts.poster.assert_called_once_with(("seals", "t"), loopback=True)
    parts.aws.LazyClient.assert_called_once_with("sns")
    assert (notifies.func, notifies.args) == (
        notify,
        (parts.aws.LazyClient.return_value, "arn:topic"),
    )
    parts.telemetry.assert_called_once_with("Acme")
    assert telemetry is parts.telemetry.return_value
    # A run waits for its calls: they must not wait for each other's threads.
    assert isinstance(runs, ThreadPoolExecutor)
    assert (runs._max_workers, calls._max_workers) == (10, 100)  # noqa: SLF001


@pytest.mark.parametrize("error", [TROUBLE, BotoCoreError(), TimeoutError()])
def test_what_aws_does_not_answer_is_a_message_that_comes_again(
    made: tuple[Any, Mock, Mock], error: Exception
) -> None:
    (run, _, _), dispatcher, _ = made
    assert run(BODY) is dispatcher.return_value.run.return_value
    dispatcher.return_value.run.assert_called_once_with(Wakeup("shop", "e-1", 5))
    dispatcher.return_value.run.side_effect = error
    assert run(BODY) is error


@pytest.mark.parametrize("body", ["", "no JSON", "[]", "{}", '{"client":"a","endpoint":"b"}'])
def test_a_message_that_is_none_of_ours_fails_alone(
    made: tuple[Any, Mock, Mock], monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    (run, _, _), dispatcher, _ = made
    dispatcher.return_value.run.return_value = Run("shop", "e-1")
    monkeypatch.setattr(entry, "_container", lambda: (run, InOrder(), Notes()))
    bodies = (BODY, body, BODY)
    records = [{"body": body, "messageId": f"id-{at}"} for at, body in enumerate(bodies)]
    assert entry.handler({"Records": records}, None) == {
        "batchItemFailures": [{"itemIdentifier": "id-1"}]
    }


def test_a_bug_in_a_run_fails_its_message_alone(made: tuple[Any, Mock, Mock]) -> None:
    (run, _, _), dispatcher, _ = made
    error = dispatcher.return_value.run.side_effect = EndpointError("endpoint", "is changed")
    assert run(BODY) is error


def test_a_notice_names_the_client_and_the_id_but_no_url() -> None:
    sns = Mock()
    url = "https://app.acme.sa/secret"
    hook = Endpoint(id="e-1", client="shop", url=url, events=(), secrets=(), created="")
    notify(sns, "arn:topic", hook)
    sns.publish.assert_called_once_with(
        TopicArn="arn:topic",
        Subject="Taqnyat mail gateway: a webhook is paused",
        Message="Calls to a webhook of shop have failed for three days, so it is "
        "paused. Its events are kept for 14 days.\nIts id: e-1\n"
        "Run: ./taqnyat-mail webhooks log shop e-1\n"
        'See docs/operations.md, "A webhook is paused".',
    )
