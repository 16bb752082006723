"""Processes one batch of the mail queue.

The messages are processed in parallel, each in its turn. An error of one does not affect the
others.
"""

from __future__ import annotations

import random
import time
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError
from taqnyat import Scope, Verdict

from outbox.mail.lanes import Lane
from outbox.mail.report import Report
from outbox.queues.message import ReceivedMessage
from outbox.queues.origin import waited
from outbox.sending.standing import MOST_WAIT_SECONDS, Standing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Executor

    from outbox.queues.queue import MailQueue
    from outbox.sending.breaker import CircuitBreaker
    from outbox.sending.delivery import Delivery
    from outbox.sending.rate import Rate
    from outbox.sending.standing import Mark
    from outbox.sending.turns import Turns
    from outbox.telemetry import Telemetry

# The part of an invocation that is kept free at its end to settle sent mails, and its maximum.
_RESERVE_SHARE: Final = 1 / 6
_MAX_RESERVE_SECONDS: Final = 10.0
# The wait of a message after an error of AWS: the first, and the longest, in seconds.
_HICCUP_SECONDS: Final = 4
_HICCUP_CAP_SECONDS: Final = 300
# A batch without a turn waits this long before it ends, or half of its wait, and its messages come
# again after as long at most. So no more messages are put back than are in hand: 20,000 in flight
# with the most pollers of a lane (1,000). SQS allows 120,000.
_WITHOUT_TURN_SECONDS: Final = 5.0
# Mails of a sender or a domain whose own limit is used up are put back for longer, so that those
# behind them are seen; a batch of such mails alone waits only this long.
_WITHOUT_HOPE_SECONDS: Final = 1.0
# How far apart the containers come that wait until their turns are near: at first, and at most.
_SPREAD_SECONDS, _MOST_SPREAD_SECONDS = 0.25, 8.0
_MOST_IN_FLIGHT: Final = 20_000
_BATCH_SIZE: Final = 10
_RATE_LIMITED: Final = "rate_limited"


def last_moment(seconds: float) -> float:
    """Return when (epoch seconds) the last call must have ended, with `seconds` left in all."""
    return time.time() + seconds - min(seconds * _RESERVE_SHARE, _MAX_RESERVE_SECONDS)


class Turn(NamedTuple):
    """When a message may be processed (epoch seconds); None: not now, but after `wait` seconds."""

    at: float | None
    wait: int = 1


class BatchProcessor:
    """Processes batches for one container."""

    def __init__(  # noqa: PLR0913  its parts
        self,
        *,
        delivery: Delivery,
        queue: MailQueue,
        breaker: CircuitBreaker,
        turns: Turns,
        executor: Executor,
        telemetry: Telemetry,
        on_resumed: Callable[[], None],
        may_call: Callable[[ReceivedMessage], bool],
        bulk_queue_arn: str = "",
        batches: tuple[int, int] = (1000, 1000),
    ) -> None:
        """`executor` must run a whole batch in parallel.

        `on_resumed` is called when a pause has ended. `may_call` tells under a limit which messages
        may need a turn. All records of an event are of one lane; those of `bulk_queue_arn` are
        bulk. `batches` is how many batches there may be at the same time, normal and bulk.
        """
        self._delivery = delivery
        self._queue = queue
        self._breaker = breaker
        self._turns = turns
        self._executor = executor
        self._telemetry = telemetry
        self._on_resumed = on_resumed
        self._may_call = may_call
        self._bulk_queue_arn = bulk_queue_arn
        self._batches = dict(zip(Lane, batches, strict=True))
        self._standing = Standing()

    def process(self, records: Sequence[Mapping[str, Any]], seconds: float) -> list[str]:
        """Deliver the records of a Lambda event within `seconds`.

        Return the ids of those that must be received again.
        """
        deadline = last_moment(seconds)
        messages = [ReceivedMessage.from_record(record, self._bulk_queue_arn) for record in records]
        if not messages:
            return []
        try:
            turns = self._in_time(messages, deadline)
        except (ClientError, BotoCoreError) as error:
            # Fail closed: there may be a pause or a limit that cannot be read.
            self._telemetry.error("control_unreadable", error)
            list(self._executor.map(self._retry_soon, messages))
            return self._retried(messages)
        reports = list(
            self._executor.map(
                lambda given: self._process_message(given[0], given[1], deadline),
                zip(messages, turns, strict=True),
            )
        )
        for report in reports:
            self._telemetry.processed(report)
        pairs = zip(messages, reports, strict=True)
        return self._retried([message for message, report in pairs if report.retry_in is not None])

    def _retried(self, messages: Sequence[ReceivedMessage]) -> list[str]:
        """Return the ids of messages that are to be received again, and note their ages."""
        now = time.time()
        for message in messages:
            self._telemetry.retried(message.queue, waited(message, now))
        return [message.message_id for message in messages]

    def _in_time(self, messages: Sequence[ReceivedMessage], deadline: float) -> list[Turn]:
        """Take the turns when they are near; others may pause, or lower the rate, until then."""
        calls: Sequence[ReceivedMessage] | None = None
        for tries in count():
            control, lifted = self._breaker.refresh()
            if lifted:
                self._on_resumed()
            if calls is None and not self._breaker.tripped and self._turns.limits(control.rate):
                calls = self._calls(messages)
            turns, again = self._take_turns(messages, calls, control.rate, deadline)
            if not again:
                break
            # Many containers wait: each time they come less often.
            spread = min(_MOST_SPREAD_SECONDS, _SPREAD_SECONDS * 2**tries)
            time.sleep(again + random.uniform(0, spread))  # noqa: S311  spreads load
        return turns

    def _calls(self, messages: Sequence[ReceivedMessage]) -> list[ReceivedMessage]:
        """Return the messages that may need a call; thousands of canceled mails take no turns."""

        def may(message: ReceivedMessage) -> bool:
            try:
                return self._may_call(message)
            except Exception:  # noqa: BLE001  its delivery meets the same, and tells it
                return True

        pairs = zip(messages, self._executor.map(may, messages), strict=True)
        return [message for message, needed in pairs if needed]

    def _take_turns(
        self,
        messages: Sequence[ReceivedMessage],
        known: Sequence[ReceivedMessage] | None,
        rate: Rate,
        deadline: float,
    ) -> tuple[list[Turn], float]:
        """Take a turn for each message that may need a call; the others are processed at once.

        `known` are those by their rows, None if these were not read. Return the turns, and in how
        many seconds to try again: 0 if they are taken.
        """
        if self._breaker.tripped:
            return [Turn(0.0)] * len(messages), 0.0
        now = time.time()
        calls = [message for message in messages if message.needs_call(now)]
        patient = len(calls) == len(messages)
        if known is not None:
            calls = [message for message in calls if message in known]
        lane = messages[0].queue
        waits, most = {}, self._most_wait(lane)
        if not self._standing.is_clean:
            found = {each.message_id: self._standing.wait(_marks(each), now) for each in calls}
            waits = {key: seconds for key, seconds in found.items() if seconds}
        if waits:
            # One of them, with the fewest refused marks, tests whether such mails are taken again.
            calls.sort(key=lambda message: waits.get(message.message_id, 0))
        most_turns = min(len(calls), len(calls) - len(waits) + 1)
        taken = self._turns.take(rate, most_turns, deadline, lane)
        if taken.again and patient:
            return [], taken.again
        wait = taken.wait
        if not taken.times and calls:
            held = max(_WITHOUT_TURN_SECONDS, wait / 2)
            if len(waits) == len(calls):
                held = _WITHOUT_HOPE_SECONDS
            seconds = max(0.0, min(held, wait, deadline - now))
            time.sleep(seconds)
            wait = max(1, min(round(wait - seconds), int(seconds)))
        times = iter(taken.times)
        turns = {
            each.message_id: Turn(
                next(times, None), max(wait, min(most, waits.get(each.message_id, 0)))
            )
            for each in calls
        }
        return [turns.get(message.message_id, Turn(0.0)) for message in messages], 0.0

    def _most_wait(self, lane: Lane) -> int:
        """Return the longest wait of such mails: no more of a lane are put back than may be."""
        batches = _MOST_IN_FLIGHT / _BATCH_SIZE / self._batches[lane] - 1
        return max(1, min(MOST_WAIT_SECONDS, int(batches * _WITHOUT_HOPE_SECONDS)))

    def _process_message(self, message: ReceivedMessage, turn: Turn, deadline: float) -> Report:
        try:
            report = self._in_turn(message, turn, deadline)
            if report.retry_in is not None:
                self._queue.retry_later(message, report.retry_in)
        except (ClientError, BotoCoreError) as error:
            # It is received again soon, or after its visibility timeout; its row has the state.
            self._telemetry.error("aws_failed", error, message.message_id)
            self._retry_soon(message)
            return Report(mail_id=message.message_id, retry_in=0, reason="aws_failed")
        except Exception as error:  # noqa: BLE001  a bug in one must not end the others
            self._telemetry.error("unexpected", error, message.message_id)
            return Report(mail_id=message.message_id, retry_in=0, reason="unexpected")
        return report

    def _retry_soon(self, message: ReceivedMessage) -> None:
        """Make a message visible again in some seconds, more with each receive."""
        longest = min(_HICCUP_CAP_SECONDS, _HICCUP_SECONDS << min(message.receives - 1, 8))
        with suppress(ClientError, BotoCoreError):
            delay = round(random.uniform(longest / 2, longest))  # noqa: S311  spreads load
            self._queue.retry_later(message, max(1, delay))

    def _in_turn(self, message: ReceivedMessage, turn: Turn, deadline: float) -> Report:
        if turn.at is None:
            self._delivery.keep(message, time.time())
            return Report(mail_id=message.message_id, retry_in=turn.wait, reason=_RATE_LIMITED)
        if (wait := turn.at - time.time()) > 0:
            time.sleep(wait)
        if self._turns.stopped:
            return Report(mail_id=message.message_id, retry_in=1, reason=_RATE_LIMITED)
        started = time.time()
        report = self._delivery.deliver(message, deadline)
        self._turns.record(self._noted(message, report, started), started)
        return report

    def _noted(self, message: ReceivedMessage, report: Report, started: float) -> Report:
        """Note whose mail was taken or refused; say so if only such mails are refused."""
        outcome = report.outcome
        if outcome is None:
            return report
        if outcome.verdict is Verdict.SENT:
            self._standing.sent(() if self._standing.is_clean else _marks(message), started)
        elif outcome.scope is Scope.RATE and self._standing.refused(_marks(message), started):
            return report._replace(refused_alone=True)
        return report


def _marks(message: ReceivedMessage) -> tuple[Mark, ...]:
    glimpse = message.peek()
    return glimpse.caller, ("to", glimpse.domain, "")
