"""What the entries' containers are made of, each part from the settings."""

from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from mail_events import handler as events
from mail_send import worker
from mail_status import handler as status

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
