"""A run: it calls one endpoint for the due events, and arranges the next run."""

from __future__ import annotations

import math
import random
import time
import uuid
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Protocol

from outbox.mail.times import iso
from outbox.webhooks.deliveries import DELIVERED, FAILED, Changes, Delivery
from outbox.webhooks.health import Call, Health, after, next_try
from outbox.webhooks.queue import MAX_DELAY_SECONDS, Wakeup
from outbox.webhooks.turns import SLACK_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from outbox.webhooks.deliveries import Attempt
    from outbox.webhooks.endpoint import Endpoint
    from outbox.webhooks.events import Event
    from outbox.webhooks.stores import Stores
    from outbox.webhooks.turns import Turn

# Events at once for one endpoint, and the time of a run: after it, other endpoints come first.
PARALLEL: Final = 10
BUDGET_SECONDS: Final = 2.0
_BUSY_SECONDS: Final = 15  # a run of one slow call is over then


class Calls(Protocol):
    """Calls an endpoint for an event."""

    def post(self, endpoint: Endpoint, event: Event) -> Call: ...  # noqa: D102


class Executor(Protocol):
    """Makes several calls at once."""

    def map(  # noqa: D102
        self, function: Callable[[Delivery], Call], items: Iterable[Delivery], /
    ) -> Iterable[Call]: ...


@dataclass(slots=True)
class Run:
    """The results of a run's calls, for metrics and logs."""

    client: str
    endpoint_id: str
    delivered: int = 0
    retried: int = 0
    failed: int = 0
    seconds: list[float] = field(default_factory=list)
    paused: bool = False


class Dispatcher:
    """Makes runs. Raises botocore's errors when AWS does not answer; SQS repeats the message."""

    def __init__(
        self,
        stores: Stores,
        calls: Calls,
        executor: Executor,
        waits: Sequence[int],
        notify: Callable[[Endpoint], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Make no call yet. `waits` are the seconds before each further try of an event.

        `notify` sends the operators a notice about an endpoint that will be paused.
        """
        self._stores = stores
        self._calls = calls
        self._executor = executor
        self._waits = waits
        self._notify = notify
        self._clock = clock

    def run(self, wakeup: Wakeup) -> Run | None:
        """Call an endpoint for the due events. None: another run is calling it; keep the message.

        It may be the other run's own message, delivered twice. If that run dies, only this
        message is left.
        """
        run = Run(wakeup.client, wakeup.endpoint_id)
        turn = self._stores.turns.take(wakeup.endpoint_id, uuid.uuid4().hex, wakeup.timer)
        if turn is None and wakeup.now:
            # Its own visibility timeout is minutes.
            self._stores.queue.send(wakeup, _BUSY_SECONDS)
            return run
        if turn is None:
            return None
        if wakeup.now:
            self._stores.deliveries.hurry(wakeup.endpoint_id)
            turn = replace(turn, health=replace(turn.health, probe_at=0))
        until = self._clock() + BUDGET_SECONDS
        while turn is not None:
            health, live = self._call(run, turn.health, until)
            turn = self._end(run, turn, health, until, live=live)
            if turn is not None and turn.timers:
                # A timer's message may have started this run a little early: it will not come.
                soon = self._clock() + SLACK_SECONDS
                turn = replace(turn, timers=tuple(each for each in turn.timers if each > soon))
        return run

    def _call(self, run: Run, health: Health, until: float) -> tuple[Health, bool]:
        """Call for the due events; return the endpoint's health, and whether it is still called."""
        while (now := self._clock()) < until and health.probe_at <= now:
            endpoint = self._stores.endpoints.get(run.client, run.endpoint_id)
            if endpoint is None or not endpoint.live:
                return Health(), False
            limit = 1 if health.single else PARALLEL
            batch = self._stores.deliveries.due(endpoint.id, now, limit)
            if not batch:
                break
            health = self._round(run, endpoint, batch, health)
            if health.must_pause(self._clock()):
                self._notify(endpoint)  # before the pause: better two notices than none
                self._pause(endpoint)
                run.paused = True
                return Health(), False
        return health, True

    def _round(
        self, run: Run, endpoint: Endpoint, batch: Sequence[Delivery], health: Health
    ) -> Health:
        began, probe = iso(self._clock()), health.single
        calls = list(self._executor.map(lambda each: self._calls.post(endpoint, each.event), batch))
        now, changes = self._clock(), Changes()
        for delivery, call in zip(batch, calls, strict=True):
            draw = random.random()  # noqa: S311  spreads waits
            health = after(health, call, now, self._waits, draw, probe=probe)
            run.seconds.append(call.seconds)
            self._settle(run, changes, delivery, call, began, draw)
        self._stores.deliveries.write(endpoint.id, changes)
        return health

    def _settle(
        self, run: Run, changes: Changes, delivery: Delivery, call: Call, began: str, draw: float
    ) -> None:
        attempt: Attempt = {"at": began, "ms": round(call.seconds * 1000)}
        attempt |= {"status": call.status} if call.status else {}
        attempt |= {"reason": call.reason} if call.reason else {}
        tried = replace(delivery, tries=delivery.tries + 1, attempts=(*delivery.attempts, attempt))
        self._stores.deliveries.leave(changes, delivery)
        due = next_try(tried.tries, self._clock(), self._waits, draw, call.wait)
        if call.ok:
            run.delivered += 1
            self._stores.deliveries.done(changes, replace(tried, outcome=DELIVERED))
        elif due is None:
            run.failed += 1
            self._stores.deliveries.done(changes, replace(tried, outcome=FAILED))
        else:
            run.retried += 1
            self._stores.deliveries.wait(changes, replace(tried, due=due))

    def _pause(self, endpoint: Endpoint) -> None:
        at = iso(self._clock())
        self._stores.endpoints.change(
            endpoint.client, endpoint.id, lambda found: replace(found, paused_at=at)
        )

    def _end(
        self, run: Run, turn: Turn, health: Health, until: float, *, live: bool
    ) -> Turn | None:
        """Arrange the next run and release the turn; return the turn if there is more to do."""
        now = self._clock()
        timers = [timer for timer in turn.timers if timer > now]
        wakeup = Wakeup(run.client, run.endpoint_id)
        due = self._stores.deliveries.next_due(run.endpoint_id) if live else None
        at = None if due is None else max(due, health.probe_at)
        if at is not None and at <= now:
            self._stores.queue.send(wakeup)
            return self._stores.turns.release(run.endpoint_id, turn, health, timers, woken=True)
        if at is not None:
            at = min(at, now + MAX_DELAY_SECONDS)
            if not turn.timer_between(now, at):
                delay = min(MAX_DELAY_SECONDS, math.ceil(at - now))
                timers.append(int(now) + delay)
                self._stores.queue.send(replace(wakeup, timer=timers[-1]), delay)
        again = self._stores.turns.release(run.endpoint_id, turn, health, timers)
        if again is None:
            return None
        if self._clock() < until:
            return replace(again, health=health, timers=tuple(timers))
        self._stores.queue.send(wakeup)
        return self._stores.turns.release(run.endpoint_id, again, health, timers, woken=True)
