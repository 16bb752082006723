"""A batch of the mail queue: each message for itself, and what goes back to Lambda."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from mail_send import worker
from outbox.mail.lanes import Lane
from outbox.mail.report import Report
from outbox.mail.times import iso
from outbox.queues.message import ReceivedMessage
from outbox.sending.batch import BatchProcessor, last_moment
from outbox.sending.control import ControlRecord
from outbox.sending.rate import Rate
from outbox.sending.turns import Taken
from taqnyat import Outcome, Scope, Verdict

REFUSED = ClientError({"Error": {"Code": "Throttled", "Message": "m"}}, "UpdateItem")
NO_ANSWER = ReadTimeoutError(endpoint_url="https://dynamodb")


class Parts:
    """All that a batch is handed; each part does what the test says and keeps what it was told."""

    def __init__(self) -> None:
        self.outcomes: dict[str, int | Exception | None] = {}
        self.pause_read: bool | Exception = False
        self.put_back_fails: Exception | None = None
        self.delivered_by: dict[str, float] = {}
        self.put_backs: dict[str, int] = {}
        self.reports: list[Report] = []
        self.troubles: list[tuple[str, str]] = []
        self.resumed = 0
        self.flushes = 0
        self.together: threading.Barrier | None = None
        self.tripped = self.stopped = False
        self.turns: Taken | None = Taken((0.0,) * 10)
        self.earlier: list[Taken] = []  # what is taken before these
        self.asked: list[tuple[int, Lane]] = []
        self.recorded: list[str] = []
        self.ages: list[tuple[Lane, float]] = []
        self.answers: dict[str, Outcome] = {}  # by the sender's name
        self.limited = False
        self.callless: dict[str, Exception | None] = {}  # messages that no call follows
        self.own: list[str] = []  # mails that are refused alone

    # Delivery
    def deliver(self, message: ReceivedMessage, deadline: float) -> Report:
        self.delivered_by[message.message_id] = deadline
        if self.together is not None:
            self.together.wait(10)
        outcome = self.outcomes.get(message.message_id)
        if isinstance(outcome, Exception):
            raise outcome
        name = message.peek().caller[1].partition("@")[0]
        return Report(mail_id=message.message_id, retry_in=outcome, outcome=self.answers.get(name))

    def keep(self, message: ReceivedMessage, now: float) -> None:
        assert now
        assert message.message_id not in self.delivered_by

    # MailQueue
    def retry_later(self, message: ReceivedMessage, delay: int) -> None:
        if self.put_back_fails:
            raise self.put_back_fails
        self.put_backs[message.message_id] = delay

    # CircuitBreaker
    def refresh(self) -> tuple[ControlRecord, bool]:
        if isinstance(self.pause_read, Exception):
            raise self.pause_read
        return ControlRecord(), self.pause_read

    # Turns
    def limits(self, rate: Rate) -> bool:
        assert isinstance(rate, Rate)
        return self.limited

    def take(self, rate: Rate, count: int, deadline: float, lane: Lane) -> Taken:
        assert isinstance(rate, Rate)
        assert deadline
        self.asked.append((count, lane))
        if self.turns is None:
            raise REFUSED
        taken = self.earlier.pop(0) if self.earlier else self.turns
        return taken._replace(times=taken.times[:count])

    def record(self, report: Report, started: float) -> None:
        assert started
        self.recorded.append(report.mail_id)
        if report.refused_alone:
            self.own.append(report.mail_id)

    # Telemetry
    def processed(self, report: Report) -> None:
        self.reports.append(report)

    def error(self, what: str, error: Exception, mail_id: str = "") -> None:
        self.troubles.append((what, mail_id))
        assert isinstance(error, Exception)

    def retried(self, lane: Lane, age: float) -> None:
        self.ages.append((lane, age))

    def flush(self) -> None:
        self.flushes += 1

    def may_call(self, message: ReceivedMessage) -> bool:
        assert self.limited
        if error := self.callless.get(message.message_id):
            raise error
        return message.message_id not in self.callless

    def resume(self) -> None:
        self.resumed += 1

    @contextmanager
    def processor(self, batches: tuple[int, int] = (2, 2)) -> Iterator[BatchProcessor]:
        with ThreadPoolExecutor(10) as executor:
            part = cast("Any", self)
            yield BatchProcessor(
                delivery=part,
                queue=part,
                breaker=part,
                turns=part,
                executor=executor,
                telemetry=part,
                on_resumed=self.resume,
                may_call=self.may_call,
                batches=batches,
            )

    def process(
        self, *ids: str, seconds: float = 60, body: str = "{}", receives: int = 1
    ) -> list[str]:
        with self.processor() as processor:
            records = [record(message_id, body, receives) for message_id in ids]
            return processor.process(records, seconds)


def record(message_id: str, body: str = "{}", receives: int = 1) -> dict[str, Any]:
    return {
        "messageId": message_id,
        "receiptHandle": f"h-{message_id}",
        "body": body,
        "attributes": {"ApproximateReceiveCount": str(receives)},
    }


@pytest.fixture
def parts() -> Parts:
    return Parts()


def test_only_what_must_be_seen_again_is_returned(parts: Parts) -> None:
    parts.outcomes = {"a": None, "b": 7, "c": None, "d": 0}
    assert parts.process("a", "b", "c", "d") == ["b", "d"]
    assert parts.put_backs == {"b": 7, "d": 0}
    assert [report.mail_id for report in parts.reports] == ["a", "b", "c", "d"]


def test_how_long_a_mail_has_waited_is_told_of_those_that_come_again_alone(parts: Parts) -> None:
    accepted_at = iso(time.time() - 7200)
    parts.outcomes = {"a": None, "b": 7, "c": REFUSED}
    parts.process("a", "b", "c", body=json.dumps({"accepted_at": accepted_at}))

    assert [lane for lane, _ in parts.ages] == [Lane.NORMAL] * 2
    assert all(7200 <= age < 7260 for _, age in parts.ages)


def test_how_long_a_mail_has_waited_is_told_also_where_a_pause_cannot_be_read(
    parts: Parts,
) -> None:
    parts.pause_read = REFUSED
    parts.process("a", "b")

    assert len(parts.ages) == 2


def test_an_empty_batch(parts: Parts) -> None:
    parts.pause_read = AssertionError("the pause was read for nothing")
    assert parts.process() == []


@pytest.mark.parametrize(
    ("error", "trouble"),
    [(REFUSED, "aws_failed"), (NO_ANSWER, "aws_failed"), (KeyError("a bug"), "unexpected")],
)
def test_one_that_fails_does_not_sink_the_others(
    parts: Parts, error: Exception, trouble: str
) -> None:
    parts.outcomes = {"a": None, "b": error, "c": None}
    assert parts.process("a", "b", "c") == ["b"]
    assert parts.troubles == [(trouble, "b")]
    # A hiccup of AWS costs seconds, not the queue's visibility timeout.
    assert all(2 <= delay <= 4 for delay in parts.put_backs.values())
    assert parts.put_backs.keys() == ({"b"} if trouble == "aws_failed" else set())
    assert parts.reports[1] == Report(mail_id="b", retry_in=0, reason=trouble)
    assert [report.reason for report in parts.reports] == ["", trouble, ""]


@pytest.mark.parametrize("error", [REFUSED, NO_ANSWER])
def test_a_delay_that_cannot_be_set_leaves_the_message_to_its_visibility_timeout(
    parts: Parts, error: Exception
) -> None:
    parts.outcomes = {"a": 5}
    parts.put_back_fails = error
    assert parts.process("a") == ["a"]
    assert parts.troubles == [("aws_failed", "a")]


@pytest.mark.parametrize("error", [REFUSED, NO_ANSWER])
def test_a_pause_that_cannot_be_read_lets_nothing_through(parts: Parts, error: Exception) -> None:
    parts.pause_read = error
    assert parts.process("a", "b") == ["a", "b"]
    assert parts.delivered_by == {}
    assert parts.troubles == [("control_unreadable", "")]
    assert parts.put_backs.keys() == {"a", "b"}
    assert all(2 <= delay <= 4 for delay in parts.put_backs.values())


@pytest.mark.parametrize("lifted", [False, True])
def test_a_pause_that_was_lifted_is_told(parts: Parts, *, lifted: bool) -> None:
    parts.pause_read = lifted
    parts.process("a")
    assert parts.resumed == int(lifted)


def test_all_of_a_batch_at_the_same_time(parts: Parts) -> None:
    parts.together = threading.Barrier(10)
    assert parts.process(*"abcdefghij") == []


@pytest.mark.parametrize(
    ("seconds", "kept_free"), [(60, 10), (120, 10), (30, 5), (6, 1), (0.6, 0.1), (0, 0)]
)
def test_the_end_of_the_time_is_kept_for_settling(
    parts: Parts, seconds: float, kept_free: float
) -> None:
    now = time.time()
    assert last_moment(seconds) == pytest.approx(now + seconds - kept_free, abs=0.2)
    parts.process("a", seconds=seconds)
    assert parts.delivered_by["a"] == pytest.approx(now + seconds - kept_free, abs=0.5)


@pytest.mark.parametrize("seconds", [60, 30, 12])
@pytest.mark.parametrize("wait", [1, 4, 7, 12, 25, 60])
def test_as_many_messages_are_in_hand_without_a_turn_as_are_put_back(
    parts: Parts, monkeypatch: pytest.MonkeyPatch, wait: int, seconds: float
) -> None:
    """So 1,000 pollers have at most 20,000 messages in flight, whatever they wait for."""
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    parts.turns = Taken((), wait)
    assert parts.process("a", "b", seconds=seconds) == ["a", "b"]
    assert 1 <= parts.put_backs["a"] == parts.put_backs["b"] <= max(1, slept[0])
    assert slept[0] + parts.put_backs["a"] <= max(5, wait) + 1
    assert parts.delivered_by == {}
    assert [report.reason for report in parts.reports] == ["rate_limited"] * 2


def test_a_mail_waits_for_its_turn(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    now = time.time()
    monkeypatch.setattr("outbox.sending.batch.time.time", lambda: now)
    parts.turns = Taken((now, now + 0.5, now + 7))
    assert parts.process("a", "b", "c") == []
    assert sorted(slept) == pytest.approx([0.5, 7.0])


def test_after_two_refusals_by_the_rate_the_rest_of_a_batch_is_put_back(parts: Parts) -> None:
    parts.stopped = True
    assert parts.process("a") == ["a"]
    assert parts.reports == [Report(mail_id="a", retry_in=1, reason="rate_limited")]
    assert (parts.put_backs, parts.delivered_by, parts.recorded) == ({"a": 1}, {}, [])


def test_while_sending_is_paused_no_turn_is_taken(parts: Parts) -> None:
    parts.tripped = True
    assert parts.process("a") == []
    assert (parts.asked, parts.recorded) == ([], ["a"])


def test_a_turn_is_taken_for_each_mail_that_may_need_a_call(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    parts.process("a", "b")
    parts.process("c", body='{"version":1,"batch":[')
    assert slept == []
    assert parts.asked == [(2, Lane.NORMAL), (0, Lane.NORMAL)]
    assert sorted(parts.recorded) == ["a", "b", "c"]


def test_what_has_no_turn_is_not_held_beyond_the_invocation(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    parts.turns = Taken((), 60)
    parts.process("a", seconds=6)
    parts.process("a", seconds=60)
    assert 4 < slept[0] <= 5
    assert slept[1] == 30  # half of its wait


@pytest.mark.parametrize(
    ("receives", "least", "most"), [(1, 2, 4), (2, 4, 8), (7, 128, 256), (8, 150, 300)]
)
def test_each_hiccup_of_aws_makes_the_wait_longer(
    parts: Parts, monkeypatch: pytest.MonkeyPatch, receives: int, least: int, most: int
) -> None:
    asked: list[tuple[float, float]] = []

    def shortest(low: float, high: float) -> float:
        asked.append((low, high))
        return low

    monkeypatch.setattr("random.uniform", shortest)
    parts.pause_read = REFUSED
    parts.process("a", receives=receives)
    assert (asked, parts.put_backs) == ([(least, most)], {"a": least})


class Clock:
    """Lambda's context."""

    def __init__(self, milliseconds: int) -> None:
        self._milliseconds = milliseconds

    def get_remaining_time_in_millis(self) -> int:
        return self._milliseconds


Handle = Callable[[dict[str, Any]], dict[str, Any]]


@pytest.fixture
def handle(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> Handle:
    """Give the worker's entry, with these parts in its container."""
    monkeypatch.setattr(worker, "_container", lambda: (BatchOf(parts), parts))
    return lambda event: worker.handler(event, Clock(30_000))


class BatchOf:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def process(self, records: list[dict[str, Any]], seconds: float) -> list[str]:
        assert seconds == 30
        if self._parts.outcomes.get("bug"):
            raise ZeroDivisionError
        return [entry["messageId"] for entry in records]


def test_lambda_is_told_which_messages_come_again(parts: Parts, handle: Handle) -> None:
    assert handle({"Records": [record("a"), record("b")]}) == {
        "batchItemFailures": [{"itemIdentifier": "a"}, {"itemIdentifier": "b"}]
    }
    assert parts.flushes == 1


@pytest.mark.parametrize("event", [{}, {"Records": []}])
def test_without_records_nothing_comes_again(handle: Handle, event: dict[str, Any]) -> None:
    assert handle(event) == {"batchItemFailures": []}


def test_what_was_measured_before_a_failure_is_not_lost(parts: Parts, handle: Handle) -> None:
    parts.outcomes["bug"] = 1
    with pytest.raises(ZeroDivisionError):
        handle({"Records": []})
    assert parts.flushes == 1


RATE = Outcome(Verdict.RETRYABLE, Scope.RATE, "rate_limited", status=429)
SENT = Outcome(Verdict.SENT, Scope.MAIL, "sent")


def of(sender: str) -> str:
    return json.dumps({"from": f"{sender}@acme.sa"})


def test_a_sender_that_alone_is_refused_gets_one_turn_and_waits_longer(parts: Parts) -> None:
    """Its refusals are not counted as everybody's."""
    with parts.processor() as processor:
        parts.answers = {"news": RATE, "shop": SENT}
        for number in range(3):
            mails = [record(f"n{number}", of("news")), record(f"s{number}", of("shop"))]
            processor.process(mails, 60)
        assert parts.own == []
        time.sleep(0.01)
        parts.asked.clear()
        news = [record(f"n{number}", of("news")) for number in range(10, 18)]
        shop = [record(f"s{number}", of("shop")) for number in range(10, 12)]
        processor.process([*news, *shop], 60)

    assert parts.asked == [(3, Lane.NORMAL)]
    assert {"s10", "s11"} < set(parts.delivered_by)
    assert len({f"n{number}" for number in range(10, 18)} & set(parts.delivered_by)) == 1
    assert parts.own == ["n10"]
    parts.answers = {"news": SENT}
    with parts.processor() as processor:
        processor.process(news, 60)
    assert set(parts.delivered_by) >= {f"n{number}" for number in range(10, 18)}


@pytest.mark.parametrize(("batches", "most"), [(2, 60), (100, 19), (1000, 1)])
def test_no_more_are_put_back_than_may_be_in_flight(
    parts: Parts, monkeypatch: pytest.MonkeyPatch, batches: int, most: int
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("outbox.sending.batch.time.sleep", slept.append)
    with parts.processor((batches, 1)) as processor:
        parts.answers = {"news": RATE}
        now = time.time()
        monkeypatch.setattr("outbox.sending.batch.time.time", lambda: now)
        for number in range(3):
            processor.process([record(f"n{number}", of("news"))], 60)
            now += 100
        parts.turns = Taken((), 4)
        processor.process([record(f"n{number}", of("news")) for number in range(10, 20)], 60)

    assert slept == [1.0]
    assert {parts.put_backs[f"n{number}"] for number in range(10, 20)} == {most}


def test_turns_that_are_far_are_waited_for_and_the_record_is_read_again(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("outbox.sending.batch.time.sleep", slept.append)
    monkeypatch.setattr("outbox.sending.batch.random.uniform", lambda _, most: most)
    parts.earlier = [Taken((), 3, 2.0), *[Taken((), 2, 1.0)] * 6]
    with parts.processor() as processor:
        assert processor.process([record("m1")], 60) == []

    assert slept == [2.25, 1.5, 2.0, 3.0, 5.0, 9.0, 9.0]  # less and less often
    assert len(parts.asked) == 8
    assert set(parts.delivered_by) == {"m1"}


def test_what_needs_no_turn_does_not_wait_for_those_of_others(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("outbox.sending.batch.time.sleep", slept.append)
    parts.turns = Taken((), 2, 1.5)
    with parts.processor() as processor:
        assert processor.process([record("m1"), record("b", '{"version":1,"batch":[')], 60) == [
            "m1"
        ]

    assert slept == [2]  # no longer than such a batch ever waits
    assert set(parts.delivered_by) == {"b"}


def test_a_pause_that_begins_meanwhile_is_seen(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "outbox.sending.batch.time.sleep", lambda _: setattr(parts, "tripped", True)
    )
    parts.earlier = [Taken((), 3, 2.0)]
    with parts.processor() as processor:
        processor.process([record("m1")], 60)

    assert len(parts.asked) == 1  # no turn is taken under a pause
    assert set(parts.delivered_by) == {"m1"}  # the breaker refuses it


def test_under_a_limit_only_mails_that_may_be_called_for_take_turns(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    parts.limited = True
    parts.callless = {"b": None, "c": None, "d": ValueError()}
    parts.earlier = [Taken((), 9, again=2.0)]  # the rows are read once
    parts.turns = Taken((0.0,))
    assert parts.process(*"abcd") == ["d"]
    assert parts.asked == [(2, Lane.NORMAL)] * 2
    assert sorted(parts.recorded) == ["a", "b", "c"]


def test_in_a_pause_no_row_is_read(parts: Parts) -> None:
    parts.limited = parts.tripped = True
    parts.callless = {"a": AssertionError()}
    assert parts.process("a") == []
    assert parts.asked == []
