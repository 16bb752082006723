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
    r"[A-Za-z0-9]+(?:[._+-][A-Za-z0-9]+){0,8}@(?:[a-z0-9]+(?:-[a-z0-9]+){0,3}\.){1,4}[a-z]{2,24}",
)
_MAX_PLAIN: Final = 64
# A name in any script before the address. Without quotes the library takes only ASCII there;
# the name is dropped anyway.
_NAMED: Final = re.compile(r'[^<>"@,;:\\]*<([^<>]+)>')


class AddressError(ValueError):
    """The text is no address that can be mailed to; the message says why and never repeats it."""


def bare(text: str) -> str:
    """Return the bare address of "Name <name@example.com>", its domain in ASCII (IDNA).

    Raises:
        AddressError: it is none, or has a quoted or non-ASCII local part, a comma, or no dot in its
        domain.

    """
    if len(text) <= _MAX_PLAIN and _PLAIN.fullmatch(text):
        return text
    if len(text) > _MAX_LENGTH:
        message = "is too long"
        raise AddressError(message)
    address = _validated(text)
    if "." not in address.partition("@")[2]:
        message = "has a domain without a dot"
        raise AddressError(message)
    return address


def mask(address: str) -> str:
    """Return what may be kept of an address: "a***@example.com"."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}***@{domain}"


def _validated(text: str) -> str:
    # Slow to import, and seldom needed.
    from email_validator import EmailNotValidError, validate_email  # noqa: PLC0415

    text = text.strip()
    if named := _NAMED.fullmatch(text):
        text = named[1]
    try:
        found = validate_email(
            text,
            check_deliverability=False,
            allow_display_name=True,
            globally_deliverable=False,
            strict=True,
        )
    except EmailNotValidError:
        message = "is not a valid e-mail address"
        raise AddressError(message) from None
    if not found.ascii_email:
        message = "has a local part that is not ASCII, which Taqnyat cannot carry"
        raise AddressError(message)
    return found.ascii_email
