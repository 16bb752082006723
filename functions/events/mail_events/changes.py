"""From a change of the ledger to one event, or none.

The shapes are docs/events.schema.json. No event has an address, a subject or a body.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from outbox.mail.states import State
from outbox.mail.times import iso
from outbox.sending.control import PauseState
from outbox.storage.expressions import unpack_item
from outbox.storage.row import Row

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION: Final = 1
_MAIL: Final = {
    State.SENT: "Mail sent",
    State.FAILED: "Mail failed",
    State.UNKNOWN: "Mail unknown",
}
_PAUSE: Final = "#pause"

Event = tuple[str, dict[str, Any]]


def event_of(record: Mapping[str, Any], *, include_tags: bool = False) -> Event | None:
    """Return detail-type and detail for one record of the stream (new and old images).

    A mail's tags are its caller's own words, so they are included only if the stack's parameter
    says so. `event_id` is the id of the change: an event that comes twice has the same one.
    """
    change = record["dynamodb"]
    old, new = change.get("OldImage") or {}, change.get("NewImage") or {}
    if not new:
        return None
    found = _pause(old, new) if new["pk"]["S"] == _PAUSE else _mail(old, new, include_tags)
    if found is None:
        return None
    kind, detail = found
    head = {"version": VERSION, "event_id": record["eventID"]}
    return kind, head | {key: value for key, value in detail.items() if value is not None}


def _mail(old: dict[str, Any], new: dict[str, Any], include_tags: bool) -> Event | None:  # noqa: FBT001  its one caller's own flag
    # A second write in the same state is no event; the same state after another attempt is one.
    if "state" not in new or _state_of(old) == _state_of(new):
        return None
    row = Row.of(new)
    if row.state not in _MAIL:
        return None
    return _MAIL[row.state], {
        "id": row.id,
        "state": row.state,
        "at": row.updated,
        "client": row.client,
        "campaign": row.campaign,
        "reason": row.reason,
        "code": row.code,
        "msg_id": row.msg_id,
        "price": row.price,
        "attempts": row.attempt_count,
        "resends": row.resends,
        "tags": list(row.tags) if include_tags and row.tags else None,
    }


def _state_of(image: dict[str, Any]) -> tuple[object, object]:
    return image.get("state"), image.get("attempt_count")


def _pause(old: dict[str, Any], new: dict[str, Any]) -> Event | None:
    before, after = _pause_state(old), _pause_state(new)
    if before.paused == after.paused and before.since == after.since:
        return None
    if not after.paused and not before.paused:
        return None
    if after.paused:
        return "Sending paused", {
            "at": iso(after.since),
            "reason": after.reason,
            "address": after.detail or None,
            "by": after.by,
        }
    return "Sending resumed", {"at": iso(after.resumed_at), "reason": after.reason}


def _pause_state(image: dict[str, Any]) -> PauseState:
    values = unpack_item(image)
    return PauseState.of(values)
