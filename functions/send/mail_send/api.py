"""Entry of the API: one call in, one JSON answer out."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Any

import outbox.startup
from botocore.exceptions import BotoCoreError, ClientError
from outbox import aws
from outbox.changes import Changes
from outbox.ledger import Ledger
from outbox.listing import Listing
from outbox.mail import MailError
from outbox.messages import MailQueue
from outbox.pause import Pause
from outbox.schedules import Schedules
from outbox.settings import Settings
from outbox.submission import IdempotencyBusyError, IdempotencyConflictError, Submission
from outbox.telemetry import Telemetry

from mail_send import wire
from mail_send.accept import Accept
from mail_send.records import Records
from mail_send.status import Status
from mail_send.wire import Answer, ApiError, Request

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Routes = dict[str, dict[str, "Callable[[Request], Answer]"]]


def handler(event: dict[str, Any], _context: object) -> Answer:
    """Answer one call."""
    routes, telemetry = _container()
    try:
        return answer(routes, event)
    except ApiError as error:
        return wire.failure(error)
    except MailError as error:
        return wire.failure(wire.refusal(error))
    except IdempotencyConflictError:
        message = "this `Idempotency-Key` was used before with another payload"
        return wire.failure(ApiError(409, "invalid_idempotent_request", message))
    except IdempotencyBusyError:
        message = "another call with this `Idempotency-Key` is being answered; try again"
        return wire.failure(ApiError(409, "concurrent_idempotent_requests", message))
    except (ClientError, BotoCoreError) as error:
        telemetry.trouble("aws_failed", error)
        message = "something failed in AWS; try again, a mail with the same `Idempotency-Key`"
        return wire.failure(ApiError(500, "internal_server_error", message))
    finally:
        telemetry.flush()


def answer(routes: Routes, event: Mapping[str, Any]) -> Answer:
    """Find the route of a call and take it."""
    request = Request.of(event)
    methods = routes.get(request.route)
    if methods is None:
        raise ApiError(404, "not_found", "there is nothing at this path")
    route = methods.get(request.method)
    if route is None:
        allowed = ", ".join(methods)
        message = f"this path answers only {allowed}"
        raise ApiError(405, "method_not_allowed", message, {"Allow": allowed})
    return route(request)


@cache
def _container() -> tuple[Routes, Telemetry]:
    settings = Settings.from_environ(os.environ)
    telemetry = Telemetry(settings.metrics_namespace)
    dynamo = aws.client("dynamodb")
    ledger = Ledger(
        dynamo,
        settings.ledger_table,
        lease_seconds=settings.lease_seconds,
        record_days=settings.record_days,
    )
    queue = MailQueue(aws.client("sqs"), settings.mail_queue_url)
    schedules = Schedules(lambda: aws.client("scheduler"), settings)
    submission = Submission(ledger, queue, schedules)
    accept = Accept(submission, settings.default_campaign, telemetry)
    listing = Listing(dynamo, settings.ledger_table)
    records = Records(ledger, listing, Changes(ledger, queue, schedules), telemetry)
    status = Status(Pause(dynamo, settings.ledger_table, settings.probe_delays_seconds))
    routes: Routes = {
        "/emails": {"GET": records.list, "POST": accept.one},
        "/emails/batch": {"POST": accept.batch},
        "/emails/{id}": {"GET": records.show, "PATCH": records.reschedule},
        "/emails/{id}/cancel": {"POST": records.cancel},
        "/status": {"GET": status.show},
    }
    return routes, telemetry


outbox.startup.ready(_container, os.environ)
