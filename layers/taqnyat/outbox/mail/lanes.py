"""Lanes: a mail is normal or bulk, and within its lane belongs to a caller.

In a message the lane is the queue and an attribute, never the body: an older worker refuses a field
that it does not know.
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
    """Where a message goes: its lane, and the group by which SQS shares a lane out fairly.

    Without a group a message is a caller of its own to SQS.
    """

    lane: Lane = Lane.NORMAL
    group: str = ""


def route_of(lane: Lane, client: str | None) -> Route:
    """Return the route of a client's mail; a group's name has no spaces, which a client's may."""
    return Route(lane, (client or "").replace(" ", "_"))
