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

from tests.contract.every_call import make_every_call, make_every_webhook_call
from tests.faults.world import World

USED = {
    "cloudwatch.put_metric_data",
    "cloudwatch.get_metric_statistics",
    "dynamodb.batch_get_item",
    "dynamodb.batch_write_item",
    "dynamodb.delete_item",
    "dynamodb.get_item",
    "dynamodb.put_item",
    "dynamodb.query",
    "dynamodb.transact_write_items",
    "dynamodb.update_item",
    "kms.decrypt",
    "kms.encrypt",
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

    def checked(world: World) -> None:
        services: dict[str, Any] = world.services
        for service, stand_in in services.items():
            services[service] = Checked(service, stand_in, seen, wrong)

    make_every_call(checked)
    make_every_webhook_call(checked)
    return seen, wrong


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
