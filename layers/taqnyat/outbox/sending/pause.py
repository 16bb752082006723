"""The pause: the part of the control record that stops sending for everybody.

The record decides. The event source follows it, so that waiting mails are not received again and
again; if a call to it fails, the status check repeats it within a minute.
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
# Most failures of a provider last minutes: so many probes wait no longer than the first.
_EARLY_PROBES: Final = 3


class Pause:
    """Pauses, probes and resumes. Raises botocore's errors when DynamoDB does not answer."""

    def __init__(
        self,
        dynamo: DynamoClient,
        table: str,
        probe_delays: Sequence[int],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`probe_delays` are the seconds before each probe; the last one repeats."""
        self._dynamo = dynamo
        self._table = table
        self._control = Control(dynamo, table)
        self._delays = tuple(probe_delays)
        self._clock = clock

    def read(self) -> PauseState:
        """Read the pause, consistently."""
        return self._control.read().pause

    def shown(self) -> ControlRecord:
        """Read the whole control record to show it; writes nothing."""
        return self._control.read()

    def record(self) -> ControlRecord:
        """Read the whole control record, consistently."""
        return self._control.read_surely()

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
        """Pause because of the answer to a call that began at `seen_at`.

        Return False if sending is paused already. A call from before the last resume says nothing
        about the account now, and does not pause. `previous` is the pause as it was read last: a
        second pause for the same reason within an hour waits longer before its first probe.
        """
        now = int(self._clock())
        write = Expression()
        paused, resumed_at = write.name("paused"), write.name("resumed_at")
        seen = write.value(now if seen_at is None else int(seen_at))
        running = f"{paused} = {write.value(False)} AND {resumed_at} <= {seen}"  # noqa: FBT003
        repeats = repeats_of(previous, reason, now)
        return self._write(
            write,
            f"attribute_not_exists({paused}) OR ({running})",
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
        """Take the right to send the probe that is due; it must end by `until`.

        Return False if another status check has it.
        """
        write = Expression()
        due = f"{write.name('next_probe')} = {write.value(state.next_probe)}"
        return self._write(write, f"{self._same(write, state)} AND {due}", next_probe=int(until))

    def probe_failed(
        self, state: PauseState, reason: str, detail: str, began: float | None = None
    ) -> None:
        """Wait longer before the next probe, from when this one began.

        The probe's answer is the new reason.
        """
        write = Expression()
        self._write(
            write,
            self._same(write, state),
            reason=reason,
            detail=detail,
            probes=state.probes + 1,
            next_probe=int(self._clock() if began is None else began)
            + self._delay(state.repeats + _steps(state)),
            passed=0,
            failed=0,
        )

    def probe_again(self, state: PauseState, passed: int = 0, failed: int = 0) -> None:
        """Leave the probe due, after too few mails or too little time; the counts are kept."""
        write = Expression()
        self._write(
            write,
            self._same(write, state),
            next_probe=state.next_probe,
            passed=passed,
            failed=failed,
        )

    def bring_probe_forward(self, state: PauseState) -> bool:
        """Make the next probe of `state` due now; return False if it is no longer the next."""
        write = Expression()
        still = f"{write.name('next_probe')} = {write.value(state.next_probe)}"
        now = int(self._clock())
        if state.next_probe <= now:
            return False
        return self._write(write, f"{self._same(write, state)} AND {still}", next_probe=now)

    def end(self, state: PauseState) -> bool:
        """Resume from `state`, slowly; return False if somebody else resumed or paused since."""
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
        """Store Taqnyat's last status, for `GET /status`."""
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
        """Record that the topic has had a notice of `state`."""
        write = Expression()
        now = int(self._clock())
        self._write(write, self._same(write, state), announced=True, told_at=now)

    def suspicion_told(self, suspicion: Suspicion) -> None:
        """Record that the topic has had a notice of a suspicion."""
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


def _steps(state: PauseState) -> int:
    """Count how often the wait has grown after one more probe; of the provider's it does late."""
    probes = state.probes + 1
    return max(0, probes - _EARLY_PROBES) if state.cause == "provider" else probes


def repeats_of(previous: PauseState | None, reason: str, now: float) -> int:
    """Count the earlier pauses for the same reason, each within an hour of the last resume."""
    if previous is None or previous.reason != reason or not previous.resumed_at:
        return 0
    return previous.repeats + 1 if now - previous.resumed_at < _REPEATED_SECONDS else 0


def _series_since(previous: PauseState | None, now: int) -> int:
    return (previous.series_since or previous.since) if previous else now


def _begun(now: int, reason: str, by: str, cause: str) -> dict[str, Any]:
    """Return the attributes that every new pause has."""
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
