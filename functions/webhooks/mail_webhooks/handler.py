"""Entry of the webhook queue: each message starts a run of one endpoint."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import outbox.startup
from outbox import aws
from outbox.settings import Settings
from outbox.telemetry import Telemetry
from outbox.webhooks import wiring
from outbox.webhooks.dispatching import PARALLEL, Dispatcher, Run
from outbox.webhooks.poster import Poster
from outbox.webhooks.queue import Wakeup

from mail_webhooks.notice import notify

if TYPE_CHECKING:
    from collections.abc import Callable

_BATCH_SIZE = 10


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Run the endpoints of a batch in parallel; return the messages that must come again."""
    run, side_by_side, telemetry = _container()
    records = event.get("Records", [])
    failed = []
    try:
        for record, done in zip(
            records, side_by_side.map(run, (record["body"] for record in records)), strict=True
        ):
            if isinstance(done, Run):
                telemetry.called(done)
                continue
            failed.append({"itemIdentifier": record["messageId"]})
            if done is not None:
                telemetry.error("webhook_failed", done)
    finally:
        telemetry.flush()
    return {"batchItemFailures": failed}


@cache
def _container() -> tuple[Callable[[str], Run | Exception | None], ThreadPoolExecutor, Telemetry]:
    settings = Settings.from_environ(os.environ)
    poster = Poster(wiring.seals(settings), loopback=wiring.allows_loopback(settings))
    # Two pools: a run waits for its calls, so calls must not wait for a thread of the runs.
    runs = ThreadPoolExecutor(_BATCH_SIZE)
    calls = ThreadPoolExecutor(_BATCH_SIZE * PARALLEL)
    dispatcher = Dispatcher(
        wiring.stores(settings),
        poster,
        calls,
        settings.webhook_retry_seconds,
        partial(notify, aws.LazyClient("sns"), settings.alarm_topic_arn),
    )

    def run(body: str) -> Run | Exception | None:
        try:
            return dispatcher.run(Wakeup.read(body))
        except Exception as error:  # noqa: BLE001  one message must not fail those beside it
            return error

    return run, runs, Telemetry(settings.metrics_namespace)


outbox.startup.preload(_container, os.environ, threads=True)
