"""The API's JSON: Resend's shapes and error names, and a row as its owner sees it."""

from __future__ import annotations

import base64
import fnmatch
import json
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from outbox.mail.document import DuplicateKeyError, read_json
from outbox.mail.lanes import Lane
from outbox.mail.states import State
from outbox.mail.times import iso

if TYPE_CHECKING:
    from collections.abc import Mapping

    from outbox.accepting.limits import Limits, Standing
    from outbox.mail.mail import MailError
    from outbox.storage.row import Row

Response = dict[str, Any]

MAX_KEY: Final = 256
RATE_LIMIT: Final = "ratelimit-limit"
# Lambda takes 6 MB with the body in base64. A mail is measured in the form for the queue: a client
# that escapes its JSON sends Arabic text in three times its size.
MAX_REQUEST_BYTES: Final = 4_500_000

# The answers for some names of a MailError; every other name is a 422 with its own name.
FORBIDDEN_SENDER: Final = "forbidden_sender"
_REFUSALS: Final = MappingProxyType(
    {
        FORBIDDEN_SENDER: (403, "validation_error"),
        # Its own name is not in Resend's list: resend-php and .NET would see no error.
        "payload_too_large": (413, "validation_error"),
    },
)

# The states that clients know. An unknown outcome is not final: a person will settle it.
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
    """Make the error for a mail that is not valid."""
    status, name = _REFUSALS.get(error.name, (422, error.name))
    return ApiError(status, name, str(error))


class Request(NamedTuple):
    """One call.

    `route` is the path of the template, such as "/emails/{id}", and `mail_id` the id in it; `lane`
    is the caller's, for mails without one; `limits` is None for a caller without limits; `content`
    is the body as API Gateway gives it, in base64 or not. `unsupported` is the key's policy for
    fields that Taqnyat cannot carry; "" uses the stack's. `join_within` is for how many seconds
    equal calls without an idempotency key are one mail; 0 for never.
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
        """Read API Gateway's proxy event; it must have the authorizer's context."""
        caller = event["requestContext"]["authorizer"]
        return cls(
            method=event["httpMethod"],
            # Not the path: with a custom domain it begins with the domain's base path.
            route=event["resource"],
            mail_id=(event.get("pathParameters") or {}).get("id", ""),
            client=caller["client"],
            senders=tuple(json.loads(caller["from"])),
            scopes=frozenset(caller["scopes"].split()),
            # A context that API Gateway cached before a deployment has no lane.
            lane=Lane(caller.get("priority") or Lane.NORMAL),
            limits=limits_of(caller),
            headers={name.lower(): value for name, value in (event.get("headers") or {}).items()},
            query=event.get("queryStringParameters") or {},
            content=event.get("body") or "",
            in_base64=bool(event.get("isBase64Encoded")),
            unsupported=caller.get("unsupported", ""),
            join_within=int(caller.get("join_within", 0)),
        )

    def at(self, route: str, mail_id: str) -> Request:
        """Return the same call at another route."""
        return self._replace(route=route, mail_id=mail_id)

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
            message = "the body is not valid JSON in UTF-8"
            if self.headers.get("content-encoding", "").lower() not in {"", "identity"}:
                message += "; send it without `Content-Encoding`"
            raise ApiError(400, "validation_error", message) from None

    def _body(self) -> bytes:
        if self.in_base64:
            return base64.b64decode(self.content, validate=True)
        return bytes(self.content.encode(errors="surrogatepass"))

    def require_scope(self, scope: str) -> None:
        """Refuse a caller whose key lacks the scope."""
        if scope not in self.scopes:
            raise ApiError(401, "restricted_api_key", f"this API key lacks the scope `{scope}`")

    def may_send_from(self, address: str) -> bool:
        """Return whether a sender is on the caller's allow-list."""
        return any(
            fnmatch.fnmatchcase(address.lower(), pattern.lower()) for pattern in self.senders
        )


# An answer is for its caller only: no proxy may store it, no browser may guess its type.
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
    """Show a row to its owner, with its attempts and explanations."""
    document = email_summary(row)
    document["taqnyat"] |= {"attempts": list(row.attempts), **explanation(row.reason)}
    return document


def email_summary(row: Row) -> dict[str, Any]:
    """Show a row in a list: without attempts and explanations; what is not kept is null."""
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
    """Return the explanation and the remedy of a reason in both languages, or null."""
    if not reason:
        return {"explanation": None, "remedy": None}
    from taqnyat.explanations import explain  # noqa: PLC0415  accepting mails needs none

    known = explain(reason)
    return {
        "explanation": known.meaning._asdict() if known else None,
        "remedy": known.remedy._asdict() if known else None,
    }


def rate_headers(standing: Standing) -> dict[str, str]:
    """Return the state of a caller's limit as the headers that Resend's clients read."""
    return {
        RATE_LIMIT: str(standing.limit),
        "ratelimit-remaining": str(standing.remaining),
        "ratelimit-reset": str(standing.reset),
    }


def limits_of(caller: Mapping[str, str]) -> Limits | None:
    """Read a caller's limits from the authorizer's context; None if it has none."""
    rate, daily = caller.get("rate"), caller.get("daily")
    if not (rate or daily):
        return None
    from outbox.accepting.limits import Limits  # noqa: PLC0415  few callers have limits

    return Limits(int(rate) if rate else None, int(daily) if daily else None)


def _time(seconds: int | None) -> str | None:
    return None if seconds is None else iso(seconds)
