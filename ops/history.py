"""Writes an operator's action into the mail's row, together with its change.

A row is written only if it is still as it was at the decision: same state, same number of attempts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError
from outbox.mail.states import State
from outbox.storage.expressions import Expression, pack
from outbox.storage.row import Row
from outbox.storage.table import LedgerTable
from taqnyat import Scope, Verdict

from ops.dead_letters import DISCARDED

_MOST: Final = 50  # actions that a row keeps
RESOLVED: Final = "resolved_by_operator"


@dataclass(frozen=True, slots=True)
class Note:
    """One row's write, not made yet: `action` is what was done, `after` the state that follows."""

    row: Row
    action: Mapping[str, Any]
    after: State
    write: Expression
    update: str
    condition: str


class History:
    """Writes for one operator. Methods that write raise botocore's errors."""

    def __init__(self, table: LedgerTable, by: str) -> None:
        """`by` names the operator (ops/operator.py)."""
        self._table = table
        self._by = by

    def redriven(self, row: Row, *, possibly_twice: bool) -> Note:
        """Record that a failed or unknown mail goes back to the mail queue."""
        did = "resend" if possibly_twice else "redrive"
        return self._note(Expression(), row, did)

    def sent(self, row: Row) -> Note:
        """Settle an unknown mail as sent, because a person found that it arrived."""
        write = Expression()
        attempt = {
            "at": self._table.now(),
            "ms": 0,
            "verdict": Verdict.SENT,
            "scope": Scope.MAIL,
            "reason": RESOLVED,
        }
        assign = [*write.set(state=State.SENT, reason=RESOLVED), write.append("attempts", attempt)]
        return self._note(write, row, "resolve sent", assign, State.SENT)

    def discarded(self, row: Row, why: str) -> Note:
        """Discard a mail: it becomes canceled, so that no worker of any version sends it."""
        write = Expression()
        assign = write.set(state=State.CANCELED, reason=DISCARDED)
        return self._note(write, row, "discard", assign, State.CANCELED, why)

    def canceled(self, row: Row) -> Note:
        """Record who canceled a mail that waited."""
        return self._note(Expression(), row, "cancel")

    def write(self, note: Note) -> bool:
        """Write one; return whether it was, and not that the row has changed since it was read."""
        mail_id = note.row.id
        try:
            self._table.update(note.write, mail_id, note.update, note.condition)
        except ClientError as error:
            existing = self._table.existing_row(error, mail_id)
            # Our own write: its answer was lost, and the SDK repeated it.
            ours = existing.actions and dict(existing.actions[-1]) == note.action
            return bool(ours) and existing.state is note.after
        return True

    def write_all(self, notes: Sequence[Note]) -> set[str]:
        """Write up to a hundred, in one call where all can be; return the ids of those written.

        A transaction costs twice the write units of its rows, and saves the calls.
        """
        by_id = {note.row.id: note for note in reversed(notes)}
        if len(by_id) > 1 and self._written_at_once(list(by_id.values())):
            return set(by_id)
        return {mail_id for mail_id, note in by_id.items() if self.write(note)}

    def _written_at_once(self, notes: Sequence[Note]) -> bool:
        try:
            self._table.dynamo.transact_write_items(
                TransactItems=[{"Update": self._update(note)} for note in notes]
            )
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != "TransactionCanceledException":
                raise
            return False  # one of them has changed, or is being written: each by itself
        return True

    def _update(self, note: Note) -> dict[str, Any]:
        return {
            "TableName": self._table.name,
            "Key": {"pk": pack(note.row.id)},
            "UpdateExpression": note.update,
            "ConditionExpression": note.condition,
            "ExpressionAttributeNames": note.write.names,
            "ExpressionAttributeValues": note.write.values,
        }

    def _note(
        self,
        write: Expression,
        row: Row,
        did: str,
        assign: Sequence[str] = (),
        after: State | None = None,
        why: str | None = None,
    ) -> Note:
        action = {"at": self._table.now(), "by": self._by, "did": did}
        if why is not None:
            action["why"] = why
        changes = [
            *assign,
            *write.set(updated=self._table.now(), ttl=self._table.expiry(row)),
            _append(write, row, action),
        ]
        same = (
            f"{write.name('state')} = {write.value(row.state)} AND "
            f"{_same(write, 'attempt_count', row.attempt_count)} AND "
            f"{_same(write, 'ttl', row.ttl)}"
        )
        return Note(row, action, after or row.state, write, f"SET {', '.join(changes)}", same)


def _same(write: Expression, attribute: str, value: int) -> str:
    name = write.name(attribute)
    if value:
        return f"{name} = {write.value(value)}"
    return f"attribute_not_exists({name})"


def _append(write: Expression, row: Row, action: Mapping[str, Any]) -> str:
    if len(row.actions) < _MOST:
        return write.append("actions", dict(action))
    kept = [dict(entry) for entry in row.actions[1 - _MOST :]]
    (assignment,) = write.set(actions=[*kept, dict(action)])
    return assignment
