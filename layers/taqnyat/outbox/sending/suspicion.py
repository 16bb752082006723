"""Suspicions: a refusal that may be about its mail or about the account.

The first one is stored and stops nothing. If a second, different mail is refused too, sending
pauses. If a mail is sent whose call began after the suspicion, the suspicion is cleared.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from outbox.sending.control import SUSPICION, Control, Refusal, Suspicion, not_paused
from outbox.storage.expressions import Expression

if TYPE_CHECKING:
    from collections.abc import Callable

    from outbox.ports import DynamoClient


class Suspicions:
    """The suspicion in the control record. Raises botocore's errors when DynamoDB fails."""

    def __init__(
        self, dynamo: DynamoClient, table: str, clock: Callable[[], float] = time.time
    ) -> None:
        """Make no call yet."""
        self._control = Control(dynamo, table)
        self._clock = clock

    def raise_against(self, refusal: Refusal) -> Suspicion:
        """Store a suspicion, or count one more mail if there is one; return it as it is now."""
        write = Expression()
        now = int(self._clock())
        assign = [
            *write.set(suspect=refusal.plain(), suspected_at=now, suspect_mails=1),
            *write.set(suspicion_told=False),
            *not_paused(write),
        ]
        first = f"attribute_not_exists({write.name('suspect')})"
        written, record = self._control.write(write, assign, first)
        found = record.suspicion or Suspicion(refusal, now)
        if written or found.refusal.mail_id == refusal.mail_id:
            return found
        write = Expression()
        more = [write.add("suspect_mails", write.value(1))]
        same = f"{write.name('suspect')} = {write.value(found.refusal.plain())}"
        _, record = self._control.write(write, more, same)
        return record.suspicion or found

    def clear(self, suspicion: Suspicion, sent_at: float) -> None:
        """Clear a suspicion after a mail was sent; a newer suspicion stays."""
        write = Expression()
        same = f"{write.name('suspect')} = {write.value(suspicion.refusal.plain())}"
        same += f" AND {write.name('suspected_at')} = {write.value(suspicion.at)}"
        assign = write.set(sent_at=int(sent_at))
        self._control.write(write, assign, same, SUSPICION)
