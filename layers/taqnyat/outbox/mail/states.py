"""The states of a mail and the arrows between them (docs/operations.md shows the picture)."""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import Final


class State(StrEnum):
    """The state of a mail: one at a time, kept in its row."""

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
        # Only operators take the arrows from here: re-drive, resolve, discard.
        State.FAILED: frozenset({State.SENDING, State.CANCELED}),
        State.UNKNOWN: frozenset({State.SENDING, State.SENT, State.CANCELED}),
        State.SENT: frozenset(),
        State.CANCELED: frozenset(),
    },
)
