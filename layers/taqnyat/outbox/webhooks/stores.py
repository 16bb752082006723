"""The storage of webhooks: the table, in three views, and the queue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from outbox.webhooks.deliveries import Deliveries
from outbox.webhooks.endpoints import Endpoints
from outbox.webhooks.queue import WebhookQueue
from outbox.webhooks.turns import Turns

if TYPE_CHECKING:
    from outbox.ports import SqsClient, TableClient

# Longer than a run: the function's time limit is below it (template.yaml).
LEASE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Stores:
    """The parts."""

    endpoints: Endpoints
    deliveries: Deliveries
    turns: Turns
    queue: WebhookQueue

    @classmethod
    def of(cls, dynamo: TableClient, table: str, sqs: SqsClient, queue_url: str) -> Stores:
        """Make the parts of a stack."""
        return cls(
            Endpoints(dynamo, table),
            Deliveries(dynamo, table),
            Turns(dynamo, table, LEASE_SECONDS),
            WebhookQueue(sqs, queue_url),
        )
