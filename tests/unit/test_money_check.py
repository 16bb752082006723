"""The look at the account's money: when it asks, what it writes down, whom it tells, and when."""

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError
from mail_status.money import MoneyCheck
from outbox.sending.control import PauseState
from outbox.settings import Settings
from outbox.storage.money import Money, Reading
from taqnyat.account import AccountBalance

NOW = 1_800_000_000  # 2027-01-15, at a whole minute
TOPIC = "arn:topic"
REFUSED = ClientError({"Error": {"Code": "Throttled"}}, "Any")
RUNNING = PauseState()
EMPTY = PauseState(paused=True, reason="balance_empty", by="system", since=NOW - 60)
UNREADABLE = AccountBalance(trouble="unreadable")


def told(balance: str, **fields: Any) -> AccountBalance:  # noqa: ANN401 - its other fields
    return AccountBalance(balance=Decimal(balance), **fields)


@dataclass
class Desk:
    """All that the check is handed, and what it did. `fails` names the calls that AWS refuses."""

    answer: AccountBalance
    known: Money = field(default_factory=Money)
    minutes: int = 15
    topic: str = TOPIC
    now: float = NOW
    spent: list[tuple[int, float, int]] = field(default_factory=list)
    fails: str = ""
    asked: int = 0
    statistics: list[dict[str, Any]] = field(default_factory=list)
    brought: list[PauseState] = field(default_factory=list)
    notices: list[dict[str, Any]] = field(default_factory=list)
    events: list[tuple[Any, ...]] = field(default_factory=list)

    def __post_init__(self) -> None:
        part = cast("Any", self)
        settings = Settings(
            ledger_table="t",
            mail_queue_url="u",
            mail_queue_arn="a",
            alarm_topic_arn=self.topic,
            balance_check_minutes=self.minutes,
            metrics_namespace="Acme",
        )
        self._check = MoneyCheck(
            taqnyat=part,
            table=part,
            cloudwatch=part,
            pause=part,
            topic=lambda: part,
            telemetry=part,
            settings=settings,
        )

    def run(self, state: PauseState = RUNNING, left: float = 60.0) -> list[tuple[str, float]]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("mail_status.money.time", SimpleNamespace(time=lambda: self.now))
            return self._check.run(state, self.now + left)

    # TaqnyatClient
    def account_balance(self, deadline: float) -> AccountBalance:
        assert deadline == self.now + 5
        self.asked += 1
        return self.answer

    # MoneyTable
    def read(self) -> Money:
        if self.fails == "read":
            raise REFUSED
        return self.known

    def write(self, money: Money) -> None:
        self.known = money

    # CloudWatch
    def get_metric_statistics(self, **arguments: Any) -> dict[str, Any]:  # noqa: ANN401
        if self.fails == "statistics":
            raise REFUSED
        self.statistics.append(arguments)
        return {
            "Datapoints": [
                {"Timestamp": datetime.fromtimestamp(at, UTC), "Sum": total, "SampleCount": mails}
                for at, total, mails in self.spent
            ]
        }

    # Pause, SNS, Telemetry
    def bring_probe_forward(self, state: PauseState) -> bool:
        self.brought.append(state)
        return self.fails != "bring"

    def publish(self, **arguments: Any) -> None:  # noqa: ANN401
        self.notices.append(arguments)

    def event(self, *what: object, **fields: object) -> None:
        self.events.append((*what, fields))

    def error(self, *what: object) -> None:
        self.events.append(what)


def test_a_reading_is_measured_and_written_down() -> None:
    desk = Desk(told("5.50", currency="SAR", status="active", expires=date(2028, 1, 1)))
    assert desk.run() == [("Balance", 5.5)]
    assert desk.known == Money(
        checked_at=NOW,
        currency="SAR",
        status="active",
        expires="2028-01-01",
        readings=(Reading(NOW, Decimal("5.50")),),
    )
    assert (desk.statistics, desk.notices, desk.events) == ([], [], [])


def test_without_a_period_nothing_is_asked() -> None:
    desk = Desk(told("1"), minutes=0)
    assert (desk.run(), desk.asked) == ([], 0)


@pytest.mark.parametrize(
    ("age", "left", "state", "asked"),
    [
        (870, 60, RUNNING, 1),
        (869, 60, RUNNING, 0),
        (870, 5, RUNNING, 1),
        (870, 4.9, RUNNING, 0),
        (61, 60, EMPTY, 1),
        (60, 60, EMPTY, 0),
        (61, 60, EMPTY._replace(reason="balance_too_low"), 1),
        (61, 60, EMPTY._replace(reason="ip_refused"), 0),
        (61, 60, EMPTY._replace(by="operator"), 0),
        (61, 60, EMPTY._replace(paused=False), 0),
    ],
)
def test_it_asks_when_it_is_due_and_there_is_time(
    age: int, left: float, state: PauseState, asked: int
) -> None:
    desk = Desk(told("1"), Money(checked_at=NOW - age))
    desk.run(state, left)
    assert desk.asked == asked


@pytest.mark.parametrize(
    ("minutes", "age", "shown"), [(15, 5400, 1), (15, 5401, 0), (60, 10_800, 1), (60, 10_801, 0)]
)
def test_an_old_reading_is_not_measured(minutes: int, age: int, shown: int) -> None:
    known = Money(checked_at=NOW, readings=(Reading(NOW - age, Decimal(3)),))
    assert len(Desk(UNREADABLE, known, minutes).run()) == shown


HOUR_AGO = Money(checked_at=NOW - 3630, readings=(Reading(NOW - 3630, Decimal(100)),))
PAID = [(NOW - 3600, 30.0, 40)]


def test_a_balance_that_falls_by_the_prices_is_forecast() -> None:
    desk = Desk(told("70"), replace(HOUR_AGO, readings=(Reading(NOW - 3930, Decimal(100)),)))
    desk.run()
    desk.spent, desk.answer, desk.now = PAID, told("70"), NOW + 900
    assert desk.run()[0] == ("Balance", 70.0)
    assert desk.statistics[-1] == {
        "Namespace": "Acme",
        "MetricName": "MailPrice",
        "StartTime": datetime.fromtimestamp(NOW - 3960, UTC),
        "EndTime": datetime.fromtimestamp(NOW + 900, UTC),
        "Period": 60,
        "Statistics": ["Sum", "SampleCount"],
    }
    assert (desk.known.proof, desk.known.fell) == ("agrees", Decimal(30))
    assert (desk.known.spent, desk.known.mails, desk.known.minutes) == (Decimal(30), 40, 65)
    # 70 at 30 in 4830 seconds
    assert desk.known.minutes_left == 187
    assert desk.run() == [("Balance", 70.0), ("BalanceHoursLeft", 187 / 60)]


def test_what_is_not_proven_is_no_forecast() -> None:
    known = Money(readings=(Reading(NOW, Decimal(9)),), checked_at=NOW, minutes_left=60)
    assert Desk(UNREADABLE, known).run() == [("Balance", 9.0)]
    assert len(Desk(UNREADABLE, replace(known, proof="agrees")).run()) == 2
    assert len(Desk(UNREADABLE, replace(known, proof="agrees", minutes_left=None)).run()) == 1


@pytest.mark.parametrize(("age", "asked"), [(3600, 1), (3599, 0)])
def test_prices_are_asked_for_from_an_hour_on(age: int, asked: int) -> None:
    desk = Desk(told("5"), Money(readings=(Reading(NOW - age, Decimal(5)),)))
    desk.run()
    assert len(desk.statistics) == asked


def test_errors_of_aws_are_only_logged() -> None:
    desk = Desk(told("5"), HOUR_AGO, fails="statistics")
    assert desk.run() == [("Balance", 5.0)]
    assert (desk.known.proof, desk.known.mails) == ("open", 0)
    assert desk.events == [("aws_failed", REFUSED)]
    desk = Desk(told("5"), fails="read")
    assert desk.run() == []
    assert desk.events == [("aws_failed", REFUSED)]


@pytest.mark.parametrize(("trouble", "checks"), [("refused", 1), ("unreadable", 3)])
def test_a_balance_that_cannot_be_read_is_told_once(trouble: str, checks: int) -> None:
    desk = Desk(AccountBalance(trouble=trouble))
    for number in range(1, 6):
        desk.run()
        assert (desk.known.failures, desk.known.trouble) == (number, trouble)
        assert desk.known.told_trouble is (number >= checks)
        assert len(desk.notices) == int(number >= checks)
        desk.now += 900
    [notice] = desk.notices
    assert notice == {
        "TopicArn": TOPIC,
        "Subject": "Taqnyat mail gateway: balance cannot be read",
        "Message": f"Taqnyat did not give the account's balance: {trouble}. "
        "This alone stops no mail, but nobody is warned before the money ends.\n"
        'Run: ./taqnyat-mail doctor\nSee docs/operations.md, "The balance".',
    }
    assert desk.events == [("balance cannot be read", {})]
    desk.answer = told("1")
    desk.run()
    assert (desk.known.failures, desk.known.trouble, desk.known.told_trouble) == (0, "", False)


def test_an_account_that_expires_is_told_once_for_each_day() -> None:
    desk = Desk(told("5", expires=date(2027, 1, 29)))
    desk.run()
    desk.now += 900
    desk.run()
    assert [notice["Subject"] for notice in desk.notices] == [
        "Taqnyat mail gateway: the account expires"
    ]
    assert desk.notices[0]["Message"].startswith("The account at Taqnyat expires on 2027-01-29.\n")
    assert desk.known.told_expiry == "2027-01-29"
    later = Desk(told("5", expires=date(2027, 1, 30)))
    later.run()
    assert (later.notices, later.known.told_expiry) == ([], "")


def test_without_a_topic_the_log_alone_is_told() -> None:
    desk = Desk(AccountBalance(trouble="refused"), topic="")
    desk.run()
    assert (desk.notices, len(desk.events)) == ([], 1)


@pytest.mark.parametrize(
    ("before", "now", "state", "brought"),
    [
        ("5", "5.01", EMPTY, 1),
        ("5", "5", EMPTY, 0),
        ("5", "6", RUNNING, 0),
        ("5", "6", EMPTY._replace(by="operator"), 0),
        ("", "6", EMPTY, 0),
    ],
)
def test_a_top_up_brings_the_next_probe_forward(
    before: str, now: str, state: PauseState, brought: int
) -> None:
    readings = (Reading(NOW - 900, Decimal(before)),) if before else ()
    desk = Desk(told(now), Money(readings=readings))
    desk.run(state)
    assert desk.brought == [state] * brought
    said = ("balance has risen: the next probe is due", {"reason": "balance_empty"})
    assert desk.events == [said] * brought


def test_a_probe_that_was_not_brought_forward_is_not_told() -> None:
    desk = Desk(told("6"), Money(readings=(Reading(NOW - 900, Decimal(5)),)), fails="bring")
    desk.run(EMPTY)
    assert (len(desk.brought), desk.events) == (1, [])
