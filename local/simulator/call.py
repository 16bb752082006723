"""One call of mailSend.php as it was received: as a form, as JSON or as a query."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

TOKEN_FIELD = "bearerTokens"  # noqa: S105 - the name of a field
_MAX_FIELDS = 100
_ADDRESS = re.compile(r"[^@\s,<>]+@[^@\s,<>]+")


@dataclass(frozen=True, slots=True)
class Call:
    """The fields as received (without the token), and the tokens with the place of each.

    `tokens` is a tuple of (place, token); a place is `body`, `query` or `header`.
    """

    fields: Mapping[str, Any]
    recipients: tuple[str, ...]
    tokens: tuple[tuple[str, str], ...]
    content_type: str
    client_ip: str

    @property
    def auth(self) -> str:
        """Where the token was: `body+header`, `header`, `query`, ... or `none`."""
        return "+".join(place for place, _ in self.tokens) or "none"

    def has_token(self, token: str) -> bool:
        """Return whether a token was given, and no wrong one beside it."""
        return bool(self.tokens) and all(given == token for _, given in self.tokens)

    @property
    def fingerprint(self) -> str | None:
        """First 8 hex digits of the SHA-256 of the first token given; the token is never shown."""
        if not self.tokens:
            return None
        return hashlib.sha256(self.tokens[0][1].encode("utf-8", "replace")).hexdigest()[:8]

    def text(self, name: str) -> str | None:
        """Return a field if it is a string that is not blank."""
        value = self.fields.get(name)
        return value if isinstance(value, str) and value.strip() else None


def read(*, query: str, body: bytes, content_type: str, authorization: str, client_ip: str) -> Call:
    """Read a call; what cannot be read counts as missing, as a provider in PHP would have it."""
    kind = content_type.partition(";")[0].strip().lower()
    if body and kind == "application/json":
        received, place = _from_json(body), "body"
    elif body:
        received, place = _from_form(body.decode("utf-8", "replace")), "body"
    else:
        received, place = _from_form(query), "query"
    fields = {name: value for name, value in received.items() if name != TOKEN_FIELD}
    tokens = []
    if isinstance(given := received.get(TOKEN_FIELD), str) and given:
        tokens.append((place, given))
    scheme, _, given_in_header = authorization.partition(" ")
    if scheme.lower() == "bearer" and given_in_header.strip():
        tokens.append(("header", given_in_header.strip()))
    return Call(fields, recipients(fields.get("to")), tuple(tokens), content_type, client_ip)


def is_address(value: str) -> bool:
    """Return whether this looks like one bare address."""
    return _ADDRESS.fullmatch(value) is not None


def _from_form(text: str) -> dict[str, Any]:
    try:
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=_MAX_FIELDS))
    except ValueError:
        return {}


def _from_json(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def recipients(value: object) -> tuple[str, ...]:
    """Return the addresses of a field `to`, however they were sent."""
    if isinstance(value, str):
        value = value.split(",") if value else []
    if not isinstance(value, list):
        return ()
    return tuple(str(part).strip() for part in value)
