"""Money before it is gone, in simulated hours: the warning is in time, and only when it is so."""

from decimal import Decimal

import pytest

from tests.faults.shop import LIES, WARN_HOURS, Shop


@pytest.mark.parametrize(("a_minute", "price"), [(1.0, "1"), (5.0, "0.05"), (0.5, "2.75")])
def test_a_steady_drain_rings_two_hours_before_the_money_is_gone(
    a_minute: float, price: str
) -> None:
    shop = Shop(a_minute)
    shop.world.taqnyat.price = Decimal(price)
    shop.world.taqnyat.balance = Decimal(price) * round(6 * 60 * a_minute)

    gone = shop.until_paused(7)

    assert gone == pytest.approx(6, abs=0.1)
    assert shop.world.pause.reason == "balance_empty"
    rang = shop.first_alarm
    assert rang is not None
    assert gone - rang >= 2
    assert gone - rang == pytest.approx(WARN_HOURS, abs=0.5)


@pytest.mark.parametrize("lie", LIES)
def test_a_balance_that_lies_rings_nothing_and_is_shown_as_a_number(lie: str) -> None:
    shop = Shop()
    LIES[lie](shop.world, Decimal(0))

    shop.run(6, lambda: LIES[lie](shop.world, Decimal(len(shop.world.taqnyat.calls))))

    assert shop.hours == []
    assert shop.world.money.proof == "differs"
    names = {datum["MetricName"] for datum in shop.world.cloudwatch.data}
    assert "Balance" in names
    assert not shop.world.paused


def test_a_purse_that_others_take_from_is_not_believed_any_more() -> None:
    shop = Shop()
    shop.world.taqnyat.balance = Decimal(2000)
    shop.run(2)
    assert shop.world.money.proof == "agrees"

    def other_channel() -> None:
        assert shop.world.taqnyat.balance is not None
        shop.world.taqnyat.balance -= 2

    shop.run(2, other_channel)
    measured = len(shop.hours)
    shop.run(1, other_channel)

    assert shop.world.money.proof == "differs"
    assert len(shop.hours) == measured


def test_a_top_up_is_no_part_of_the_comparison() -> None:
    shop = Shop()
    shop.world.taqnyat.balance = Decimal(150)
    shop.run(1.75)
    shop.world.taqnyat.balance += 500

    shop.run(0.5)

    assert shop.world.money.proof == "agrees"
    assert shop.hours[-1][1] == pytest.approx((150 + 500 - 135) / 60, rel=0.1)


def test_few_mails_are_compared_over_more_hours() -> None:
    shop = Shop(a_minute=0.1)
    shop.world.taqnyat.balance = Decimal(100)
    shop.run(2)
    assert shop.world.money.proof == "open"
    shop.run(2.5)
    assert shop.world.money.proof == "agrees"
    assert shop.world.money.minutes >= 180


@pytest.mark.parametrize(
    ("reply", "trouble", "told_after"),
    [
        ("status_401", "refused", 1),
        ("status_403", "refused", 1),
        ("code_104", "unreadable", 3),
        ("page_2xx", "unreadable", 3),
        ("empty_2xx", "unreadable", 3),
        ("cut_before_the_answer", "unreadable", 3),
    ],
)
def test_a_balance_that_is_not_told_is_said_once(reply: str, trouble: str, told_after: int) -> None:
    shop = Shop()
    shop.world.taqnyat.balance_reply = reply

    shop.run(0.25 * (told_after - 1))
    assert shop.told() == []
    shop.run(6)

    assert shop.told() == ["balance cannot be read"]
    assert shop.world.money.trouble == trouble
    assert not shop.world.paused
    assert len(shop.world.taqnyat.accepted) > 300
    assert shop.hours == []


def test_once_it_is_told_again_the_next_trouble_is_said_too() -> None:
    shop = Shop()
    for reply in ("status_401", None, "status_401"):
        shop.world.taqnyat.balance_reply = reply
        shop.run(1)
    assert shop.told() == ["balance cannot be read"] * 2


def test_an_account_that_expires_within_two_weeks_is_told_once_for_each_day() -> None:
    shop = Shop()  # it starts on 15 January 2027
    shop.world.taqnyat.expires = "30-01-2027"
    shop.run(1)
    assert shop.told() == []
    shop.world.taqnyat.expires = "29-01-2027"
    shop.run(2)
    assert shop.told() == ["the account expires"]
    assert "2027-01-29" in shop.topic[0]["Message"]
    shop.world.taqnyat.expires = "20-01-2027"
    shop.run(1)
    assert shop.told() == ["the account expires"] * 2


def test_a_top_up_brings_the_next_probe_forward_and_does_nothing_else() -> None:
    shop = Shop(PROBE_DELAYS_SECONDS="36000")
    shop.world.taqnyat.balance = Decimal(30)
    shop.until_paused(1)
    shop.run(0.5)
    waits = shop.world.paused
    assert waits
    shop.world.taqnyat.balance = Decimal(1000)

    shop.run(0.3)

    assert not shop.world.paused
    assert all(len(taken) == 1 for taken in shop.world.taqnyat.accepted.values())


@pytest.mark.parametrize("cause", ["operator", "code_102"])
def test_a_rising_balance_means_nothing_to_a_pause_for_another_cause(cause: str) -> None:
    shop = Shop(PROBE_DELAYS_SECONDS="36000")
    shop.world.taqnyat.balance = Decimal(30)
    if cause == "operator":
        shop.world.pause_by_hand("maintenance")
    else:
        shop.world.taqnyat.refusing = cause
    shop.run(1)
    assert shop.world.paused
    due = shop.world.pause.next_probe
    calls = len(shop.world.taqnyat.calls)
    shop.world.taqnyat.balance = Decimal(1000)

    shop.run(1)

    assert (shop.world.pause.next_probe, len(shop.world.taqnyat.calls)) == (due, calls)


def test_off_asks_nothing_and_keeps_nothing() -> None:
    shop = Shop(BALANCE_CHECK_MINUTES="0")
    shop.run(2)
    assert "taqnyat.account_balance" not in {call.name for call in shop.world.calls}
    assert "cloudwatch.get_metric_statistics" not in {call.name for call in shop.world.calls}
    assert "#money" not in shop.world.dynamo.items


def test_it_asks_as_often_as_it_is_told_to_and_the_worker_does_nothing_more() -> None:
    shop = Shop(BALANCE_CHECK_MINUTES="30")
    shop.run(3)
    asked = [call for call in shop.world.calls if call.name == "taqnyat.account_balance"]
    assert len(asked) == 6
    assert {call.process for call in asked} == {"status"}
    reads = [call for call in shop.world.calls if call.name == "cloudwatch.get_metric_statistics"]
    assert len(reads) <= len(asked)
    assert not shop.world.unexpected


def test_a_new_container_goes_on_where_the_old_one_was() -> None:
    shop = Shop()
    shop.world.taqnyat.balance = Decimal(1000)
    for _ in range(20):
        shop.run(0.1)
        shop.world.replace_containers()
    asked = [call for call in shop.world.calls if call.name == "taqnyat.account_balance"]
    assert len(asked) == 8
    assert shop.world.money.proof == "agrees"
