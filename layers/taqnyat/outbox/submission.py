"""Accepting a mail: first its row, then its message, then the answer.

So that a repeat heals whatever broke between.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from typing import TYPE_CHECKING

from outbox.messages import encode
from outbox.states import State

if TYPE_CHECKING:
    from outbox.ledger import Ledger, Row
    from outbox.mail import Mail
    from outbox.messages import MailQueue


class IdempotencyConflictError(Exception):
    """The idempotency key was used before, with another payload."""


def mail_id(client: str, key: str | None, index: int = 0) -> str:
    """Return a new id or, with an idempotency key, the same one for client, key and index."""
    if key is None:
        return str(uuid.uuid4())
    name = hashlib.sha256(json.dumps([client, key, index]).encode()).digest()
    return str(uuid.UUID(bytes=name[:16], version=5))


def submit(mail: Mail, ledger: Ledger, queue: MailQueue, request: str | None) -> None:
    """Accept one mail.

    `request` is the fingerprint of the request that came with an idempotency key; None without one.

    Raises:
        MailError: it is too large for a message; nothing was written.
        IdempotencyConflictError: its id stands for another request.

    """
    text = encode(mail)
    standing = ledger.create(mail, State.QUEUED, request)
    if standing is None or _unclaimed(standing, request):
        queue.put(text)


def _unclaimed(row: Row, request: str | None) -> bool:
    if row.request != (request or ""):
        raise IdempotencyConflictError
    # No worker has seen it: the message may never have been queued. A second one does no harm.
    return row.state is State.QUEUED and row.attempt_count == 0
