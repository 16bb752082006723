"""What the entries' containers are made of, each part from the settings."""

from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from mail_events import handler as events
from mail_send import worker
from mail_status import handler as status
from outbox import wiring
from outbox.sending import wiring as sending
from outbox.settings import Settings

ENVIRON = {
    "LEDGER_TABLE": "ledger",
    "MAIL_QUEUE_URL": "u",
    "MAIL_QUEUE_ARN": "a",
    "BULK_QUEUE_ARN": "arn:bulk",
    "METRICS_NAMESPACE": "Acme",
    "SEND_TIMEOUT_SECONDS": "17",
    "WEBHOOKS_TABLE": "hooks",
}


def parts(patch: pytest.MonkeyPatch, module: Any, *names: str) -> Mock:  # noqa: ANN401 - a module
    """Put a part that does nothing in the place of each class or module that is named."""
    made = Mock()
    made.aws.client.side_effect = lambda service: f"{service} client"
    made.aws.LazyClient.side_effect = lambda service: f"lazy {service}"
    made.sending.provider.return_value = (made.taqnyat, made.token)
    if hasattr(module, "os"):
        patch.setattr(module, "os", SimpleNamespace(environ=ENVIRON))
    for name in names:
        patch.setattr(module, name, getattr(made, name))
    return made


def test_the_status_check(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("aws", "wiring", "sending", "Telemetry", "MoneyTable", "MoneyCheck", "Probe")
    made = parts(monkeypatch, status, *names, "StatusCheck")
    check, telemetry = status._container.__wrapped__()  # noqa: SLF001 - the wiring

    assert (check, telemetry) == (made.StatusCheck.return_value, made.Telemetry.return_value)
    made.Telemetry.assert_called_once_with("Acme")
    [(settings,)] = [call.args for call in made.wiring.pause.call_args_list]
    assert settings.ledger_table == "ledger"
    made.sending.provider.assert_called_once_with(settings, pool_size=1)
    made.wiring.mail_queue.assert_called_once_with(settings, "lazy sqs")
    pause, queue = made.wiring.pause.return_value, made.wiring.mail_queue.return_value
    made.MoneyTable.assert_called_once_with("dynamodb client", "ledger")
    shared = {
        "taqnyat": made.taqnyat,
        "cloudwatch": "cloudwatch client",
        "pause": pause,
        "telemetry": telemetry,
        "settings": settings,
    }
    money = dict(made.MoneyCheck.call_args.kwargs)
    assert money.pop("topic")() == "sns client"
    assert money == {**shared, "table": made.MoneyTable.return_value}
    found = dict(made.StatusCheck.call_args.kwargs)
    assert found.pop("topic")() == "sns client"
    assert found == {
        **shared,
        "event_source": made.sending.event_source.return_value,
        "probe": made.Probe.return_value,
        "money": made.MoneyCheck.return_value,
    }
    made.sending.event_source.assert_called_once_with(settings)
    made.wiring.ledger_table.assert_called_once_with(settings)
    *rest, deliver, told, seconds = made.Probe.call_args.args
    assert rest == [pause, queue, made.wiring.ledger_table.return_value]
    assert (told, seconds) == (telemetry, 17)
    # A probe sends with the token as it is now.
    assert deliver("breaker") is made.sending.delivery.return_value
    made.token.forget.assert_called_once_with()
    made.sending.delivery.assert_called_once_with(settings, made.taqnyat, queue, "breaker")


def test_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("aws", "wiring", "sending", "Telemetry", "BatchProcessor", "ThreadPoolExecutor")
    made = parts(monkeypatch, worker, *names)
    processor, telemetry = worker._container.__wrapped__()  # noqa: SLF001 - the wiring

    assert (processor, telemetry) == (made.BatchProcessor.return_value, made.Telemetry.return_value)
    made.Telemetry.assert_called_once_with("Acme")
    [(settings, connections)] = [call.args for call in made.sending.provider.call_args_list]
    assert (settings.ledger_table, connections) == ("ledger", 10)
    made.wiring.mail_queue.assert_called_once_with(settings, "lazy sqs")
    queue = made.wiring.mail_queue.return_value
    breaker = made.sending.circuit_breaker.return_value
    made.sending.circuit_breaker.assert_called_once_with(settings)
    made.sending.delivery.assert_called_once_with(settings, made.taqnyat, queue, breaker)
    made.sending.turns.assert_called_once_with(settings)
    assert made.ThreadPoolExecutor.call_args.args == (10,)
    given = made.BatchProcessor.call_args.kwargs
    assert given == {
        **given,
        "delivery": made.sending.delivery.return_value,
        "queue": queue,
        "breaker": breaker,
        "turns": made.sending.turns.return_value,
        "executor": made.ThreadPoolExecutor.return_value,
        "telemetry": telemetry,
        "on_resumed": made.token.forget,
        "bulk_queue_arn": "arn:bulk",
    }


@pytest.mark.parametrize("table", ["hooks", ""])
def test_the_events_function_has_webhooks_where_a_stack_has_them(
    monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    monkeypatch.setattr(events, "os", SimpleNamespace(environ=ENVIRON | {"WEBHOOKS_TABLE": table}))
    stores = Mock()
    monkeypatch.setattr("outbox.webhooks.wiring.stores", stores)
    recorder, telemetry = Mock(), Mock()
    monkeypatch.setattr("outbox.webhooks.recording.Recorder", recorder)
    monkeypatch.setattr("outbox.telemetry.Telemetry", telemetry)
    found = events._container.__wrapped__()  # noqa: SLF001 - the wiring
    if not table:
        assert found is None
        return
    assert found == (recorder.return_value, telemetry.return_value)
    assert stores.call_args.args[0].webhooks_table == "hooks"
    recorder.assert_called_once_with(stores.return_value)
    telemetry.assert_called_once_with("Acme")


SETTINGS = Settings.from_environ(
    ENVIRON
    | {"FAILED_QUEUE_URL": "failed", "BULK_QUEUE_URL": "bulk", "WORKER_FUNCTION_NAME": "worker"}
)


def test_the_parts_that_several_share(monkeypatch: pytest.MonkeyPatch) -> None:
    made = parts(monkeypatch, wiring, "aws", "MailQueue", "Schedules", "LedgerTable")
    pause = Mock()
    monkeypatch.setattr("outbox.sending.pause.Pause", pause)

    assert wiring.mail_queue(SETTINGS, made.sqs) is made.MailQueue.return_value
    made.MailQueue.assert_called_once_with(made.sqs, "u", "failed", bulk_url="bulk")
    assert wiring.ledger_table(SETTINGS) is made.LedgerTable.return_value
    made.LedgerTable.assert_called_once_with("dynamodb client", "ledger", SETTINGS.record_days)
    assert wiring.pause(SETTINGS) is pause.return_value
    pause.assert_called_once_with("dynamodb client", "ledger", SETTINGS.probe_delays_seconds)
    assert wiring.schedules(SETTINGS) is made.Schedules.return_value
    connect, settings = made.Schedules.call_args.args
    assert (connect(), settings) == ("scheduler client", SETTINGS)


def test_the_parts_that_send(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("aws", "EventSource", "Control", "Turns", "CircuitBreaker", "Suspicions", "wiring")
    more = ("Claims", "Delivery", "BearerToken", "Transport", "TaqnyatClient")
    made = parts(monkeypatch, sending, *names, *more)

    assert sending.event_source(SETTINGS) is made.EventSource.return_value
    connect, worker_name, queues = made.EventSource.call_args.args
    assert (connect(), worker_name, queues) == ("lambda client", "worker", ("a", "arn:bulk"))
    assert sending.turns(SETTINGS) is made.Turns.return_value
    made.Control.assert_called_once_with("dynamodb client", "ledger")
    made.Turns.assert_called_once_with(made.Control.return_value, SETTINGS.max_send_rate, 17)
    assert sending.circuit_breaker(SETTINGS) is made.CircuitBreaker.return_value
    made.Suspicions.assert_called_once_with("dynamodb client", "ledger")
    made.CircuitBreaker.assert_called_once_with(
        made.wiring.pause.return_value,
        made.Suspicions.return_value,
        made.EventSource.return_value,
        SETTINGS.failure_run,
    )
    found = sending.provider(SETTINGS, 3)
    assert found == (made.TaqnyatClient.return_value, made.BearerToken.return_value)
    made.BearerToken.assert_called_once_with(
        "secretsmanager client", SETTINGS.token_secret_id, SETTINGS.token_cache_seconds
    )
    made.Transport.assert_called_once_with(
        SETTINGS.taqnyat_url, SETTINGS.connect_timeout_seconds, 3
    )
    made.TaqnyatClient.assert_called_once_with(
        made.Transport.return_value, made.BearerToken.return_value, SETTINGS.taqnyat_encoding
    )
    found_delivery = sending.delivery(SETTINGS, made.taqnyat, made.queue, made.breaker)
    assert found_delivery is made.Delivery.return_value
    made.Claims.assert_called_once_with(
        made.wiring.ledger_table.return_value, SETTINGS.lease_seconds
    )
    made.Delivery.assert_called_once_with(
        made.Claims.return_value,
        made.taqnyat,
        made.queue,
        made.breaker,
        made.wiring.schedules.return_value,
        SETTINGS,
    )
    for call in (made.wiring.ledger_table, made.wiring.schedules, made.wiring.pause):
        call.assert_called_once_with(SETTINGS)
