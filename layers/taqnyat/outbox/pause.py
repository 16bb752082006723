"""Pause and resume: an item in the table, the event source mapping, a gate in each container.

The item is the truth. The mapping follows it, so that waiting mails spend no receives; where a call
to switch it fails, the status check makes it follow within a minute.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError
from taqnyat import Scope

from outbox.dynamo import Expression, pack, pack_item, standing_item, unpack_item

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from taqnyat import Outcome

    from outbox.ports import DynamoClient, LambdaClient

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

    def end(self, state: PauseState) -> bool:
        """Resume from `state`; False if sending has been resumed or paused anew meanwhile."""
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
            standing_item(error)
            return False
        return True


class Intake:
    """The event source mapping that feeds the worker from the mail queue."""

    def __init__(
        self, functions: Callable[[], LambdaClient], function_name: str, queue_arn: str
    ) -> None:
        """`functions` makes the client: seldom needed, it is not made before."""
        self._functions = functions
        self._function_name = function_name
        self._queue_arn = queue_arn

    def switch(self, *, on: bool) -> bool:
        """Make the mapping feed the worker, or not; return whether it does as asked.

        Raises nothing of AWS.
        """
        try:
            functions = self._functions()
            answer = functions.list_event_source_mappings(
                FunctionName=self._function_name,
                EventSourceArn=self._queue_arn,
            )
            settled = {"Enabled", "Enabling"} if on else {"Disabled", "Disabling"}
            for mapping in answer["EventSourceMappings"]:
                if mapping["State"] not in settled:
                    functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=on)
        except (ClientError, BotoCoreError):
            return False
        return True


class Gate:
    """What keeps one container from sending while sending is paused.

    Safe to share between threads.
    """

    def __init__(self, pause: Pause, intake: Intake, failure_run: int) -> None:
        """`failure_run` is how many provider failures in a row pause."""
        self._pause = pause
        self._intake = intake
        self._failure_run = failure_run
        self._failures = 0
        self._lock = threading.Lock()
        self.closed = False

    def refresh(self) -> bool:
        """Read the pause at the start of a batch.

        Return whether it has been lifted since the last one.
        """
        was_closed = self.closed
        self.closed = self._pause.read().paused
        if self.closed:
            self._intake.switch(on=False)
        lifted = was_closed and not self.closed
        if lifted:
            self._failures = 0  # a probe has gone through: the run that paused is over
        return lifted

    def observe(self, outcome: Outcome) -> bool:
        """Close, for this container, when an outcome says that sending on is of no use.

        True for the first to say so.
        """
        with self._lock:
            self._failures = self._failures + 1 if outcome.provider_failed else 0
            stop = outcome.scope is Scope.ACCOUNT or self._failures >= self._failure_run
            first = stop and not self.closed
            self.closed = self.closed or stop
            return first

    def pause_all(self, outcome: Outcome, started: float) -> None:
        """Pause every container, because of a call that began at `started` (epoch seconds)."""
        if self._pause.begin(outcome.reason, outcome.ip or "", seen_at=started):
            self._intake.switch(on=False)
