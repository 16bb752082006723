"""The simulated Taqnyat of these tests misbehaves as asked: by rate, by content, by turns."""

from collections import Counter
from urllib.parse import urlencode

import pytest

from local.simulator.content import Content
from local.simulator.limits import Limit, Limiter
from tests.faults.provider import Rule, Taqnyat

TOKEN = "a-made-up-token"
EPOCH = 1_800_000_000.0


def ask(
    taqnyat: Taqnyat, at: float = 0.0, sender: str = "shop@acme.sa", **given: str
) -> int | None:
    mail = {"subject": "s", "from": sender, "to": "a@example.com", "msg": "Hello"}
    body = urlencode({**mail, "bearerTokens": TOKEN, **given}).encode()
    return taqnyat.decide(body, EPOCH + at).status


def passed(limit: Limit, seconds: float, calls_a_second: int) -> list[float]:
    limiter = Limiter()
    moments = [number / calls_a_second for number in range(round(seconds * calls_a_second))]
    return [moment for moment in moments if limiter.take(limit, EPOCH + moment) is None]


def test_a_bucket_holds_a_second_and_fills_at_its_rate() -> None:
    at = passed(Limit(20), 10, 100)
    assert 20 * 11 - 1 <= len(at) <= 20 * 11
    assert sum(moment < 0.2 for moment in at) == 20
    assert max(Counter(int(moment) for moment in at if moment >= 1).values()) <= 21


def test_a_window_lets_its_calls_through_at_once_and_then_none() -> None:
    at = passed(Limit(7, window=5), 20, 100)
    by_window = Counter(int(moment / 5) for moment in at)
    assert by_window == {0: 35, 1: 35, 2: 35, 3: 35}
    assert sum(moment < 0.35 for moment in at) == 35


@pytest.mark.parametrize("window", [None, 1.0, 10.0])
def test_a_refused_call_is_told_when_one_may_pass(window: float | None) -> None:
    limiter, limit = Limiter(), Limit(2, window)
    while (wait := limiter.take(limit, EPOCH)) is None:
        pass
    assert 0 < wait <= (window or 1)
    assert limiter.take(limit, EPOCH + wait - 0.01) is not None
    assert limiter.take(limit, EPOCH + wait) is None


def test_the_limit_changes_while_the_world_runs() -> None:
    taqnyat = Taqnyat({TOKEN}, limit=Limit(50))
    statuses = [ask(taqnyat, number / 100) for number in range(1000)]
    taqnyat.limit = Limit(10)
    lower = [ask(taqnyat, 10 + number / 100) for number in range(1000)]
    taqnyat.limit = None
    free = [ask(taqnyat, 20 + number / 100) for number in range(100)]
    accepted = [answers.count(201) for answers in (statuses, lower, free)]
    assert accepted[0] == pytest.approx(550, abs=2)
    assert accepted[1] == pytest.approx(100, abs=2)  # the bucket was empty
    assert accepted[2] == 100
    assert taqnyat.limited == (statuses + lower).count(429)


def test_retry_after_is_said_only_where_the_limit_says_it() -> None:
    said = []
    for says in (False, True):
        taqnyat = Taqnyat({TOKEN}, limit=Limit(1, window=60, retry_after=says))
        for _ in range(60):
            taqnyat.over_limit(EPOCH)
        refusal = taqnyat.over_limit(EPOCH + 20.5)
        assert refusal is not None
        said.append(refusal.retry_after)
    assert said == [None, "40"]


def test_answers_by_content() -> None:
    taqnyat = Taqnyat({TOKEN})
    taqnyat.rules = [
        Rule("status_403", Content(word="casino")),
        Rule("code_3", Content(more_than=2)),
        Rule("status_404", Content(sender="news@*")),
        Rule("status_302", Content(to="*@bad.example")),
        Rule("status_429", Content(subject="poison*")),
    ]
    assert ask(taqnyat) == 201
    assert ask(taqnyat, msg="A CASINO for all") == 403
    assert ask(taqnyat, to="a@x.sa,b@x.sa") == 201
    assert ask(taqnyat, to="a@x.sa,b@x.sa,c@x.sa") == 400
    assert ask(taqnyat, sender="news@acme.sa") == 404
    assert ask(taqnyat, to="a@x.sa,b@bad.example") == 302
    assert [ask(taqnyat, subject="poison 1") for _ in range(3)] == [429, 429, 429]
    assert len(taqnyat.calls) == 9


def test_every_kth_call_hangs() -> None:
    taqnyat = Taqnyat({TOKEN}, rules=[Rule("hang", every=3)])
    assert [ask(taqnyat) for _ in range(7)] == [201, 201, None, 201, 201, None, 201]
