"""Entry of the mail queue: a batch of SQS records in, the ids of those to be seen again out."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, Protocol

import outbox.startup
from outbox import aws
from outbox.batch import Batch
from outbox.delivery import Delivery
from outbox.ledger import Ledger
from outbox.messages import MailQueue
from outbox.pause import Gate, Intake, Pause
from outbox.schedules import Schedules
from outbox.settings import Settings
from outbox.telemetry import Telemetry
from taqnyat import BearerToken, TaqnyatClient, Transport

_BATCH_SIZE = 10


class Context(Protocol):
    """What is used of Lambda's context."""

    def get_remaining_time_in_millis(self) -> int: ...  # noqa: D102


def handler(event: dict[str, Any], context: Context) -> dict[str, Any]:
    """See a batch through, and report the messages that must come again."""
    batch, telemetry = _container()
    try:
        again = batch.see_through(
            event.get("Records", []), context.get_remaining_time_in_millis() / 1000
        )
    finally:
        telemetry.flush()
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in again]}


@cache
def _container() -> tuple[Batch, Telemetry]:
    settings = Settings.from_environ(os.environ)
    telemetry = Telemetry(settings.metrics_namespace)
    dynamo = aws.client("dynamodb")
    token = BearerToken(
        aws.client("secretsmanager"), settings.token_secret_id, settings.token_cache_seconds
    )
    transport = Transport(settings.taqnyat_url, settings.connect_timeout_seconds, _BATCH_SIZE)
    ledger = Ledger(
        dynamo,
        settings.ledger_table,
        lease_seconds=settings.lease_seconds,
        record_days=settings.record_days,
    )
    pause = Pause(dynamo, settings.ledger_table, settings.probe_delays_seconds)
    intake = Intake(
        lambda: aws.client("lambda"), settings.worker_function_name, settings.mail_queue_arn
    )
    gate = Gate(pause, intake, settings.failure_run)
    queue = MailQueue(aws.Lazy("sqs"), settings.mail_queue_url, settings.failed_queue_url)
    schedules = Schedules(lambda: aws.client("scheduler"), settings)
    provider = TaqnyatClient(transport, token, settings.taqnyat_encoding)
    delivery = Delivery(ledger, provider, queue, gate, schedules, settings)
    executor = ThreadPoolExecutor(_BATCH_SIZE, thread_name_prefix="mail")
    return Batch(delivery, queue, gate, executor, telemetry, on_resumed=token.forget), telemetry


outbox.startup.ready(_container, os.environ, threads=True)
