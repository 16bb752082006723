"""The steps of a mail, from its row in the ledger."""

from collections.abc import Mapping
from typing import Any

from local.console.words import why

Row = Mapping[str, Any]
Step = dict[str, Any]
FINAL = frozenset({"sent", "failed", "unknown", "canceled"})
_KEPT = (
    *("state", "client", "sender", "to", "to_count", "campaign", "created", "updated", "reason"),
    *("code", "msg_id", "price", "resends", "attempt_count", "on_unknown"),
)


def summary(row: Row) -> dict[str, Any]:
    """Return what the list and the head of the page show of a row."""
    shown = {name: row.get(name) for name in _KEPT}
    return shown | {"id": row["pk"], "why": why(row.get("reason"))}


def steps(row: Row) -> list[Step]:
    """Return the steps so far, in order: each has `step`, `at` (ISO 8601 or null) and facts.

    The steps are accepted, scheduled, queued, attempt, claimed, waiting, and the final states.
    A row keeps the time of its last claim only; the claim of an earlier attempt came right before
    it.
    """
    state = row["state"]
    begun = {"step": "queued", "at": row.get("created")}
    if state == "scheduled":
        begun |= {"step": state, "until": row.get("scheduled_at")}
    told = [{"step": "accepted", "at": row.get("created"), "client": row.get("client")}, begun]
    attempts = row.get("attempts") or []
    for number, attempt in enumerate(attempts, 1):
        last = number == len(attempts)
        if last and state != "sending" and (row.get("claimed_at") or "~") <= attempt["at"]:
            told.append({"step": "claimed", "at": row["claimed_at"]})
        told.append(
            {"step": "attempt", "number": number, **attempt, "why": why(attempt.get("reason"))}
        )
    if state == "sending":
        told.append({"step": "claimed", "at": row.get("claimed_at"), "lease": row.get("lease")})
    elif state == "queued" and attempts:
        told.append({"step": "waiting", "at": row.get("updated"), "why": why(row.get("reason"))})
    elif state in FINAL:
        told.append({"step": state, "at": row.get("updated"), "why": why(row.get("reason"))})
    return told
