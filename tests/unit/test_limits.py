"""A caller's limits: what fits, what is left, when it fits again, and where a day ends."""

import random
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from botocore.exceptions import ClientError
from outbox.accepting.limits import (
    DAILY,
    RATE,
    Day,
    Decision,
    Limits,
    Standing,
    Usage,
    day_at,
    decide,
    standing,
    time_zone,
    without,
)
from outbox.accepting.usage import UsageRecord

from tests.faults.standins.dynamo import Dynamo
from tests.faults.standins.errors import client_error

NOW = 1_800_000_000.0
TODAY = Day("2027-01-15", 3600)
KEY = "#usage:shop"


def at(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()


def test_a_seconds_worth_may_come_at_once_and_the_next_after_its_time() -> None:
    limits, usage = Limits(rate=20), Usage()
    for left in range(19, -1, -1):
        decision = decide(usage, limits, 1, NOW, TODAY)
        usage = decision.usage
        assert (decision.refused, decision.standing.remaining) == ("", left)
    refused = decide(usage, limits, 1, NOW, TODAY)
    assert refused == Decision(usage, Standing(20, 0, 1), RATE, 1)
    assert decide(usage, limits, 1, NOW + 0.06, TODAY).refused == ""


def test_a_batch_of_more_than_a_second_takes_its_time_and_is_never_refused_for_ever() -> None:
    limits = Limits(rate=20)
    first = decide(Usage(), limits, 100, NOW, TODAY)
    assert (first.refused, first.standing) == ("", Standing(20, 0, 5))
    refused = decide(first.usage, limits, 100, NOW + 1, TODAY)
    assert (refused.refused, refused.retry_after) == (RATE, 4)
    assert decide(first.usage, limits, 1, NOW + 3, TODAY).refused == RATE
    assert decide(first.usage, limits, 100, NOW + 1 + refused.retry_after, TODAY).refused == ""


def test_a_batch_that_does_not_fit_into_the_day_is_refused_whole() -> None:
    limits = Limits(daily=100)
    usage = decide(Usage(), limits, 95, NOW, TODAY).usage
    refused = decide(usage, limits, 6, NOW, TODAY)
    assert refused == Decision(usage, Standing(100, 5, 3600), DAILY, 3600)
    assert decide(usage, limits, 5, NOW, TODAY).standing == Standing(100, 0, 3600)
    tomorrow = Day("2027-01-16", 86400)
    assert decide(usage, limits, 6, NOW, tomorrow).standing == Standing(100, 94, 86400)


def test_the_limit_that_is_nearest_to_its_end_is_told() -> None:
    limits = Limits(rate=20, daily=10)
    assert decide(Usage(), limits, 1, NOW, TODAY).standing == Standing(10, 9, 3600)
    assert decide(Usage(), limits._replace(daily=1000), 1, NOW, TODAY).standing.limit == 20


def test_how_limits_stand_without_counting_anything() -> None:
    both = Limits(rate=20, daily=10)
    usage = decide(Usage(), both, 4, NOW, TODAY).usage
    assert standing(usage, both, NOW, TODAY) == Standing(10, 6, 3600)
    assert standing(usage, both, NOW, Day("2027-01-16", 86400)) == Standing(10, 10, 86400)
    assert standing(usage, Limits(rate=20), NOW, TODAY) == Standing(20, 16, 1)
    assert standing(usage, Limits(rate=20), NOW + 1, TODAY) == Standing(20, 20, 0)


def test_what_is_taken_back_leaves_what_was() -> None:
    limits = Limits(rate=20, daily=100)
    before = decide(Usage(), limits, 10, NOW, TODAY).usage
    after = decide(before, limits, 7, NOW, TODAY).usage
    assert without(after, limits, 7, TODAY) == before
    tomorrow = Day("2027-01-16", 86400)
    assert without(after, limits, 7, tomorrow).mails == after.mails


@pytest.mark.parametrize("seed", range(20))
def test_over_any_time_the_rate_holds_and_whoever_waits_as_told_is_let_in(seed: int) -> None:
    draw = random.Random(seed)  # noqa: S311 - no secret
    limits = Limits(rate=draw.randrange(1, 60))
    assert limits.rate
    usage, now, let_in = Usage(), NOW, []
    while now < NOW + 120:
        mails = draw.choice((1, 1, 1, 5, limits.rate, 100))
        decision = decide(usage, limits, mails, now, TODAY)
        if decision.refused:
            again = decide(usage, limits, mails, now + decision.retry_after, TODAY)
            assert again.refused == ""
        else:
            usage = decision.usage
            let_in.append((now, mails))
        now += draw.choice((0.0, 0.001, 1 / limits.rate, 0.7, 3.0))
    for start, (since, _) in enumerate(let_in):
        total = 0
        for until, mails in let_in[start:]:
            # A second's worth at once, or the one batch that came when nothing was used.
            assert total <= limits.rate * (until - since + 1) + 100
            total += mails
    assert sum(mails for _, mails in let_in) <= limits.rate * 121 + 100


@pytest.mark.parametrize(
    ("zone", "now", "day", "left"),
    [
        ("Asia/Riyadh", "2027-01-15T20:59:59Z", "2027-01-15", 1),
        ("Asia/Riyadh", "2027-01-15T21:00:00Z", "2027-01-16", 86400),
        ("UTC", "2027-01-15T21:00:00Z", "2027-01-15", 3 * 3600),
        ("Africa/Cairo", "2027-04-29T23:30:00Z", "2027-04-30", 22 * 3600 - 1800),
        ("Europe/Berlin", "2027-03-28T00:30:00Z", "2027-03-28", 21 * 3600 + 1800),  # 23 hours long
        ("Europe/Berlin", "2027-10-31T00:30:00Z", "2027-10-31", 22 * 3600 + 1800),  # 25 hours long
    ],
)
def test_a_day_ends_at_midnight_of_its_zone(zone: str, now: str, day: str, left: int) -> None:
    found = time_zone(zone)
    assert found is not None
    assert day_at(at(now), found) == Day(day, left)


def test_riyadh_is_as_the_database_has_it_and_needs_none() -> None:
    found = time_zone("Asia/Riyadh")
    assert found is not None
    assert not isinstance(found, ZoneInfo)
    for year in (2026, 2027, 2040):
        for month in (1, 7):
            moment = datetime(year, month, 1, tzinfo=UTC)
            theirs = moment.astimezone(ZoneInfo("Asia/Riyadh")).utcoffset()
            assert found.utcoffset(moment) == theirs


@pytest.mark.parametrize("name", ["Asia/Nowhere", "Riyadh", "../etc/passwd", "/etc/passwd", ""])
def test_a_zone_that_there_is_not(name: str) -> None:
    assert time_zone(name) is None


# ---- What is kept -------------------------------------------------------------------------------


class Table(Dynamo):
    """The table, which counts its calls."""

    def __init__(self) -> None:
        super().__init__("ledger")
        self.calls: list[str] = []
        self.before_write: Any = None

    def update_item(self, **arguments: Any) -> Any:  # noqa: ANN401 - as botocore
        self.calls.append("update")
        if self.before_write is not None:
            self.before_write()
        return super().update_item(**arguments)

    def get_item(self, **arguments: Any) -> Any:  # noqa: ANN401 - as botocore
        self.calls.append("get")
        return super().get_item(**arguments)


def record(table: Table, now: float = NOW) -> UsageRecord:
    return UsageRecord(table, "ledger", lambda: UTC, clock=lambda: now)


def test_a_lone_container_makes_one_write_a_call() -> None:
    table = Table()
    usage = record(table)
    for _ in range(3):
        assert usage.take("shop", Limits(rate=20), 1).refused == ""
    assert table.calls == ["update"] * 3
    assert table.items[KEY]["ttl"]["N"] == str(int(NOW) + 3 * 86400)
    assert set(table.items[KEY]) == {"pk", "free_at", "day", "mails", "ttl"}


def test_containers_count_together() -> None:
    table = Table()
    containers = [record(table) for _ in range(3)]
    taken = [containers[turn % 3].take("shop", Limits(daily=10), 1).refused for turn in range(14)]
    assert taken == [""] * 10 + [DAILY] * 4


def test_a_refusal_is_given_on_what_stands_now() -> None:
    table = Table()
    one, other = record(table), record(table)
    assert one.take("shop", Limits(daily=2), 2).refused == ""
    other.take("shop", Limits(daily=2), 1)
    other.give_back("shop", Limits(daily=2), 2)
    assert one.take("shop", Limits(daily=2), 1).refused == ""


def test_more_at_once_than_any_write_gets_through_is_refused() -> None:
    table, free_at = Table(), iter(range(1, 100))

    def meanwhile() -> None:
        table.items[KEY] = {"pk": {"S": KEY}, "free_at": {"N": str(next(free_at))}}

    table.before_write = meanwhile
    decision = record(table).take("shop", Limits(rate=20), 1)
    assert decision == Decision(Usage(), Standing(20, 0, 1), RATE, 1)
    assert len(table.calls) <= 8
    decision = record(table).take("shop", Limits(daily=9), 1)
    assert decision == Decision(Usage(), Standing(9, 0, 1), RATE, 1)


def test_a_record_that_cannot_be_read_lets_nobody_in() -> None:
    table = Table()

    def refuse() -> None:
        raise client_error("UpdateItem", "ThrottlingException")

    table.before_write = refuse
    with pytest.raises(ClientError, match="Throttling"):
        record(table).take("shop", Limits(rate=20), 1)
