"""What the console asks of the deployed gateway: its ledger, its queues, and its API."""

import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Protocol

from boto3.dynamodb.types import TypeDeserializer

_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # it is on this machine
_READ = TypeDeserializer()
_PATIENCE_SECONDS = 60
_NUMBERS = {
    "visible": "ApproximateNumberOfMessages",
    "in_flight": "ApproximateNumberOfMessagesNotVisible",
    "delayed": "ApproximateNumberOfMessagesDelayed",
}


class Gateway(Protocol):
    """A gateway, real or made up for a test. Reading raises botocore's errors."""

    def items(self) -> list[dict[str, Any]]:
        """Return every item of the ledger's table, the special ones (`#pause`) included."""

    def queue(self) -> dict[str, int]:
        """Return the messages of the mail queue: visible, in_flight, delayed."""

    def failed_queue(self) -> int:
        """Return the messages of the failed queue."""

    def intake(self) -> str:
        """Return the state of the event source mapping: Enabled, Disabled, ...."""

    def post(self, body: bytes, path: str = "/emails") -> tuple[int, bytes]:
        """Send JSON to the API; return the answer's status and body."""

    def store_token(self, token: str) -> None:
        """Put Taqnyat's token into the secret, as an operator would."""


class AwsGateway:
    """The gateway of the local stack."""

    def __init__(
        self,
        client: Callable[[str], Any],
        outputs: Mapping[str, str],
        api_url: str,
        api_key: str,
    ) -> None:
        """`client` makes boto3 clients; `outputs` are the stack's."""
        self._client = client
        self._outputs = outputs
        self._api_url = api_url
        self._api_key = api_key

    def items(self) -> list[dict[str, Any]]:
        """Scan the table."""
        pages = self._client("dynamodb").get_paginator("scan")
        found = pages.paginate(TableName=self._outputs["LedgerTable"], ConsistentRead=True)
        return [
            {name: _plain(_READ.deserialize(value)) for name, value in item.items()}
            for page in found
            for item in page["Items"]
        ]

    def queue(self) -> dict[str, int]:
        """Count the mail queue's messages, those of both lanes."""
        normal, bulk = self._count("MailQueueUrl"), self._count("BulkQueueUrl")
        return {name: count + bulk[name] for name, count in normal.items()}

    def failed_queue(self) -> int:
        """Count the failed queue's messages, those that a person is looking at included."""
        return sum(self._count("FailedQueueUrl").values())

    def intake(self) -> str:
        """Look the worker's mappings up; one that is not as the other is shown."""
        found = self._client("lambda").list_event_source_mappings(
            FunctionName=self._outputs["WorkerFunction"]
        )["EventSourceMappings"]
        states = sorted(str(mapping["State"]) for mapping in found)
        return next((state for state in states if state != "Enabled"), (states or ["Missing"])[0])

    def post(self, body: bytes, path: str = "/emails") -> tuple[int, bytes]:
        """Send with the stack's own key, which never reaches the page."""
        request = urllib.request.Request(  # noqa: S310 - our own address
            f"{self._api_url}{path}",
            data=body,
            headers={
                "Authorization": f"Bearer {self._api_key}",
                "Content-Type": "application/json",
            },
        )
        try:
            with _OPENER.open(request, timeout=_PATIENCE_SECONDS) as answer:
                return int(answer.status), bytes(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def store_token(self, token: str) -> None:
        """Put a new version into Secrets Manager."""
        self._client("secretsmanager").put_secret_value(
            SecretId=self._outputs["TokenSecretArn"], SecretString=token
        )

    def _count(self, output: str) -> dict[str, int]:
        answer = self._client("sqs").get_queue_attributes(
            QueueUrl=self._outputs[output], AttributeNames=list(_NUMBERS.values())
        )
        return {name: int(answer["Attributes"][key]) for name, key in _NUMBERS.items()}


def _plain(value: Any) -> Any:  # noqa: ANN401 - any attribute
    """Return an attribute's value with numbers as JSON has them."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return value
