"""Entry of the schedule: once a minute, look at Taqnyat, keep the pause true, and try to end it."""

from __future__ import annotations

import os
from functools import cache
from typing import Any, Protocol

import outbox.startup
from botocore.exceptions import ClientError
from outbox import aws
from outbox.batch import last_moment
from outbox.canary import Canary, Watch
from outbox.delivery import Delivery
from outbox.ledger import Ledger
from outbox.messages import MailQueue
from outbox.pause import Intake, Pause
from outbox.schedules import Schedules
from outbox.settings import Settings
from outbox.telemetry import Telemetry
from taqnyat import BearerToken, TaqnyatClient, Transport

from mail_status.check import StatusCheck


class Context(Protocol):
    """What is used of Lambda's context."""

    def get_remaining_time_in_millis(self) -> int: ...  # noqa: D102


def handler(event: dict[str, Any], context: Context) -> dict[str, Any]:
    """Check once; `{"check": "account"}`, from the command line's doctor, asks for the account.

    What AWS refuses is raised: a check that was not written is an error of the function.
    """
    check, telemetry = _container()
    deadline = last_moment(context.get_remaining_time_in_millis() / 1000)
    try:
        if event.get("check") == "account":
            return check.ask_account(deadline)
        return check.run(deadline)
    except ClientError as error:
        raise aws.without_text(error) from None
    finally:
        telemetry.flush()


@cache
def _container() -> tuple[StatusCheck, Telemetry]:
    settings = Settings.from_environ(os.environ)
    telemetry = Telemetry(settings.metrics_namespace)
    dynamo = aws.client("dynamodb")
    token = BearerToken(
        aws.client("secretsmanager"),
        settings.token_secret_id,
        settings.token_cache_seconds,
    )
    transport = Transport(settings.taqnyat_url, settings.connect_timeout_seconds, pool_size=1)
    taqnyat = TaqnyatClient(transport, token, settings.taqnyat_encoding)
    ledger = Ledger(
        dynamo,
        settings.ledger_table,
        lease_seconds=settings.lease_seconds,
        record_days=settings.record_days,
    )
    pause = Pause(dynamo, settings.ledger_table, settings.probe_delays_seconds)
    queue = MailQueue(aws.Lazy("sqs"), settings.mail_queue_url, settings.failed_queue_url)
    schedules = Schedules(lambda: aws.client("scheduler"), settings)

    def deliver(watch: Watch) -> Delivery:
        token.forget()  # a probe sends with the token as it is now
        return Delivery(ledger, taqnyat, queue, watch, schedules, settings)

    check = StatusCheck(
        taqnyat=taqnyat,
        pause=pause,
        intake=Intake(
            lambda: aws.client("lambda"),
            settings.worker_function_name,
            settings.mail_queue_arn,
        ),
        canary=Canary(pause, queue, deliver),
        cloudwatch=aws.client("cloudwatch"),
        topic=lambda: aws.client("sns"),
        telemetry=telemetry,
        settings=settings,
    )
    return check, telemetry


outbox.startup.ready(_container, os.environ)
