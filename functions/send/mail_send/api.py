"""Entry of the API: one call in, one JSON answer out."""

from __future__ import annotations

import hashlib
import json
import os
import time
from functools import cache
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError
from outbox import aws
from outbox.ledger import Ledger, iso
from outbox.mail import REQUEST_FIELDS, MailError, read_mail
from outbox.messages import MailQueue
from outbox.pause import Pause
from outbox.settings import Settings
from outbox.submission import IdempotencyConflictError, mail_id, submit
from outbox.telemetry import Telemetry

from mail_send import wire
from mail_send.wire import ApiError, Request

if TYPE_CHECKING:
    from collections.abc import Callable

Answer = dict[str, Any]


def handler(event: dict[str, Any], _context: object) -> Answer:
    """Answer one call."""
    api = _container()
    try:
        return api.answer(Request.of(event))
    except ApiError as error:
        return wire.failure(error)
    except MailError as error:
        return wire.failure(
            ApiError(413 if error.name == "payload_too_large" else 422, error.name, str(error))
        )
    except IdempotencyConflictError:
        message = "this `Idempotency-Key` was used before with another payload"
        return wire.failure(ApiError(409, "invalid_idempotent_request", message))
    except (ClientError, BotoCoreError) as error:
        api.telemetry.trouble("aws_failed", error)
        message = "the mail was not accepted; send it again with the same `Idempotency-Key`"
        return wire.failure(ApiError(500, "internal_server_error", message))
    finally:
        api.telemetry.flush()


class Api:
    """The routes."""

    def __init__(
        self,
        settings: Settings,
        ledger: Ledger,
        pause: Pause,
        queue: MailQueue,
        telemetry: Telemetry,
    ) -> None:
        """Make no call yet."""
        self._settings = settings
        self._ledger = ledger
        self._pause = pause
        self._queue = queue
        self.telemetry = telemetry

    def answer(self, request: Request) -> Answer:
        """Find the route of a call and take it."""
        routes: dict[str, Callable[[Request], Answer]]
        match request.path:
            case ("emails",):
                routes = {"POST": self._send}
            case ("emails", _):
                routes = {"GET": self._show}
            case ("status",):
                routes = {"GET": self._status}
            case _:
                raise ApiError(404, "not_found", "there is nothing at this path")
        route = routes.get(request.method)
        if route is None:
            raise ApiError(405, "method_not_allowed", f"this path answers only {', '.join(routes)}")
        return route(request)

    def _send(self, request: Request) -> Answer:
        request.need("send")
        document = request.document()
        key = request.idempotency_key
        mail = read_mail(
            document,
            allowed=REQUEST_FIELDS,
            now=time.time(),
            campaign=self._settings.default_campaign,
            mail_id=mail_id(request.client, key),
            client=request.client,
        )
        request.need_sender(mail.sender)
        submit(mail, self._ledger, self._queue, _fingerprint(document) if key is not None else None)
        self.telemetry.accepted([mail.id])
        return wire.answer(202, {"id": mail.id})

    def _show(self, request: Request) -> Answer:
        request.need("read")
        row = self._ledger.get(request.path[1])
        if row is None or row.client != request.client:
            raise ApiError(404, "not_found", "there is no mail with this id")
        return wire.answer(200, wire.email(row))

    def _status(self, request: Request) -> Answer:
        request.need("read")
        state, provider = self._pause.read(), self._pause.provider()
        return wire.answer(
            200,
            {
                "object": "status",
                "sending": "paused" if state.paused else "active",
                "reason": state.reason or None if state.paused else None,
                "since": iso(state.since) if state.paused else None,
                "next_probe": iso(state.next_probe) if state.paused and state.next_probe else None,
                "provider": {
                    "up": provider.get("up"),
                    "checked_at": iso(provider["checked_at"]) if provider else None,
                },
            },
        )


def _fingerprint(document: object) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


@cache
def _container() -> Api:
    settings = Settings.from_environ(os.environ)
    dynamo = aws.client("dynamodb")
    ledger = Ledger(
        dynamo,
        settings.ledger_table,
        lease_seconds=settings.lease_seconds,
        record_days=settings.record_days,
    )
    pause = Pause(dynamo, settings.ledger_table, settings.probe_delays_seconds)
    queue = MailQueue(aws.client("sqs"), settings.mail_queue_url)
    return Api(settings, ledger, pause, queue, Telemetry(settings.metrics_namespace))
