"""Lanes: a mail is normal or bulk, and within its lane it belongs to a caller.

A message carries its lane by its queue and an attribute, never in the body: an older worker refuses
a field that it does not know.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Lane(StrEnum):
    """The two lanes; normal goes first. Their names are what the API calls `priority`."""

    NORMAL = "normal"
    BULK = "bulk"


LANES: tuple[str, ...] = tuple(Lane)


class Route(NamedTuple):
    """Where a message goes: its lane, and the group by which SQS shares a lane fairly.

    For SQS a message without a group is its own caller.
    """

    lane: Lane = Lane.NORMAL
    group: str = ""


def route_of(lane: Lane, client: str | None) -> Route:
    """Return the route of a client's mail; spaces in the client's name become underscores."""
    return Route(lane, (client or "").replace(" ", "_"))
