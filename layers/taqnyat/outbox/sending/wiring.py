"""Makes the parts that the worker and the status check use, each from the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from taqnyat import BearerToken, TaqnyatClient, Transport

from outbox import aws, wiring
from outbox.queues.event_source import EventSource
from outbox.sending.breaker import Breaker, CircuitBreaker
from outbox.sending.control import Control
from outbox.sending.delivery import Delivery
from outbox.sending.suspicion import Suspicions
from outbox.sending.turns import Turns
from outbox.storage.claims import Claims

if TYPE_CHECKING:
    from outbox.queues.queue import MailQueue
    from outbox.settings import Settings


def provider(settings: Settings, pool_size: int) -> tuple[TaqnyatClient, BearerToken]:
    """Make Taqnyat's client, and the token that it sends with."""
    token = BearerToken(
        aws.client("secretsmanager"), settings.token_secret_id, settings.token_cache_seconds
    )
    transport = Transport(settings.taqnyat_url, settings.connect_timeout_seconds, pool_size)
    return TaqnyatClient(transport, token, settings.taqnyat_encoding), token


def event_source(settings: Settings) -> EventSource:
    """Make the mappings that feed the worker."""
    return EventSource(
        lambda: aws.client("lambda"),
        settings.worker_function_name,
        (settings.mail_queue_arn, settings.bulk_queue_arn),
    )


def delivery(
    settings: Settings, taqnyat: TaqnyatClient, queue: MailQueue, breaker: Breaker
) -> Delivery:
    """Make the delivery of a container, which asks `breaker` before it sends."""
    claims = Claims(wiring.ledger_table(settings), settings.lease_seconds)
    return Delivery(claims, taqnyat, queue, breaker, wiring.schedules(settings), settings)


def circuit_breaker(settings: Settings) -> CircuitBreaker:
    """Make the breaker of a container."""
    dynamo = aws.client("dynamodb")
    suspicions = Suspicions(dynamo, settings.ledger_table)
    return CircuitBreaker(
        wiring.pause(settings), suspicions, event_source(settings), settings.failure_run
    )


def turns(settings: Settings) -> Turns:
    """Make the turns of a container."""
    control = Control(aws.client("dynamodb"), settings.ledger_table)
    return Turns(control, settings.max_send_rate, settings.send_timeout_seconds)
