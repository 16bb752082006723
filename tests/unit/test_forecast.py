"""The forecast to the figure: when it is proven, by how much, and when the money is gone."""

from datetime import date
from decimal import Decimal

import pytest
from outbox.sending.forecast import Forecast, Proof, Spent, expires_soon, forecast
from outbox.storage.money import Money, MoneyTable, Reading, with_reading

from tests.faults.standins.dynamo import Dynamo

START = 1_800_000_000
SETTLED = 300
TABLE = "ledger"


def readings(*balances: str, every: int = 900) -> list[Reading]:
    """Return readings of the balance, so many seconds apart."""
    return [Reading(START + every * at, Decimal(one)) for at, one in enumerate(balances)]


def spent(minutes: int = 60, amount: str = "1", mails: int = 1, begin: int = START) -> list[Spent]:
    """Return as much in each minute."""
    return [Spent(begin + 60 * minute, Decimal(amount), mails) for minute in range(minutes)]


HOUR = readings("100", "85", "70", "55", "40")
NOW = START + 3600 + SETTLED


def test_an_hour_that_agrees_tells_how_long_the_rest_lasts() -> None:
    assert forecast(HOUR, spent(), NOW) == Forecast(
        Proof.AGREES, Decimal(60), Decimal(60), 60, 3600, 2400
    )


def test_what_is_not_settled_yet_proves_nothing() -> None:
    assert forecast(HOUR, spent(), NOW - 1) == Forecast(
        Proof.OPEN, Decimal(45), Decimal(45), 45, 2700
    )


def test_the_newest_fall_counts_for_how_long_it_lasts_settled_or_not() -> None:
    faster = [*HOUR, Reading(START + 4500, Decimal(10))]

    found = forecast(faster, spent(), NOW)

    # 10 left; of the last hour, 85 to 10.
    assert (found.proof, found.seconds_left) == (Proof.AGREES, 10 * 3600 // 75)


@pytest.mark.parametrize(
    ("last", "proof"),
    [
        ("34", Proof.AGREES),  # 66 for 60
        ("33.99", Proof.DIFFERS),
        ("46", Proof.AGREES),  # 54 for 60
        ("46.01", Proof.DIFFERS),
        ("100", Proof.DIFFERS),
    ],
)
def test_a_tenth_more_or_less_agrees(last: str, proof: Proof) -> None:
    found = forecast(readings("100", last, every=3600), spent(), NOW)

    assert found.proof is proof
    assert found.fell == 100 - Decimal(last)


@pytest.mark.parametrize(("mails", "proof"), [(20, Proof.AGREES), (19, Proof.OPEN)])
def test_a_few_mails_prove_nothing(mails: int, proof: Proof) -> None:
    prices = [*spent(mails, amount="3"), Spent(START + 3000, Decimal(60 - 3 * mails), 0)]

    found = forecast(HOUR, prices, NOW)

    assert (found.proof, found.mails) == (proof, mails)


def test_a_minute_counts_by_its_part_within_the_readings() -> None:
    edges = [
        Spent(START - 45, Decimal(4), 4),  # 15 seconds of it
        Spent(START + 3570, Decimal(6), 6),  # 30 seconds
        Spent(START - 60, Decimal(100), 100),
        Spent(START + 3600, Decimal(100), 100),
    ]

    found = forecast(HOUR, [*spent(59), *edges], NOW)

    assert (found.spent, found.mails) == (Decimal(63), 63)


def test_what_was_spent_is_rounded_to_what_an_account_shows() -> None:
    found = forecast(HOUR, [Spent(START - 20, Decimal(1), 30), *spent(60)], NOW)

    assert (found.spent, found.mails) == (Decimal("60.667"), 80)


def test_a_top_up_is_left_out_with_its_time() -> None:
    topped = readings("100", "85", "200", "185", "170", "155")
    paid = [*spent(15), *spent(15, "7", begin=START + 900), *spent(45, begin=START + 1800)]

    found = forecast(topped, paid, START + 4500 + SETTLED)

    assert found == Forecast(Proof.AGREES, Decimal(60), Decimal(60), 60, 3600, 155 * 60)


def test_the_newest_hour_is_enough() -> None:
    before = [Reading(START - 3600, Decimal(5000)), Reading(START - 1800, Decimal(2000))]

    found = forecast([*before, *HOUR], spent(), NOW)

    assert (found.seconds, found.fell, found.seconds_left) == (3600, Decimal(60), 2400)


def test_a_balance_that_is_gone_lasts_no_more() -> None:
    gone = readings("30", "15", "0", "-15", "-30")

    assert forecast(gone, spent(), NOW).seconds_left == 0


def test_what_nothing_was_spent_of_has_no_end() -> None:
    still = [*HOUR, *[Reading(START + 3600 + 900 * at, Decimal(40)) for at in range(1, 5)]]

    found = forecast(still, spent(), NOW)

    assert (found.proof, found.seconds_left) == (Proof.AGREES, None)


def test_nothing_spent_proves_nothing_however_many_mails() -> None:
    assert forecast(readings(*["9"] * 5), spent(60, "0"), NOW).proof is Proof.DIFFERS


@pytest.mark.parametrize(
    ("day", "soon"),
    [("", False), ("2026-12-10", True), ("2026-12-11", False), ("2026-11-01", True)],
)
def test_an_account_expires_soon_in_the_last_14_days(day: str, soon: bool) -> None:  # noqa: FBT001
    assert expires_soon(day, date(2026, 11, 26)) is soon


# ---- What is kept --------------------------------------------------------------------------------


def test_what_is_written_is_read_again_whole() -> None:
    table = MoneyTable(Dynamo(TABLE), TABLE)
    money = Money(
        checked_at=START,
        trouble="refused",
        failures=2,
        currency="SAR",
        status="active",
        expires="2026-12-31",
        readings=(Reading(START - 900, Decimal("12.50")), Reading(START, Decimal("-0.75"))),
        proof="agrees",
        fell=Decimal("13.25"),
        spent=Decimal("13.2"),
        mails=53,
        minutes=60,
        minutes_left=0,
        told_trouble=True,
        told_expiry="2026-12-31",
    )

    assert table.read() == Money()
    table.write(money)
    assert table.read() == money
    table.write(Money())
    assert table.read() == Money()


def test_what_a_later_version_keeps_is_passed_over() -> None:
    dynamo = Dynamo(TABLE)
    dynamo.items["#money"] = {"pk": {"S": "#money"}, "mails": {"N": "3"}, "later": {"S": "x"}}

    assert MoneyTable(dynamo, TABLE).read() == Money(mails=3)


@pytest.mark.parametrize(("age", "kept"), [(23 * 3600, True), (23 * 3600 + 1, False)])
def test_readings_are_kept_for_23_hours(age: int, kept: bool) -> None:  # noqa: FBT001
    old, new = Reading(START - age, Decimal(2)), Reading(START, Decimal(1))

    found = with_reading(Money(readings=(old,), mails=7), new)

    assert found == Money(readings=(old, new) if kept else (new,), mails=7)


@pytest.mark.parametrize(("apart", "dropped"), [(599, True), (600, False)])
def test_of_readings_close_together_the_newest_is_kept(apart: int, dropped: bool) -> None:  # noqa: FBT001
    first, second = Reading(START, Decimal(3)), Reading(START + apart, Decimal(2))
    third = Reading(START + 2000, Decimal(1))

    found = with_reading(Money(readings=(first, second)), third).readings

    assert found == ((first, third) if dropped else (first, second, third))
    assert with_reading(Money(readings=(first,)), second).readings == (first, second)
