"""Times: epoch seconds inside, ISO 8601 outside."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from outbox.mail.mail import MailError

if TYPE_CHECKING:
    from collections.abc import Mapping

# Midnight of the last day of 9999, which every time zone can write. A later time means never.
LAST_SECOND: Final = 253402214400


def iso(seconds: float) -> str:
    """Return epoch seconds as ISO 8601 in UTC with milliseconds; such times sort as text."""
    return (
        datetime.fromtimestamp(seconds, UTC)
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z")
    )


def from_iso(text: str) -> float:
    """Return the epoch seconds of a time that `iso` wrote."""
    return datetime.fromisoformat(text).timestamp()


def _read_iso(text: str) -> datetime:
    text = text.strip().upper()  # RFC 3339 also allows a small z
    # Ruby writes a time in UTC as "2026-11-23 08:00:00 UTC".
    return datetime.fromisoformat(f"{text[:-3]}Z" if text.endswith(("UTC", "GMT")) else text)


def read_time(given: Mapping[str, Any], key: str) -> float | None:
    """Return a field as epoch seconds; it holds those, or ISO 8601 with a time zone.

    None if it is not given.

    Raises:
        MailError: it is something else.

    """
    value = given.get(key)
    if value is None:
        return None
    try:
        if isinstance(value, str):
            moment = _read_iso(value)
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            moment = datetime.fromtimestamp(value, UTC)
        else:
            raise MailError(
                key, "must be a time in ISO 8601, such as 2026-11-23T08:00:00Z", "invalid_parameter"
            )
    except (ValueError, OverflowError, OSError) as error:
        if isinstance(error, MailError):
            raise
        message = "is not a time in ISO 8601, such as 2026-11-23T08:00:00Z"
        raise MailError(key, message, "invalid_parameter") from None
    if moment.tzinfo is None:
        raise MailError(
            key, "has no time zone; end it with Z or an offset such as +03:00", "invalid_parameter"
        )
    seconds = moment.timestamp()
    if seconds < 0:
        raise MailError(key, "is before the year 1970", "invalid_parameter")
    return seconds
