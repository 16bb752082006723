"""Claims: the right to send a mail once. A claim begins before the call and ends with its outcome.

The worker claims a row before the POST and settles it after the POST, on the condition that the
claim is still its own. A worker that dies leaves a `sending` row whose lease runs out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from outbox.mail.states import State
from outbox.storage.expressions import Expression, existing_item
from outbox.storage.row import STORED_AS, Attempt, Row
from outbox.storage.table import LedgerTable, identity
from outbox.throttling import soon_or_unsure

if TYPE_CHECKING:
    from outbox.mail.mail import Mail

_WORKER_DIED: Final = "worker_died"  # the reason of a row whose lease ran out
# A row must stay far below the 400 KB of an item, even after very many attempts.
MAX_ATTEMPTS: Final = 200
# A message may come a little before its scheduled time.
EARLY_SECONDS: Final = 5
# An outcome is written for so long at least, also at the end of an invocation.
_LEAST_PATIENCE_SECONDS: Final = 1.0
# A throttled claim, which changed nothing, is repeated for so long.
_THROTTLED_SECONDS: Final = 1.0


class NoRecordError(Exception):
    """There is no row of a mail that had one."""


class Claims:
    """Claims on rows. Methods raise botocore's errors when DynamoDB does not answer."""

    def __init__(self, table: LedgerTable, lease_seconds: int) -> None:
        """`lease_seconds` must be longer than the function that claims may run."""
        self._table = table
        self._lease_seconds = lease_seconds

    def claim(
        self, mail: Mail, token: str, redrive_attempt: int | None = None, until: float = 0.0
    ) -> tuple[bool, Row]:
        """Take the right to send `mail` once, until the lease ends.

        Return whether the claim was taken, and the row as it is now. While AWS fails for a moment,
        the write is repeated until `until` (epoch seconds), since a claim whose answer was lost
        would count as that of a dead worker; for a second if all tries were throttled.
        A mail without a row (a direct producer's) gets one here. `redrive_attempt` is the number of
        the attempt after which the mail went to the failed queue. It allows one more claim from
        `failed` or `unknown`. If the row is gone by then, the new row marks the send as a resend
        and has no client: a person chose to send it, but its author is not known.

        Raises:
            NoRecordError: the mail has a client, so it had a row, and the row is gone; or it has
                no client and an id that could be a client's.

        """
        write = Expression()
        assign = [
            *self._claiming(write, token),
            *write.set_once(**identity(mail)),
            write.add("resends", f"if_not_exists({write.name('maybe')}, {write.value(0)})"),
        ]
        state = write.name("state")
        soon = int(self._table.clock()) + EARLY_SECONDS
        due = f"{write.name('scheduled_at')} <= {write.value(soon)}"
        claimable = [
            f"{state} = {write.value(State.QUEUED)}",
            f"({state} = {write.value(State.SCHEDULED)} AND {due})",
        ]
        if redrive_attempt is not None:
            ended = f"{state} IN ({write.value(State.FAILED)}, {write.value(State.UNKNOWN)})"
            claimable.append(
                f"({ended} AND {write.name('attempt_count')} = {write.value(redrive_attempt)})"
            )
        same = f"{write.name('fingerprint')} = {write.value(mail.fingerprint)}"
        condition = f"{same} AND ({' OR '.join(claimable)})"
        if redrive_attempt is None and _may_be_new(mail):
            condition = f"attribute_not_exists(pk) OR ({condition})"
        try:
            return self._claim(write, mail.id, token, assign, condition, until)
        except NoRecordError:
            if redrive_attempt is None or (mail.client is None and mail.has_derived_id):
                raise
            return self._claim_without_record(mail, token, until)

    def keep(self, mail_id: str) -> None:
        """Extend the life of a row, if there is one, as if it were written now."""
        write = Expression()
        ttl, expiry = write.name("ttl"), write.value(self._table.expiry())
        try:
            self._table.update(write, mail_id, f"SET {ttl} = {expiry}", f"{ttl} < {expiry}")
        except ClientError as error:
            existing_item(error)

    def _claim_without_record(self, mail: Mail, token: str, until: float) -> tuple[bool, Row]:
        write = Expression()
        assign = [
            *self._claiming(write, token),
            *write.set(**identity(mail._replace(client=None)), maybe=1, resends=1),
        ]
        return self._claim(write, mail.id, token, assign, "attribute_not_exists(pk)", until)

    def take_over(
        self, row: Row, token: str, attempt: Attempt, until: float = 0.0
    ) -> tuple[bool, Row]:
        """Take over a claim whose lease has run out, and mark the next send as a resend.

        `until` as in `claim`.
        """
        write = Expression()
        assign = [
            *self._claiming(write, token),
            *write.set(maybe=1),
            _append_attempt(write, row, attempt),
            write.add("resends", write.value(1)),
        ]
        ours = _claim_is_ours(write, row.claim_token)
        return self._claim(write, row.id, token, assign, ours, until)

    def settle(
        self,
        row: Row,
        state: State,
        attempt: Attempt | None,
        until: float = 0.0,
        **changes: str | int | None,
    ) -> bool:
        """Write the outcome of the call that `row`'s claim allowed.

        Return False if the claim is no longer ours. `changes` are further attributes of the row;
        None removes one. `until` as in `claim`: an outcome that is not written is unknown.
        """
        write = Expression()
        stored = {STORED_AS.get(key, key): value for key, value in changes.items()}
        assign = write.set(
            state=state, updated=self._table.now(), ttl=self._table.expiry(row), **stored
        )
        if attempt is not None:
            assign.append(_append_attempt(write, row, attempt))
        gone = [write.name(key) for key, value in stored.items() if value is None]
        removal = f" REMOVE {', '.join(gone)}" if gone else ""
        try:
            self._table.update(
                write,
                row.id,
                f"SET {', '.join(assign)}{removal}",
                self._may_settle(write, row, state),
                until=max(until, self._table.clock() + _LEAST_PATIENCE_SECONDS),
            )
        except ClientError as error:
            existing = self._table.existing_row(error, row.id)
            # Our own write: its answer was lost, and the SDK repeated it.
            return existing.claim_token == row.claim_token and existing.state is state
        return True

    def _may_settle(self, write: Expression, row: Row, state: State) -> str:
        """Return the condition for writing `state`: the claim is still ours.

        `sent` may also be written later, into a row that is unknown only because its worker was
        silent: that worker has the answer.
        """
        ours = _claim_is_ours(write, row.claim_token)
        if state is not State.SENT:
            return ours
        held = f"{write.name('claim')} = {write.value(row.claim_token)}"
        silent = f"{write.name('reason')} = {write.value(_WORKER_DIED)}"
        dead = f"{write.name('state')} = {write.value(State.UNKNOWN)} AND {held} AND {silent}"
        return f"({ours}) OR ({dead})"

    def _claiming(self, write: Expression, token: str) -> list[str]:
        lease = int(self._table.clock()) + self._lease_seconds
        now = self._table.now()
        return [
            *write.set(state=State.SENDING, claim=token, claimed_at=now, lease=lease, updated=now),
            *write.set_once(ttl=self._table.expiry()),
            write.add("attempt_count", write.value(1)),
        ]

    def _claim(
        self,
        write: Expression,
        mail_id: str,
        token: str,
        assign: list[str],
        condition: str,
        until: float,
    ) -> tuple[bool, Row]:
        update = f"SET {', '.join(assign)}"
        # Claims that waited for long would all call at once, each long after its turn.
        again = soon_or_unsure(self._table.clock() + _THROTTLED_SECONDS, self._table.clock)
        try:
            answer = self._table.update(write, mail_id, update, condition, "ALL_NEW", until, again)
        except ClientError as error:
            item = existing_item(error)
            existing = Row.of(item) if item else self._table.get(mail_id)
            if existing is None:
                raise NoRecordError from error
            return existing.claim_token == token and existing.state is State.SENDING, existing
        return True, Row.of(answer["Attributes"])


def _may_be_new(mail: Mail) -> bool:
    # A direct producer must not take an id that a client would get.
    return mail.client is None and not mail.has_derived_id


def _claim_is_ours(write: Expression, token: str) -> str:
    state, held = write.name("state"), write.name("claim")
    return f"{state} = {write.value(State.SENDING)} AND {held} = {write.value(token)}"


def _append_attempt(write: Expression, row: Row, attempt: Attempt) -> str:
    """Append an attempt. Only the holder of the claim writes attempts, so `row` has them all."""
    if len(row.attempts) < MAX_ATTEMPTS:
        return write.append("attempts", attempt)
    (assignment,) = write.set(attempts=[*row.attempts[1 - MAX_ATTEMPTS :], attempt])
    return assignment
