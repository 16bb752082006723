"""Signing secrets, encrypted by the stack's own key of KMS.

The function that accepts an endpoint can only encrypt, and the function that calls it can only
decrypt. A reader of the table can do neither. The encryption context binds a secret to its
endpoint: for another endpoint it cannot be decrypted.
"""

from __future__ import annotations

import base64
import time
from typing import TYPE_CHECKING, Final

from outbox.webhooks.endpoint import Endpoint, Sealed

if TYPE_CHECKING:
    from collections.abc import Callable

    from outbox.ports import KmsClient

_KEPT_SECONDS: Final = 300
_MAX_KEPT: Final = 500


class Seals:
    """Seals and opens secrets. Methods raise botocore's errors when KMS does not answer."""

    def __init__(
        self,
        kms: KmsClient,
        key_id: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Make no call yet."""
        self._kms = kms
        self._key_id = key_id
        self._clock = clock
        self._opened: dict[str, tuple[float, str]] = {}

    def seal(self, secret: str, client: str, endpoint_id: str) -> Sealed:
        """Encrypt a secret for an endpoint."""
        answer = self._kms.encrypt(
            KeyId=self._key_id,
            Plaintext=secret.encode(),
            EncryptionContext=_context(client, endpoint_id),
        )
        return Sealed(base64.b64encode(answer["CiphertextBlob"]).decode())

    def open(self, endpoint: Endpoint) -> list[str]:
        """Return the secrets that are valid now, the newest first; kept for five minutes."""
        now = self._clock()
        valid = [sealed for sealed in endpoint.secrets if not sealed.until or now < sealed.until]
        return [self._open(sealed, endpoint, now) for sealed in valid]

    def _open(self, sealed: Sealed, endpoint: Endpoint, now: float) -> str:
        # The name includes the endpoint: a secret of one must not be used for another.
        name = f"{endpoint.client}\n{endpoint.id}\n{sealed.text}"
        until, secret = self._opened.get(name, (0.0, ""))
        if now < until:
            return secret
        answer = self._kms.decrypt(
            KeyId=self._key_id,
            CiphertextBlob=base64.b64decode(sealed.text),
            EncryptionContext=_context(endpoint.client, endpoint.id),
        )
        secret = str(answer["Plaintext"].decode())
        if len(self._opened) >= _MAX_KEPT:
            self._opened.clear()
        self._opened[name] = (now + _KEPT_SECONDS, secret)
        return secret


def _context(client: str, endpoint_id: str) -> dict[str, str]:
    return {"client": client, "endpoint": endpoint_id}
