"""The Taqnyat simulator over HTTP: what it answers, what it remembers, how it misbehaves."""

import http.client
import json
import re
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from local.simulator import Simulator, guide
from local.simulator.guide import SAMPLES

TOKEN = "made-up-token"
MAIL = {
    "campaignName": "transactional",
    "subject": "مرحبا",
    "from": "shop@acme.sa",
    "to": "a@example.com,b@example.com",
    "msg": "<html><body><b>أهلا</b></body></html>",
}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(token=TOKEN) as running:
        yield running


class Answer:
    """Status, headers and body of one answer."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()
        self.text = self.body.decode("utf-8", "replace")

    def json(self) -> Any:  # noqa: ANN401 - JSON
        return json.loads(self.body)


def _connect(simulator: Simulator, timeout: float = 5) -> http.client.HTTPConnection:
    url = urlsplit(simulator.base_url)
    return http.client.HTTPConnection(url.hostname or "", url.port, timeout=timeout)


def _call(
    simulator: Simulator,
    method: str,
    path: str,
    body: str | bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    with closing(_connect(simulator)) as connection:
        connection.request(method, path, body, dict(headers or {}))
        return Answer(connection.getresponse())


def _form(**changes: str | None) -> str:
    fields = {**MAIL, "bearerTokens": TOKEN, **changes}
    return urlencode({name: value for name, value in fields.items() if value is not None})


def _send(simulator: Simulator, **changes: str | None) -> Answer:
    return _call(simulator, "POST", "/mailSend.php", _form(**changes), FORM)


def _post(simulator: Simulator, path: str, value: object, method: str = "POST") -> Answer:
    return _call(simulator, method, path, json.dumps(value))


def _code(answer: Answer) -> int:
    found = re.search(r'"ErrorCode":(\d+)', answer.text)
    assert found is not None
    return int(found[1])


def test_a_form_is_accepted_with_the_malformed_answer_of_the_guide(simulator: Simulator) -> None:
    answer = _send(simulator)
    assert (answer.status, answer.text) == (201, guide.success(202, "2"))
    [mail] = simulator.inbox()
    assert mail["fields"] == MAIL
    assert (mail["n"], mail["msg_id"], mail["auth"]) == (1, 202, "body")
    assert mail["token"]["right"] is True
    assert mail["content_type"] == FORM["Content-Type"]


def test_json_with_a_list_and_a_query_are_accepted_too(simulator: Simulator) -> None:
    fields = {**MAIL, "to": ["a@example.com"], "bearerTokens": TOKEN}
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {TOKEN}"}
    assert _call(simulator, "POST", "/mailSend.php", json.dumps(fields), headers).status == 201
    assert _call(simulator, "GET", f"/mailSend.php?{_form()}").status == 201
    by_json, by_query = simulator.inbox()
    assert by_json["fields"]["to"] == ["a@example.com"]
    assert by_query["fields"] == MAIL
    assert (by_json["auth"], by_query["auth"]) == ("body+header", "query")


def test_the_token_is_shown_nowhere(simulator: Simulator) -> None:
    _send(simulator)
    _send(simulator, bearerTokens="another-secret")
    pages = [
        _call(simulator, "GET", page).text for page in ("/inbox", "/calls", "/account", "/script")
    ]
    assert not any(TOKEN in page or "another-secret" in page for page in pages)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"bearerTokens": "wrong"}, 104),
        ({"bearerTokens": None}, 104),
        ({"from": None}, 14),
        ({"from": "Shop <shop@acme.sa>"}, 14),
        ({"to": None}, 15),
        ({"to": "a@example.com,"}, 15),
        ({"subject": " "}, 16),
        ({"msg": None}, 17),
    ],
)
def test_what_the_guide_refuses(
    simulator: Simulator, changes: dict[str, str | None], code: int
) -> None:
    answer = _send(simulator, **changes)
    assert (answer.status, _code(answer)) == (400, code)
    assert simulator.inbox() == []


def test_a_missing_campaign_name_is_refused_without_a_code(simulator: Simulator) -> None:
    answer = _send(simulator, campaignName=None)
    assert (answer.status, answer.json()["statusCode"]) == (400, 400)


def test_a_right_token_beside_a_wrong_one_is_refused(simulator: Simulator) -> None:
    headers = {**FORM, "Authorization": "Bearer wrong"}
    assert _code(_call(simulator, "POST", "/mailSend.php", _form(), headers)) == 104


def test_the_account_can_run_dry_and_be_topped_up(simulator: Simulator) -> None:
    assert _post(simulator, "/account", {"balance": 3}).json()["balance"] == 3
    assert _send(simulator).status == 201
    assert _code(_send(simulator)) == 3
    assert _send(simulator, to="a@example.com").status == 201
    assert _code(_send(simulator, to="a@example.com")) == 2
    _post(simulator, "/account", {"balance": None, "price": "0.05"})
    assert '"price":"0.1"' in _send(simulator).text


def test_the_account_can_be_blocked_in_each_way(simulator: Simulator) -> None:
    for change, code in (
        ({"senders": ["*@other.sa"]}, 14),
        ({"ip_allowed": False}, 102),
        ({"enabled": False}, 101),
        ({"token": "rotated"}, 104),
    ):
        _post(simulator, "/account", change)
        answer = _send(simulator)
        assert _code(answer) == code
        assert code != 102 or "this ip 127.0.0.1 Not" in answer.text
    assert "token" not in _call(simulator, "GET", "/account").json()


@pytest.mark.parametrize(
    ("page", "body", "field"),
    [
        ("/account", {"balanse": 1}, "balanse"),
        ("/account", {"balance": "much"}, "balance"),
        ("/account", {"enabled": 1}, "enabled"),
        ("/account", [], "body"),
        ("/script", {}, "rules"),
        ("/script", {"rules": ["hang"]}, "rules[0]"),
        ("/script", {"rules": [{}]}, "rules[0].answer"),
        ("/script", {"rules": [{"answer": "hang"}, {"answer": "hangs"}]}, "rules[1].answer"),
        ("/script", {"rules": [{"answer": "code:x"}]}, "rules[0].answer"),
        ("/script", {"rules": [{"answer": "status:1000"}]}, "rules[0].answer"),
        ("/script", {"rules": [{"answer": "guide:none"}]}, "rules[0].answer"),
        ("/script", {"rules": [{"answer": "redirect:there"}]}, "rules[0].answer"),
        ("/script", {"rules": [{"answer": "slow:long"}]}, "rules[0].answer"),
        ("/script", {"rules": [{"answer": "hang", "times": 0}]}, "rules[0].times"),
        ("/script", {"rules": [{"answer": "hang", "to": 5}]}, "rules[0].to"),
        ("/script", {"rules": [{"answer": "hang", "foo": 5}]}, "rules[0].foo"),
        ("/script", {"rules": [{"answer": "hang", "target": "x"}]}, "rules[0].target"),
        ("/script", {"rules": [{"answer": "cut_request", "to": "a*"}]}, "rules[0].to"),
        ("/script", {"rules": [{"answer": "hang"}] * 201}, "rules"),
    ],
)
def test_a_wrong_steering_call_is_told_which_field(
    simulator: Simulator, page: str, body: object, field: str
) -> None:
    answer = _post(simulator, page, body)
    assert (answer.status, answer.json()["field"]) == (400, field)
    assert _call(simulator, "GET", "/script").json() == {"rules": []}


def test_a_steering_call_that_is_not_json(simulator: Simulator) -> None:
    answer = _call(simulator, "POST", "/script", "{")
    assert (answer.status, answer.json()["field"]) == (400, "body")


def test_rules_act_by_recipient_and_for_a_number_of_calls(simulator: Simulator) -> None:
    shown = _post(
        simulator,
        "/script",
        {
            "rules": [
                {"answer": "code:14", "to": "B@*"},
                {"answer": "status:503", "times": 2, "retry_after": 7},
            ]
        },
    ).json()
    assert [rule["answer"] for rule in shown["rules"]] == ["code:14", "status:503"]
    assert _code(_send(simulator)) == 14
    one = {"to": "a@example.com"}
    answers = [_send(simulator, **one) for _ in range(3)]
    assert [answer.status for answer in answers] == [503, 503, 201]
    assert answers[0].headers["Retry-After"] == "7"
    left = _call(simulator, "GET", "/script").json()["rules"]
    assert left == [{"answer": "code:14", "to": "B@*", "times": None}]
    _call(simulator, "DELETE", "/script")
    assert _send(simulator).status == 201


def test_the_newest_rules_count_and_put_replaces_all(simulator: Simulator) -> None:
    _post(simulator, "/script", {"rules": [{"answer": "status:500"}]})
    _post(simulator, "/script", {"rules": [{"answer": "status:502", "times": 1}]})
    assert [_send(simulator).status for _ in range(2)] == [502, 500]
    _post(simulator, "/script", {"rules": [{"answer": "success_json"}]}, "PUT")
    assert _send(simulator).json()["Data"]["price"] == "2"


def test_a_date_and_nonsense_in_retry_after(simulator: Simulator) -> None:
    for value in ("Wed, 21 Oct 2026 07:28:00 GMT", "soon"):
        simulator.script({"answer": "status:429", "retry_after": value})
        assert _send(simulator).headers["Retry-After"] == value


@pytest.mark.parametrize("name", SAMPLES)
def test_each_sample_of_the_guide_byte_for_byte(simulator: Simulator, name: str) -> None:
    simulator.script(f"guide:{name}")
    answer = _send(simulator)
    assert (answer.status, answer.text) == (SAMPLES[name].http_status, SAMPLES[name].body)


@pytest.mark.parametrize(
    ("answer", "status", "accepted"),
    [
        ("success", 201, 1),
        ("invalid_json_success", 201, 1),
        ("empty", 201, 1),
        ("unreadable", 201, 1),
        ("deep_json", 201, 1),
        ("bad_utf8", 201, 1),
        ("gzip", 201, 1),
        ("long_header", 201, 1),
        ("many_headers", 201, 1),
        ("status:204", 204, 1),
        ("header_injection", 503, 0),
        ("code:2", 400, 0),
        ("code:999", 400, 0),
        ("status:405", 405, 0),
        ("status:410", 410, 0),
        ("accept_then_500", 500, 1),
        ("redirect:http://127.0.0.1:9/", 302, 0),
        ("slow:0.01", 201, 1),
    ],
)
def test_status_line_and_books_of_each_answer(
    simulator: Simulator, answer: str, status: int, accepted: int
) -> None:
    simulator.script(answer)
    url = urlsplit(simulator.base_url)
    with socket.create_connection((url.hostname, url.port), timeout=5) as connection:
        body = _form().encode()
        host = f"Host: {url.netloc}\r\n"
        head = f"POST /mailSend.php HTTP/1.1\r\n{host}Content-Length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body)
        assert connection.recv(1 << 16).startswith(f"HTTP/1.1 {status} ".encode())
    assert len(simulator.inbox()) == accepted
    calls = simulator.calls()
    assert (calls["total"], calls["accepted"]) == (1, accepted)
    assert calls["calls"][0]["http_status"] == status
    assert calls["calls"][0]["accepted"] is bool(accepted)


def test_a_fail_envelope_under_a_success_status_and_other_bodies(simulator: Simulator) -> None:
    simulator.script({"answer": "code:3", "status": 200, "valid_json": True, "times": 1})
    answer = _send(simulator)
    assert (answer.status, answer.json()["Error"]["ErrorCode"]) == (200, 3)
    body = '{"message": "402", "reason": "x"}'
    simulator.script({"answer": "status:200", "body": body, "accept": False})
    assert _send(simulator).text == body
    assert simulator.inbox() == []


@pytest.mark.parametrize(
    ("answer", "accepted"),
    [
        ("cut", 0),
        ("cut_before", 0),
        ("reset", 0),
        ("accept_then_cut", 1),
        ("accept_then_reset", 1),
        ("cut_while", 1),
        ("not_http", 0),
    ],
)
def test_a_connection_that_breaks(simulator: Simulator, answer: str, accepted: int) -> None:
    simulator.script(answer)
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        _send(simulator)
    assert len(simulator.inbox()) == accepted


def test_a_connection_that_breaks_before_the_mail_is_read(simulator: Simulator) -> None:
    simulator.script("cut_request")
    url = urlsplit(simulator.base_url)
    with socket.create_connection((url.hostname, url.port), timeout=5) as connection:
        connection.sendall(
            b"POST /mailSend.php HTTP/1.1\r\nHost: "
            + url.netloc.encode()
            + b"\r\nContent-Length: 9999999\r\n\r\n"
        )
        with pytest.raises(ConnectionResetError):
            connection.recv(1)


def test_a_connection_that_is_closed_after_the_answer(simulator: Simulator) -> None:
    simulator.script({"answer": "cut_after", "times": 1})
    with closing(_connect(simulator)) as connection:
        connection.request("POST", "/mailSend.php", _form(), FORM)
        assert Answer(connection.getresponse()).status == 201
        with pytest.raises((http.client.HTTPException, ConnectionError)):
            _again(connection)
    assert len(simulator.inbox()) == 1


@pytest.mark.parametrize("answer", ["drip", "drip_headers"])
def test_a_drip_that_is_fast_enough_arrives(simulator: Simulator, answer: str) -> None:
    simulator.script({"answer": answer, "interval": 0.0001})
    assert _send(simulator).text == guide.success(202, "2")


@pytest.mark.parametrize("answer", ["hang", "accept_then_hang", "drip", "drip_headers", "slow:60"])
def test_it_stops_within_a_second_whatever_hangs(answer: str) -> None:
    with Simulator(token=TOKEN) as simulator:
        simulator.script(answer)
        with closing(_connect(simulator)) as connection:
            connection.request("POST", "/mailSend.php", _form(), FORM)
            _until(lambda: simulator.calls()["total"] == 1)
            begin = time.monotonic()
            simulator.stop()
            assert time.monotonic() - begin < 1
            with pytest.raises((http.client.HTTPException, ConnectionError)):
                Answer(connection.getresponse())


def test_a_caller_that_goes_away_ends_a_hang(simulator: Simulator) -> None:
    simulator.script("hang")
    with closing(_connect(simulator)) as connection:
        connection.request("POST", "/mailSend.php", _form(), FORM)
        _until(lambda: simulator.calls()["running"] == 1)
    _until(lambda: simulator.calls()["running"] == 0)


@pytest.mark.parametrize(("answer", "at_least"), [("huge", 50_000_000), ("gzip_bomb", 40_000)])
def test_bombs_are_as_big_as_asked(simulator: Simulator, answer: str, at_least: int) -> None:
    simulator.script({"answer": answer, "size": 50_000_000})
    assert len(_send(simulator).body) >= at_least


def test_the_status_in_every_shape(simulator: Simulator) -> None:
    def status(rule: dict[str, Any] | None = None) -> Answer:
        simulator.clear_script()
        if rule:
            simulator.script({"target": "status", **rule})
        return _call(simulator, "GET", "/system/status")

    assert status().text == SAMPLES["status_operational"].body
    assert status({"answer": "operational", "valid_json": True}).status == 200
    assert status({"answer": "affected"}).json()["status"]["service"] == "mail"
    assert status({"answer": "affected_list"}).json()["status"][0]["service"] == "mail"
    assert status({"answer": "operational_list"}).json()["status"][0]["service"] == "none"
    assert status({"answer": "method_not_allowed"}).json()["statusCode"] == 405
    assert status({"answer": "unreadable"}).text.startswith("<!DOCTYPE")
    assert status({"answer": "status:500"}).status == 500
    with pytest.raises(http.client.HTTPException):
        status({"answer": "cut"})
    assert simulator.calls()["status_calls"] == 9
    assert simulator.calls()["total"] == 0
    assert _send(simulator).status == 201


def test_other_methods_and_paths(simulator: Simulator) -> None:
    assert _call(simulator, "PUT", "/mailSend.php").text == SAMPLES["method_not_allowed"].body
    assert _call(simulator, "POST", "/system/status").status == 405
    assert _call(simulator, "GET", "/elsewhere").status == 404
    assert _call(simulator, "POST", "/inbox").status == 405


def test_the_inbox_by_recipient_after_a_number_and_emptied(simulator: Simulator) -> None:
    for to in ("a@example.com", "b@example.com", "a@example.com"):
        _send(simulator, to=to)
    page = _call(simulator, "GET", "/inbox?to=a@example.com&after=1").json()
    assert [mail["n"] for mail in page["mails"]] == [3]
    assert len(_call(simulator, "GET", "/inbox?limit=2").json()["mails"]) == 2
    assert _call(simulator, "GET", "/inbox?limit=x").json()["field"] == "limit"
    assert _call(simulator, "DELETE", "/inbox").json()["mails"] == []
    assert simulator.calls()["total"] == 0


def test_a_hundred_connections_at_once_each_accepted_once(simulator: Simulator) -> None:
    simulator.script("slow:0.2")
    with ThreadPoolExecutor(100) as pool:
        answers = list(pool.map(lambda n: _send(simulator, to=f"u{n}@x.sa"), range(100)))
    assert {answer.status for answer in answers} == {201}
    assert {mail["fields"]["to"] for mail in simulator.inbox()} == {
        f"u{n}@x.sa" for n in range(100)
    }
    assert simulator.calls()["most_running"] > 50
    assert len({mail["msg_id"] for mail in simulator.inbox()}) == 100


def test_a_balance_is_not_overdrawn_by_many_at_once(simulator: Simulator) -> None:
    simulator.account(balance=10)
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda _: _send(simulator, to="a@example.com"), range(40)))
    assert len(simulator.inbox()) == 10


def test_keep_alive(simulator: Simulator) -> None:
    with closing(_connect(simulator)) as connection:
        for _ in range(3):
            connection.request("POST", "/mailSend.php", _form(), FORM)
            assert Answer(connection.getresponse()).status == 201
            assert connection.sock is not None


def test_a_body_that_is_too_long_or_of_unknown_length(simulator: Simulator) -> None:
    length = {"Content-Length": str(1 << 30)}
    assert _call(simulator, "POST", "/mailSend.php", headers=length).status == 413
    with closing(_connect(simulator)) as connection:
        connection.putrequest("POST", "/mailSend.php")
        connection.putheader("Transfer-Encoding", "chunked")
        connection.endheaders()
        assert connection.getresponse().status == 411


def test_observers_are_told(simulator: Simulator) -> None:
    events: list[str] = []
    simulator.observe(lambda event: events.append(event["event"]))
    _send(simulator)
    simulator.script("hang")
    simulator.account(balance=1)
    assert events == ["mail", "call", "script", "account"]


def test_it_starts_in_milliseconds_and_leaves_no_thread() -> None:
    before = threading.active_count()
    begin = time.monotonic()
    with Simulator() as simulator:
        assert time.monotonic() - begin < 0.1
        assert simulator.token
        _call(simulator, "GET", "/inbox")
    _until(lambda: threading.active_count() == before)


def _again(connection: http.client.HTTPConnection) -> None:
    connection.request("POST", "/mailSend.php", _form(), FORM)
    connection.getresponse()


def _until(condition: Any) -> None:  # noqa: ANN401 - any callable
    end = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)
