"""The pause: one item in the table, which every container reads.

The item is the truth. The event source follows it, so that waiting mails spend no receives; where a
call to it fails, the status check repeats it within a minute.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from outbox.storage.expressions import Expression, existing_item, pack, pack_item, unpack_item

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from outbox.ports import DynamoClient

_KEY: Final = {"pk": pack("#pause")}
_PROVIDER: Final = {"pk": "#provider"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseState:
    """Whether sending is paused, and why.

    Times are epoch seconds; `next_probe` 0 waits for an operator. `detail` is the address that
    Taqnyat refused (102); `by` is "system" or "operator"; `announced` tells that the topic knows.
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


class Pause:
    """The pause item. Methods raise botocore's errors when DynamoDB does not answer."""

    def __init__(
        self,
        dynamo: DynamoClient,
        table: str,
        probe_delays: Sequence[int],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`probe_delays` are the seconds before the first probe, the second, ....

        The last one repeats.
        """
        self._dynamo = dynamo
        self._table = table
        self._delays = tuple(probe_delays)
        self._clock = clock

    def read(self) -> PauseState:
        """Read the item, consistently."""
        answer = self._dynamo.get_item(TableName=self._table, Key=_KEY, ConsistentRead=True)
        values = unpack_item(answer.get("Item") or {})
        return PauseState(**{key: values[key] for key in PauseState.__slots__ if key in values})

    def begin(self, reason: str, detail: str = "", seen_at: float | None = None) -> bool:
        """Pause, because of what a call that began at `seen_at` was answered.

        Return False if there is a pause already. A call from before the last resume says nothing
        of the account as it is now, and pauses nothing.
        """
        now = int(self._clock())
        write = Expression()
        paused, resumed_at = write.name("paused"), write.name("resumed_at")
        seen = write.value(now if seen_at is None else int(seen_at))
        running = f"{paused} = {write.value(False)} AND {resumed_at} <= {seen}"  # noqa: FBT003
        return self._write(
            write,
            f"attribute_not_exists(pk) OR ({running})",
            paused=True,
            reason=reason,
            detail=detail,
            by="system",
            since=now,
            next_probe=now + self._delays[0],
            probes=0,
            announced=False,
        )

    def begin_by_hand(self, reason: str) -> None:
        """Pause until an operator resumes: no probe is sent."""
        now = int(self._clock())
        self._write(
            Expression(),
            None,
            paused=True,
            reason=reason,
            detail="",
            by="operator",
            since=now,
            next_probe=0,
            probes=0,
            announced=False,
        )

    def take_probe(self, state: PauseState, until: float) -> bool:
        """Take the right to send the one probe that is due, until a time by which it has ended.

        False if another status check has it.
        """
        write = Expression()
        due = f"{write.name('next_probe')} = {write.value(state.next_probe)}"
        return self._write(write, f"{self._same(write, state)} AND {due}", next_probe=int(until))

    def probe_failed(self, state: PauseState, reason: str, detail: str) -> None:
        """Wait longer before the next probe.

        What the probe was answered is the reason from now on.
        """
        step = min(state.probes + 1, len(self._delays) - 1)
        next_probe = int(self._clock()) + self._delays[step]
        write = Expression()
        self._write(
            write,
            self._same(write, state),
            reason=reason,
            detail=detail,
            probes=state.probes + 1,
            next_probe=next_probe,
        )

    def probe_again(self, state: PauseState) -> None:
        """Leave the probe due: there was no mail to probe with."""
        write = Expression()
        self._write(write, self._same(write, state), next_probe=state.next_probe)

    def bring_probe_forward(self, state: PauseState) -> bool:
        """Let the next probe of `state` be due now; False if it is not the next any more."""
        write = Expression()
        still = f"{write.name('next_probe')} = {write.value(state.next_probe)}"
        now = int(self._clock())
        if state.next_probe <= now:
            return False
        return self._write(write, f"{self._same(write, state)} AND {still}", next_probe=now)

    def end(self, state: PauseState) -> bool:
        """Resume from `state`; False if sending has been resumed or paused again meanwhile."""
        write = Expression()
        now = int(self._clock())
        return self._write(
            write,
            self._same(write, state),
            paused=False,
            next_probe=0,
            resumed_at=now,
            announced=False,
        )

    def note_provider(self, *, up: bool, milliseconds: int) -> None:
        """Keep what Taqnyat last said of itself, for `GET /status`."""
        self._dynamo.put_item(
            TableName=self._table,
            Item=pack_item(
                {
                    **_PROVIDER,
                    "up": up,
                    "milliseconds": milliseconds,
                    "checked_at": int(self._clock()),
                },
            ),
        )

    def provider(self) -> dict[str, Any]:
        """Return `up`, `milliseconds` and `checked_at` (epoch seconds) of the last status check.

        Empty before one.
        """
        answer = self._dynamo.get_item(TableName=self._table, Key=pack_item(_PROVIDER))
        return unpack_item(answer.get("Item") or {})

    def announced(self, state: PauseState) -> None:
        """Note that the topic has been told of `state`."""
        write = Expression()
        self._write(write, self._same(write, state), announced=True)

    def _same(self, write: Expression, state: PauseState) -> str:
        return " AND ".join(
            f"{write.name(key)} = {write.value(getattr(state, key))}"
            for key in ("paused", "since", "by")
        )

    def _write(self, write: Expression, condition: str | None, **attributes: object) -> bool:
        update = f"SET {', '.join(write.set(**attributes))}"
        try:
            self._dynamo.update_item(
                TableName=self._table,
                Key=_KEY,
                UpdateExpression=update,
                ExpressionAttributeNames=write.names,
                ExpressionAttributeValues=write.values,
                **({"ConditionExpression": condition} if condition else {}),
            )
        except ClientError as error:
            existing_item(error)
            return False
        return True
