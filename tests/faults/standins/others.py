"""Secrets Manager, Lambda's event source mapping, CloudWatch and SNS, as far as they are used."""

from collections.abc import Callable
from typing import Any

from tests.faults.standins.errors import client_error, only

SWITCH_SECONDS = 20.0
MAPPING_ID = "3a1c0f6e-5d0b-4c3e-9a52-7d1f0e6b8c21"


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


class Mapping:
    """The event source mapping of one function and one queue. Switching it takes its time."""

    def __init__(self, function: str, queue_arn: str, clock: Callable[[], float]) -> None:
        self._function = function
        self._queue_arn = queue_arn
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

    def list_event_source_mappings(self, **arguments: Any) -> Any:
        function, queue_arn = only(arguments, "FunctionName", "EventSourceArn")
        known = function == self._function and queue_arn == self._queue_arn
        return {"EventSourceMappings": [{"UUID": MAPPING_ID, "State": self.state}] if known else []}

    def update_event_source_mapping(self, **arguments: Any) -> Any:
        _, enabled = only(arguments, "UUID", "Enabled")
        if self.state in {"Enabling", "Disabling"}:
            raise client_error("UpdateEventSourceMapping", "ResourceInUseException")
        if enabled is not self._on:
            self._on, self._switched_at = enabled, self._clock()
        return {"UUID": MAPPING_ID, "State": self.state}


class CloudWatch:
    """Keeps the metrics that were put."""

    def __init__(self) -> None:
        self.data: list[Any] = []

    def put_metric_data(self, **arguments: Any) -> Any:
        _, data = only(arguments, "Namespace", "MetricData")
        self.data += data
        return {}


class Sns:
    """Keeps the notices that were published."""

    def __init__(self) -> None:
        self.notices: list[dict[str, Any]] = []

    def publish(self, **arguments: Any) -> Any:
        only(arguments, "TopicArn", "Subject", "Message")
        self.notices.append(arguments)
        return {"MessageId": "one"}
