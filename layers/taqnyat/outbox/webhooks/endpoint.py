"""An endpoint: the URL at which an application is called, and its events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from outbox.mail.mail import MailError
from outbox.webhooks.targets import read_url

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_ENDPOINTS: Final = 10
# The names of our events for clients of Resend's API.
MAIL_EVENTS: Final = (
    "email.sent",
    "email.failed",
    "email.delivery_delayed",
    "email.scheduled",
    "email.canceled",
)
STACK_EVENTS: Final = ("sending.paused", "sending.resumed")
EVENT_TYPES: Final = (*MAIL_EVENTS, *STACK_EVENTS)
# The event of an operator's `webhooks test`; nobody subscribes to it.
TEST_EVENT: Final = "webhook.test"
_STATUSES: Final = ("enabled", "disabled")
_FIELDS: Final = frozenset({"endpoint", "events", "include_tags"})


class EndpointError(MailError):
    """A request about an endpoint is not valid; names the field, and never repeats a value."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A stored signing secret: encrypted. `until` is epoch seconds, 0 for no end."""

    text: str
    until: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An endpoint of a client. `created` and `paused_at` are ISO 8601.

    `paused_at` is set by the system when calls have failed for days; `revision` counts the writes.
    """

    id: str
    client: str
    url: str
    events: tuple[str, ...]
    secrets: tuple[Sealed, ...]
    created: str
    include_tags: bool = False
    enabled: bool = True
    paused_at: str = ""
    revision: int = 0

    @property
    def live(self) -> bool:
        """Whether it is called."""
        return self.enabled and not self.paused_at

    def wants(self, kind: str) -> bool:
        """Return whether an event of this type is kept for it; a paused endpoint keeps events."""
        return self.enabled and kind in self.events


def read_new(data: object, *, loopback: bool) -> dict[str, Any]:
    """Read the body of `POST /webhooks`: `url`, `events` and `include_tags` of the endpoint.

    Raises:
        EndpointError: the first field that is wrong, by its name.

    """
    given = _fields(data, _FIELDS)
    for name in ("endpoint", "events"):
        if given.get(name) is None:
            raise EndpointError(name, "is missing", "missing_required_field")
    return _read(given, loopback=loopback)


def read_changes(data: object, endpoint_id: str, *, loopback: bool) -> dict[str, Any]:
    """Read the body of `PATCH /webhooks/{id}`: the attributes of an endpoint to be changed.

    `status` "enabled" also ends a pause. Some clients repeat the id in it.

    Raises:
        EndpointError: the first field that is wrong, by its name.

    """
    given = dict(_fields(data, _FIELDS | {"status", "webhook_id", "id"}))
    for name in ("webhook_id", "id"):
        if str(given.pop(name, None) or endpoint_id).lower() != endpoint_id:
            raise EndpointError(name, "cannot be changed")
    status = given.pop("status", None)
    changes = _read(given, loopback=loopback)
    if status is not None:
        if status not in _STATUSES:
            raise EndpointError("status", f"must be one of: {', '.join(_STATUSES)}")
        changes |= {"enabled": status == "enabled"}
        changes |= {"paused_at": ""} if status == "enabled" else {}
    if not changes:
        raise EndpointError("body", "changes nothing", "missing_required_field")
    return changes


def _fields(data: object, known: frozenset[str]) -> Mapping[str, Any]:
    if not isinstance(data, dict):
        raise EndpointError("body", "must be a JSON object")
    for key in data:
        if key not in known:
            raise EndpointError(key if key.isidentifier() else "?", "is not a known field")
    return data


def _read(given: Mapping[str, Any], *, loopback: bool) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if given.get("endpoint") is not None:
        found["url"] = _url(given["endpoint"], loopback=loopback)
    if given.get("events") is not None:
        found["events"] = _events(given["events"])
    if given.get("include_tags") is not None:
        if not isinstance(given["include_tags"], bool):
            raise EndpointError("include_tags", "must be true or false")
        found["include_tags"] = given["include_tags"]
    return found


def _url(value: object, *, loopback: bool) -> str:
    if not isinstance(value, str):
        raise EndpointError("endpoint", "must be text")
    try:
        read_url(value, loopback=loopback)
    except ValueError as error:
        raise EndpointError("endpoint", str(error)) from None
    return value


def _events(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise EndpointError("events", "must be a list of one event or more")
    for index, event in enumerate(value):
        if event not in EVENT_TYPES:
            raise EndpointError(f"events[{index}]", f"must be one of: {', '.join(EVENT_TYPES)}")
    return tuple(dict.fromkeys(value))
