"""The API's JSON: Resend's shapes, its error names, and what a row looks like to its owner."""

from __future__ import annotations

import base64
import binascii
import fnmatch
import json
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from outbox.messages import MAX_MESSAGE_BYTES
from outbox.states import State

if TYPE_CHECKING:
    from collections.abc import Mapping

    from outbox.ledger import Row

MAX_KEY: Final = 256

# What clients know. An unknown outcome is not final: a human will settle it.
LAST_EVENT: Final = MappingProxyType(
    {
        State.SCHEDULED: "scheduled",
        State.QUEUED: "queued",
        State.SENDING: "queued",
        State.SENT: "sent",
        State.FAILED: "failed",
        State.UNKNOWN: "delivery_delayed",
        State.CANCELED: "canceled",
    },
)


class ApiError(Exception):
    """An answer other than success; `message` names the field and never repeats a value."""

    def __init__(self, status: int, name: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.name = name


@dataclass(frozen=True, slots=True)
class Request:
    """One call.

    Its method and path, who makes it, and what they sent (bytes, as they were sent).
    """

    method: str
    path: tuple[str, ...]
    client: str
    senders: tuple[str, ...]
    scopes: frozenset[str]
    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> Request:
        """Read API Gateway's proxy event; the authorizer's word on the caller is required."""
        caller = event["requestContext"]["authorizer"]
        return cls(
            method=event["httpMethod"],
            path=tuple(part for part in event["path"].split("/") if part),
            client=caller["client"],
            senders=tuple(json.loads(caller["from"])),
            scopes=frozenset(caller["scopes"].split()),
            headers={name.lower(): value for name, value in (event.get("headers") or {}).items()},
            query=event.get("queryStringParameters") or {},
            body=_body(event),
        )

    @property
    def idempotency_key(self) -> str | None:
        """The key, or None without one."""
        key = self.headers.get("idempotency-key")
        if key is not None and not 1 <= len(key) <= MAX_KEY:
            message = f"`Idempotency-Key` must have 1 to {MAX_KEY} characters"
            raise ApiError(400, "invalid_idempotency_key", message)
        return key

    def document(self) -> Any:  # noqa: ANN401
        """Decode the body's JSON."""
        if len(self.body) > MAX_MESSAGE_BYTES:
            raise ApiError(
                413, "payload_too_large", f"the body is larger than {MAX_MESSAGE_BYTES} bytes"
            )
        try:
            return json.loads(self.body.decode())
        except (ValueError, RecursionError):
            raise ApiError(400, "validation_error", "the body is not valid JSON in UTF-8") from None

    def need(self, scope: str) -> None:
        """Refuse a caller whose key lacks the scope."""
        if scope not in self.scopes:
            raise ApiError(401, "restricted_api_key", f"this API key may not {scope}")

    def need_sender(self, address: str) -> None:
        """Refuse a sender that is outside the caller's allow-list."""
        if not any(
            fnmatch.fnmatchcase(address.lower(), pattern.lower()) for pattern in self.senders
        ):
            raise ApiError(
                403, "validation_error", "`from` is not among the senders that this API key may use"
            )


def answer(status: int, document: Mapping[str, Any]) -> dict[str, Any]:
    """Make API Gateway's proxy answer."""
    return {
        "statusCode": status,
        "headers": {"Content-Type": "application/json"},
        "body": json.dumps(document, ensure_ascii=False),
    }


def failure(error: ApiError) -> dict[str, Any]:
    """Make the answer of an error."""
    return answer(
        error.status, {"statusCode": error.status, "name": error.name, "message": str(error)}
    )


def email(row: Row) -> dict[str, Any]:
    """Show a row to its owner; what is not kept is null."""
    return {
        "object": "email",
        "id": row.id,
        "from": row.sender,
        "to": list(row.to),
        "created_at": row.created,
        "subject": None,
        "html": None,
        "text": None,
        "cc": None,
        "bcc": None,
        "reply_to": None,
        "last_event": LAST_EVENT[row.state],
        "scheduled_at": row.scheduled_at,
        "taqnyat": {
            "state": row.state,
            "campaign_name": row.campaign,
            "updated_at": row.updated,
            "attempts": list(row.attempts),
            "resends": row.resends,
            "reason": row.reason,
            "error_code": row.code,
            "msg_id": row.msg_id,
            "price": row.price,
        },
    }


def _body(event: Mapping[str, Any]) -> bytes:
    text = event.get("body") or ""
    if not event.get("isBase64Encoded"):
        return bytes(text.encode(errors="surrogatepass"))
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ApiError(400, "validation_error", "the body cannot be read") from None
