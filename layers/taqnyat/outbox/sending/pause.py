"""The pause: the part of the control record that stops sending for everybody.

The record is the truth. The event source follows it, so that waiting mails spend no receives; where
a call to it fails, the status check repeats it within a minute.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from outbox.sending.control import (
    SUSPICION,
    Control,
    ControlRecord,
    PauseState,
    Refusal,
    Suspicion,
)
from outbox.sending.rate import SLOW_START_SECONDS, START
from outbox.storage.expressions import Expression, pack_item, unpack_item

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from outbox.ports import DynamoClient

_PROVIDER: Final = {"pk": "#provider"}
_REPEATED_SECONDS: Final = 3600


class Pause:
    """Pauses, probes and resumes. Raises botocore's errors when DynamoDB does not answer."""

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
        self._control = Control(dynamo, table)
        self._delays = tuple(probe_delays)
        self._clock = clock

    def read(self) -> PauseState:
        """Read the pause, consistently."""
        return self._control.read().pause

    def record(self) -> ControlRecord:
        """Read the whole control record, consistently."""
        return self._control.read()

    def begin(
        self,
        reason: str,
        detail: str = "",
        seen_at: float | None = None,
        *,
        cause: str = "account",
        blamed: Sequence[Refusal] = (),
        previous: PauseState | None = None,
    ) -> bool:
        """Pause, because of what a call that began at `seen_at` was answered.

        Return False if there is a pause already. A call from before the last resume says nothing
        of the account as it is now, and pauses nothing. `previous` is the pause as it was read
        last: another one for the same reason within an hour waits longer before its first probe.
        """
        now = int(self._clock())
        write = Expression()
        paused, resumed_at = write.name("paused"), write.name("resumed_at")
        seen = write.value(now if seen_at is None else int(seen_at))
        running = f"{paused} = {write.value(False)} AND {resumed_at} <= {seen}"  # noqa: FBT003
        repeats = repeats_of(previous, reason, now)
        return self._write(
            write,
            f"attribute_not_exists(pk) OR ({running})",
            remove=SUSPICION,
            **_begun(now, reason, "system", cause),
            detail=detail,
            next_probe=now + self._delay(repeats),
            repeats=repeats,
            series_since=_series_since(previous, now) if repeats else now,
            blamed=[refusal.plain() for refusal in blamed],
        )

    def begin_by_hand(self, reason: str) -> None:
        """Pause until an operator resumes: no probe is sent."""
        now = int(self._clock())
        self._write(
            Expression(),
            None,
            **_begun(now, reason, "operator", "operator"),
            detail="",
            next_probe=0,
            repeats=0,
            series_since=now,
            blamed=[],
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
        write = Expression()
        self._write(
            write,
            self._same(write, state),
            reason=reason,
            detail=detail,
            probes=state.probes + 1,
            next_probe=int(self._clock()) + self._delay(state.repeats + state.probes + 1),
            passed=0,
            failed=0,
        )

    def probe_again(self, state: PauseState, passed: int = 0, failed: int = 0) -> None:
        """Leave the probe due: too few mails or too little time; it goes on where it was."""
        write = Expression()
        self._write(
            write,
            self._same(write, state),
            next_probe=state.next_probe,
            passed=passed,
            failed=failed,
        )

    def bring_probe_forward(self, state: PauseState) -> bool:
        """Let the next probe of `state` be due now; False if it is not the next any more."""
        write = Expression()
        still = f"{write.name('next_probe')} = {write.value(state.next_probe)}"
        now = int(self._clock())
        if state.next_probe <= now:
            return False
        return self._write(write, f"{self._same(write, state)} AND {still}", next_probe=now)

    def end(self, state: PauseState) -> bool:
        """Resume from `state`, slowly; False if it was resumed or paused again meanwhile."""
        write = Expression()
        now = int(self._clock())
        return self._write(
            write,
            self._same(write, state),
            remove=SUSPICION,
            paused=False,
            next_probe=0,
            resumed_at=now,
            announced=False,
            passed=0,
            failed=0,
            sent_at=now,
            rate_learned=round(START * 1000),
            rate_learned_until=(now + SLOW_START_SECONDS) * 1000,
            rate_ceiling=0,
            rate_held_until=0,
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
        now = int(self._clock())
        self._write(write, self._same(write, state), announced=True, told_at=now)

    def suspicion_told(self, suspicion: Suspicion) -> None:
        """Note that the topic has been told of a suspicion."""
        write = Expression()
        same = f"{write.name('suspect')} = {write.value(suspicion.refusal.plain())}"
        self._write(write, same, suspicion_told=True)

    def _delay(self, step: int) -> int:
        return self._delays[min(step, len(self._delays) - 1)]

    def _same(self, write: Expression, state: PauseState) -> str:
        return " AND ".join(
            f"{write.name(key)} = {write.value(getattr(state, key))}"
            for key in ("paused", "since", "by")
        )

    def _write(
        self,
        write: Expression,
        condition: str | None,
        remove: Sequence[str] = (),
        **attributes: object,
    ) -> bool:
        return self._control.write(write, write.set(**attributes), condition, remove)[0]


def repeats_of(previous: PauseState | None, reason: str, now: float) -> int:
    """Count the pauses for the same reason before this one, each soon after the last resume."""
    if previous is None or previous.reason != reason or not previous.resumed_at:
        return 0
    return previous.repeats + 1 if now - previous.resumed_at < _REPEATED_SECONDS else 0


def _series_since(previous: PauseState | None, now: int) -> int:
    return (previous.series_since or previous.since) if previous else now


def _begun(now: int, reason: str, by: str, cause: str) -> dict[str, Any]:
    """Return what is alike in every pause that begins."""
    return {
        "paused": True,
        "reason": reason,
        "by": by,
        "since": now,
        "probes": 0,
        "announced": False,
        "cause": cause,
        "passed": 0,
        "failed": 0,
    }
