"""The API's JSON: Resend's shapes, its error names, and what a row looks like to its owner."""

from __future__ import annotations

import base64
import fnmatch
import json
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from outbox.accepting.limits import Limits
from outbox.mail.document import DuplicateKeyError, read_json
from outbox.mail.lanes import Lane
from outbox.mail.states import State
from outbox.mail.times import iso
from taqnyat.explanations import explain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from outbox.accepting.limits import Standing
    from outbox.mail.mail import MailError
    from outbox.storage.row import Row

Response = dict[str, Any]

MAX_KEY: Final = 256
# What Lambda takes is 6 MB with the body in base64, and a mail is measured as the queue gets it: a
# client that escapes its JSON sends Arabic at three times its size.
MAX_REQUEST_BYTES: Final = 4_500_000

# Names of a MailError, and what they are to a caller; every other is a 422 under its own name.
FORBIDDEN_SENDER: Final = "forbidden_sender"
_REFUSALS: Final = MappingProxyType(
    {
        FORBIDDEN_SENDER: (403, "validation_error"),
        # Not in Resend's list: resend-php and .NET would not see an error in another name.
        "payload_too_large": (413, "validation_error"),
    },
)

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

    def __init__(
        self, status: int, name: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.name = name
        self.headers = headers or {}


def refusal(error: MailError) -> ApiError:
    """Make the answer to a mail that is not valid."""
    status, name = _REFUSALS.get(error.name, (422, error.name))
    return ApiError(status, name, str(error))


@dataclass(frozen=True, slots=True)
class Request:
    """One call.

    `route` is the path as the template writes it, such as "/emails/{id}", and `mail_id` what stands
    there for the id; `lane` is the caller's, for mails that name none, and `limits` None where it
    has none; `content` is the body as the gateway gives it, in base64 or not. `unsupported` is what
    the caller's key says of fields that Taqnyat cannot carry; "" takes the stack's word.
    `join_within` is for how many seconds equal calls without an idempotency key are one; 0 for not
    at all.
    """

    method: str
    route: str
    mail_id: str
    client: str
    senders: tuple[str, ...]
    scopes: frozenset[str]
    lane: Lane
    limits: Limits | None
    headers: Mapping[str, str]
    query: Mapping[str, str]
    content: str
    in_base64: bool
    unsupported: str = ""
    join_within: int = 0

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> Request:
        """Read API Gateway's proxy event; the authorizer's word on the caller is required."""
        caller = event["requestContext"]["authorizer"]
        return cls(
            method=event["httpMethod"],
            # Not the path: behind a domain of one's own it begins with that domain's base path.
            route=event["resource"],
            mail_id=(event.get("pathParameters") or {}).get("id", ""),
            client=caller["client"],
            senders=tuple(json.loads(caller["from"])),
            scopes=frozenset(caller["scopes"].split()),
            # Remembered by the gateway from before a deployment, a caller has no lane yet.
            lane=Lane(caller.get("priority") or Lane.NORMAL),
            limits=_limits(caller),
            headers={name.lower(): value for name, value in (event.get("headers") or {}).items()},
            query=event.get("queryStringParameters") or {},
            content=event.get("body") or "",
            in_base64=bool(event.get("isBase64Encoded")),
            unsupported=caller.get("unsupported", ""),
            join_within=int(caller.get("join_within", 0)),
        )

    def at(self, route: str, mail_id: str) -> Request:
        """Return the same call at another route."""
        return replace(self, route=route, mail_id=mail_id)

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
        try:
            body = self._body()
            if len(body) > MAX_REQUEST_BYTES:
                message = f"the body is larger than {MAX_REQUEST_BYTES} bytes"
                raise ApiError(413, "validation_error", message)
            return read_json(body.decode("utf-8-sig"))  # some editors begin a file with a BOM
        except DuplicateKeyError:
            raise ApiError(
                400, "validation_error", "the body has a key twice in one object"
            ) from None
        except (ValueError, RecursionError):
            raise ApiError(400, "validation_error", "the body is not valid JSON in UTF-8") from None

    def _body(self) -> bytes:
        if self.in_base64:
            return base64.b64decode(self.content, validate=True)
        return bytes(self.content.encode(errors="surrogatepass"))

    def require_scope(self, scope: str) -> None:
        """Refuse a caller whose key lacks the scope."""
        if scope not in self.scopes:
            raise ApiError(401, "restricted_api_key", f"this API key may not {scope}")

    def may_send_from(self, address: str) -> bool:
        """Tell whether a sender is on the caller's allow-list."""
        return any(
            fnmatch.fnmatchcase(address.lower(), pattern.lower()) for pattern in self.senders
        )


# An answer is its caller's alone: no proxy keeps it, no browser takes it for something else.
_HEADERS: Final = MappingProxyType(
    {
        "Content-Type": "application/json",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
)


def response(
    status: int, document: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> Response:
    """Make API Gateway's proxy answer."""
    return {
        "statusCode": status,
        "headers": {**_HEADERS, **(headers or {})},
        "body": json.dumps(document, ensure_ascii=False),
    }


def error_response(error: ApiError) -> Response:
    """Make the answer of an error."""
    document = {"statusCode": error.status, "name": error.name, "message": str(error)}
    return response(error.status, document, error.headers)


def email_detail(row: Row) -> dict[str, Any]:
    """Show a row to its owner; what is not kept is null."""
    document = email_summary(row)
    document["taqnyat"] |= {"attempts": list(row.attempts), **explanation(row.reason)}
    return document


def email_summary(row: Row) -> dict[str, Any]:
    """Show a row in a list: all but its attempts and explanations."""
    return {
        "object": "email",
        "id": row.id,
        "from": row.sender,
        "to": list(row.to),
        "created_at": row.created,
        "subject": "",  # not kept; a client in Rust cannot read null here
        "html": None,
        "text": None,
        "cc": None,
        "bcc": None,
        "reply_to": None,
        "last_event": LAST_EVENT[row.state],
        "scheduled_at": _time(row.scheduled_at),
        "tags": list(row.tags),
        "taqnyat": {
            "state": row.state,
            "campaign_name": row.campaign,
            "priority": row.lane,
            "updated_at": row.updated,
            "expires_at": _time(row.expires_at),
            "attempt_count": row.attempt_count,
            "resends": row.resends,
            "reason": row.reason,
            "error_code": row.code,
            "msg_id": row.msg_id,
            "price": row.price,
            "headers": {entry["name"]: entry["value"] for entry in row.headers},
            "not_carried": list(row.not_carried),
        },
    }


def explanation(reason: str | None) -> dict[str, Any]:
    """Say what a reason means and what helps, in both languages; null where there is nothing to."""
    known = explain(reason or "")
    texts = {"explanation": known.meaning, "remedy": known.remedy} if known else {}
    return {
        name: {"en": texts[name].en, "ar": texts[name].ar} if name in texts else None
        for name in ("explanation", "remedy")
    }


def rate_headers(standing: Standing) -> dict[str, str]:
    """Say how a caller's limit stands, in the headers that Resend's clients read."""
    return {
        "ratelimit-limit": str(standing.limit),
        "ratelimit-remaining": str(standing.remaining),
        "ratelimit-reset": str(standing.reset),
    }


def _limits(caller: Mapping[str, str]) -> Limits | None:
    rate, daily = caller.get("rate"), caller.get("daily")
    if not (rate or daily):
        return None
    return Limits(int(rate) if rate else None, int(daily) if daily else None)


def _time(seconds: int | None) -> str | None:
    return None if seconds is None else iso(seconds)
