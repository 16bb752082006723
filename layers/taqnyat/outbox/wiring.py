"""Makes the parts that several entries use, each from the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from outbox import aws
from outbox.queues.queue import MailQueue
from outbox.queues.schedules import Schedules
from outbox.storage.table import LedgerTable

if TYPE_CHECKING:
    from outbox.ports import SqsClient
    from outbox.sending.pause import Pause
    from outbox.settings import Settings


def ledger_table(settings: Settings) -> LedgerTable:
    """Make the ledger's table."""
    return LedgerTable(aws.client("dynamodb"), settings.ledger_table, settings.record_days)


def pause(settings: Settings) -> Pause:
    """Make the pause."""
    from outbox.sending.pause import Pause  # noqa: PLC0415  the API rarely needs it

    return Pause(aws.client("dynamodb"), settings.ledger_table, settings.probe_delays_seconds)


def mail_queue(settings: Settings, sqs: SqsClient) -> MailQueue:
    """Make the mail queue with both its lanes, and the failed queue behind it."""
    return MailQueue(
        sqs,
        settings.mail_queue_url,
        settings.failed_queue_url,
        bulk_url=settings.bulk_queue_url,
    )


def schedules(settings: Settings) -> Schedules:
    """Make the schedules; their client is made when it is needed."""
    return Schedules(lambda: aws.client("scheduler"), settings)
