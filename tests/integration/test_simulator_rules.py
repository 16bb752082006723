"""The simulator under load and money: rate limits, answers by content, turns, and the balance."""

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from local.simulator import FieldError, Simulator

TOKEN = "made-up-token"
MAIL = {
    "campaignName": "transactional",
    "subject": "Hello",
    "from": "shop@acme.sa",
    "to": "a@example.com",
    "msg": "<p>Hello</p>",
}
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(token=TOKEN) as running:
        yield running


def _call(
    simulator: Simulator,
    method: str,
    path: str,
    body: str | None = None,
    headers: dict[str, str] | None = None,
) -> tuple[int, Any, str | None]:
    url = urlsplit(simulator.base_url)
    connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=5)
    with closing(connection):
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        text = answer.read().decode("utf-8", "replace")
        return answer.status, text, answer.headers["Retry-After"]


def _send(simulator: Simulator, sender: str = MAIL["from"], **changes: str) -> int:
    return _answer(simulator, {"from": sender, **changes})[0]


def _answer(simulator: Simulator, changes: dict[str, str]) -> tuple[int, Any, str | None]:
    form = urlencode({**MAIL, "bearerTokens": TOKEN, **changes})
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return _call(simulator, "POST", "/mailSend.php", form, headers)


def _for_a_while(simulator: Simulator, seconds: float) -> Counter[int]:
    end = time.monotonic() + seconds
    statuses: Counter[int] = Counter()
    while time.monotonic() < end:
        statuses[_send(simulator)] += 1
    return statuses


def test_a_hard_limit_lets_a_second_through_and_then_its_rate(simulator: Simulator) -> None:
    simulator.account(limit={"per_second": 20})
    statuses = _for_a_while(simulator, 1)
    assert 20 <= statuses[201] <= 42
    assert statuses[429] == simulator.calls()["by_answer"]["limited"] > 0
    assert statuses[201] == len(simulator.inbox())
    simulator.account(limit=None)
    assert _send(simulator) == 201


def test_a_limit_changes_while_mails_come(simulator: Simulator) -> None:
    simulator.account(limit={"per_second": 10_000})
    assert [_send(simulator) for _ in range(30)] == [201] * 30
    simulator.account(limit={"per_second": 0.1})
    assert [_send(simulator) for _ in range(3)] == [201, 429, 429]


def test_a_window_says_when_the_next_begins(simulator: Simulator) -> None:
    simulator.account(limit={"per_second": 0.05, "window": 60, "retry_after": True})
    answers = [_answer(simulator, {}) for _ in range(8)]
    assert [status for status, _, _ in answers].count(201) in (3, 6)  # a window may have ended
    waits = {int(after) for status, _, after in answers if status == 429 and after}
    assert waits
    assert max(waits) <= 60
    simulator.account(limit={"per_second": 0.05, "window": 60})
    assert {after for _, _, after in (_answer(simulator, {}) for _ in range(8))} == {None}


def test_answers_by_content(simulator: Simulator) -> None:
    simulator.script(
        {"answer": "status:403", "word": "Casino"},
        {"answer": "code:3", "more_than": 2},
        {"answer": "status:404", "from": "news@*"},
        {"answer": "redirect:http://127.0.0.1:9/", "to": "*@bad.example"},
        {"answer": "status:429", "subject": "*reset*"},
    )
    assert _send(simulator) == 201
    assert _send(simulator, msg="the CASINO is open") == 403
    assert _send(simulator, subject="casino") == 201
    assert _send(simulator, to="a@x.sa,b@x.sa") == 201
    status, text, _ = _answer(simulator, {"to": "a@x.sa,b@x.sa,c@x.sa"})
    assert (status, '"ErrorCode":3' in text) == (400, True)
    assert _send(simulator, "news@acme.sa") == 404
    assert _send(simulator, to="a@x.sa,b@bad.example") == 302
    assert [_send(simulator, subject="Password reset") for _ in range(3)] == [429] * 3
    assert len(simulator.inbox()) == 3


def test_every_kth_call_of_those_that_a_rule_is_for(simulator: Simulator) -> None:
    simulator.script({"answer": "status:500", "every": 3, "subject": "x*", "times": 2})
    answers = [_send(simulator, subject="x1") for _ in range(2)]
    assert [*answers, _send(simulator)] == [201, 201, 201]
    assert [_send(simulator, subject="x1") for _ in range(5)] == [500, 201, 201, 500, 201]
    assert _call(simulator, "GET", "/script")[1] == '{"rules": []}'


def test_every_other_call_hangs(simulator: Simulator) -> None:
    simulator.script({"answer": "hang", "every": 2})
    threads = [threading.Thread(target=_send_and_wait, args=(simulator,)) for _ in range(6)]
    for thread in threads:
        thread.start()
    _until(lambda: simulator.calls()["total"] == 6)
    assert simulator.calls()["by_answer"] == {"hang": 3, "success": 3}
    simulator.stop()
    for thread in threads:
        thread.join(5)


def test_the_balance_drains_by_price_and_recipients(simulator: Simulator) -> None:
    simulator.account(balance=10, price="0.75")
    _send(simulator, to="a@x.sa,b@x.sa,c@x.sa")
    _send(simulator)
    status, text, _ = _call(simulator, "GET", "/account/balance", headers=BEARER)
    assert (status, json.loads(text)["balance"]) == (200, "7.000")
    said = json.loads(text)
    assert set(said) == {"statusCode", "accountStatus", "accountExpiryDate", "balance", "currency"}
    datetime.strptime(said["accountExpiryDate"], "%d-%m-%Y")  # noqa: DTZ007 - a day
    assert simulator.calls()["balance_calls"] == {"header": 1}
    assert simulator.account()["spent"] == "3"


def test_an_endless_balance_falls_by_what_is_spent(simulator: Simulator) -> None:
    before = _balance(simulator)
    _send(simulator, to="a@x.sa,b@x.sa")
    assert before - _balance(simulator) == 2


def test_the_balance_lies_and_expires(simulator: Simulator) -> None:
    simulator.account(balance=1, shown_balance="2044", expires="23-08-2021", status="suspended")
    _send(simulator)
    said = json.loads(_call(simulator, "GET", "/account/balance", headers=BEARER)[1])
    assert said["balance"] == "2044.000"
    assert (said["accountExpiryDate"], said["accountStatus"]) == ("23-08-2021", "suspended")
    simulator.account(shown_balance=None)
    assert _balance(simulator) == 0


@pytest.mark.parametrize(
    ("rule", "status"),
    [
        ({"answer": "status:403"}, 403),
        ({"answer": "unreadable"}, 200),
        ({"answer": "empty"}, 200),
        ({"answer": "code:104"}, 400),
    ],
)
def test_the_balance_is_refused_or_cannot_be_read(
    simulator: Simulator, rule: dict[str, Any], status: int
) -> None:
    simulator.script({"target": "balance", **rule})
    said = _call(simulator, "GET", "/account/balance", headers=BEARER)
    assert said[0] == status
    assert "balance" not in said[1]
    assert _send(simulator) == 201


def test_the_balance_wants_the_token(simulator: Simulator) -> None:
    wrong = {"Authorization": "Bearer wrong"}
    for headers in ({}, wrong):
        said = _call(simulator, "GET", "/account/balance", headers=headers)
        assert (said[0], json.loads(said[1])["message"]) == (401, "Invalid ApiKey")
    assert _call(simulator, "POST", "/account/balance")[0] == 405


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"limit": 20}, "limit"),
        ({"limit": {}}, "limit.per_second"),
        ({"limit": {"per_second": 0}}, "limit.per_second"),
        ({"limit": {"per_second": 5, "window": 0}}, "limit.window"),
        ({"limit": {"per_second": 5, "burst": 1}}, "limit.burst"),
        ({"limit": {"per_second": 5, "retry_after": 3}}, "limit.retry_after"),
        ({"shown_balance": "much"}, "shown_balance"),
    ],
)
def test_a_wrong_account_is_told_which_field(
    simulator: Simulator, change: dict[str, Any], field: str
) -> None:
    with pytest.raises(FieldError) as raised:
        simulator.account(**change)
    assert raised.value.field == field


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        ({"answer": "hang", "every": 0}, "rules[0].every"),
        ({"answer": "hang", "word": ""}, "rules[0].word"),
        ({"answer": "hang", "more_than": "ten"}, "rules[0].more_than"),
        ({"answer": "cut_request", "word": "x"}, "rules[0].word"),
        ({"answer": "cut_request", "every": 2}, "rules[0].every"),
        ({"answer": "affected", "target": "balance"}, "rules[0].answer"),
    ],
)
def test_a_wrong_rule_is_told_which_field(
    simulator: Simulator, rule: dict[str, Any], field: str
) -> None:
    with pytest.raises(FieldError) as raised:
        simulator.script(rule)
    assert raised.value.field == field


def _balance(simulator: Simulator) -> Decimal:
    said = _call(simulator, "GET", "/account/balance", headers=BEARER)[1]
    return Decimal(json.loads(said)["balance"])


def _send_and_wait(simulator: Simulator) -> None:
    try:
        _send(simulator)
    except (http.client.HTTPException, OSError):
        return


def _until(condition: Any) -> None:  # noqa: ANN401 - any callable
    end = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)
