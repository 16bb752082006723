"""Suspicions: a refusal that may be about its mail or about the account.

The first one is written down and stops nothing. A second, different mail that is refused while it
stands pauses; a mail that goes through after it was read clears it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from outbox.sending.control import SUSPICION, Control, Refusal, Suspicion
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
        """Write a suspicion down, or count one more mail where one stands; return how it stands."""
        write = Expression()
        now = int(self._clock())
        assign = [
            *write.set(suspect=refusal.plain(), suspected_at=now, suspect_mails=1),
            *write.set(suspicion_told=False),
            # Without these two an older version could not begin a pause.
            *write.set_once(paused=False, resumed_at=0),
        ]
        first = f"attribute_not_exists({write.name('suspect')})"
        written, record = self._control.write(write, assign, first)
        standing = record.suspicion or Suspicion(refusal, now)
        if written or standing.refusal.mail_id == refusal.mail_id:
            return standing
        write = Expression()
        more = [write.add("suspect_mails", write.value(1))]
        same = f"{write.name('suspect')} = {write.value(standing.refusal.plain())}"
        _, record = self._control.write(write, more, same)
        return record.suspicion or standing

    def clear(self, suspicion: Suspicion, sent_at: float) -> None:
        """Clear a suspicion, since a mail went through; another one that stands by now stays."""
        write = Expression()
        same = f"{write.name('suspect')} = {write.value(suspicion.refusal.plain())}"
        same += f" AND {write.name('suspected_at')} = {write.value(suspicion.at)}"
        assign = write.set(sent_at=int(sent_at))
        self._control.write(write, assign, same, SUSPICION)
