"""The control record: one item that every container reads before a batch.

It has the pause, a suspicion, and the rate. Each part has its own attributes; its own code writes
them on conditions. A version that does not know a part ignores it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from botocore.exceptions import ClientError

from outbox.aws import IncompleteAnswerError
from outbox.sending.rate import Rate
from outbox.storage.expressions import Expression, Item, existing_item, pack, unpack_item

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from outbox.ports import DynamoClient

_KEY: Final = {"pk": pack("#pause")}


class Refusal(NamedTuple):
    """An answer that refused a mail: which mail, and which answer."""

    mail_id: str
    sender: str
    reason: str
    code: int | None = None
    status: int | None = None

    def plain(self) -> dict[str, Any]:
        """Return it as it is stored."""
        return {key: value for key, value in self._asdict().items() if value is not None}

    @property
    def answer(self) -> str:
        """The mail and the answer in words: `mail ID: balance_too_low, code 3, HTTP 400`."""
        code = "" if self.code is None else f", code {self.code}"
        status = "" if self.status is None else f", HTTP {self.status}"
        return f"mail {self.mail_id}: {self.reason}{code}{status}"


class Suspicion(NamedTuple):
    """A refusal that may be about its mail or about the account. `at` is epoch seconds.

    `mails` counts the different mails that were refused in this way since then; `told` says that
    the operators have had a notice.
    """

    refusal: Refusal
    at: int
    told: bool = False
    mails: int = 1


# The attributes that go with a suspicion.
SUSPICION: Final = ("suspect", "suspected_at", "suspect_mails", "suspicion_told")


class PauseState(NamedTuple):
    """Whether sending is paused, and why.

    Times are epoch seconds; `next_probe` 0 waits for an operator. `detail` is the address that
    Taqnyat refused (102); `by` is "system" or "operator"; `announced` says that the topic has had a
    notice. `cause` is "account" or "provider"; `repeats` counts the earlier pauses for the same
    reason, each within an hour of the last resume. `blamed` are the refusals that paused. `passed`
    and `failed` count the calls of a probe that has not ended. `told_at` is the time of the last
    notice, `series_since` the begin of the first of the repeated pauses.
    """

    paused: bool = False
    reason: str = ""
    detail: str = ""
    by: str = ""
    since: int = 0
    next_probe: int = 0
    probes: int = 0
    resumed_at: int = 0
    announced: bool = True
    cause: str = "account"
    repeats: int = 0
    blamed: tuple[Refusal, ...] = ()
    passed: int = 0
    failed: int = 0
    told_at: int = 0
    series_since: int = 0

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> PauseState:
        """Read the control record's attributes."""
        known = {key: values[key] for key in cls._fields if key in values}
        known["blamed"] = tuple(Refusal(**entry) for entry in known.get("blamed", ()))
        return cls(**known)


class ControlRecord(NamedTuple):
    """The whole record."""

    pause: PauseState = PauseState()
    suspicion: Suspicion | None = None
    rate: Rate = Rate()

    @classmethod
    def of(cls, item: Item) -> ControlRecord:
        """Read the item; it may be empty."""
        values = unpack_item(item)
        suspect = values.get("suspect")
        return cls(
            pause=PauseState.of(values),
            suspicion=Suspicion(
                Refusal(**suspect),
                values.get("suspected_at", 0),
                bool(values.get("suspicion_told", False)),
                values.get("suspect_mails", 1),
            )
            if suspect
            else None,
            rate=Rate.of(values),
        )

    @property
    def sent_at(self) -> float:
        """When a mail was last known to be sent (epoch seconds)."""
        return self.rate.sent_at


class Control:
    """Reads and writes the item. Raises botocore's errors when DynamoDB does not answer."""

    def __init__(self, dynamo: DynamoClient, table: str) -> None:
        """Make no call yet."""
        self._dynamo = dynamo
        self._table = table

    def read(self) -> ControlRecord:
        """Read it, consistently, to show it; a new stack has none yet."""
        return ControlRecord.of(self._item())

    def read_surely(self) -> ControlRecord:
        """Read it, to send by it.

        An answer without the pause is not taken for "not paused": it may have been cut. A write
        that changes nothing brings the record as it is, and makes the one that a new stack lacks.
        """
        item = self._item()
        if "paused" in item:
            return ControlRecord.of(item)
        write = Expression()
        return self.write(write, not_paused(write))[1]

    def _item(self) -> Item:
        answer = self._dynamo.get_item(TableName=self._table, Key=_KEY, ConsistentRead=True)
        item: Item = answer.get("Item") or {}
        return item

    def write(
        self,
        write: Expression,
        assign: Sequence[str],
        condition: str | None = None,
        remove: Sequence[str] = (),
    ) -> tuple[bool, ControlRecord]:
        """Write it on a condition; return whether it was written, and the record as it is now."""
        removal = f" REMOVE {', '.join(map(write.name, remove))}" if remove else ""
        try:
            answer = self._dynamo.update_item(
                TableName=self._table,
                Key=_KEY,
                UpdateExpression=f"SET {', '.join(assign)}{removal}",
                ExpressionAttributeNames=write.names,
                ExpressionAttributeValues=write.values,
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                **({"ConditionExpression": condition} if condition else {}),
            )
        except ClientError as error:
            item = existing_item(error)
            return False, ControlRecord.of(item) if item else self.read()
        if "Attributes" not in answer:
            raise IncompleteAnswerError(what="the control record")
        return True, ControlRecord.of(answer["Attributes"])


def not_paused(write: Expression) -> list[str]:
    """Assign what a record that nobody has paused yet must have.

    Without these two an older version could not begin a pause.
    """
    return write.set_once(paused=False, resumed_at=0)
