"""Signatures of Svix and Standard Webhooks: v1, HMAC-SHA256 over id, time and body."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

PREFIX: Final = "whsec_"
_SECRET_BYTES: Final = 32
# Resend's clients read the first set of headers, the standard's libraries the second.
_NAMES: Final = ("svix", "webhook")


def new_secret() -> str:
    """Make a signing secret."""
    return PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def headers(keys: Iterable[str], event_id: str, at: int, body: bytes) -> dict[str, str]:
    """Return the headers of a call at `at` (epoch seconds), signed with each of the secrets."""
    signed = b".".join((event_id.encode(), str(at).encode(), body))
    found = " ".join(f"v1,{_sign(key, signed)}" for key in keys)
    values = {"id": event_id, "timestamp": str(at), "signature": found}
    return {f"{name}-{key}": value for name in _NAMES for key, value in values.items()}


def _sign(key: str, signed: bytes) -> str:
    secret = base64.b64decode(key.removeprefix(PREFIX))
    return base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()
