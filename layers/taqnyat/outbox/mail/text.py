"""Reads a field of decoded JSON as text; an error says what is wrong with it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from outbox.mail.mail import MailError

if TYPE_CHECKING:
    from collections.abc import Mapping

SURROGATE: Final = re.compile("[\ud800-\udfff]")
# C0 and C1 controls, the two overrides that make a line read as another (marks and isolates are
# good Arabic), and the two noncharacters, which SQS refuses.
NOT_IN_LINE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202d\u202e\ufffe\uffff]")
# These values mean that a field is absent.
EMPTY: Final[tuple[object, ...]] = (None, "", [], {})
_FIELD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,39}")


def line(given: Mapping[str, Any], key: str, longest: int) -> str:
    """Read one line of at most `longest` characters, which must be given."""
    text = required(given, key)
    check_line(text, key, longest)
    return text


def check_line(text: str, key: str, longest: int) -> None:
    """Refuse a text that is too long, or not one line; the error names `key`."""
    if len(text) > longest:
        raise MailError(key, f"is longer than {longest} characters")
    if unallowed := SURROGATE.search(text) or NOT_IN_LINE.search(text):
        raise MailError(
            key, f"has a character that one line cannot have at position {unallowed.start()}"
        )


def one_of(given: Mapping[str, Any], key: str, choices: tuple[str, ...]) -> str | None:
    """Read one of the choices; None if it is not given."""
    value = given.get(key)
    if value is not None and value not in choices:
        raise MailError(key, f"must be one of: {', '.join(choices)}")
    return value


def required(given: Mapping[str, Any], key: str) -> str:
    """Read text that must be given and must not be blank."""
    if key not in given:
        raise MailError(key, "is missing", "missing_required_field")
    text = text_of(given, key)
    if not text.strip():
        raise MailError(key, "is empty", "missing_required_field")
    return text


def text_of(given: Mapping[str, Any], key: str) -> str:
    """Read text that is given."""
    value = given[key]
    if not isinstance(value, str):
        raise MailError(key, "must be text")
    return value


def shown(key: str) -> str:
    """Return a field's name, or "?" if it may be an address or a text in the wrong place."""
    return key if _FIELD.fullmatch(key) else "?"
