"""The sender and the recipients of a mail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from outbox.mail.addresses import AddressError, bare
from outbox.mail.mail import MailError
from outbox.mail.text import NOT_IN_LINE, SURROGATE, required

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_RECIPIENTS: Final = 50


def sender(given: Mapping[str, Any]) -> str:
    """Read a mail's sender as a bare address."""
    text = required(given, "from")
    try:
        return _address(text)
    except AddressError as error:
        raise MailError("from", str(error), "invalid_from_address") from None


def recipients(given: Mapping[str, Any]) -> tuple[str, ...]:
    """Read a mail's recipients as bare addresses, each once."""
    value = given.get("to")
    entries = [value] if isinstance(value, str) else value
    if entries is None:
        raise MailError("to", "is missing", "missing_required_field")
    if not isinstance(entries, list):
        raise MailError("to", "must be an address or a list of addresses")
    if len(entries) > MAX_RECIPIENTS:
        raise MailError("to", f"has more than {MAX_RECIPIENTS} recipients")
    addresses: list[str] = []
    for index, entry in enumerate(entries):
        name = f"to[{index}]" if isinstance(value, list) else "to"
        if not isinstance(entry, str):
            raise MailError(name, "must be text")
        try:
            addresses.append(_address(entry))
        except AddressError as error:
            raise MailError(name, str(error)) from None
    return tuple(dict.fromkeys(addresses))  # the same address twice is one recipient


def is_same_address(entry: object, address: str) -> bool:
    """Return whether an entry is this bare address, with or without a name."""
    try:
        return isinstance(entry, str) and _address(entry).lower() == address.lower()
    except AddressError:
        return False


def _address(text: str) -> str:
    if found := SURROGATE.search(text) or NOT_IN_LINE.search(text):
        message = f"has a character that an address cannot have (U+{ord(found[0]):04X})"
        raise AddressError(message)
    return bare(text)
