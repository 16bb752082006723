"""What an operator did, written into the mail's row together with what it changes there.

A row is only written as it was when it was decided on: same state, same number of attempts.
"""

from collections.abc import Mapping
from typing import Any, Final

from botocore.exceptions import ClientError
from outbox.mail.states import State
from outbox.storage.expressions import Expression
from outbox.storage.row import Row
from outbox.storage.table import LedgerTable
from taqnyat import Scope, Verdict

from ops.dead_letters import DISCARDED

_MOST: Final = 50  # actions that a row keeps
RESOLVED: Final = "resolved_by_operator"


class History:
    """Writes for one operator. Methods raise botocore's errors when DynamoDB does not answer.

    Each returns whether it was written; if not, the row has changed since it was read.
    """

    def __init__(self, table: LedgerTable, by: str) -> None:
        """`by` names the operator (ops/operator.py)."""
        self._table = table
        self._by = by

    def redriven(self, row: Row, *, possibly_twice: bool) -> bool:
        """Note that a failed or unknown mail goes back to the mail queue."""
        did = "resend" if possibly_twice else "redrive"
        write = Expression()
        return self._write(write, row, did, None, [])

    def sent(self, row: Row) -> bool:
        """Note that an unknown mail was sent after all, as a person found out."""
        write = Expression()
        attempt = {
            "at": self._table.now(),
            "ms": 0,
            "verdict": Verdict.SENT,
            "scope": Scope.MAIL,
            "reason": RESOLVED,
        }
        assign = [*write.set(state=State.SENT, reason=RESOLVED), write.append("attempts", attempt)]
        return self._write(write, row, "resolve sent", None, assign, State.SENT)

    def discarded(self, row: Row, why: str) -> bool:
        """Give a mail up for good: as one that was canceled, no worker of any version sends it."""
        write = Expression()
        assign = write.set(state=State.CANCELED, reason=DISCARDED)
        return self._write(write, row, "discard", why, assign, State.CANCELED)

    def canceled(self, row: Row) -> bool:
        """Note who canceled a mail that waited."""
        return self._write(Expression(), row, "cancel", None, [])

    def _write(
        self,
        write: Expression,
        row: Row,
        did: str,
        why: str | None,
        assign: list[str],
        after: State | None = None,
    ) -> bool:
        action = {"at": self._table.now(), "by": self._by, "did": did}
        if why is not None:
            action["why"] = why
        assign = [
            *assign,
            *write.set(updated=self._table.now(), ttl=self._table.expiry(row)),
            _append(write, row, action),
        ]
        same = (
            f"{write.name('state')} = {write.value(row.state)} AND "
            f"{_same(write, 'attempt_count', row.attempt_count)} AND "
            f"{_same(write, 'ttl', row.ttl)}"
        )
        try:
            self._table.update(write, row.id, f"SET {', '.join(assign)}", same)
        except ClientError as error:
            existing = self._table.existing_row(error, row.id)
            # Our own write, whose answer was lost and which the SDK repeated.
            ours = existing.actions and dict(existing.actions[-1]) == action
            return bool(ours) and existing.state is (after or row.state)
        return True


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
