"""The callers' API keys: a document with hashes only. A key itself is shown once and not stored.

The document: `{"<client>": {"sha256": ["<hex>", ...], "from": ["*@acme.sa"], "scopes": ["send"]}}`,
and where a client has them `priority`, `rate` and `daily`.
Functions take a document and return a changed one.
"""

import hashlib
import json
import re
import secrets
from collections.abc import Sequence
from typing import Any, Final

import idna
from outbox.mail.options import option_faults

from ops.errors import OpsError

SCOPES: Final = ("send", "read", "webhooks")
USUAL_SCOPES: Final = ("send", "read")
POLICIES: Final = ("refuse", "report")
DUPLICATES: Final = ("allow", "join")
MAX_JOIN_SECONDS: Final = 86400
MAX_BYTES: Final = 65_536  # of a secret of Secrets Manager
_CLIENT: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_PATTERN: Final = re.compile(r"\*|[^@\s,]{1,64}@[^@\s,]{1,190}")
_DOMAIN: Final = re.compile(
    r"(?:\*\.)?(?:[A-Za-z0-9*](?:[A-Za-z0-9*-]*[A-Za-z0-9*])?\.)+[A-Za-z0-9*-]+"
)

RESERVED: Final = "operator"  # the client of the command line's mails
_HASH: Final = re.compile(r"[0-9a-fA-F]{64}")

Document = dict[str, dict[str, Any]]


def new_key() -> str:
    """Make a key: 256 random bits, with a prefix by which leak scanners find it."""
    return f"tqm_{secrets.token_urlsafe(32)}"


def load(text: str) -> Document:
    """Read the secret.

    Raises:
        OpsError: the authorizer could not read it.

    """
    try:
        document = json.loads(text or "{}")
    except ValueError:
        document = None
    if not isinstance(document, dict) or not all(
        isinstance(rules, dict) for rules in document.values()
    ):
        raise OpsError(
            "the API keys secret is not a JSON object of clients",
            "the API refuses every call until you correct it in Secrets Manager: "
            '{"shop": {"sha256": ["<hex>"], "from": ["*@acme.sa"], "scopes": ["send", "read"]}}',
        )
    return document


def dump(document: Document) -> str:
    """Write the secret, a client on each line.

    Raises:
        OpsError: Secrets Manager could not keep it.

    """
    lines = (
        f"\n {json.dumps(client)}: {json.dumps(rules, separators=(',', ':'), sort_keys=True)}"
        for client, rules in sorted(document.items())
    )
    text = f"{{{','.join(lines)}\n}}"
    if len(text.encode()) > MAX_BYTES:
        raise OpsError(
            f"the API keys' secret is full: {len(document)} clients need more than its "
            f"{MAX_BYTES:,} bytes; nothing was changed",
            "`keys revoke` clients that nobody uses, or `keys rotate --finish` old keys",
        )
    return text


def add(
    document: Document,
    client: str,
    senders: Sequence[str],
    scopes: Sequence[str],
    key: str,
    **choices: Any,  # noqa: ANN401  what the authorizer reads
) -> Document:
    """Add a client with its first key; an option of None uses the stack's parameter."""
    if not _CLIENT.fullmatch(client):
        raise OpsError(
            "a client's name is 1 to 64 small letters, digits, dots, hyphens or underscores"
        )
    if client in document:
        raise OpsError(f"there is a client {client} already", f"use `keys rotate {client}`")
    if client == RESERVED:
        raise OpsError(f"{RESERVED} is the command line's own name: its mails would be seen")
    senders = [in_ascii(pattern) for pattern in senders]
    for pattern in senders:
        if fault := pattern_fault(pattern):
            raise OpsError(f"--from takes an address or a pattern such as *@acme.sa: one {fault}")
    rules = {"sha256": [_hash(key)], "from": list(senders), "scopes": list(scopes)}
    chosen = {name: value for name, value in choices.items() if value is not None}
    return {**document, client: rules | chosen}


def in_ascii(pattern: str) -> str:
    """Return a pattern with its domain in ASCII, as in senders; another form never matches."""
    local, at, domain = pattern.rpartition("@")
    if domain.isascii():
        return pattern
    try:
        return f"{local}{at}{idna.encode(domain, uts46=True).decode()}"
    except idna.IDNAError:
        return pattern


def pattern_fault(pattern: str) -> str:
    """Return what is wrong with a pattern of senders, or nothing."""
    domain = pattern.rpartition("@")[2]
    if pattern == "*":
        return ""
    if not _PATTERN.fullmatch(pattern):
        return "is no address"
    if not domain.isascii():
        return "has a domain that is not ASCII, which no sender has"
    if not _DOMAIN.fullmatch(domain):
        return "matches no domain"
    if "*" in domain.removeprefix("*."):
        return "matches domains of others: a * stands in a domain only as its first label"
    return ""


def change(
    document: Document,
    client: str,
    without: Sequence[str] = (),
    **choices: Any,  # noqa: ANN401  what the authorizer reads
) -> Document:
    """Change a client's options, and remove those in `without`; an option of None stays."""
    chosen = {name: value for name, value in choices.items() if value is not None}
    rules = {**_rules(document, client), **chosen}
    return {**document, client: {key: rules[key] for key in rules if key not in without}}


def rotate(document: Document, client: str, key: str) -> Document:
    """Give a client one more key."""
    rules = _rules(document, client)
    return {**document, client: {**rules, "sha256": [*hashes(rules), _hash(key)]}}


def finish(document: Document, client: str) -> Document:
    """Delete all keys of a client except the newest."""
    rules = _rules(document, client)
    return {**document, client: {**rules, "sha256": hashes(rules)[-1:]}}


def revoke(document: Document, client: str) -> Document:
    """Delete a client with all its keys."""
    _rules(document, client)
    return {name: rules for name, rules in document.items() if name != client}


def hashes(rules: dict[str, Any]) -> list[str]:
    """Return a client's hashes, oldest first."""
    value = rules.get("sha256")
    return [value] if isinstance(value, str) else [str(item) for item in value or []]


def reporting(document: Document, stack: str) -> list[str]:
    """Return the clients whose mails may lose fields; `stack` is the stack's policy."""
    return [
        client
        for client in sorted(document)
        if document[client].get("unsupported", stack) == "report"
    ]


def _shared_keys(document: Document) -> list[str]:
    owners: dict[str, str] = {}
    given = [(value.lower(), client) for client in document for value in hashes(document[client])]
    return [
        f"{owners[value]} and {client} have one key"
        for value, client in given
        if owners.setdefault(value, client) != client
    ]


def _caller_faults(client: str, rules: dict[str, Any]) -> list[str]:
    reserved = ["has the command line's own name, and sees its mails"] if client == RESERVED else []
    senders = map(pattern_fault, map(str, rules.get("from") or []))
    return [*reserved, *(f"has a sender that {fault}" for fault in senders if fault)]


def faults(document: Document) -> list[str]:
    """Return what is wrong with a document, in a sentence each."""
    found = _shared_keys(document)
    for client, rules in document.items():
        found += [f"{client} {fault}" for fault in _caller_faults(client, rules)]
        if not hashes(rules) or not all(map(_HASH.fullmatch, hashes(rules))):
            found.append(f"{client} has no key, or one that is no SHA-256")
        if not set(rules.get("scopes") or []) & set(SCOPES):
            found.append(f"{client} may neither send nor read")
        if "send" in (rules.get("scopes") or []) and not rules.get("from"):
            found.append(f"{client} may send from no address")
        if rules.get("unsupported", "refuse") not in POLICIES:
            found.append(f"{client} has an unknown policy `unsupported`")
        if rules.get("duplicates", "allow") not in DUPLICATES:
            found.append(f"{client} has an unknown policy `duplicates`")
        within = rules.get("within", 1)
        if (
            isinstance(within, bool)
            or not isinstance(within, int)
            or not 0 < within <= MAX_JOIN_SECONDS
        ):
            found.append(f"{client} joins calls within a time that is not valid")
        if options := option_faults(rules):
            found.append(f"{client} is refused everywhere: {' and '.join(options)} cannot be read")
    return found


def _rules(document: Document, client: str) -> dict[str, Any]:
    if client not in document:
        raise OpsError(f"there is no client {client}", "`keys list` shows them")
    return document[client]


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
