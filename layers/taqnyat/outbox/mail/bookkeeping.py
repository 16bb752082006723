"""Bookkeeping headers, which frameworks set: the gateway uses their meaning; none changes the mail.

Tags and metadata become tags, and an idempotency key becomes the mail's key. A reference and a
priority are kept with the row. All other headers would change the mail, which Taqnyat cannot do.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from outbox.mail.mail import MailError
from outbox.mail.tags import Tag, tag_of_header
from outbox.mail.text import EMPTY

if TYPE_CHECKING:
    from collections.abc import Iterator

_KEYS: Final = frozenset({"idempotency-key", "resend-idempotency-key", "x-idempotency-key"})
_KEPT: Final = frozenset(
    {
        "x-entity-ref-id",
        "x-priority",
        "x-msmail-priority",
        "priority",
        "importance",
        "x-mailer",
    }
)
# They describe the format of a mail on the wire to a mail server, so they mean nothing here.
_OF_THE_FORM: Final = frozenset({"mime-version", "content-transfer-encoding"})
REPLY_TO: Final = "reply-to"
# Any other name may be a value in the wrong place, so no error repeats it.
_NAMES: Final = (
    r"(?i)(?:x|list|content|disposition)-[a-z0-9-]{1,40}"
    "|auto-submitted|bcc|cc|comments|date|dkim-signature|feedback-id|from|in-reply-to|importance"
    "|keywords|message-id|mime-version|organization|precedence|priority|references|reply-to"
    "|return-path|sender|sensitivity|subject|to|user-agent"
)


class Headers:
    """The field `headers` of a mail, sorted by meaning.

    `tags` come from tag headers, `kept` stays in the row, `key` is the idempotency key (None
    without one), `replies` are the values of Reply-To, and `others` the names of headers that would
    change the mail; a name that may not be a header's is "?".
    """

    __slots__ = ("kept", "key", "others", "replies", "tags")

    def __init__(self, value: object) -> None:
        """Take any JSON: an object, or a list of objects with `name` (or `key`) and `value`.

        Anything else counts as a header that would change the mail.
        """
        self.tags: list[Tag] = []
        self.kept: list[Tag] = []
        self.key: str | None = None
        self.replies: list[object] = []
        self.others: list[str] = []
        for name, content in _fields(value):
            for entry in content if isinstance(content, list) else [content]:
                if entry not in EMPTY:
                    self._take(name, entry)

    def _take(self, name: str, entry: object) -> None:
        folded, place = name.lower(), f"headers.{_shown(name)}"
        text = _text(entry)
        if folded == REPLY_TO:
            self.replies.append(entry)
        elif folded in _OF_THE_FORM:
            return
        elif text is None:
            self.others.append(_shown(name))
        elif folded in _KEYS:
            self.key = text
        elif folded in _KEPT:
            self.kept.append(Tag(place, name, text))
        elif folded in {"x-tags", "x-metadata"}:
            self.tags += _several(place, text, folded.removeprefix("x-"))
        elif label := tag_of_header(name):
            self.tags.append(Tag(place, label, text))
        else:
            self.others.append(_shown(name))


def idempotency_key(data: object, longest: int) -> str | None:
    """Return the idempotency key in a mail's headers; None without one.

    Raises:
        MailError: it is longer than it may be.

    """
    key = Headers(data.get("headers")).key if isinstance(data, dict) else None
    if key is not None and len(key) > longest:
        raise MailError("headers", f"has an idempotency key of more than {longest} characters")
    return key


def _fields(value: object) -> list[tuple[str, object]]:
    """Return names and contents; the name of what cannot be read is "?"."""
    if isinstance(value, dict):
        return list(value.items())
    if not isinstance(value, list):
        return [] if value in EMPTY else [("?", value)]
    fields: list[tuple[str, object]] = []
    for entry in value:
        given = dict(entry) if isinstance(entry, dict) else {}
        name = given.pop("name", None) or given.pop("key", None)
        content = given.pop("value", None)
        if not isinstance(name, str):
            name, content = "?", entry
        elif any(other not in EMPTY for other in given.values()):
            content = entry  # its content may have another name
        fields.append((name, content))
    return fields


def _several(place: str, text: str, name: str) -> Iterator[Tag]:
    """Yield the tags of X-Tags (a JSON list) or X-Metadata (a JSON object)."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = text
    if isinstance(found, dict):
        entries: list[tuple[str, Any]] = list(found.items())
    else:
        entries = [
            (name.removesuffix("s"), entry)
            for entry in (found if isinstance(found, list) else [text])
        ]
    for label, entry in entries:
        yield Tag(place, label, _json_text(entry))


def _text(value: object) -> str | None:
    """Return a header's value as text; None if it cannot be one."""
    if isinstance(value, str):
        return _decoded(value) if "=?" in value else value
    return json.dumps(value) if isinstance(value, (int, float)) else None


def _json_text(value: object) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def _decoded(text: str) -> str:
    """Decode a header that a mail library has encoded (RFC 2047)."""
    from email.errors import HeaderParseError  # noqa: PLC0415  slow to import, rarely needed
    from email.header import decode_header, make_header  # noqa: PLC0415

    try:
        return str(make_header(decode_header(text)))
    except (HeaderParseError, LookupError, ValueError):
        return text


def _shown(name: str) -> str:
    if name.lower().startswith("x-metadata-"):
        return "X-Metadata"  # what follows is the caller's own
    return name if re.fullmatch(_NAMES, name) else "?"
