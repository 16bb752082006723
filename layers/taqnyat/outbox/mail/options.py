"""The options of an API key's client in the keys' secret: the lane of its mails, its limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from outbox.mail.lanes import LANES, Lane

if TYPE_CHECKING:
    from collections.abc import Mapping

LIMITS: Final = ("rate", "daily")
MAX_LIMIT: Final = 1_000_000_000


def option_faults(rules: Mapping[str, Any]) -> list[str]:
    """Name the options of a client that are not valid."""
    found = [name for name in LIMITS if name in rules and not _is_limit(rules[name])]
    return found + ["priority"] * (rules.get("priority", Lane.NORMAL) not in LANES)


def _is_limit(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MAX_LIMIT
