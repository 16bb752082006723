"""Entry of the schedule: checks Taqnyat once a minute, and probes a pause to end it."""

from __future__ import annotations

import os
from functools import cache
from typing import Any, Protocol

import outbox.startup
from botocore.exceptions import ClientError
from outbox import aws, wiring
from outbox.sending import wiring as sending
from outbox.sending.batch import last_moment
from outbox.sending.breaker import Breaker
from outbox.sending.delivery import Delivery
from outbox.sending.probe import Probe
from outbox.settings import Settings
from outbox.storage.money import MoneyTable
from outbox.telemetry import Telemetry

from mail_status.check import StatusCheck
from mail_status.money import MoneyCheck


class Context(Protocol):
    """The part of Lambda's context that is used."""

    def get_remaining_time_in_millis(self) -> int: ...  # noqa: D102


def handler(event: dict[str, Any], context: Context) -> dict[str, Any]:
    """Check once; `{"check": "account"}`, from the command line's doctor, asks about the account.

    Errors of AWS are raised: a check that was not stored is an error of the function.
    """
    check, telemetry = _container()
    deadline = last_moment(context.get_remaining_time_in_millis() / 1000)
    try:
        if event.get("check") == "account":
            return check.ask_account(deadline)
        return check.run(deadline)
    except ClientError as error:
        raise aws.redacted(error) from None
    finally:
        telemetry.flush()


@cache
def _container() -> tuple[StatusCheck, Telemetry]:
    settings = Settings.from_environ(os.environ)
    telemetry = Telemetry(settings.metrics_namespace)
    taqnyat, token = sending.provider(settings, pool_size=1)
    pause = wiring.pause(settings)
    queue = wiring.mail_queue(settings, aws.LazyClient("sqs"))

    def deliver(breaker: Breaker) -> Delivery:
        token.forget()  # a probe sends with the token as it is now
        return sending.delivery(settings, taqnyat, queue, breaker)

    cloudwatch = aws.client("cloudwatch")

    def topic() -> Any:  # noqa: ANN401  botocore's clients have no types
        return aws.client("sns")

    money = MoneyCheck(
        taqnyat=taqnyat,
        table=MoneyTable(aws.client("dynamodb"), settings.ledger_table),
        cloudwatch=cloudwatch,
        pause=pause,
        topic=topic,
        telemetry=telemetry,
        settings=settings,
    )
    check = StatusCheck(
        taqnyat=taqnyat,
        pause=pause,
        event_source=sending.event_source(settings),
        probe=Probe(
            pause,
            queue,
            wiring.ledger_table(settings),
            deliver,
            telemetry,
            settings.send_timeout_seconds,
        ),
        money=money,
        cloudwatch=cloudwatch,
        topic=topic,
        telemetry=telemetry,
        settings=settings,
    )
    return check, telemetry


outbox.startup.preload(_container, os.environ)
