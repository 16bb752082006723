"""Finds the field that a wrong name means: callers write `replyTo`, `sendAt`, `To`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_SEPARATORS: Final = re.compile("[_-]")
# Names that other providers use, folded.
_SYNONYMS: Final = {
    "sender": "from",
    "fromemail": "from",
    "fromaddress": "from",
    "recipient": "to",
    "recipients": "to",
    "toemail": "to",
    "title": "subject",
    "body": "html",
    "content": "html",
    "message": "html",
    "htmlbody": "html",
    "bodyhtml": "html",
    "textbody": "text",
    "bodytext": "text",
    "plaintext": "text",
    "tag": "tags",
    "campaign": "campaign_name",
    "attachment": "attachments",
    "files": "attachments",
    "header": "headers",
    "sendat": "scheduled_at",
    "sendtime": "scheduled_at",
    "deliverat": "scheduled_at",
    "scheduled": "scheduled_at",
    "schedule": "scheduled_at",
    "expires": "expires_at",
    "expiry": "expires_at",
}


def unknown(key: str, allowed: Iterable[str]) -> str:
    """Return the end of the error's sentence about an unknown field."""
    if _folded(key) == "idempotencykey":
        return "is not a known field; an idempotency key is the header `Idempotency-Key`"
    field = meant(key, allowed)
    return f"is not a known field; `{field}` is meant" if field else "is not a known field"


def meant(key: str, allowed: Iterable[str]) -> str | None:
    """Return the field that a wrong name means; None if no field is similar."""
    folded = _folded(key)
    fields = {_folded(name): name for name in sorted(allowed)}
    return fields.get(folded) or fields.get(_folded(_SYNONYMS.get(folded, "")))


def _folded(name: str) -> str:
    return _SEPARATORS.sub("", name).lower()
