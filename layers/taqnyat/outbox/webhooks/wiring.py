"""Makes the parts of webhooks, each from the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from outbox import aws
from outbox.webhooks.sealing import Seals
from outbox.webhooks.service import Webhooks
from outbox.webhooks.stores import Stores

if TYPE_CHECKING:
    from outbox.settings import Settings


def stores(settings: Settings) -> Stores:
    """Make the table's views and the queue."""
    return Stores.of(
        aws.client("dynamodb"),
        settings.webhooks_table,
        aws.LazyClient("sqs"),
        settings.webhook_queue_url,
    )


def seals(settings: Settings) -> Seals:
    """Make the seals."""
    return Seals(aws.LazyClient("kms"), settings.webhook_key_arn)


def webhooks(settings: Settings) -> Webhooks:
    """Make the service for callers and operators."""
    return Webhooks(stores(settings), seals(settings), loopback=allows_loopback(settings))


def allows_loopback(settings: Settings) -> bool:
    """Return whether plain http on this machine is allowed, as on the local stack."""
    return settings.webhook_loopback == "on"
