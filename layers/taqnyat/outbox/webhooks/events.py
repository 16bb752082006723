"""A webhook's event for a change of the ledger, with a stable id, and its body.

The id is made from the mail's change, and not from the stream's record. So it stays the same if the
stream repeats the record. No event has an address, a subject or a body.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from taqnyat.explanations import explain

from outbox.mail.states import State
from outbox.mail.times import from_iso, iso
from outbox.sending.control import PauseState
from outbox.storage.expressions import unpack_item
from outbox.storage.row import Row
from outbox.webhooks.endpoint import TEST_EVENT

if TYPE_CHECKING:
    from collections.abc import Mapping

_OF_STATE: Final = MappingProxyType(
    {
        State.SENT: "email.sent",
        State.FAILED: "email.failed",
        State.UNKNOWN: "email.delivery_delayed",
        State.SCHEDULED: "email.scheduled",
        State.CANCELED: "email.canceled",
    }
)
_PAUSE: Final = "#pause"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An event. `created_at` is ISO 8601; `client` None: for everybody who subscribes.

    `data` is stored as it is; the explanation of its reason is added at the delivery.
    """

    id: str
    kind: str
    created_at: str
    client: str | None
    data: Mapping[str, Any]
    tags: Mapping[str, str] = field(default_factory=dict)


def event_of(change: Mapping[str, Any]) -> Event | None:
    """Return the event of one change (`NewImage`, `OldImage` of the stream), or None."""
    old, new = change.get("OldImage") or {}, change.get("NewImage") or {}
    if not new:
        return None
    return _pause(old, new) if new["pk"]["S"] == _PAUSE else _mail(old, new)


def trial(at: float, unique: str) -> Event:
    """Return the event for a test of an endpoint."""
    name = event_id(at, TEST_EVENT, unique)
    return Event(id=name, kind=TEST_EVENT, created_at=iso(at), client=None, data={})


def render(event: Event, *, include_tags: bool) -> bytes:
    """Write the body of a call, as Resend writes it."""
    data = dict(event.data)
    known = dict(data.get("taqnyat", {}))
    if known:
        found = explain(known.get("reason") or "")
        for name, text in (("explanation", "meaning"), ("remedy", "remedy")):
            said = getattr(found, text) if found else None
            known[name] = {"en": said.en, "ar": said.ar} if said else None
        data["taqnyat"] = known
    if include_tags and event.client is not None:
        data["tags"] = dict(event.tags)
    body = {"type": event.kind, "created_at": event.created_at, "data": data}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _mail(old: Mapping[str, Any], new: Mapping[str, Any]) -> Event | None:
    # A second write in the same state is no event; the same state after another attempt is one.
    if "state" not in new or "client" not in new or _state_of(old) == _state_of(new):
        return None
    row = Row.of(dict(new))
    kind = _OF_STATE.get(row.state)
    if kind is None or row.client is None:
        return None
    data: dict[str, Any] = {
        "email_id": row.id,
        "created_at": row.created,
        "from": row.sender,
        "to": list(row.to),
        "taqnyat": {
            "state": str(row.state),
            "campaign_name": row.campaign,
            "reason": row.reason,
            "error_code": row.code,
            "attempt_count": row.attempt_count,
            "resends": row.resends,
            "msg_id": row.msg_id,
            "price": row.price,
        },
    }
    if row.scheduled_at is not None:
        data["scheduled_at"] = iso(row.scheduled_at)
    if row.state is State.FAILED:
        data["failed"] = {"reason": row.reason or ""}
    return Event(
        id=event_id(from_iso(row.updated), row.id, row.state, row.attempt_count),
        kind=kind,
        created_at=row.updated,
        client=row.client,
        data=data,
        tags={str(tag["name"]): str(tag["value"]) for tag in row.tags},
    )


def _state_of(image: Mapping[str, Any]) -> tuple[object, object]:
    return image.get("state"), image.get("attempt_count")


def _pause(old: Mapping[str, Any], new: Mapping[str, Any]) -> Event | None:
    before, after = _pause_state(old), _pause_state(new)
    if before.paused == after.paused and before.since == after.since:
        return None
    if not after.paused and not before.paused:
        return None
    at = after.since if after.paused else after.resumed_at
    return Event(
        id=event_id(at, _PAUSE, after.paused),
        kind="sending.paused" if after.paused else "sending.resumed",
        created_at=iso(at),
        client=None,
        data={"taqnyat": {"reason": after.reason, "since": iso(after.since)}},
    )


def _pause_state(image: Mapping[str, Any]) -> PauseState:
    values = unpack_item(dict(image))
    return PauseState.of(values)


def event_id(at: float, *parts: object) -> str:
    """Return the id of an event at `at` (epoch seconds); the ids sort by time."""
    text = json.dumps([str(part) for part in parts])
    return f"{first_id(at)}{hashlib.sha256(text.encode()).hexdigest()[:20]}"


def first_id(at: float) -> str:
    """Return the lowest possible id of an event at `at` (epoch seconds)."""
    return f"msg_{round(at * 1000):011x}"
