"""What the functions really ask of AWS: every call of every function, seen at its clients.

The mails of tests/contract/test_aws_arguments.py go through the world in memory; the authorizer
and the events function are called by themselves.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, Final
from unittest import mock

from mail_authorize import handler as authorizer
from mail_events import handler as events
from outbox import aws
from outbox.storage.expressions import pack_item

from tests.contract.every_call import make_every_call, make_every_webhook_call
from tests.faults import webhook_world
from tests.faults.accounts import BULK_QUEUE_ARN, ENVIRONMENT, MAIL_QUEUE_ARN
from tests.faults.standins.others import mapping_id
from tests.faults.world import World

FUNCTIONS: Final = {
    "api": "ApiFunction",
    "worker": "WorkerFunction",
    "status": "StatusCheckFunction",
    "events": "EventsFunction",
    "webhooks": "WebhooksFunction",
}
KEYS_SECRET: Final = "api-keys"
BUS: Final = "applications"
STREAM: Final = "the ledger's stream"
# The value of each environment variable here; a mapping's id is in none.
VARIABLES: Final = {
    **ENVIRONMENT,
    **webhook_world.ENVIRONMENT,
    "API_KEYS_SECRET_ID": KEYS_SECRET,
    "EVENT_BUS_NAME": BUS,
}
MAPPINGS: Final = {
    mapping_id(MAIL_QUEUE_ARN): "WorkerFunctionMail",
    mapping_id(BULK_QUEUE_ARN): "WorkerFunctionBulk",
}
# Calls whose action has another name; `transact_write_items` has one for each kind of item.
_ACTIONS: Final = {
    "sqs.send_message_batch": "sqs:SendMessage",
    "sqs.delete_message_batch": "sqs:DeleteMessage",
    "sqs.change_message_visibility_batch": "sqs:ChangeMessageVisibility",
}
_IN_TRANSACTION: Final = {
    "Put": "dynamodb:PutItem",
    "Update": "dynamodb:UpdateItem",
    "Delete": "dynamodb:DeleteItem",
    "ConditionCheck": "dynamodb:ConditionCheckItem",
}


@dataclass(frozen=True, slots=True)
class Need:
    """An action that a call needs, and what on: an argument, and for a table perhaps an index."""

    action: str
    on: str
    index: str = ""


@cache
def needs() -> dict[str, frozenset[Need]]:
    """Return what each function's calls need, by its logical id; `schedules` is what those do."""
    found: dict[str, set[Need]] = {name: set() for name in FUNCTIONS.values()}
    found |= {"AuthorizerFunction": set(), "schedules": set()}

    def recorded(world: World) -> None:
        services: dict[str, Any] = world.services
        for service, stand_in in services.items():
            services[service] = _Recorder(
                service, stand_in, lambda: found[FUNCTIONS[world.calls[-1].process]], found
            )

    make_every_call(recorded)
    make_every_webhook_call(recorded)
    with _alone(found["AuthorizerFunction"], {"SecretString": "{}"}):
        authorizer.handler(
            {"authorizationToken": "Bearer x", "methodArn": "arn:aws:execute-api:r:1:a/v1/GET/b"},
            None,
        )
    with _alone(found["EventsFunction"], {"FailedEntryCount": 0}):
        row = {"pk": "m", "state": "sent", "updated": "2026-11-23T08:00:00.000Z", "sender": "s"}
        change = {"NewImage": pack_item(row), "SequenceNumber": "1"}
        events.handler({"Records": [{"eventID": "e", "dynamodb": change}]}, None)
        names = ("streamArn", "shardId", "startSequenceNumber", "endSequenceNumber")
        given_up = json.dumps({"DDBStreamBatchInfo": dict.fromkeys(names, "1")})
        events.handler({"Records": [{"eventSource": "aws:sqs", "body": given_up}]}, None)
    return {name: frozenset(all_of) for name, all_of in found.items()}


class _Recorder:
    """A client that notes what each call needs, and hands it on."""

    def __init__(
        self,
        service: str,
        stand_in: object,
        sink: Callable[[], set[Need]],
        found: Mapping[str, set[Need]],
    ) -> None:
        self._service = service
        self._stand_in = stand_in
        self._sink = sink
        self._found = found

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def call(**arguments: Any) -> Any:  # noqa: ANN401 - as botocore
            self._sink().update(_needs(f"{self._service}.{operation}", arguments))
            target = arguments.get("Target")
            if target:
                arns = [target["Arn"], target["DeadLetterConfig"]["Arn"]]
                self._found["schedules"].update(Need("sqs:SendMessage", arn) for arn in arns)
            return getattr(self._stand_in, operation)(**arguments)

        return call


def _needs(name: str, arguments: Mapping[str, Any]) -> Iterator[Need]:
    """Yield what a call needs by AWS's own tables (Service Authorization Reference)."""
    service, _, operation = name.partition(".")
    action = _ACTIONS.get(name, f"{service}:{operation.title().replace('_', '')}")
    match name:
        case "dynamodb.transact_write_items":
            for item in arguments["TransactItems"]:
                ((kind, inside),) = item.items()
                yield Need(_IN_TRANSACTION[kind], inside["TableName"])
        case "dynamodb.batch_get_item" | "dynamodb.batch_write_item":
            for table in arguments["RequestItems"]:
                yield Need(action, table)
        case "scheduler.create_schedule":
            yield Need(action, arguments["GroupName"])
            yield Need("iam:PassRole", arguments["Target"]["RoleArn"])
        case "dynamodbstreams.get_shard_iterator" | "dynamodbstreams.get_records":
            yield Need(action.replace("dynamodbstreams", "dynamodb"), STREAM)
        case "events.put_events":
            for entry in arguments["Entries"]:
                yield Need(action, entry["EventBusName"])
        case (
            "cloudwatch.put_metric_data"
            | "cloudwatch.get_metric_statistics"
            | "lambda.list_event_source_mappings"
        ):
            yield Need(action, "*")  # AWS takes no resource for it
        case _:
            names = ("TableName", "QueueUrl", "SecretId", "KeyId", "GroupName", "TopicArn", "UUID")
            (on,) = [arguments[name] for name in names if name in arguments]
            yield Need(action, on, arguments.get("IndexName", ""))


@contextmanager
def _alone(sink: set[Need], answer: object) -> Iterator[None]:
    """Let a function find a client that notes what it is asked, and always answers the same."""
    answering = mock.Mock()
    answering.get_secret_value.return_value = answering.put_events.return_value = answer
    answering.get_shard_iterator.return_value = {"ShardIterator": "i"}
    answering.get_records.return_value = {"Records": []}

    def client(service: str) -> _Recorder:
        return _Recorder(service, answering, lambda: sink, {})

    alone = {**VARIABLES, "WEBHOOKS_TABLE": ""}
    with mock.patch.object(aws, "client", client), mock.patch.dict("os.environ", alone):
        yield
