"""Entry of the API: takes one call, returns one JSON answer."""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import UTC
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import outbox.startup
from botocore.exceptions import BotoCoreError, ClientError
from outbox import aws, wiring
from outbox.accepting.submission import IdempotencyBusyError, IdempotencyConflictError, Submission
from outbox.accepting.updater import MailUpdater
from outbox.mail.mail import MailError
from outbox.settings import Settings
from outbox.storage.ledger import Ledger, TableBusyError
from outbox.storage.listing import Listing
from outbox.storage.table import LedgerTable
from outbox.telemetry import Telemetry
from outbox.throttling import PatientClient, is_throttled, retry_after

from mail_send import wire
from mail_send.create_emails import CreateEmails
from mail_send.emails import Emails
from mail_send.status import Status
from mail_send.wire import ApiError, Request, Response

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import tzinfo

    from outbox.accepting.usage import UsageRecord

    from mail_send.webhooks import WebhookRoutes

_ANYTHING: Final = "/{proxy+}"
Routes = dict[str, dict[str, "Callable[[Request], Response]"]]


def handler(event: dict[str, Any], _context: object) -> Response:
    """Answer one call."""
    routes, usage, telemetry = _container()
    try:
        return _with_limits(_answer(routes, telemetry, event), event, usage)
    finally:
        telemetry.flush()


def _answer(routes: Routes, telemetry: Telemetry, event: Mapping[str, Any]) -> Response:
    try:
        return dispatch(routes, event)
    except ApiError as error:
        return wire.error_response(error)
    except MailError as error:
        return wire.error_response(wire.refusal(error))
    except IdempotencyConflictError:
        message = "this `Idempotency-Key` was used before with another payload"
        return wire.error_response(ApiError(409, "invalid_idempotent_request", message))
    except IdempotencyBusyError:
        message = "another call with this `Idempotency-Key` is being answered; try again"
        return wire.error_response(ApiError(409, "concurrent_idempotent_requests", message))
    except (ClientError, BotoCoreError, TableBusyError) as error:
        telemetry.error("aws_failed", error)
        return wire.error_response(_failure(error))


def _with_limits(
    answer: Response, event: Mapping[str, Any], usage: Callable[[], UsageRecord]
) -> Response:
    """Add the state of the caller's limits, if it has limits and the answer does not show it."""
    caller = event["requestContext"]["authorizer"]
    limits = wire.limits_of(caller)
    if limits is None or wire.RATE_LIMIT in answer["headers"]:
        return answer
    with suppress(ClientError, BotoCoreError):  # the answer counts more than these headers
        answer["headers"] |= wire.rate_headers(usage().standing(caller["client"], limits))
    return answer


def _failure(error: Exception) -> ApiError:
    if isinstance(error, TableBusyError) or is_throttled(error):
        message = "AWS takes no more at this moment; try again after `retry-after` seconds"
        headers = {"retry-after": str(retry_after())}
        return ApiError(503, "internal_server_error", message, headers)
    message = "something failed in AWS; try again, a mail with the same `Idempotency-Key`"
    return ApiError(500, "internal_server_error", message)


def dispatch(routes: Routes, event: Mapping[str, Any]) -> Response:
    """Find the route of a call, and call it."""
    request = Request.of(event)
    if request.route == _ANYTHING:
        request = request.at(
            *_found(routes, (event.get("pathParameters") or {}).get("proxy") or "")
        )
    methods = routes.get(request.route)
    if methods is None:
        raise ApiError(404, "not_found", "there is nothing at this path")
    route = methods.get(request.method)
    if route is None:
        allowed = ", ".join(methods)
        message = f"this path answers only {allowed}"
        raise ApiError(405, "method_not_allowed", message, {"Allow": allowed})
    return route(request)


def _found(routes: Routes, path: str) -> tuple[str, str]:
    """Return the route and the id ("" without one) of a path with an extra slash.

    Some clients join the base URL `/v1/` and the path `/emails` to `/v1//emails`.
    """
    parts = [part for part in path.split("/") if part]
    for route in sorted(routes):  # "batch" before "{id}"
        names = route[1:].split("/")
        ids = [part for name, part in zip(names, parts, strict=False) if name == "{id}"]
        filled = [
            part if name == "{id}" else name for name, part in zip(names, parts, strict=False)
        ]
        if len(names) == len(parts) and filled == parts:
            return route, ids[0] if ids else ""
    return _ANYTHING, ""


def _usage(
    settings: Settings, table: LedgerTable, telemetry: Telemetry
) -> Callable[[], UsageRecord]:
    """Return what makes the usage record when a caller with limits first sends."""

    @cache
    def zone() -> tzinfo:
        from outbox.accepting.limits import time_zone  # noqa: PLC0415  as below

        found = time_zone(settings.quota_time_zone)
        if found is None:
            # A day that ends at another hour is better than callers who cannot send.
            telemetry.event("quota time zone is not known here: days end at midnight UTC")
        return found or UTC

    @cache
    def made() -> UsageRecord:
        from outbox.accepting.usage import UsageRecord  # noqa: PLC0415  few callers have limits

        return UsageRecord(table.dynamo, table.name, zone)

    return made


@cache
def _container() -> tuple[Routes, Callable[[], UsageRecord], Telemetry]:
    settings = Settings.from_environ(os.environ)
    telemetry = Telemetry(settings.metrics_namespace)
    dynamo = PatientClient(aws.client("dynamodb"))
    table = LedgerTable(dynamo, settings.ledger_table, settings.record_days)
    ledger, listing = Ledger(table), Listing(table)
    queue = wiring.mail_queue(settings, aws.client("sqs"))
    schedules = wiring.schedules(settings)
    submission = Submission(ledger, queue, schedules)
    usage = _usage(settings, table, telemetry)
    create = CreateEmails(
        submission,
        usage,
        settings.default_campaign,
        telemetry,
        settings.unsupported,
    )
    emails = Emails(ledger, listing, MailUpdater(ledger, queue, schedules), telemetry)
    status = Status(lambda: wiring.pause(settings))
    routes: Routes = {
        "/emails": {"GET": emails.list, "POST": create.create},
        "/emails/batch": {"POST": create.create_batch},
        "/emails/{id}": {"GET": emails.retrieve, "PATCH": emails.update},
        "/emails/{id}/cancel": {"POST": emails.cancel},
        "/status": {"GET": status.show},
        **_webhook_routes(settings),
    }
    return routes, usage, telemetry


def _webhook_routes(settings: Settings) -> Routes:
    """Return the routes of webhooks; the first call of one imports their code."""

    @cache
    def made() -> WebhookRoutes:
        from mail_send.webhooks import WebhookRoutes  # noqa: PLC0415  few stacks have webhooks

        return WebhookRoutes(settings)

    def route(name: str) -> Callable[[Request], Response]:
        def call(request: Request) -> Response:
            if not settings.webhooks_table:
                raise ApiError(404, "not_found", "webhooks are not turned on in this gateway")
            request.require_scope("webhooks")
            # As for mails: some databases give a UUID back in capitals.
            found = request.at(request.route, request.mail_id.lower())
            answer: Response = getattr(made(), name)(found)
            return answer

        return call

    return {
        "/webhooks": {"GET": route("list"), "POST": route("create")},
        "/webhooks/{id}": {
            "GET": route("retrieve"),
            "PATCH": route("update"),
            "DELETE": route("remove"),
        },
        "/webhooks/{id}/signing-secret/rotate": {"POST": route("rotate")},
    }


outbox.startup.preload(_container, os.environ)
