"""Taqnyat's bearer token, read from Secrets Manager.

CredentialsError            there is no token; nothing was sent
├── TokenNotSetError        the secret is missing, has no value yet, or is empty
├── MalformedSecretError    the secret's value is not a token
└── SecretUnavailableError  Secrets Manager did not answer, or refused
"""

from __future__ import annotations

import json
import re
import threading
import time
from typing import TYPE_CHECKING, Any, Final, Protocol

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from collections.abc import Callable

# Visible ASCII, which needs no encoding in a header.
_TOKEN: Final = re.compile(r"[\x21-\x7e]{1,4096}")
_NEVER: Final = float("-inf")


class CredentialsError(Exception):
    """There is no token. `reason` is a stable name; the message never has the secret."""

    reason = "token_unavailable"


class TokenNotSetError(CredentialsError):
    """The secret is missing, has no value yet, or is empty."""

    reason = "token_not_set"


class MalformedSecretError(CredentialsError):
    """The secret's value is neither a token nor JSON with a `bearerToken`."""

    reason = "token_malformed"


class SecretUnavailableError(CredentialsError):
    """Secrets Manager did not answer, throttled, or refused."""

    reason = "secret_unavailable"


class SecretsClient(Protocol):
    """The one call of a Secrets Manager client that is needed here."""

    def get_secret_value(self, *, SecretId: str) -> Any:  # noqa: N803, ANN401  botocore's own shape
        """Return `{"SecretString": str, ...}`."""


class BearerToken:
    """The token, cached for `ttl` seconds and read again when Taqnyat refuses it.

    Safe to share between threads. If several threads need a new read at the same time, one of them
    reads, and all get its result or its error.
    """

    def __init__(
        self,
        secrets: SecretsClient,
        secret_id: str,
        ttl: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Read nothing yet: the first mail reads the secret."""
        self._secrets = secrets
        self._secret_id = secret_id
        self._ttl = ttl
        self._clock = clock
        self._lock = threading.Lock()
        self._token: str | None = None
        self._read_at = _NEVER
        self._failure: CredentialsError | None = None
        self._failed_at = _NEVER

    def get(self) -> str:
        """Return the token.

        Raises:
            CredentialsError: there is no token.

        """
        asked = self._clock()
        with self._lock:
            if self._token is None or self._clock() - self._read_at >= self._ttl:
                self._read(asked)
            return self._token or ""

    def replacement(self, refused: str, since: float) -> str | None:
        """Return another token than `refused`, or None if the secret still holds that one.

        `since` is when the refused call began: if many calls were refused together, only the first
        reads the secret.

        Raises:
            CredentialsError: the secret cannot be read now.

        """
        with self._lock:
            if self._token in {refused, None} and self._read_at <= since:
                self._read(since)
            return self._token if self._token != refused else None

    def forget(self) -> None:
        """Drop the cached token; the next use reads the secret."""
        with self._lock:
            self._token = None
            self._read_at = _NEVER

    def _read(self, asked: float) -> None:
        if self._failure is not None and self._failed_at > asked:
            raise self._failure.with_traceback(None)
        self._token = None
        try:
            self._token = token_in(_secret_string(self._secrets, self._secret_id))
        except CredentialsError as error:
            self._failure, self._failed_at = error, self._clock()
            raise
        self._failure = None
        self._read_at = self._clock()


def _secret_string(secrets: SecretsClient, secret_id: str) -> str:
    try:
        answer = secrets.get_secret_value(SecretId=secret_id)
    except ClientError as error:
        # A secret without a value answers ResourceNotFound, as a missing one does.
        if error.response.get("Error", {}).get("Code") == "ResourceNotFoundException":
            message = "the token secret is missing or has no value yet"
            raise TokenNotSetError(message) from None
        message = "Secrets Manager refused to give the token secret"
        raise SecretUnavailableError(message) from None
    except BotoCoreError:
        message = "Secrets Manager did not answer"
        raise SecretUnavailableError(message) from None
    value = answer.get("SecretString", answer.get("SecretBinary"))
    if value is not None and not isinstance(value, str):
        message = "the token secret is not text"
        raise MalformedSecretError(message)
    return value or ""


def token_in(secret: str) -> str:
    """Return the token in a secret's text: as it is, or in JSON with `bearerToken`.

    Raises:
        TokenNotSetError: the text is empty.
        MalformedSecretError: it has no token.

    """
    text = secret.strip()
    if text.startswith(("{", "[", '"')):
        text = _token_in_json(text)
    if not text:
        message = "the token secret is empty"
        raise TokenNotSetError(message)
    if not _TOKEN.fullmatch(text):
        message = "the token secret holds characters that no token has"
        raise MalformedSecretError(message)
    return text


def _token_in_json(text: str) -> str:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        message = "the token secret is neither a token nor JSON"
        raise MalformedSecretError(message) from None
    token = None
    if isinstance(document, dict):
        # An empty object was never filled in; one with other entries has another shape.
        token = document.get("bearerToken") if document else ""
    if not isinstance(token, str):
        message = 'the token secret is JSON without a "bearerToken" text'
        raise MalformedSecretError(message)
    return token.strip()
