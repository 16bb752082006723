"""The forecast: what is believed of a balance, and what is told from it."""

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st
from outbox.sending.forecast import MIN_MAILS, Forecast, Proof, Spent, forecast
from outbox.storage.money import Money, MoneyTable, Reading, with_reading

from tests.faults.standins.dynamo import Dynamo

START = 1_800_000_000
QUARTER = 900
HOUR = 3600

steps = st.integers(60, 7200)
rates = st.decimals("0.01", "50", places=2)


def steady(
    hours: float, rate: Decimal, factor: Decimal = Decimal(1), *, every: int = QUARTER
) -> Forecast:
    """Forecast after hours of a mail a minute at `rate`; the balance falls `factor` as fast."""
    seconds = int(hours * HOUR)
    readings = [
        Reading(START + at, 10_000 - rate * factor * at / 60) for at in range(0, seconds + 1, every)
    ]
    spent = [Spent(START + at, rate, 1) for at in range(0, seconds, 60)]
    return forecast(readings, spent, START + seconds)


@settings(max_examples=25)
@given(rates, st.decimals("0.91", "1.1", places=3), st.sampled_from([60, 300, 900, 1800]))
def test_a_fall_within_a_tenth_of_the_prices_is_believed(
    rate: Decimal, factor: Decimal, every: int
) -> None:
    found = steady(2.5, rate, factor, every=every)

    assert found.proof is Proof.AGREES
    assert found.seconds >= HOUR
    assert found.mails >= MIN_MAILS
    expected = (10_000 - rate * factor * 150) / (rate * factor) * 60
    assert found.seconds_left is not None
    assert abs(found.seconds_left - max(expected, Decimal(0))) <= 2


@settings(max_examples=25)
@given(rates, st.one_of(st.decimals(0, "0.89", places=3), st.decimals("1.11", 9, places=3)))
def test_any_other_fall_is_not(rate: Decimal, factor: Decimal) -> None:
    found = steady(2.5, rate, factor)

    assert (found.proof, found.seconds_left) == (Proof.DIFFERS, None)


@given(st.floats(0, 1))
def test_less_than_an_hour_tells_nothing(hours: float) -> None:
    assert steady(hours, Decimal(1)).proof is Proof.OPEN


def test_a_rise_is_left_out_and_its_time_too() -> None:
    readings = [
        Reading(START, Decimal(100)),
        Reading(START + HOUR, Decimal(40)),
        Reading(START + HOUR + QUARTER, Decimal(1000)),
        Reading(START + 2 * HOUR, Decimal(955)),
    ]
    spent = [Spent(START + at, Decimal(1), 1) for at in range(0, 2 * HOUR, 60)]

    found = forecast(readings, spent, START + 2 * HOUR + QUARTER)

    assert found.proof is Proof.AGREES
    assert (found.fell, found.spent) == (Decimal(105), Decimal(105))


def test_without_money_no_time_is_left_and_at_rest_none_is_told() -> None:
    empty = [Reading(START, Decimal(70)), Reading(START + HOUR, Decimal(0))]
    spent = [Spent(START + at, Decimal("3.5"), 1) for at in range(0, HOUR, 180)]
    assert forecast(empty, spent, START + HOUR + QUARTER).seconds_left == 0
    rest = [
        *(Reading(one.at, one.balance + 5) for one in empty),
        Reading(START + 3 * HOUR, Decimal(5)),
    ]
    assert forecast(rest, spent, START + 4 * HOUR).seconds_left is None


@settings(max_examples=50)
@given(st.lists(st.tuples(steps, st.decimals(0, 10**6, places=3)), max_size=60))
def test_the_item_stays_small_and_is_read_as_it_was_written(
    given_readings: list[tuple[int, Decimal]],
) -> None:
    money, at = Money(checked_at=START, told_trouble=True, minutes_left=5), START
    for step, balance in given_readings:
        at += step
        money = with_reading(money, Reading(at, balance))
        assert money.last == Reading(at, balance)
    assert len(money.readings) <= 23 * 6 + 2
    table = MoneyTable(Dynamo("t", lambda *_: None), "t")
    table.write(money)
    assert table.read() == money
