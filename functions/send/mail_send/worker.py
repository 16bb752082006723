"""Entry of the mail queue: takes a batch of SQS records, returns the ids of those to retry."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import Any, Protocol

import outbox.startup
from outbox import aws, wiring
from outbox.sending import wiring as sending
from outbox.sending.batch import BatchProcessor
from outbox.sending.divert import may_call
from outbox.settings import Settings
from outbox.telemetry import Telemetry

_BATCH_SIZE = 10


class Context(Protocol):
    """The part of Lambda's context that is used."""

    def get_remaining_time_in_millis(self) -> int: ...  # noqa: D102


def handler(event: dict[str, Any], context: Context) -> dict[str, Any]:
    """Process a batch; return the messages that must be received again."""
    processor, telemetry = _container()
    try:
        retried = processor.process(
            event.get("Records", []), context.get_remaining_time_in_millis() / 1000
        )
    finally:
        telemetry.flush()
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in retried]}


@cache
def _container() -> tuple[BatchProcessor, Telemetry]:
    settings = Settings.from_environ(os.environ)
    telemetry = Telemetry(settings.metrics_namespace)
    taqnyat, token = sending.provider(settings, _BATCH_SIZE)
    breaker = sending.circuit_breaker(settings)
    queue = wiring.mail_queue(settings, aws.LazyClient("sqs"))
    delivery = sending.delivery(settings, taqnyat, queue, breaker)
    executor = ThreadPoolExecutor(_BATCH_SIZE, thread_name_prefix="mail")
    processor = BatchProcessor(
        delivery=delivery,
        queue=queue,
        breaker=breaker,
        turns=sending.turns(settings),
        executor=executor,
        telemetry=telemetry,
        on_resumed=token.forget,
        may_call=partial(
            may_call, queue=queue, table=wiring.ledger_table(settings), settings=settings
        ),
        bulk_queue_arn=settings.bulk_queue_arn,
        batches=(settings.maximum_concurrency, settings.bulk_maximum_concurrency),
    )
    return processor, telemetry


outbox.startup.preload(_container, os.environ, threads=True)
