"""Every call to AWS has arguments that AWS's own models allow; the clients themselves do not check.

A message of a mail goes through the world in memory, each call held against botocore's model.
"""

import json
from collections.abc import Callable
from typing import Any

import botocore.session
import pytest
from botocore import xform_name
from botocore.validate import ParamValidator

from tests.faults.world import START, World, installed
from tests.unit.api.caller import Caller, mail

USED = {
    "cloudwatch.put_metric_data",
    "dynamodb.batch_get_item",
    "dynamodb.get_item",
    "dynamodb.put_item",
    "dynamodb.query",
    "dynamodb.transact_write_items",
    "dynamodb.update_item",
    "lambda.list_event_source_mappings",
    "lambda.update_event_source_mapping",
    "scheduler.create_schedule",
    "scheduler.delete_schedule",
    "scheduler.get_schedule",
    "secretsmanager.get_secret_value",
    "sns.publish",
    "sqs.change_message_visibility",
    "sqs.delete_message",
    "sqs.receive_message",
    "sqs.send_message",
    "sqs.send_message_batch",
}


class Checked:
    """A stand-in whose calls are held against the model of its service."""

    def __init__(self, service: str, stand_in: object, seen: set[str], wrong: list[str]) -> None:
        model = botocore.session.get_session().get_service_model(service)
        self._operations = {xform_name(name): name for name in model.operation_names}
        self._model = model
        self._service = service
        self._stand_in = stand_in
        self._seen = seen
        self._wrong = wrong

    def __getattr__(self, method: str) -> Callable[..., Any]:
        name = f"{self._service}.{method}"
        shape: Any = self._model.operation_model(self._operations[method]).input_shape

        def call(**arguments: Any) -> Any:  # noqa: ANN401
            self._seen.add(name)
            report = ParamValidator().validate(arguments, shape)
            if report.has_errors():
                self._wrong.append(f"{name}: {report.generate_report()}")
            return getattr(self._stand_in, method)(**arguments)

        return call


@pytest.fixture(scope="module")
def calls() -> tuple[set[str], list[str]]:
    """Make every kind of call once; return their names and what was wrong with them."""
    seen: set[str] = set()
    wrong: list[str] = []
    with installed():
        world = World(policy="resend", ALARM_TOPIC_ARN="arn:aws:sns:us-east-1:123456789012:alarms")
        services: dict[str, Any] = world.services
        for service, stand_in in services.items():
            services[service] = Checked(service, stand_in, seen, wrong)
        _sent_retried_failed_unknown(world)
        _paused_and_resumed(world)
        _asked_by_api(Caller(world), world)
        assert world.errors == []
    return seen, wrong


def _sent_retried_failed_unknown(world: World) -> None:
    world.post("a", to=["a@example.com", "b@example.com"], expires_at=int(START) + 10**6)
    world.drop("b")
    world.drop("c", on_unknown="hold")
    world.sqs.send_message(
        QueueUrl=world.environment["MAIL_QUEUE_URL"], MessageBody='{"subject":"poison"}'
    )
    world.taqnyat.script = ["status_503", "code_14", "hang", "status_429_in_90s"]
    world.run_until_quiet()
    assert len(world.failed.messages) == 3
    world.redrive()
    world.run_until_quiet()


def _paused_and_resumed(world: World) -> None:
    world.taqnyat.refusing = "code_102"
    world.post("d")
    world.poll()
    world.check()
    assert world.paused
    world.taqnyat.refusing = None
    world.run_until_quiet()
    assert not world.paused


def _asked_by_api(shop: Caller, world: World) -> None:
    later = "2027-02-01T00:00:00Z"
    first, second = (shop.accepted(scheduled_at=later) for _ in range(2))
    assert shop.move(first, "2027-03-01T00:00:00Z").status == 200
    assert shop.cancel(second).status == 200
    assert shop.batch([mail(), mail(scheduled_at=later)], key="k").status == 200
    assert shop.list(limit="2").status == 200
    assert shop.call("GET", "/status").status == 200
    world.poll()
    world.run_until_quiet()


def test_every_call_is_as_aws_has_it(calls: tuple[set[str], list[str]]) -> None:
    _, wrong = calls
    assert wrong == []


def test_these_are_all_the_calls(calls: tuple[set[str], list[str]]) -> None:
    seen, _ = calls
    assert seen == USED


def test_a_wrong_argument_would_be_seen() -> None:
    wrong: list[str] = []
    checked = Checked("sqs", object(), set(), wrong)
    with pytest.raises(AttributeError):
        checked.send_message(QueueUrl=5, MessageBody="x")
    assert "QueueUrl" in json.dumps(wrong)
