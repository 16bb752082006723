"""What goes to Taqnyat, byte for byte, and what is made of its answers."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError
from taqnyat import (
    BearerToken,
    Fault,
    Letter,
    Outcome,
    Scope,
    TaqnyatClient,
    Verdict,
)
from taqnyat.transport import Answer

from local.simulator import guide
from local.simulator.guide import SAMPLES

LETTER = Letter(
    sender="shop@acme.sa",
    recipients=("nora@example.com", "o'brien+a@example.com"),
    subject="مرحبا & 100% = \N{PARTY POPPER}",
    message='<p dir="rtl">أهلا\r\n\t+1 "x"</p>',
    campaign="spring sale",
)
SENT = guide.success(202, "0.1").encode()
REFUSED = guide.failure(104).encode()


@dataclass
class Request:
    method: str
    path: str
    deadline: float
    body: bytes | None
    headers: Mapping[str, str]


@dataclass
class Wire:
    """A transport that gives prepared answers and keeps what it was asked."""

    answers: list[Answer]
    requests: list[Request] = field(default_factory=list)
    kept: list[bool] = field(default_factory=list)

    def request(
        self,
        method: str,
        path: str,
        deadline: float,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        keep: Callable[[Answer], bool] | None = None,
    ) -> Answer:
        assert (keep is None) == (method == "GET")
        self.requests.append(Request(method, path, deadline, body, headers or {}))
        found = self.answers.pop(0)
        self.kept += [keep(found)] if keep else []
        return found


@dataclass
class Secrets:
    """A secret that holds each of these values in turn; an error is raised."""

    values: list[object]
    reads: int = 0

    def get_secret_value(self, *, SecretId: str) -> Any:  # noqa: N803, ANN401, ARG002
        value = self.values[min(self.reads, len(self.values) - 1)]
        self.reads += 1
        return {"SecretString": value}


def client_of(
    answers: list[Answer], *, secret: tuple[object, ...] = ("T1",), encoding: str = "form"
) -> tuple[TaqnyatClient, Wire, Secrets]:
    wire, secrets = Wire(answers), Secrets(list(secret))
    token = BearerToken(secrets, "arn", 300)
    return TaqnyatClient(wire, token, encoding), wire, secrets  # type: ignore[arg-type]


def answer(status: int | None, body: bytes, **fields: Any) -> Answer:  # noqa: ANN401
    return Answer(status, body, 0.1, **fields)


def test_the_form_byte_for_byte() -> None:
    client, wire, _ = client_of([answer(201, SENT)])
    outcome = client.send(LETTER, 123.0)
    assert (outcome.verdict, outcome.msg_id, outcome.price) == (Verdict.SENT, "202", "0.1")
    [request] = wire.requests
    assert (request.method, request.path, request.deadline) == ("POST", "/mailSend.php", 123.0)
    assert request.headers == {
        "Authorization": "Bearer T1",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    assert request.body == (
        b"bearerTokens=T1"
        b"&campaignName=spring+sale"
        b"&subject=%D9%85%D8%B1%D8%AD%D8%A8%D8%A7+%26+100%25+%3D+%F0%9F%8E%89"
        b"&from=shop%40acme.sa"
        b"&to=nora%40example.com%2Co%27brien%2Ba%40example.com"
        b"&msg=%3Cp+dir%3D%22rtl%22%3E%D8%A3%D9%87%D9%84%D8%A7%0D%0A%09%2B1+%22x%22%3C%2Fp%3E"
    )


def test_json_with_the_recipients_as_an_array() -> None:
    client, wire, _ = client_of([answer(201, SENT)], encoding="json")
    client.send(LETTER, 123.0)
    [request] = wire.requests
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["Authorization"] == "Bearer T1"
    assert request.body is not None
    assert "مرحبا & 100% = \N{PARTY POPPER}".encode() in request.body
    assert json.loads(request.body) == {
        "bearerTokens": "T1",
        "campaignName": LETTER.campaign,
        "subject": LETTER.subject,
        "from": LETTER.sender,
        "to": list(LETTER.recipients),
        "msg": LETTER.message,
    }


@pytest.mark.parametrize("encoding", ["form", "json"])
def test_the_token_is_in_body_and_header_and_never_in_a_path(encoding: str) -> None:
    client, wire, _ = client_of(
        [answer(201, SENT), answer(200, b"")], secret=("s3cret+/=",), encoding=encoding
    )
    client.send(LETTER, 1.0)
    client.system_status(1.0)
    mail, status = wire.requests
    assert b"s3cret" in (mail.body or b"")
    assert mail.headers["Authorization"] == "Bearer s3cret+/="
    assert (mail.path, status.path) == ("/mailSend.php", "/system/status")
    assert (status.method, status.body, dict(status.headers)) == ("GET", None, {})


def test_a_refused_token_is_sent_again_only_when_it_has_changed() -> None:
    client, wire, secrets = client_of(
        [answer(400, REFUSED), answer(201, SENT)], secret=("T1", "T2")
    )
    assert client.send(LETTER, 1.0).verdict is Verdict.SENT
    assert wire.kept == [False, True]  # a connection is used again after a sent mail alone
    assert [request.headers["Authorization"] for request in wire.requests] == [
        "Bearer T1",
        "Bearer T2",
    ]
    assert secrets.reads == 2


@pytest.mark.parametrize("status", [400, 401, 403])
def test_an_unchanged_token_is_not_sent_again(status: int) -> None:
    client, wire, secrets = client_of([answer(status, b"" if status != 400 else REFUSED)])
    outcome = client.send(LETTER, 1.0)
    scope = Scope.ACCOUNT if status == 400 else Scope.EITHER
    assert (outcome.verdict, outcome.scope) == (Verdict.RETRYABLE, scope)
    assert outcome.reason == "token_refused"
    assert (len(wire.requests), secrets.reads) == (1, 2)


def test_a_second_token_is_the_last_one_tried() -> None:
    client, wire, secrets = client_of(
        [answer(400, REFUSED), answer(400, REFUSED)], secret=("T1", "T2", "T3")
    )
    assert client.send(LETTER, 1.0).reason == "token_refused"
    assert (len(wire.requests), secrets.reads) == (2, 2)


@pytest.mark.parametrize("secret", ["", "{", "not a token"])
def test_a_refused_token_that_cannot_be_read_again_stays_refused(secret: str) -> None:
    client, wire, _ = client_of([answer(400, REFUSED)], secret=("T1", secret))
    outcome = client.send(LETTER, 1.0)
    assert (outcome.scope, outcome.reason, outcome.code) == (Scope.ACCOUNT, "token_refused", 104)
    assert len(wire.requests) == 1


@pytest.mark.parametrize(("secret", "reason"), [("", "token_not_set"), ("{", "token_malformed")])
def test_without_a_token_nothing_is_sent(secret: str, reason: str) -> None:
    client, wire, _ = client_of([], secret=(secret,))
    outcome = client.send(LETTER, 1.0)
    assert (outcome.verdict, outcome.scope) == (Verdict.RETRYABLE, Scope.ACCOUNT)
    assert (outcome.reason, outcome.status) == (reason, None)
    assert wire.requests == []


def test_a_secret_that_is_not_given_is_tried_later() -> None:
    class Silent:
        def get_secret_value(self, **_: object) -> Any:  # noqa: ANN401 - botocore's answer
            raise ReadTimeoutError(endpoint_url="https://secretsmanager")

    wire = Wire([])
    client = TaqnyatClient(wire, BearerToken(Silent(), "arn", 300))  # type: ignore[arg-type]
    outcome = client.send(LETTER, 1.0)
    assert outcome == Outcome(Verdict.RETRYABLE, Scope.PROVIDER, "secret_unavailable")
    assert client.account_balance(1.0).trouble == "secret_unavailable"


def test_an_answer_that_another_letter_had_is_not_believed() -> None:
    other = LETTER._replace(reference="b")
    bodies = [SENT, SENT, guide.success(203, "0.1").encode(), SENT]
    client, _, _ = client_of([answer(201, body) for body in bodies])
    assert client.send(LETTER, 1.0).verdict is Verdict.SENT
    doubtful = Outcome(Verdict.UNKNOWN, Scope.PROVIDER, "answer_of_another_mail", status=201)
    assert client.send(other, 1.0) == doubtful
    assert client.send(other, 1.0).verdict is Verdict.SENT
    assert client.send(LETTER, 1.0).verdict is Verdict.SENT


@pytest.mark.parametrize(
    "echo",
    [
        "<T1>",
        "mail-1:nora@example.com",
        "shop@acme.sa/7",
        "<7.o'brien+a@example.com>",
        "<7-NORA=Example.com@bounces.sa>",
    ],
)
def test_an_id_that_repeats_what_was_sent_is_not_kept(echo: str) -> None:
    body = SENT.replace(b"202", json.dumps(echo).encode())
    client, _, _ = client_of([answer(201, body), answer(201, SENT)], secret=("T1",))
    outcome = client.send(LETTER, 1.0)
    assert (outcome.verdict, outcome.msg_id) in [(Verdict.SENT, None), (Verdict.UNKNOWN, None)]
    assert client.send(LETTER._replace(reference="b"), 1.0).msg_id == "202"


def test_the_account_is_asked_about_with_the_token_as_it_is_now() -> None:
    client, wire, secrets = client_of([answer(201, SENT), answer(400, REFUSED)], secret=("1", "2"))
    client.send(LETTER, 1.0)
    client.ask_account(5.0)
    assert secrets.reads == 3  # and once more, since it was refused
    request = wire.requests[1]
    assert (request.deadline, request.headers["Authorization"]) == (5.0, "Bearer 2")
    assert request.body == b"bearerTokens=2&campaignName=&subject=&from=&to=&msg="


@pytest.mark.parametrize("fault", Fault)
def test_a_fault_is_classified(fault: Fault) -> None:
    client, wire, secrets = client_of([answer(None, b"", fault=fault)])
    outcome = client.send(LETTER, 1.0)
    assert outcome.reason == fault.value
    assert (len(wire.requests), secrets.reads) == (1, 1)


@pytest.mark.parametrize(
    ("given", "least", "most"),
    [
        ("0", 0, 0),
        ("7", 7, 7),
        (" 30 ", 30, 30),
        ("0000000000000005", 5, 5),
        ("900", 900, 900),
        ("901", 900, 900),
        ("9" * 5000, 900, 900),
        ("1.5", 1.5, 1.5),
        ("7, 120", 120, 120),
        ("120 ,7.5,7", 120, 120),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0, 0),
        ("Fri, 31 Dec 9999 23:59:59 -2359", 900, 900),
        ("Mon, 01 Jan 0001 00:00:00 +2359", 0, 0),
    ],
)
def test_retry_after_in_seconds_or_as_a_date_capped(given: str, least: int, most: int) -> None:
    client, _, _ = client_of([answer(429, b"", retry_after=given)])
    waited = client.send(LETTER, 1.0).retry_after
    assert waited is not None
    assert least <= waited <= most


@pytest.mark.parametrize("zone", ["GMT", "+0000", "-0000"])
@pytest.mark.parametrize(
    ("seconds", "least", "most"), [(60, 50, 60), (86400, 900, 900), (-60, 0, 0)]
)
def test_retry_after_as_a_date_from_now(zone: str, seconds: int, least: int, most: int) -> None:
    moment = datetime.now(UTC) + timedelta(seconds=seconds)
    given = format_datetime(moment, usegmt=True).replace("GMT", zone)
    client, _, _ = client_of([answer(429, b"", retry_after=given)])
    waited = client.send(LETTER, 1.0).retry_after
    assert waited is not None
    assert least <= waited <= most


@pytest.mark.parametrize(
    "given", [None, "", " ", "soon", "-1", "1.", "1,", "٥", "Wed, 99 Oct", "0x10", "1e3", "nan"]
)
def test_a_retry_after_that_says_nothing(given: str | None) -> None:
    client, _, _ = client_of([answer(429, b"", retry_after=given)])
    assert client.send(LETTER, 1.0).retry_after is None


NONE = {"service": "none", "description": "All Services are Operational"}
MAIL = {"service": "mail", "description": "Mail is delayed"}


@pytest.mark.parametrize(
    ("body", "up"),
    [
        (SAMPLES["status_operational"].body, True),
        (SAMPLES["status_operational"].body.replace("none", "mail"), False),
        ({"statusCode": 200, "status": NONE}, True),
        ({"statusCode": 200, "status": [NONE]}, True),
        ({"statusCode": 200, "status": [NONE, NONE]}, True),
        ({"statusCode": "200", "status": NONE}, True),
        ({"status": NONE}, True),
        ({"statusCode": 200, "status": {"service": " None "}}, True),
        ({"statusCode": 200, "status": MAIL}, False),
        ({"statusCode": 200, "status": [NONE, MAIL]}, False),
        ({"statusCode": 200, "status": [NONE, {}]}, False),
        ({"statusCode": 200, "status": [NONE, None]}, False),
        ({"statusCode": 200, "status": {"service": None}}, False),
        ({"statusCode": 200, "status": {"service": ["none"]}}, False),
        ({"statusCode": 200, "status": []}, False),
        ({"statusCode": 200, "status": "none"}, False),
        ({"statusCode": 200}, False),
        ({"statusCode": 500, "status": NONE}, False),
        ({"statusCode": [], "status": NONE}, False),
        ({"statusCode": {}, "status": NONE}, False),
        ({"statusCode": None, "status": NONE}, False),
        ([NONE], False),
        ("none", False),
        ("", False),
        ("<html>It works!</html>", False),
        ("[" * 60_000, False),
        ("\ufeff" + json.dumps({"statusCode": 200, "status": NONE}), True),
        ("{status: [{service: 'none'}, {service: 'sms'}]}", False),
    ],
)
def test_the_system_status_in_every_shape(body: object, *, up: bool) -> None:
    text = body if isinstance(body, str) else json.dumps(body)
    client, _, _ = client_of([answer(200, text.encode())])
    status = client.system_status(1.0)
    assert (status.up, status.seconds) == (up, 0.1)


@pytest.mark.parametrize(
    "found",
    [
        answer(405, SAMPLES["method_not_allowed"].body.encode()),
        answer(500, json.dumps({"statusCode": 200, "status": NONE}).encode()),
        answer(302, b""),
        answer(None, b"", fault=Fault.UNREACHABLE),
        answer(200, json.dumps({"status": NONE}).encode(), fault=Fault.CUT),
        answer(200, b"\xff\xfe"),
    ],
)
def test_what_is_not_a_whole_200_is_down(found: Answer) -> None:
    client, _, _ = client_of([found])
    assert client.system_status(1.0).up is False
