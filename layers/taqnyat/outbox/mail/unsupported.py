"""Fields that Taqnyat cannot carry: refused with a sentence; two may be left out by policy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from outbox.mail.mail import MailError
from outbox.mail.parties import is_same_address
from outbox.mail.text import EMPTY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from outbox.mail.bookkeeping import Headers

# Without these it is a different mail, or it reaches other people.
_NEVER: Final[Mapping[str, str]] = {
    "cc": "Taqnyat has no carbon copy; name every recipient in `to`",
    "bcc": "Taqnyat has no blind carbon copy; send a mail of its own to each recipient",
    "attachments": "Taqnyat carries no attachments; link to the file instead",
    "template": "templates are not kept here; send `html` or `text`",
    "topic_id": "topics are not kept here",
}
_REPLY_TO: Final = "Taqnyat has no reply address; replies go to `from`"
_HEADERS: Final = "Taqnyat sets a mail's headers itself"
UNSUPPORTED: Final = frozenset({*_NEVER, "reply_to", "headers"})
NAMES: Final = {"attachments": "invalid_attachment"}


def refuse_always(key: str) -> None:
    """Refuse a field that is never left out.

    Raises:
        MailError: it is such a field.

    """
    if key in _NEVER:
        raise _unsupported(key, _NEVER[key])


def not_carried(
    given: Mapping[str, Any], headers: Headers | None, sender: str, *, report: bool
) -> tuple[str, ...]:
    """Return which of `reply_to` and `headers` are left out.

    A reply address that is `from` again adds nothing, and is not among them.

    Raises:
        MailError: there is one, and `report` is False.

    """
    reply_to = given.get("reply_to")
    left = []
    if not _is_sender(reply_to if isinstance(reply_to, list) else [reply_to], sender):
        left.append(("reply_to", _REPLY_TO))
    if headers and not _is_sender(headers.replies, sender):
        left.append(("headers", _REPLY_TO))
    if headers and headers.others:
        names = ", ".join(f"`{name}`" for name in dict.fromkeys(headers.others) if name != "?")
        left.append(("headers", f"{_HEADERS}; it cannot take {names}" if names else _HEADERS))
    if left and not report:
        raise _unsupported(*left[0])
    return tuple(dict.fromkeys(field for field, _ in left))


def is_empty(key: str, value: object) -> bool:
    """Return whether a field is empty: null, "", [], {}; an unsupported field also with [""]."""
    if key in UNSUPPORTED and isinstance(value, list):
        return all(entry in (None, "") for entry in value)
    return value in EMPTY


def _is_sender(entries: Sequence[object], sender: str) -> bool:
    return all(entry in EMPTY or is_same_address(entry, sender) for entry in entries)


def _unsupported(key: str, why: str) -> MailError:
    return MailError(key, f"is not supported: {why}", NAMES.get(key, "validation_error"))
