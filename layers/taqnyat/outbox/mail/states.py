"""The states of a mail and the arrows between them (docs/operations.md shows the picture)."""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import Final


class State(StrEnum):
    """Where a mail is. Exactly one at a time, kept in its ledger row."""

    SCHEDULED = "scheduled"
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    UNKNOWN = "unknown"
    CANCELED = "canceled"


ARROWS: Final = MappingProxyType(
    {
        State.SCHEDULED: frozenset({State.QUEUED, State.SENDING, State.CANCELED}),
        State.QUEUED: frozenset({State.SENDING, State.CANCELED}),
        State.SENDING: frozenset(
            {State.SENDING, State.QUEUED, State.SENT, State.FAILED, State.UNKNOWN}
        ),
        # Operators alone take these: re-drive, resolve, discard.
        State.FAILED: frozenset({State.SENDING, State.CANCELED}),
        State.UNKNOWN: frozenset({State.SENDING, State.SENT, State.CANCELED}),
        State.SENT: frozenset(),
        State.CANCELED: frozenset(),
    },
)
