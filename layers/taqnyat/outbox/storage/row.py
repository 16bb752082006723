"""A mail's row in the ledger. Never holds a body, a subject or a whole recipient."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from outbox.mail.lanes import Lane, Route, route_of
from outbox.mail.states import State
from outbox.storage.expressions import Item, unpack_item

if TYPE_CHECKING:
    from taqnyat import Outcome

Attempt = dict[str, Any]
# Attributes that have another name in the table. Stored names never change.
STORED_AS: Final = {"possibly_sent": "maybe", "claim_token": "claim"}


class Row(NamedTuple):  # a dataclass of so many fields takes 1.4% of a cold start to make
    """A mail's row. Built by field names, never by places.

    `created` and `updated` are ISO 8601; `lease`, `scheduled_at`, `expires_at`, `ttl` epoch
    seconds.
    `schedule` is the name of a rescheduled mail's schedule; other schedules have the mail's id.
    `attempts` has a map for each call: at, ms, verdict, scope, reason, and if known status, code,
    resend; only the last MAX_ATTEMPTS are kept. `possibly_sent` is 1 if an earlier call may have
    sent the mail, so that every later one is a resend. `tags` and `headers` have maps of name and
    value as the caller gave them, with masked addresses; `not_carried` has the fields left out.
    `strikes` counts the refusals of this mail while others were sent, the first of them at
    `struck_at` (epoch seconds).
    `actions` has a map for each action of an operator: at, by, did, and why if a reason was
    required.
    """

    id: str
    state: State
    fingerprint: str = ""
    request: str = ""
    client: str | None = None
    lane: Lane = Lane.NORMAL
    sender: str = ""
    to: tuple[str, ...] = ()
    to_count: int = 0
    campaign: str = ""
    created: str = ""
    updated: str = ""
    on_unknown: str | None = None
    expires_at: int | None = None
    scheduled_at: int | None = None
    schedule: str = ""
    claim_token: str = ""
    claimed_at: str = ""
    lease: int = 0
    attempts: tuple[Mapping[str, Any], ...] = ()
    attempt_count: int = 0
    resends: int = 0
    possibly_sent: int = 0
    msg_id: str | None = None
    price: str | None = None
    reason: str | None = None
    code: int | None = None
    retry_until: int | None = None
    strikes: int = 0
    struck_at: int = 0
    ttl: int = 0
    tags: tuple[Mapping[str, str], ...] = ()
    headers: tuple[Mapping[str, str], ...] = ()
    not_carried: tuple[str, ...] = ()
    actions: tuple[Mapping[str, Any], ...] = ()

    @property
    def route(self) -> Route:
        """Where its messages go."""
        return route_of(self.lane, self.client)

    @property
    def schedule_name(self) -> str:
        """The name of its schedule, if it has one."""
        return self.schedule or self.id

    @classmethod
    def of(cls, item: Item) -> Row:
        """Read an item; unknown attributes, which a later version wrote, are ignored."""
        values = unpack_item(item)
        stored = {key: STORED_AS.get(key, key) for key in cls._fields}
        known = {key: values[name] for key, name in stored.items() if name in values}
        for key in ("to", "attempts", "tags", "headers", "not_carried", "actions"):
            known[key] = tuple(known.get(key, ()))
        if "lane" in known:
            known["lane"] = Lane.BULK if known["lane"] == Lane.BULK else Lane.NORMAL
        return cls(**{**known, "id": values["pk"], "state": State(values["state"])})


def attempt_record(row: Row, outcome: Outcome, at: str, seconds: float) -> Attempt:
    """Make the history's record of a call that began at `at` (ISO 8601) and took `seconds`."""
    record = {
        "at": at,
        "ms": round(seconds * 1000),
        "verdict": outcome.verdict,
        "scope": outcome.scope,
        "reason": outcome.reason,
        "status": outcome.status,
        "code": outcome.code,
        "resend": True if row.possibly_sent else None,
    }
    return {key: value for key, value in record.items() if value is not None}
