"""API key authorizer (TOKEN): SHA-256 hashes in constant time, one answer for the whole stage.

The keys' secret: `{"<client>": {"sha256": "<hex>" or ["<hex>", ...], "from": ["*@acme.sa"],
"scopes": ["send", "read", "webhooks"], "priority": "bulk", "rate": 20, "daily": 10000,
"unsupported": "report"}}`. The first three are required. The others are optional: the lane of mails
without one, mails a second, mails a day, and what happens to fields that Taqnyat cannot carry
(refuse or report, else the stack's parameter); `"duplicates": "join", "within": 300` makes one mail
of equal calls without an idempotency key within 300 seconds. A client's name is 1 to 128 printable
ASCII characters. The secret is cached for some seconds, so that not every invented key costs a
read. API Gateway caches the answer too; a revoked key is refused when both caches have expired.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import time
from typing import TYPE_CHECKING, Any, Final

import outbox.startup
from outbox import aws
from outbox.mail.options import LIMITS, option_faults

if TYPE_CHECKING:
    from collections.abc import Callable

SCOPES: Final = frozenset({"send", "read", "webhooks"})
_MAX_CLIENT: Final = 128
_MAX_AGE_SECONDS: Final = 5.0
_MAX_AGE_OF_NONE_SECONDS: Final = 1.0
_JOIN_SECONDS: Final = 300
_MAX_JOIN_SECONDS: Final = 86400


class UnreadableKeysError(Exception):
    """The keys' secret is not a JSON object; every key is refused."""


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer API Gateway with a policy; a wrong key is denied (403).

    API Gateway itself refuses a header that is no bearer key (401); it does not come here.
    """
    scheme, _, key = str(event.get("authorizationToken") or "").strip().partition(" ")
    key = key.strip()
    if scheme.lower() != "bearer" or not key:
        return policy(event["methodArn"], None)
    found = identify(key, _keys.read(_MAX_AGE_SECONDS))
    if found is None:
        # The key may be new.
        found = identify(key, _keys.read(_MAX_AGE_OF_NONE_SECONDS))
    return policy(event["methodArn"], found)


class Keys:
    """The secret's text, cached for some seconds."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        """Read nothing yet. The clock must go on while Lambda freezes the container."""
        self._clock = clock
        self._text = ""
        self._read_at = float("-inf")
        self._read_by: Any = None

    def read(self, max_age: float) -> str:
        """Return the text, at most `max_age` seconds old.

        Raises botocore's errors when Secrets Manager does not answer.
        """
        secrets, now = aws.client("secretsmanager"), self._clock()
        if secrets is not self._read_by or not 0 <= now - self._read_at <= max_age:
            answer = secrets.get_secret_value(SecretId=os.environ["API_KEYS_SECRET_ID"])
            self._text, self._read_at = answer.get("SecretString") or "{}", now
            self._read_by = secrets
        return self._text


_keys = Keys()


def identify(key: str, secret: str) -> dict[str, str] | None:
    """Return the key's client as the context for the API; None if no client has the key.

    Raises:
        UnreadableKeysError: the secret is not a JSON object.

    """
    try:
        callers = json.loads(secret)
    except ValueError:
        callers = None
    if not isinstance(callers, dict):
        raise UnreadableKeysError("the API keys secret is not a JSON object")
    given = hashlib.sha256(key.encode()).hexdigest()
    found = None
    for client, rules in callers.items():
        # No early end: the time must not show which key came close.
        hits = [hmac.compare_digest(given, sha256) for sha256 in _hashes(rules)]
        if any(hits) and _is_name(client):
            found = {
                "client": client,
                "from": json.dumps(_texts(rules.get("from"))),
                "scopes": " ".join(sorted(SCOPES.intersection(_texts(rules.get("scopes"))))),
            }
            # An unreadable option was meant as a limit: such a key is refused everywhere.
            found = None if option_faults(rules) else found | _options(rules)
    return found


def policy(method_arn: str, found: dict[str, str] | None) -> dict[str, Any]:
    """Make the policy for the whole stage.

    A policy for a single method would be cached, and would deny the next route.
    """
    api, stage = method_arn.split("/")[:2]
    return {
        "principalId": found["client"] if found else "nobody",
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Action": "execute-api:Invoke",
                    "Effect": "Allow" if found else "Deny",
                    "Resource": f"{api}/{stage}/*",
                },
            ],
        },
        "context": found or {},
    }


def _options(rules: dict[str, Any]) -> dict[str, str]:
    """Return the options that a client has; the context of other clients stays small."""
    found: dict[str, str] = {
        name: str(rules[name]) for name in (*LIMITS, "priority") if name in rules
    }
    if "unsupported" in rules:
        # An unknown value counts as the strict one.
        found["unsupported"] = "report" if rules["unsupported"] == "report" else "refuse"
    if rules.get("duplicates") == "join":
        within = rules.get("within")
        known = isinstance(within, int) and 0 < within <= _MAX_JOIN_SECONDS
        found["join_within"] = str(within if known else _JOIN_SECONDS)
    return found


def _is_name(client: str) -> bool:
    # The name goes into messages and the ledger's index, which refuse other texts.
    named = bool(client.strip()) and len(client) <= _MAX_CLIENT
    return named and client.isascii() and client.isprintable()


def _hashes(rules: object) -> list[str]:
    value = rules.get("sha256") if isinstance(rules, dict) else None
    return [
        text.lower()
        for text in _texts([value] if isinstance(value, str) else value)
        if text.isascii()
    ]


def _texts(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


outbox.startup.preload(lambda: aws.client("secretsmanager"), os.environ)
