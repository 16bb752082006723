"""API key authorizer (TOKEN): SHA-256 hashes in constant time, one answer for the whole stage.

The keys' secret: `{"<client>": {"sha256": "<hex>" or ["<hex>", ...], "from": ["*@acme.sa"],
"scopes": ["send", "read", "webhooks"], "priority": "bulk", "rate": 20, "daily": 10000,
"unsupported": "report"}}`. All but the first three may be left out: the lane of mails that name
none, mails a second, mails a day, and what happens to fields that Taqnyat cannot carry (refuse or
report, else the stack's word); `"duplicates": "join", "within": 300` makes one of equal calls
without an idempotency key within so many seconds. A client's name is 1 to 128 printable ASCII
characters. The secret is kept for some seconds, so that made-up keys cost no read each; API Gateway
caches the answer too, and a revoked key is refused when both have run out.
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
    """The keys' secret is not the JSON object that it should be; nobody is let in."""


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer API Gateway with a policy: a wrong key, or what is none, is denied (403).

    What is no bearer key at all does not come here: API Gateway tells it so itself (401).
    """
    scheme, _, key = str(event.get("authorizationToken") or "").strip().partition(" ")
    key = key.strip()
    if scheme.lower() != "bearer" or not key:
        return policy(event["methodArn"], None)
    found = identify(key, _keys.read(_MAX_AGE_SECONDS))
    if found is None:
        # It may have been added just now.
        found = identify(key, _keys.read(_MAX_AGE_OF_NONE_SECONDS))
    return policy(event["methodArn"], found)


class Keys:
    """The secret's text, kept for a while."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Read nothing yet."""
        self._clock = clock
        self._text = ""
        self._read_at = float("-inf")
        self._read_by: Any = None

    def read(self, max_age: float) -> str:
        """Return the text as it was at most `max_age` seconds ago.

        Raises botocore's errors when Secrets Manager does not answer.
        """
        secrets, now = aws.client("secretsmanager"), self._clock()
        if secrets is not self._read_by or now - self._read_at > max_age:
            answer = secrets.get_secret_value(SecretId=os.environ["API_KEYS_SECRET_ID"])
            self._text, self._read_at = answer.get("SecretString") or "{}", now
            self._read_by = secrets
        return self._text


_keys = Keys()


def identify(key: str, secret: str) -> dict[str, str] | None:
    """Return whose key it is, as the context that the API gets; None when it is nobody's.

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
        # No early end: the time taken must not tell which key came near.
        hits = [hmac.compare_digest(given, sha256) for sha256 in _hashes(rules)]
        if any(hits) and _is_name(client):
            found = {
                "client": client,
                "from": json.dumps(_texts(rules.get("from"))),
                "scopes": " ".join(sorted(SCOPES.intersection(_texts(rules.get("scopes"))))),
            }
            # Whoever wrote what cannot be read meant a limit: then the key opens nothing.
            found = None if option_faults(rules) else found | _options(rules)
    return found


def policy(method_arn: str, found: dict[str, str] | None) -> dict[str, Any]:
    """Make the policy of the whole stage.

    One for a single method, once cached, would deny the next route.
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
    """Return what only some clients have; the context of the others stays as small as it was."""
    found: dict[str, str] = {
        name: str(rules[name]) for name in (*LIMITS, "priority") if name in rules
    }
    if "unsupported" in rules:
        # A word that there is not counts as the strict one.
        found["unsupported"] = "report" if rules["unsupported"] == "report" else "refuse"
    if rules.get("duplicates") == "join":
        within = rules.get("within")
        known = isinstance(within, int) and 0 < within <= _MAX_JOIN_SECONDS
        found["join_within"] = str(within if known else _JOIN_SECONDS)
    return found


def _is_name(client: str) -> bool:
    # Mails carry it through the queue and the ledger's index, which refuse other texts.
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
