"""API key authorizer (TOKEN): SHA-256 hashes in constant time, one answer for the whole stage.

The keys' secret: `{"<client>": {"sha256": "<hex>" or ["<hex>", ...], "from": ["*@acme.sa"],
"scopes": ["send", "read", "webhooks"], "priority": "bulk", "rate": 20, "daily": 10000,
"unsupported": "report"}}`. All but the first three may be left out: the lane of mails that name
none, mails a second, mails a day, and what happens to fields that Taqnyat cannot carry (refuse or
report, else the stack's word); `"duplicates": "join", "within": 300` makes one of equal calls
without an idempotency key within so many seconds. A client's name is 1 to 128 printable ASCII
characters. The secret is read at every call: API Gateway caches the answer, so that a revoked key
is refused when that cache has run out.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from typing import Any, Final

import outbox.startup
from outbox import aws
from outbox.mail.options import LIMITS, option_faults

SCOPES: Final = frozenset({"send", "read", "webhooks"})
_MAX_CLIENT: Final = 128
_JOIN_SECONDS: Final = 300
_MAX_JOIN_SECONDS: Final = 86400


class UnreadableKeysError(Exception):
    """The keys' secret is not the JSON object that it should be; nobody is let in."""


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer API Gateway with a policy.

    A call without a bearer key is told so (401), a wrong key is denied (403).
    """
    scheme, _, key = str(event.get("authorizationToken") or "").strip().partition(" ")
    key = key.strip()
    if scheme.lower() != "bearer" or not key:
        # API Gateway makes a 401 of exactly this text.
        raise Exception("Unauthorized")  # noqa: TRY002
    keys = aws.client("secretsmanager").get_secret_value(SecretId=os.environ["API_KEYS_SECRET_ID"])
    return policy(event["methodArn"], identify(key, keys.get("SecretString") or "{}"))


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
