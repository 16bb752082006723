"""Accepting mails: first their rows, then their messages, then the answer.

In this order a repeat completes what an error interrupted, and no mail without a row is sent.
"""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from outbox.mail.states import State
from outbox.queues.message import encode, encode_batch
from outbox.queues.schedules import need_room
from outbox.storage.ledger import RowsBusyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from outbox.mail.lanes import Route
    from outbox.mail.mail import Mail
    from outbox.queues.queue import MailQueue
    from outbox.queues.schedules import Schedules
    from outbox.storage.ledger import Ledger
    from outbox.storage.row import Row

# A schedule fires to the minute, a delayed message to the second.
NEAR_SECONDS: Final = 60
_ENDED: Final = frozenset({State.FAILED, State.CANCELED})


class IdempotencyConflictError(Exception):
    """The idempotency key was used before, with another payload."""


class IdempotencyBusyError(Exception):
    """The same request is being accepted right now, by another call."""


def mail_id(client: str, key: str | None, index: int = 0) -> str:
    """Return a new id or, with an idempotency key, the same one for client, key and index."""
    if key is None:
        return str(uuid.uuid4())
    name = hashlib.sha256(json.dumps([client, key, index]).encode()).digest()
    return str(uuid.UUID(bytes=name[:16], version=5))


class Draft(NamedTuple):
    """A mail that can be accepted, its message, and the fingerprint of its request."""

    mail: Mail
    text: str
    request: str | None = None


class Accepted(NamedTuple):
    """Mails as they were accepted, and how many of them had not been accepted before."""

    mails: list[Mail]
    new: int


class Submission:
    """Accepts mails. Raises botocore's errors when AWS does not answer; then repeat the call.

    When it raises any other error, it has written nothing.
    `request` is the fingerprint of the request that came with an idempotency key; None without one.
    """

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

    def submit(self, mail: Mail, request: str | None) -> bool:
        """Accept one mail; return whether it is new, or was accepted before.

        Raises:
            MailError: it is too large.
            IdempotencyConflictError: its id stands for another request.
            TableBusyError: nothing was written.

        """
        text = self.prepare(mail).text
        with self._whole([Draft(mail, text, request)]):
            existing = self._ledger.create(mail, self._first_state(mail), request)
            self._forward_new(mail, text, existing, request)
        return existing is None

    def submit_joined(self, mail: Mail) -> Accepted:
        """Accept a mail that has its id from `join`, and may repeat an earlier one.

        Return it as it was accepted. If the earlier one failed or was canceled, it has a new id.
        """
        while True:
            text = self.prepare(mail).text
            existing = self._ledger.create(mail, self._first_state(mail))
            if existing is None or existing.state not in _ENDED:
                self._forward_new(mail, text, existing, None)
                return Accepted([mail], int(existing is None))
            mail = _successor(mail)

    def join(self, mails: Sequence[Mail], seconds: int) -> list[Mail]:
        """Return the mails of a call without an idempotency key, with the ids that they get.

        After an equal call of the same client within `seconds`, these are that call's ids.
        """
        client = mails[0].client or ""
        contents = [[mail.fingerprint, mail.scheduled_at] for mail in mails]
        content = hashlib.sha256(json.dumps([client, contents]).encode()).hexdigest()
        key = self._ledger.join(content, str(uuid.uuid4()), seconds)
        return [mail._replace(id=mail_id(client, key, index)) for index, mail in enumerate(mails)]

    def knows(self, mail_id: str) -> bool:
        """Return whether a mail was accepted under this id."""
        return self._ledger.get(mail_id) is not None

    def prepare(self, mail: Mail, request: str | None = None) -> Draft:
        """Write the message of a mail, for `submit_all`.

        Raises:
            MailError: it is too large for a message, or for a schedule.

        """
        text = encode(mail)
        if mail.scheduled_at is not None and self._seconds_until(mail.scheduled_at) > NEAR_SECONDS:
            need_room(text, mail.kind)
        return Draft(mail, text, request)

    def submit_all(self, drafts: Sequence[Draft], *, joined: bool = False) -> Accepted:
        """Accept 1 to 100 mails, all or none: one message holds them until the worker has it.

        The worker also makes the schedules of mails for a later time. `joined` says that the ids
        come from `join`: if an earlier mail failed or was canceled, its repeat is a new mail.
        Return the mails as they were accepted.

        Raises:
            MailError: all together are too large.
            IdempotencyConflictError: an id stands for another request.
            IdempotencyBusyError: another call is accepting the same mails, by their key.
            TableBusyError: nothing was written.

        """
        encode_batch([draft.text for draft in drafts])
        with self._whole(drafts):
            return self._submit_all(drafts, joined=joined)

    def _submit_all(self, drafts: Sequence[Draft], *, joined: bool) -> Accepted:
        existing: dict[str, Row] = {}
        while missing := [draft for draft in drafts if draft.mail.id not in existing]:
            rows = {row.id: row for row in self._create_all(missing)}
            if not rows:
                break
            if joined:
                ended = {row.id for row in rows.values() if row.state in _ENDED}
                drafts = [
                    self._renewed(draft) if draft.mail.id in ended else draft for draft in drafts
                ]
                rows = {key: row for key, row in rows.items() if key not in ended}
            for draft in missing:
                if row := rows.get(draft.mail.id):
                    _check(row, draft.request)
            existing |= rows
        waiting = [
            draft
            for draft in drafts
            if draft.mail.id not in existing or _unclaimed(existing[draft.mail.id], draft.request)
        ]
        if waiting:
            text = encode_batch([draft.text for draft in waiting])
            self._queue.send_batch(text, [draft.mail.route for draft in waiting])
        return Accepted([draft.mail for draft in drafts], len(drafts) - len(existing))

    def was_accepted(self, mail_id: str, request: str | None) -> bool:
        """Return whether a request with an idempotency key was accepted before."""
        row = self._ledger.get(mail_id) if request is not None else None
        return row is not None and row.request == request

    def _renewed(self, draft: Draft) -> Draft:
        return self.prepare(_successor(draft.mail), draft.request)

    @contextmanager
    def _whole(self, drafts: Sequence[Draft]) -> Iterator[None]:
        """Take back the mails of a call that AWS breaks off, where no repeat can heal them.

        Their ids are known to nobody: the caller will send them again under others.
        """
        try:
            yield
        except (ClientError, BotoCoreError):
            nameless = [draft.mail.id for draft in drafts if not draft.mail.has_derived_id]
            if nameless:
                with suppress(ClientError, BotoCoreError):
                    self._ledger.withdraw(nameless)
            raise

    def _create_all(self, drafts: Sequence[Draft]) -> list[Row]:
        rows = [(draft.mail, self._first_state(draft.mail), draft.request) for draft in drafts]
        try:
            return self._ledger.create_all(rows)
        except RowsBusyError:
            if any(draft.request for draft in drafts):
                raise IdempotencyBusyError from None
            raise

    def _first_state(self, mail: Mail) -> State:
        later = mail.scheduled_at is not None and self._seconds_until(mail.scheduled_at) > 0
        return State.SCHEDULED if later else State.QUEUED

    def _forward_new(
        self, mail: Mail, text: str, existing: Row | None, request: str | None
    ) -> None:
        if existing is None:
            self._forward(mail.id, mail.scheduled_at, text, mail.route)
        elif _unclaimed(existing, request):
            self._forward(existing.schedule_name, existing.scheduled_at, text, existing.route)

    def _forward(self, schedule: str, due: int | None, text: str, route: Route) -> None:
        delay = self._seconds_until(due or 0)
        if delay > NEAR_SECONDS:
            self._schedules.create(schedule, due or 0, text, route.lane)
        else:
            self._queue.send(text, route, max(0, delay))

    def _seconds_until(self, due: int) -> int:
        return due - int(self._clock())


def _successor(mail: Mail) -> Mail:
    """Return the mail under the id that follows its own, the same each time."""
    return mail._replace(id=mail_id(mail.client or "", f"after {mail.id}"))


def _unclaimed(row: Row, request: str | None) -> bool:
    _check(row, request)
    # No worker has received it, so the message may be missing. A second one does no harm.
    return row.state in {State.QUEUED, State.SCHEDULED} and row.attempt_count == 0


def _check(row: Row, request: str | None) -> None:
    # A row without a client has the same mail: a different one would have been overwritten.
    if row.client is not None and row.request != (request or ""):
        raise IdempotencyConflictError
