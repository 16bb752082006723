"""The client against the simulator of Taqnyat: each of its answers, and what arrived there."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from taqnyat import (
    BearerToken,
    Letter,
    Outcome,
    Scope,
    TaqnyatClient,
    Transport,
    Verdict,
)

from local.simulator import Simulator

TOKEN = "made-up-token+/="
SUBJECT = "\u2067طلبك رقم 1042\u2069 \N{PARTY POPPER} & 100% + ="
MESSAGE = '<p dir="rtl">أهلا\u200f\r\n\t"مرحبا"</p>' + "م" * 50_000


class Secrets:
    def __init__(self) -> None:
        self.token = TOKEN
        self.reads = 0

    def get_secret_value(self, *, SecretId: str) -> Any:  # noqa: N803, ANN401, ARG002
        self.reads += 1
        return {"SecretString": self.token}


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(token=TOKEN) as running:
        yield running


@pytest.fixture
def secrets() -> Secrets:
    return Secrets()


def client_of(simulator: Simulator, secrets: Secrets, encoding: str = "form") -> TaqnyatClient:
    return TaqnyatClient(
        Transport(simulator.base_url, 5), BearerToken(secrets, "arn", 300), encoding
    )


def letter(*recipients: str) -> Letter:
    return Letter("shop@acme.sa", recipients or ("a@example.com",), SUBJECT, MESSAGE, "ربيع")


def send(client: TaqnyatClient, seconds: float = 10) -> Outcome:
    began = time.monotonic()
    outcome = client.send(letter(), time.time() + seconds)
    assert time.monotonic() - began < seconds + 0.5
    return outcome


@pytest.mark.parametrize(
    ("encoding", "content_type", "to"),
    [
        ("form", "application/x-www-form-urlencoded", "a@example.com,b@example.com"),
        ("json", "application/json", ["a@example.com", "b@example.com"]),
    ],
)
def test_a_letter_arrives_to_the_byte(
    simulator: Simulator, secrets: Secrets, encoding: str, content_type: str, to: object
) -> None:
    client = client_of(simulator, secrets, encoding)
    outcome = client.send(letter("a@example.com", "b@example.com"), time.time() + 10)
    assert (outcome.verdict, outcome.msg_id, outcome.price) == (Verdict.SENT, "202", "2")
    [mail] = simulator.inbox()
    assert mail["fields"] == {
        "campaignName": "ربيع",
        "subject": SUBJECT,
        "from": "shop@acme.sa",
        "to": to,
        "msg": MESSAGE,
    }
    assert (mail["auth"], mail["content_type"]) == ("body+header", content_type)
    assert mail["token"]["right"] is True


ACCOUNT = (Verdict.RETRYABLE, Scope.ACCOUNT)
EITHER = (Verdict.RETRYABLE, Scope.EITHER)
RATE = (Verdict.RETRYABLE, Scope.RATE)
PROVIDER = (Verdict.RETRYABLE, Scope.PROVIDER)
TERMINAL = (Verdict.TERMINAL, Scope.MAIL)
SENT = (Verdict.SENT, Scope.MAIL)
UNKNOWN = (Verdict.UNKNOWN, Scope.PROVIDER)


@pytest.mark.parametrize(
    ("answer", "expected", "reason"),
    [
        ("success", SENT, "sent"),
        ("success_json", SENT, "sent"),
        ("bad_utf8", SENT, "sent"),
        ("gzip", SENT, "sent"),
        ("cut_after", SENT, "sent"),
        ("code:2", ACCOUNT, "balance_empty"),
        ("code:3", EITHER, "balance_too_low"),
        ("guide:error_3", ACCOUNT, "balance_empty"),
        ("code:14", TERMINAL, "sender_refused"),
        ("code:15", TERMINAL, "recipients_refused"),
        ("code:16", TERMINAL, "subject_refused"),
        ("code:17", TERMINAL, "message_refused"),
        ("code:101", ACCOUNT, "api_disabled"),
        ("code:102", ACCOUNT, "ip_refused"),
        ("code:104", ACCOUNT, "token_refused"),
        ("code:999", TERMINAL, "unknown_code"),
        ("status:400", TERMINAL, "unknown_code"),
        ("status:401", EITHER, "token_refused"),
        ("status:403", EITHER, "token_refused"),
        ("status:404", EITHER, "wrong_endpoint"),
        ("method_not_allowed", EITHER, "wrong_endpoint"),
        ("redirect:http://127.0.0.1:9/", EITHER, "wrong_endpoint"),
        ("status:408", PROVIDER, "provider_timeout"),
        ("status:429", RATE, "rate_limited"),
        ("status:503", PROVIDER, "provider_unavailable"),
        ("accept_then_500", UNKNOWN, "provider_error"),
        ("empty", UNKNOWN, "unreadable_answer"),
        ("unreadable", UNKNOWN, "unreadable_answer"),
        ("deep_json", UNKNOWN, "unreadable_answer"),
        ("huge", UNKNOWN, "unreadable_answer"),
        ("gzip_bomb", UNKNOWN, "unreadable_answer"),
        ("header_injection", UNKNOWN, "unreadable_answer"),
        ("cut", UNKNOWN, "connection_lost"),
        ("reset", UNKNOWN, "connection_lost"),
        ("accept_then_reset", UNKNOWN, "connection_lost"),
        ("long_header", UNKNOWN, "unreadable_answer"),
        ("many_headers", UNKNOWN, "connection_lost"),
        ("not_http", UNKNOWN, "connection_lost"),
    ],
)
def test_each_answer_has_its_verdict(
    simulator: Simulator,
    secrets: Secrets,
    answer: str,
    expected: tuple[Verdict, Scope],
    reason: str,
) -> None:
    simulator.script(answer)
    outcome = send(client_of(simulator, secrets))
    assert ((outcome.verdict, outcome.scope), outcome.reason) == (expected, reason)
    assert outcome.ip == ("127.0.0.1" if reason == "ip_refused" else None)
    if outcome.verdict is Verdict.RETRYABLE or outcome.verdict is Verdict.TERMINAL:
        assert simulator.inbox() == []
    assert simulator.calls()["total"] == 1


@pytest.mark.parametrize("answer", ["hang", "accept_then_hang", "drip", "drip_headers", "slow:60"])
def test_an_answer_that_does_not_come_is_unknown_in_time(
    simulator: Simulator, secrets: Secrets, answer: str
) -> None:
    simulator.script({"answer": answer, "interval": 0.05})
    assert send(client_of(simulator, secrets), 0.5).reason == "timeout"


def test_a_rotated_token_is_read_again_once_for_all(simulator: Simulator, secrets: Secrets) -> None:
    client = client_of(simulator, secrets)
    send(client)
    simulator.account(token="rotated")
    secrets.token = "rotated"
    with ThreadPoolExecutor(10) as pool:
        outcomes = list(pool.map(lambda _: send(client), range(10)))
    assert {outcome.verdict for outcome in outcomes} == {Verdict.SENT}
    assert len(simulator.inbox()) == 11
    assert secrets.reads == 2


def test_the_account_is_asked_by_a_letter_that_is_never_accepted(
    simulator: Simulator, secrets: Secrets
) -> None:
    client = client_of(simulator, secrets)
    assert client.ask_account(time.time() + 10).code in {14, 15, 16, 17}
    simulator.account(token="other")
    assert client.ask_account(time.time() + 10).reason == "token_refused"
    assert simulator.inbox() == []


@pytest.mark.parametrize(
    ("rule", "up"),
    [
        (None, True),
        ({"answer": "operational", "valid_json": True}, True),
        ({"answer": "operational_list"}, True),
        ({"answer": "affected"}, False),
        ({"answer": "affected_list"}, False),
        ({"answer": "method_not_allowed"}, False),
        ({"answer": "unreadable"}, False),
        ({"answer": "status:500"}, False),
        ({"answer": "cut"}, False),
    ],
)
def test_the_system_status(
    simulator: Simulator, secrets: Secrets, rule: dict[str, Any] | None, *, up: bool
) -> None:
    if rule is not None:
        simulator.script({"target": "status", **rule})
    status = client_of(simulator, secrets).system_status(time.time() + 10)
    assert status.up is up
    assert 0 < status.seconds < 10
    assert secrets.reads == 0
