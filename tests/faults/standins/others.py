"""Secrets Manager, KMS, Lambda's event source mapping, CloudWatch, SNS: as far as they are used."""

import json
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from tests.faults.standins.errors import client_error, only

SWITCH_SECONDS = 20.0
MAX_POINTS = 1440


class Secrets:
    """One secret with its former values; the last one counts."""

    def __init__(self, secret_id: str, *values: str) -> None:
        self.values = list(values)
        self.reads = 0
        self._id = secret_id

    def get_secret_value(self, **arguments: Any) -> Any:
        (secret_id,) = only(arguments, "SecretId")
        if secret_id != self._id or not self.values:
            raise client_error("GetSecretValue", "ResourceNotFoundException")
        self.reads += 1
        return {"SecretString": self.values[-1]}


def mapping_id(queue_arn: str) -> str:
    """Return the id of the mapping of a queue."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, queue_arn))


class Mapping:
    """The event source mapping of one function and one queue. Switching it takes its time."""

    def __init__(self, function: str, queue_arn: str, clock: Callable[[], float]) -> None:
        self.uuid = mapping_id(queue_arn)
        self.function = function
        self.queue_arn = queue_arn
        self._clock = clock
        self._on = True
        self._switched_at = float("-inf")

    @property
    def feeds(self) -> bool:
        """Whether it still gives messages to the function: also while it is being switched off."""
        return self._on or self._clock() < self._switched_at + SWITCH_SECONDS

    @property
    def state(self) -> str:
        """Return AWS's word for it."""
        if self._clock() < self._switched_at + SWITCH_SECONDS:
            return "Enabling" if self._on else "Disabling"
        return "Enabled" if self._on else "Disabled"

    def shown(self, state: str = "") -> dict[str, Any]:
        """Return it as ListEventSourceMappings does, or as it was in another state."""
        return {
            "UUID": self.uuid,
            "EventSourceArn": self.queue_arn,
            "State": state or self.state,
        }

    def switch(self, *, enabled: bool) -> None:
        """Switch it on or off."""
        if self.state in {"Enabling", "Disabling"}:
            raise client_error("UpdateEventSourceMapping", "ResourceInUseException")
        if enabled is not self._on:
            self._on, self._switched_at = enabled, self._clock()


class Functions:
    """Lambda's event source mappings."""

    def __init__(self, *mappings: Mapping) -> None:
        self.mappings: tuple[Mapping, ...] = mappings

    def list_event_source_mappings(self, **arguments: Any) -> Any:
        function, arn = only(arguments, "FunctionName", "EventSourceArn")
        found = [
            mapping
            for mapping in self.mappings
            if mapping.function == function and arn in {None, mapping.queue_arn}
        ]
        return {"EventSourceMappings": [mapping.shown() for mapping in found]}

    def update_event_source_mapping(self, **arguments: Any) -> Any:
        wanted, enabled = only(arguments, "UUID", "Enabled")
        for mapping in self.mappings:
            if mapping.uuid == wanted:
                mapping.switch(enabled=enabled)
                return mapping.shown()
        raise client_error("UpdateEventSourceMapping", "ResourceNotFoundException")


class CloudWatch:
    """Keeps the metrics that were put, and adds up the prices that the worker measured."""

    def __init__(self, prices: Callable[[], Iterable[tuple[float, Decimal]]]) -> None:
        """`prices` has those of the sent mails, each with its time."""
        self.data: list[Any] = []
        self._prices = prices

    def put_metric_data(self, **arguments: Any) -> Any:
        _, data = only(arguments, "Namespace", "MetricData")
        self.data += data
        return {}

    def get_metric_statistics(self, **arguments: Any) -> Any:
        names = ("Namespace", "MetricName", "StartTime", "EndTime", "Period", "Statistics")
        _, metric, start, end, period, statistics = only(arguments, *names)
        begin = start.timestamp()
        if metric != "MailPrice" or statistics != ["Sum", "SampleCount"] or period % 60:
            raise client_error("GetMetricStatistics", "InvalidParameterValue")
        if (end.timestamp() - begin) / period > MAX_POINTS:
            raise client_error("GetMetricStatistics", "InvalidParameterCombination")
        points: dict[float, list[Decimal]] = defaultdict(list)
        for at, price in self._prices():
            if begin <= at < end.timestamp():
                points[at - (at - begin) % period].append(price)
        return {
            "Datapoints": [
                {
                    "Timestamp": datetime.fromtimestamp(at, UTC),
                    "Sum": float(sum(found)),
                    "SampleCount": float(len(found)),
                }
                for at, found in points.items()
            ]
        }


class Sns:
    """Keeps the notices that were published."""

    def __init__(self) -> None:
        self.notices: list[dict[str, Any]] = []

    def publish(self, **arguments: Any) -> Any:
        only(arguments, "TopicArn", "Subject", "Message")
        self.notices.append(arguments)
        return {"MessageId": "one"}


class Kms:
    """One key. What it encrypts is opened only with the same context."""

    def __init__(self, key_id: str) -> None:
        self._id = key_id

    def encrypt(self, **arguments: Any) -> Any:
        key_id, text, context = only(arguments, "KeyId", "Plaintext", "EncryptionContext")
        if key_id != self._id:
            raise client_error("Encrypt", "NotFoundException")
        return {"CiphertextBlob": json.dumps([context, text.decode()]).encode()[::-1]}

    def decrypt(self, **arguments: Any) -> Any:
        key_id, blob, context = only(arguments, "KeyId", "CiphertextBlob", "EncryptionContext")
        told, text = json.loads(blob[::-1])
        if key_id != self._id or told != context:
            raise client_error("Decrypt", "InvalidCiphertextException")
        return {"Plaintext": text.encode()}
