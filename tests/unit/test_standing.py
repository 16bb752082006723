"""A caller that alone is refused with 429: who it is, and how long its mails wait."""

import pytest
from outbox.sending.standing import Standing

NEWS, SHOP = ("", "news@acme.sa"), ("", "shop@acme.sa")


def refused(
    standing: Standing,
    times: int,
    caller: tuple[str, str] = NEWS,
    begin: float = 100.0,
    gap: float = 1.0,
) -> list[bool]:
    return [standing.refused([caller], begin + gap * number) for number in range(times)]


def test_nobody_is_known_at_first() -> None:
    standing = Standing()

    assert standing.is_clean
    assert standing.wait([NEWS], 100.0) == 0


def test_refusals_alone_are_everybody_s_limit() -> None:
    assert refused(Standing(), 10) == [False] * 10


def test_refusals_while_others_are_sent_are_the_caller_s_own() -> None:
    standing = Standing()
    refused(standing, 2)
    standing.sent([SHOP], 101.5)

    assert refused(standing, 3) == [False, True, True]  # from the fourth on
    assert not standing.refused([SHOP], 104.0)


@pytest.mark.parametrize("sent_at", [99.0, 100.0])
def test_what_was_sent_before_the_first_refusal_shows_nothing(sent_at: float) -> None:
    standing = Standing()
    standing.sent([], sent_at)

    assert refused(standing, 6) == [False] * 6


def test_a_sent_mail_of_the_caller_ends_it() -> None:
    standing = Standing()
    refused(standing, 5)
    standing.sent([NEWS], 110.0)

    assert standing.is_clean
    assert refused(standing, 4, begin=111.0) == [False] * 4


def test_its_mails_wait_longer_with_the_time_to_a_minute_and_it_is_forgotten() -> None:
    standing = Standing()
    refused(standing, 2)
    assert standing.wait([NEWS], 160.0) == 0
    refused(standing, 1, begin=105.0)

    waits = [standing.wait([NEWS], 100.0 + after) for after in (5, 29, 30, 119, 120, 800)]
    assert waits == [0, 0, 15, 59, 60, 60]
    assert standing.wait([SHOP], 160.0) == 0
    assert (standing.wait([NEWS], 1005.0), standing.wait([NEWS], 1005.5)) == (60, 0)


@pytest.mark.parametrize(("gap", "waits"), [(2.4, 0), (2.5, 30)])
def test_refusals_of_some_seconds_show_nothing_later(gap: float, waits: int) -> None:
    standing = Standing()
    refused(standing, 3, gap=gap)

    assert standing.wait([NEWS], 160.0) == waits


def test_sent_mails_of_the_same_caller_do_not_show_that_it_alone_is_refused() -> None:
    standing = Standing()
    standing.refused([NEWS], 100.0)
    standing.sent([NEWS], 101.0)

    assert refused(standing, 6, begin=100.1, gap=0.1) == [False] * 6
    standing.sent([SHOP], 102.0)
    assert standing.refused([NEWS], 103.0)


def test_it_is_remembered_from_the_last_refusal_on() -> None:
    standing = Standing()
    refused(standing, 3)
    refused(standing, 1, begin=900.0)

    assert [standing.wait([NEWS], now) for now in (1800.0, 1800.5)] == [60, 0]


def test_they_wait_at_once_where_another_was_sent() -> None:
    standing = Standing()
    refused(standing, 3)
    standing.sent([SHOP], 101.0)

    assert [standing.wait([NEWS], 100.0 + after) for after in (1, 4, 20)] == [1, 2, 10]


def test_the_memory_is_bounded() -> None:
    standing = Standing()
    for number in range(1000):
        refused(standing, 3, ("", f"s{number}@acme.sa"), gap=15)
    assert standing.wait([("", "s0@acme.sa")], 140.0) == 20
    refused(standing, 3, gap=15)

    assert standing.wait([("", "s0@acme.sa")], 140.0) == 0
    assert standing.wait([NEWS], 140.0) == 20


def test_any_mark_of_a_mail_may_be_the_refused_one() -> None:
    standing, domain = Standing(), ("to", "example.com", "")
    for number in range(3):
        standing.refused([NEWS, domain], 100.0 + number)
        standing.sent([NEWS], 100.5 + number)

    assert standing.wait([NEWS], 120.0) == 0
    assert standing.wait([NEWS, domain], 120.0) == 10
    assert standing.refused([NEWS, domain], 121.0)
