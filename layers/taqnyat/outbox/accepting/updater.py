"""Changing mails: cancel one that waits, move one that is scheduled.

The row decides. A schedule that is left over only queues a message, which the worker then deletes
(canceled, sent) or schedules again (moved to a later time).
"""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from outbox.accepting.submission import NEAR_SECONDS
from outbox.mail.states import State

if TYPE_CHECKING:
    from collections.abc import Callable

    from outbox.queues.queue import MailQueue
    from outbox.queues.schedules import Schedules
    from outbox.storage.ledger import Ledger
    from outbox.storage.row import Row


class TooLateError(Exception):
    """The mail can no longer be changed; the message says why."""


class MailUpdater:
    """Changes mails. Raises botocore's errors when AWS does not answer; then ask again."""

    def __init__(
        self,
        ledger: Ledger,
        queue: MailQueue,
        schedules: Schedules,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Make no call yet."""
        self._ledger = ledger
        self._queue = queue
        self._schedules = schedules
        self._clock = clock

    def cancel(self, row: Row) -> None:
        """Cancel a mail for good. Canceling it again does nothing.

        Raises:
            TooLateError: it was sent, is being sent, may have been sent, or has failed.

        """
        now = self._ledger.cancel(row.id, row.ttl)
        if now.state is not State.CANCELED:
            if now.possibly_sent:
                raise TooLateError("Taqnyat may have sent this mail already")
            raise TooLateError(f"this mail is {now.state}: only one that waits can be canceled")
        if now.scheduled_at is not None:
            self._delete(now.schedule_name)

    def reschedule(self, row: Row, at: int) -> None:
        """Move a scheduled mail to `at` (epoch seconds); a time in the past sends it now.

        Writing the row makes the change. The new schedule is made before that, so after any error
        the mail is sent at its old time or at its new one.

        Raises:
            TooLateError: it is not scheduled any more, or will be sent in a moment.

        """
        if row.state is not State.SCHEDULED:
            raise TooLateError(f"this mail is {row.state}: only one that is scheduled can be moved")
        text = self._schedules.text(row.schedule_name)
        if text is None and row.scheduled_at == at:
            return  # a repeat of an earlier call
        if text is None:
            raise TooLateError("this mail is about to be sent, or was only just accepted")
        delay = at - int(self._clock())
        if delay > NEAR_SECONDS:
            self._move(row, at, text)
        else:
            self._bring(row, at, text, max(0, delay))

    def _move(self, row: Row, at: int, text: str) -> None:
        # A new name: no other call can delete this schedule, or use it as its own.
        name = f"{row.id}.{uuid.uuid4().hex[:12]}"
        self._schedules.create(name, at, text, row.lane)
        moved = self._ledger.reschedule(row, at, name)
        self._delete(row.schedule_name if moved else name)
        _check(moved=moved)

    def _bring(self, row: Row, at: int, text: str, delay: int) -> None:
        # The row keeps its schedule's name until the queue has the message: a repeat completes it.
        _check(moved=self._ledger.reschedule(row, at, row.schedule_name))
        self._queue.send(text, row.route, delay)
        self._delete(row.schedule_name)

    def _delete(self, schedule: str) -> None:
        try:
            self._schedules.delete(schedule)
        except (ClientError, BotoCoreError):
            return  # it queues its message at its time, which does no harm


def _check(*, moved: bool) -> None:
    if not moved:
        raise TooLateError("this mail was canceled, moved or sent by another call just now")
