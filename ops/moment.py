"""A time as a person types it."""

import re
from datetime import UTC, datetime
from typing import Final

from ops.errors import OpsError

_AGO: Final = re.compile(r"(\d{1,6})\s*(s|min|h|d)")
_LAST: Final = 253402300799.0  # of the year 9999
_SECONDS: Final = {"s": 1, "min": 60, "h": 3600, "d": 86400}


def moment(text: str, now: float) -> float:
    """Return epoch seconds of "2h" (that long before `now`) or ISO 8601; UTC without a zone.

    Raises:
        OpsError: it is neither.

    """
    if found := _AGO.fullmatch(text.strip()):
        return max(0.0, now - int(found[1]) * _SECONDS[found[2]])
    try:
        given = datetime.fromisoformat(text.strip())
    except ValueError:
        raise OpsError(
            f"{text!r} is no time", "write 2026-11-23, 2026-11-23T08:00Z, 30min, 2h or 3d"
        ) from None
    epoch = (given if given.tzinfo else given.replace(tzinfo=UTC)).timestamp()
    return min(max(0.0, epoch), _LAST)
