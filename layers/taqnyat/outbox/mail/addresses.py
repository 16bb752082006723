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
# A name before the address; it is dropped, so that callers may write it as they like.
_NAMED: Final = re.compile(r'((?:"(?:[^"\\]|\\.)*"|[^<>"])*)<([^<>]+)>')
_NAMED_DOMAIN: Final = re.compile(r"\.[A-Za-z][A-Za-z0-9-]*\Z")
_QUOTED: Final = re.compile(r'"(?:[^"\\]|\\.)*"')


class AddressError(ValueError):
    """The text is no address that can be mailed to; the message says why and never repeats it."""


def bare(text: str) -> str:
    """Return the bare address of "Name <name@example.com>", its domain in ASCII (IDNA).

    Raises:
        AddressError: it is none, or has a quoted or non-ASCII local part, a comma, or a domain
        without a dot or with a number at its end.

    """
    if _is_plain(text):
        return text
    if len(text) > _MAX_LENGTH:
        message = "is too long"
        raise AddressError(message)
    address = _without_name(text.strip())
    return address if _is_plain(address) else _validated(address)


def mask(address: str) -> str:
    """Return what may be kept of an address: "a***@example.com"."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}***@{domain}"


def _is_plain(text: str) -> bool:
    return len(text) <= _MAX_PLAIN and _PLAIN.fullmatch(text) is not None


def _without_name(text: str) -> str:
    named = _NAMED.fullmatch(text)
    if named is None:
        return text
    name, address = _QUOTED.sub("", named[1]).strip(), named[2].strip()
    # An address in the name may be a recipient of its own, which must not be dropped in silence.
    if "@" in name and name.lower() != address.lower():
        message = "has an @ in the name before the address; put the name in quotes"
        raise AddressError(message)
    return address


def _validated(text: str) -> str:
    # Slow to import, and seldom needed.
    import email_validator  # noqa: PLC0415

    # Reserved domains such as .test: whether a mail reaches them is not ours to say.
    email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()
    try:
        found = email_validator.validate_email(
            text,
            check_deliverability=False,
            globally_deliverable=False,
            strict=True,
        )
    except email_validator.EmailNotValidError:
        message = "is not a valid e-mail address"
        raise AddressError(message) from None
    if not found.ascii_email:
        message = "has a local part that is not ASCII, which Taqnyat cannot carry"
        raise AddressError(message)
    if not _NAMED_DOMAIN.search(found.ascii_email):
        message = "has a domain without a dot or with a number at its end"
        raise AddressError(message)
    return found.ascii_email
