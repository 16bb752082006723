"""The rate, step by step: what limits, what a refusal makes of it, what a success adds."""

from itertools import pairwise

import pytest
from outbox.mail.lanes import Lane
from outbox.sending import rate as rate_module
from outbox.sending.rate import (
    FORGOTTEN_SECONDS,
    LEAST,
    LIFTED,
    Rate,
    Tally,
    lowered,
    lowers,
)

NOW = 1_800_000_000.0
LEARNED = Rate(learned=20.0, learned_until=NOW + 1, ceiling=20.0, lowered_at=NOW - 60)


@pytest.mark.parametrize(
    ("rate", "most", "limit"),
    [
        (Rate(), 0, 0),
        (Rate(), 7, 7),
        (LEARNED, 0, 20),
        (LEARNED, 7, 7),
        (LEARNED, 50, 20),
        (LEARNED._replace(learned_until=NOW), 0, 0),
        (LEARNED._replace(learned_until=NOW), 50, 50),
        (LEARNED._replace(learned=LIFTED), 0, 0),
        (LEARNED._replace(learned=LIFTED - 1), 0, LIFTED - 1),
        (LEARNED._replace(learned=0.5), 0, 0.5),
    ],
)
def test_the_lower_of_what_is_set_and_what_was_learned_limits(
    rate: Rate, most: float, limit: float
) -> None:
    assert rate.limit(most, NOW) == limit


def test_each_lane_has_a_clock_and_normal_leaves_a_tenth_where_bulk_waits() -> None:
    rate = Rate(turn=NOW + 1, bulk_turn=NOW - 2.9)

    assert rate.next_turn(Lane.NORMAL) == NOW + 1
    assert rate.next_turn(Lane.BULK) == NOW - 2.9
    assert rate.share(Lane.NORMAL, NOW) == 0.9
    assert rate.share(Lane.BULK, NOW) == 1.0
    assert rate.share(Lane.NORMAL, NOW + 0.2) == 1.0
    assert rate._replace(bulk_turn=NOW - 3.0).share(Lane.NORMAL, NOW) == 1.0


def test_after_the_first_refusal_a_moment_passes() -> None:
    assert Rate(lowered_at=NOW).first_turn == NOW + 1
    assert Rate(lowered_at=NOW, ceiling=5.0).first_turn == 0
    assert Rate(lowered_at=NOW, hold=0.5).first_turn == 0


def test_what_a_success_adds_depends_on_what_was_last_refused() -> None:
    gains = rate_module._GAINS  # noqa: SLF001 - they are tuned
    for (part, gain), (_, after) in pairwise(gains):
        below = Rate(learned=100 * part - 0.01, ceiling=100, lowered_at=NOW)
        assert below.gain(NOW) == gain
        assert below._replace(learned=100 * part).gain(NOW) == after
    near = min(gain for _, gain in gains)
    assert near < gains[0][1] < gains[-1][1] < Rate(learned=100).gain(NOW)


@pytest.mark.parametrize(
    ("learned", "seconds", "times"),
    [(100, 15.1, 2), (100, 15, 1), (99.9, 60, 1), (90, 60, 1), (9, 60, 1), (9.1, 60, 2)],
)
def test_above_what_was_refused_the_rate_rises_twice_as_fast_after_a_while_but_not_if_it_is_low(
    learned: float, seconds: float, times: int
) -> None:
    rate = Rate(learned=learned, ceiling=100 if learned > 10 else 8, lowered_at=NOW)

    assert rate.gain(NOW + seconds) == times * rate.gain(NOW)


@pytest.mark.parametrize(("sent_at", "held"), [(NOW - 1, True), (NOW, True), (NOW + 1, False)])
def test_what_another_container_sent_since_the_last_refusal_is_no_reason_to_wait(
    sent_at: float, *, held: bool
) -> None:
    rate = LEARNED._replace(lowered_at=NOW, sent_at=sent_at)
    found = lowered(rate, 20.0, Tally(limit=20.0).refusal(NOW + 2), NOW + 2)

    assert (found.held_until > NOW + 2) is held
    assert (found.learned < 20.0) is not held


def test_a_tally_counts_and_knows_when_the_last_began() -> None:
    tally = Tally().success(5).success(3).refusal(4).refusal(2)

    assert tally == Tally(successes=2, sent_at=5, refusals=2, refused_at=4)
    assert Tally().success(3).success(5).sent_at == 5
    assert Tally().refusal(3).refusal(5).refused_at == 5


@pytest.mark.parametrize(
    ("tally", "does"),
    [
        (Tally(refusals=1, refused_at=NOW, limit=20), True),
        (Tally(refusals=1, refused_at=NOW - 60, limit=20), False),
        (Tally(refusals=1, refused_at=NOW - 61, limit=20), False),
        (Tally(successes=5, sent_at=NOW, limit=20), False),
        (Tally(refusals=0, refused_at=NOW, limit=20), False),
    ],
)
def test_a_refusal_from_before_the_last_lowering_lowers_nothing(tally: Tally, does: bool) -> None:  # noqa: FBT001
    assert lowers(LEARNED, tally) is does


def test_calls_that_had_no_turn_teach_nothing_after_the_first_refusal() -> None:
    rate = Rate(learned=28.0, learned_until=NOW + 900, lowered_at=NOW)
    tally = Tally(successes=5, refusals=7, refused_at=NOW + 2)

    assert not lowers(rate, tally)
    assert lowers(rate, tally._replace(limit=28.0))


@pytest.mark.parametrize(("refusals", "learned"), [(5, 10.0), (4, 17.0)])
def test_the_refusals_of_many_containers_under_one_rate_lower_it_once(
    refusals: int, learned: float
) -> None:
    rate = LEARNED._replace(lowered_at=NOW - 1)
    tally = Tally(successes=10 - refusals, refusals=refusals, limit=20.0)
    first = lowered(rate, 20.0, tally, NOW)

    second = lowered(first, first.learned, tally, NOW + 1)

    assert (first.learned, first.ceiling) == (learned, 20.0)
    assert (second.learned, second.ceiling) == (learned, 20.0)
    later = lowered(second, learned, tally._replace(limit=learned), NOW + 2)
    assert later.learned == learned * learned / 20


def test_where_waits_grew_long_many_refusals_soon_after_others_hold_everybody() -> None:
    rate = LEARNED._replace(lowered_at=NOW - 1, bursty_until=NOW + 1)

    assert after(rate, Tally(successes=5, refusals=5)).held_until == NOW + 0.5
    assert after(rate, Tally(successes=6, refusals=4)).held_until == 0
    over = rate._replace(bursty_until=NOW)
    assert after(over, Tally(successes=5, refusals=5)).held_until == 0


@pytest.mark.parametrize(
    ("seconds", "successes", "ceiling", "kept"),
    [
        (4.9, 9, 25.0, 25.0),
        (4.9, 1, 25.0, 20.0),  # half of them: the limit fell
        (5.0, 9, 25.0, 20.0),
        (4.9, 9, 0.0, 20.0),  # the first one
    ],
)
def test_few_refusals_soon_after_others_are_of_the_rate_before(
    seconds: float, successes: int, ceiling: float, kept: float
) -> None:
    rate = LEARNED._replace(lowered_at=NOW - seconds, ceiling=ceiling)

    assert after(rate, Tally(successes=successes, refusals=1)).ceiling == kept


def after(rate: Rate, tally: Tally, limit: float = 20.0) -> Rate:
    """Return the rate after a tally of calls under a limit."""
    return lowered(rate, limit, tally._replace(limit=limit), NOW)


def test_a_refusal_takes_15_percent_and_is_remembered_for_15_minutes() -> None:
    found = after(LEARNED, Tally(successes=3, refusals=7))

    assert found == LEARNED._replace(
        learned=17.0,
        ceiling=20.0,
        lowered_at=NOW,
        learned_until=NOW + FORGOTTEN_SECONDS,
        counted_since=NOW,
    )


@pytest.mark.parametrize(
    ("seconds", "successes", "refusals", "learned"),
    [
        (4.9, 5, 5, 10.0),  # half of many refused, again soon
        (4.9, 6, 4, 17.0),  # four in ten are not many
        (5.0, 5, 5, 17.0),  # not soon
    ],
)
def test_many_refusals_soon_after_others_halve_it(
    seconds: float, successes: int, refusals: int, learned: float
) -> None:
    rate = LEARNED._replace(lowered_at=NOW - seconds)

    assert after(rate, Tally(successes=successes, refusals=refusals)).learned == learned


def test_it_never_falls_below_one_a_second() -> None:
    assert after(LEARNED, Tally(successes=1, refusals=1), limit=1.1).learned == LEAST


@pytest.mark.parametrize(
    ("hold", "next_hold", "bursty"),
    [(0, 0.5, False), (0.5, 1, False), (1, 2, True), (2, 4, True), (4, 4, True)],
)
def test_refusals_alone_soon_after_others_hold_everybody_each_time_twice_as_long(
    hold: float,
    next_hold: float,
    bursty: bool,  # noqa: FBT001
) -> None:
    rate = LEARNED._replace(lowered_at=NOW - 4.9, hold=hold, bursty_until=NOW - 7, counted=3)

    found = after(rate, Tally(refusals=2))

    assert found == rate._replace(
        hold=next_hold,
        held_until=NOW + next_hold,
        bursty_until=NOW + 120 if bursty else NOW - 7,
        lowered_at=NOW,
        learned_until=NOW + FORGOTTEN_SECONDS,
    )


@pytest.mark.parametrize(
    "rate",
    [
        LEARNED._replace(lowered_at=NOW - 5),
        LEARNED._replace(lowered_at=NOW - 4.9, learned=0.0),
    ],
)
def test_otherwise_refusals_alone_lower_it(rate: Rate) -> None:
    found = after(rate, Tally(refusals=2))

    assert found.held_until == 0
    assert found.learned < 20


@pytest.mark.parametrize(
    ("since", "counted", "bursty_for", "learned"),
    [
        (10, 30, 1, 6.0),  # 3 a second, but at most to three tenths at once
        (10, 90, 1, 9.0),  # what went through
        (10, 190, 1, 17.0),  # no more than the step leaves
        (8, 30, 1, 17.0),  # too short a time
        (10, 30, 0, 17.0),  # not known to count over seconds
    ],
)
def test_where_waits_grew_long_what_went_through_shows_the_rate(
    since: float, counted: int, bursty_for: float, learned: float
) -> None:
    rate = LEARNED._replace(
        counted_since=NOW - since, counted=counted, bursty_until=NOW + bursty_for
    )

    found = after(rate, Tally(successes=1, refusals=1))

    assert found.learned == learned
    assert (found.counted_since, found.counted) == (NOW - since, counted)


@pytest.mark.parametrize(("since", "anew"), [(30.0, False), (30.1, True)])
def test_it_is_counted_anew_after_half_a_minute(since: float, anew: bool) -> None:  # noqa: FBT001
    rate = LEARNED._replace(counted_since=NOW - since, counted=7)

    found = after(rate, Tally(successes=1, refusals=1))

    assert (found.counted_since, found.counted) == ((NOW, 0) if anew else (NOW - since, 7))


def test_what_is_kept_is_read_in_thousandths() -> None:
    names = (
        "learned",
        "learned_until",
        "ceiling",
        "lowered_at",
        "held_until",
        "turn",
        "bulk_turn",
        "hold",
        "bursty_until",
        "counted_since",
    )
    kept = {f"rate_{name}": 1000 * (number + 1) + 500 for number, name in enumerate(names)}

    found = Rate.of({**kept, "rate_counted": 12, "sent_at": 13, "later": 1})

    assert found == Rate._make([*(number + 1.5 for number in range(len(names))), 12, 13])
    assert Rate.of({}) == Rate()
