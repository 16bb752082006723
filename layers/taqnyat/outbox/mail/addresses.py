"""E-mail addresses.

Read by the email-validator library, then held to what Taqnyat's comma-joined field can carry.
"""

from __future__ import annotations

import re
from typing import Final

_MAX_LENGTH: Final = 320 + 256  # an address and a display name
# The everyday address, which needs no library: each such address is valid (held by a property
# test).
_PLAIN: Final = re.compile(
    r"[A-Za-z0-9]+(?:[._+-][A-Za-z0-9]+){0,8}@(?:[a-z0-9]+(?:-[a-z0-9]+){0,3}\.){1,4}"
    r"[a-z]{2,24}",
)
_MAX_PLAIN: Final = 64
# A name before the address. It is dropped, so callers may write it in any way.
_NAMED: Final = re.compile(r'((?:"(?:[^"\\]|\\.)*"|[^<>"])*)<([^<>]+)>')
# Invisible characters: soft hyphen, joiners, marks, embeddings and isolates of direction, BOM.
# Text that is copied from Arabic pages and sheets often has them around an address.
_HIDDEN_SET: Final = "\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202c\u2060-\u2069\ufeff"
# Compiled at their first use: an everyday address needs none of these.
_HIDDEN: Final = f"[{_HIDDEN_SET}]"
_ENDS: Final = rf"\A[\s{_HIDDEN_SET}]+|[\s{_HIDDEN_SET}]+\Z"
_SEPARATOR: Final = r"[,;\s\u060c\u061b]"
# An @ in a name that may be an address, also one with a blank too many; "Acme @ Riyadh" is none.
_IN_NAME: Final = r"\S@\S|@\s*\S*\.\S"
_NAMED_DOMAIN: Final = re.compile(r"\.[A-Za-z][A-Za-z0-9-]*\Z")
_QUOTED: Final = re.compile(r'"(?:[^"\\]|\\.)*"')


class AddressError(ValueError):
    """The text is no address that can get mail; the message says why and never repeats it."""


def bare(text: str) -> str:
    """Return the bare address of "Name <name@example.com>", its domain in ASCII (IDNA).

    Blanks and invisible characters at its ends are removed.

    Raises:
        AddressError: it is none, or has a quoted or non-ASCII local part, a comma, or a domain
        without a dot or with a number at its end.

    """
    if _is_plain(text):
        return text
    if len(text) > _MAX_LENGTH:
        message = "is too long"
        raise AddressError(message)
    address = _without_name(trimmed(text))
    return address if _is_plain(address) else _validated(address)


def mask(address: str) -> str:
    """Return what may be kept of an address: "a***@example.com"."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}***@{domain}"


def trimmed(text: str) -> str:
    """Return a text without blanks and invisible characters at its ends."""
    return re.sub(_ENDS, "", text)


def _is_plain(text: str) -> bool:
    return len(text) <= _MAX_PLAIN and _PLAIN.fullmatch(text) is not None


def _without_name(text: str) -> str:
    named = _NAMED.fullmatch(text)
    if named is None:
        return text
    name, address = trimmed(_QUOTED.sub("", named[1])), trimmed(named[2])
    # An address in the name may be a second recipient, so it is an error and is not dropped.
    if re.search(_IN_NAME, name) and name.lower() != address.lower():
        message = "has an @ in the name before the address; put the name in quotes"
        raise AddressError(message)
    return address


def _validated(text: str) -> str:
    if hidden := re.search(_HIDDEN, text):
        message = f"has a character that is not seen (U+{ord(hidden[0]):04X}); type it again"
        raise AddressError(message)
    # Slow to import, rarely needed.
    import email_validator  # noqa: PLC0415

    # Accept reserved domains such as .test: a mail to them may still arrive.
    email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()
    try:
        found = email_validator.validate_email(
            text,
            check_deliverability=False,
            globally_deliverable=False,
            strict=True,
        )
    except email_validator.EmailNotValidError:
        raise AddressError(_reason(text)) from None
    if not found.ascii_email:
        message = "has a local part that is not ASCII, which Taqnyat cannot carry"
        raise AddressError(message)
    if not _NAMED_DOMAIN.search(found.ascii_email):
        message = "has a domain without a dot or with a number at its end"
        raise AddressError(message)
    return found.ascii_email


def _reason(text: str) -> str:
    """Return what is wrong with a text that is no address, if that is clear."""
    if text.count("@") > 1 and re.search(_SEPARATOR, text):
        return "has more than one address; give a list, with one address in each entry"
    if "<" in text or ">" in text:
        return "has an angle bracket too many or too few; write Name <name@example.com>"
    if text.startswith('"'):
        return "has a quoted part before the @, which Taqnyat cannot carry"
    if "@" in text and re.search(_SEPARATOR, text):
        return "has a blank or a comma in it; a name goes before it as in Name <name@example.com>"
    return "is not a valid e-mail address"
