"""Turns: one rate for all workers, kept in the control record by one write a batch."""

from typing import Any, cast

import pytest
from outbox.mail.lanes import Lane
from outbox.mail.report import Report
from outbox.sending.control import Control
from outbox.sending.rate import Rate
from outbox.sending.turns import Taken, Turns
from outbox.storage.expressions import Expression, pack_item
from taqnyat import Outcome, Scope, Verdict

from tests.clock import Clock
from tests.faults.standins.dynamo import Dynamo
from tests.faults.standins.errors import client_error

NOW = 1_800_000_000.0
CALL = 25.0
SENT = Outcome(Verdict.SENT, Scope.MAIL, "sent", 201)
LIMITED = Outcome(Verdict.RETRYABLE, Scope.RATE, "rate_limited", 429)


class Table(Dynamo):
    """The table, with the record of a stack that is not new; counts the writes."""

    def __init__(self) -> None:
        super().__init__("ledger")
        self.writes = 0
        record = {"pk": "#pause", "paused": False, "resumed_at": 0}
        self.items["#pause"] = pack_item(record)

    def update_item(self, **arguments: object) -> dict[str, Any]:
        self.writes += 1
        answer: dict[str, Any] = super().update_item(**arguments)
        return answer


@pytest.fixture
def table() -> Table:
    return Table()


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


class Worker:
    """One container; reads the record before each batch, as a worker does."""

    def __init__(self, table: Table, clock: Clock, most: int = 0) -> None:
        self.control = Control(cast("Any", table), "ledger")
        self.turns = Turns(self.control, most, CALL, clock)
        self.clock = clock

    def rate(self) -> Rate:
        return self.control.read().rate

    def take(self, count: int = 10, lane: Lane = Lane.NORMAL, wait: float = 60) -> Taken:
        return self.turns.take(self.rate(), count, self.clock.now + CALL + wait, lane)

    def answered(self, outcome: Outcome, mail: str = "m", *, alone: bool = False) -> None:
        report = Report(mail_id=mail, outcome=outcome, refused_alone=alone)
        self.turns.record(report, self.clock.now)


@pytest.fixture
def worker(table: Table, clock: Clock) -> Worker:
    return Worker(table, clock)


def test_while_nothing_limits_nothing_is_written(worker: Worker, table: Table) -> None:
    for _ in range(5):
        assert worker.take() == Taken((NOW,) * 10)
        worker.answered(SENT)
    assert table.writes == 0


def test_a_limit_of_ones_own_holds_for_all_workers_together(table: Table, clock: Clock) -> None:
    workers = [Worker(table, clock, most=10) for _ in range(5)]
    times = [time for worker in workers for time in worker.take().times]
    assert times == pytest.approx([NOW + number / 10 for number in range(50)])
    assert table.writes == 5


def test_a_refusal_limits_everybody_and_it_starts_low(worker: Worker, table: Table) -> None:
    other = Worker(table, worker.clock)
    worker.take()
    worker.answered(LIMITED, "m1")
    taken = other.take(count=5).times
    assert taken == pytest.approx([NOW + 1, NOW + 1.2])  # few: what they teach counts soon
    assert worker.rate().limit(0, NOW) == 5.0


@pytest.mark.parametrize(("sent", "start"), [(0, 5), (9, 5), (40, 20), (60, 30)])
def test_it_starts_with_half_of_what_went_through_in_the_last_second(
    worker: Worker, sent: int, start: float
) -> None:
    worker.take()
    for _ in range(50):
        worker.answered(SENT)
    worker.clock.now += 1.5
    for _ in range(sent):
        worker.answered(SENT)
    worker.answered(LIMITED, "m1")
    assert worker.rate().limit(0, worker.clock.now) == start


def test_success_raises_and_refusals_lower(worker: Worker) -> None:
    worker.take()
    worker.answered(LIMITED, "m1")
    worker.clock.now += 2
    for _ in range(10):
        worker.answered(SENT)
    worker.take()
    raised = worker.rate().learned
    assert raised == 5 + 10 * 0.6
    worker.clock.now += 2
    for _ in range(9):
        worker.answered(SENT)
    worker.answered(LIMITED, "m2")
    worker.take()
    lowered = worker.rate()
    assert lowered.learned == pytest.approx(raised * 0.85, abs=0.01)
    assert lowered.ceiling == raised
    worker.clock.now += 2
    worker.answered(SENT)
    for mail in ("m3", "m4"):
        worker.answered(LIMITED, mail)
    worker.take()
    assert worker.rate().learned == pytest.approx(raised * 0.85 / 2, abs=0.01)


def test_refusals_alone_hold_everybody_each_time_twice_as_long(worker: Worker) -> None:
    worker.take()
    worker.answered(LIMITED, "m1")
    worker.clock.now += 2
    holds = []
    for number in range(5):
        assert len(worker.take().times) == (1 if number else 2)
        worker.answered(LIMITED, f"n{number}")
        assert worker.take() == Taken((), (1, 1, 2, 4, 4)[number])
        holds.append(worker.rate().held_until - worker.clock.now)
        worker.clock.now += holds[-1]
    assert holds == [0.5, 1, 2, 4, 4]
    assert worker.rate().learned == 5.0
    worker.take()
    worker.answered(SENT)
    assert len(worker.take().times) == 2


def test_one_mail_of_all_workers_tests_whether_it_is_still_too_early(
    worker: Worker, table: Table
) -> None:
    other = Worker(table, worker.clock)
    worker.take()
    worker.answered(LIMITED, "m1")
    worker.clock.now += 2
    worker.take()
    worker.answered(LIMITED, "m2")
    assert worker.take().times == ()
    worker.clock.now = worker.rate().held_until
    assert [len(one.take().times) for one in (worker, other)] == [1, 0]
    worker.answered(SENT)
    assert worker.take().times[0] == worker.clock.now
    worker.clock.now += 2
    assert len(other.take().times) == 2


def test_a_batch_that_did_not_wait_for_its_turns_raises_nothing(worker: Worker) -> None:
    worker.take()
    worker.answered(LIMITED, "m")
    worker.clock.now += 2
    for _ in range(100):
        assert len(worker.take(count=1).times) == 1
        worker.answered(SENT)
        worker.clock.now += 1
    assert worker.rate().learned <= 6


def test_a_rate_that_limits_nobody_any_more_is_learned_again_at_once(
    worker: Worker, table: Table
) -> None:
    worker.take()
    worker.answered(LIMITED, "m1")
    table.items["#pause"]["rate_learned"] = {"N": "600000"}
    assert len(worker.take().times) == 10
    worker.answered(LIMITED, "m2")
    assert worker.rate().limit(0, worker.clock.now) == 5.0


def test_whoever_tests_and_dies_is_followed_by_another(worker: Worker, table: Table) -> None:
    other = Worker(table, worker.clock)
    worker.take()
    worker.answered(LIMITED, "m1")
    worker.clock.now += 2
    worker.take()
    worker.answered(LIMITED, "m2")
    worker.take()
    worker.clock.now = worker.rate().held_until
    assert len(worker.take().times) == 1
    worker.clock.now += 0.6
    assert len(other.take().times) == 1


def test_where_the_waits_grew_long_what_went_through_shows_the_rate(worker: Worker) -> None:
    """Fixed windows: 100 mails in 10 seconds, at once or not."""
    worker.take()
    worker.answered(LIMITED, "m")
    for window in range(6):
        left = 100
        ends = NOW + 10 * (window + 1)
        while worker.clock.now < ends:
            for time in worker.take().times:
                worker.clock.now = max(worker.clock.now, time)
                worker.answered(SENT if left > 0 else LIMITED, f"{time}")
                left -= 1
            worker.clock.now += 0.25
    assert 5 <= worker.rate().learned <= 18


def test_an_answer_from_before_the_last_lowering_lowers_nothing(
    worker: Worker, table: Table
) -> None:
    other = Worker(table, worker.clock)
    for one in (worker, other):
        one.take()
        one.answered(LIMITED, "m")
    before = worker.rate()
    worker.take()
    other.take()
    assert worker.rate().learned == before.learned


def test_a_mail_that_is_refused_alone_lowers_nothing(worker: Worker, table: Table) -> None:
    worker.take()
    for _ in range(9):
        worker.answered(LIMITED, "m", alone=True)
    assert table.writes == 0
    assert worker.take() == Taken((NOW,) * 10)


def test_what_does_not_fit_waits_without_a_turn(worker: Worker, table: Table) -> None:
    slow = Worker(table, worker.clock, most=1)
    taken = slow.take(count=10, wait=4.5)
    assert taken.times == pytest.approx([NOW + number for number in range(5)])
    assert taken.wait == 5
    assert Worker(table, worker.clock, most=1).take(count=10, wait=4.5) == Taken((), 5)


def test_two_refused_mails_with_nothing_between_hold_everybody(
    worker: Worker, table: Table
) -> None:
    other = Worker(table, worker.clock)
    asked = Outcome(Verdict.RETRYABLE, Scope.RATE, "rate_limited", 429, retry_after=9e9)
    worker.take()
    worker.answered(asked, "m1")
    worker.answered(asked, "m1")
    assert (worker.turns.stopped, worker.rate().held_until) == (False, 0)
    worker.answered(SENT, "m2")
    worker.answered(asked, "m3")
    assert worker.rate().held_until == 0
    worker.answered(asked, "m4")
    assert (worker.turns.stopped, worker.rate().held_until) == (True, NOW + 900)
    assert other.take() == Taken((), 60)
    worker.clock.now += 901
    assert len(other.take().times) == 10


def test_a_limit_that_nobody_meets_is_forgotten(worker: Worker, table: Table) -> None:
    worker.take()
    worker.answered(LIMITED, "m")
    worker.clock.now += 901
    writes = table.writes
    assert worker.take() == Taken((worker.clock.now,) * 10)
    assert table.writes == writes


def test_bulk_yields_to_normal_and_keeps_a_tenth(table: Table, clock: Clock) -> None:
    normal, bulk = Worker(table, clock, most=10), Worker(table, clock, most=10)
    counts = {Lane.NORMAL: 0, Lane.BULK: 0}
    for _ in range(100):
        counts[Lane.BULK] += len(bulk.take(5, Lane.BULK, wait=1).times)
        counts[Lane.NORMAL] += len(normal.take(20, Lane.NORMAL, wait=1).times)
        clock.now += 1
    both = sum(counts.values())
    assert 0.85 * 1000 <= both <= 1.1 * 1000
    assert counts[Lane.BULK] >= 0.09 * both
    assert counts[Lane.NORMAL] >= 0.8 * both


def test_lanes_in_step_keep_one_rate(table: Table, clock: Clock) -> None:
    """Each mail comes as the turn of the one before has passed: neither lane has a backlog."""
    normal, bulk = Worker(table, clock, most=10), Worker(table, clock, most=10)
    sent = 0
    for _ in range(900):
        sent += len(normal.take(1, Lane.NORMAL, wait=0.05).times)
        sent += len(bulk.take(1, Lane.BULK, wait=0.05).times)
        clock.now += 1 / 9
    assert 900 <= sent <= 1.05 * 1000


def test_alone_each_lane_has_it_all(table: Table, clock: Clock) -> None:
    bulk = Worker(table, clock, most=10)
    sent = 0
    for _ in range(50):
        sent += len(bulk.take(20, Lane.BULK, wait=1).times)
        clock.now += 1
    assert 480 <= sent <= 520


def test_a_record_that_many_write_lets_nothing_through(
    worker: Worker, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited = Worker(table, worker.clock, most=10)
    limited.take()

    def contended(**_: object) -> None:
        error = client_error("UpdateItem", "ConditionalCheckFailedException")
        error.response["Item"] = table.items["#pause"]  # type: ignore[typeddict-unknown-key]
        raise error

    monkeypatch.setattr(table, "update_item", contended)
    assert limited.take().times == ()


def test_the_first_refusal_is_written_for_all(worker: Worker) -> None:
    worker.take()
    worker.answered(LIMITED, "m")
    learned = Rate(learned=5, learned_until=NOW + 900, lowered_at=NOW, counted_since=NOW)
    assert worker.rate() == learned


@pytest.mark.parametrize(("until", "kept"), [(1, 40), (0, 5)])
def test_what_another_has_learned_is_not_begun_again(
    worker: Worker, table: Table, until: int, kept: float
) -> None:
    worker.take()
    known = {"rate_learned": 40_000, "rate_learned_until": int(NOW + until) * 1000}
    more = {"rate_ceiling": 50_000, "rate_hold": 4_000, "rate_counted": 70}
    table.items["#pause"] |= pack_item(known | more)
    worker.answered(LIMITED, "m")
    rate = worker.rate()
    assert rate.learned == kept
    # Who begins again begins without what was known.
    found = (rate.ceiling, rate.hold, rate.counted)
    assert found == ((50, 4, 70) if until else (0, 0, 0))


def test_a_held_rate_tells_how_long_it_is_held(worker: Worker, table: Table) -> None:
    table.items["#pause"] |= pack_item({"rate_held_until": int(NOW + 30) * 1000})
    assert worker.take() == Taken((), 30)
    worker.clock.now += 30
    assert len(worker.take().times) == 10


def test_what_went_through_is_added_and_counted_once(worker: Worker, table: Table) -> None:
    worker.take()
    worker.answered(LIMITED, "m")
    worker.clock.now += 2
    worker.answered(SENT)
    worker.answered(SENT)
    for _ in range(2):
        worker.take(count=1)
        rate = worker.rate()
        assert (rate.learned, rate.counted, rate.counted_since) == (5 + 2 * 0.6, 2, NOW)
    worker.take(count=2)
    worker.answered(SENT)
    worker.take(count=1)  # the batch before waited for its turns: it shows that more goes through
    assert worker.rate().learned == 5 + 3 * 0.6
    assert table.items["#pause"]["sent_at"] == {"N": str(int(worker.clock.now))}


def test_a_refusal_among_others_is_written_for_all(worker: Worker) -> None:
    worker.take()
    worker.answered(LIMITED, "m")
    worker.clock.now += 2
    worker.take()
    for _ in range(9):
        worker.answered(SENT)
    worker.answered(LIMITED, "n")
    worker.take(count=1)
    now = worker.clock.now
    assert worker.rate()._replace(turn=0) == Rate(
        learned=4.25,
        learned_until=now + 900,
        ceiling=5,
        lowered_at=now,
        counted_since=NOW,
    )


def test_turns_are_taken_when_they_are_near(worker: Worker, table: Table, clock: Clock) -> None:
    other = limited(worker, table, 8.0)
    assert len(worker.take().times) == 10  # the next second has turns for all
    writes = table.writes

    assert other.take() == Taken((), 1, 0.75)  # others have the next second
    assert other.take(wait=1.2) == Taken((), 1)  # and then it is too late for this batch
    assert table.writes == writes
    clock.now += 0.75
    assert len(other.take().times) == 10


def test_what_a_refusal_shows_is_not_kept_back(worker: Worker, table: Table) -> None:
    other = limited(worker, table, 8.0)
    other.take(count=1)
    worker.take()
    for _ in range(9):
        other.answered(SENT)
    other.answered(LIMITED, "n")

    assert other.take().times
    assert worker.rate().learned == 6.8


def test_under_a_limit_of_ones_own_there_is_nothing_to_learn(table: Table, clock: Clock) -> None:
    first, second = (Worker(table, clock, most=5) for _ in range(2))

    assert len(first.take().times) == len(second.take().times) == 10


def limited(worker: Worker, table: Table, rate: float) -> Worker:
    """Let a rate be learned, some time after the first refusal; return another container."""
    worker.take()
    worker.answered(LIMITED, "m")
    write = Expression()
    learned = write.set(rate_learned=round(1000 * rate), rate_ceiling=20_000)
    worker.control.write(write, learned)
    worker.clock.now += 2
    return Worker(table, worker.clock)
