"""Every row of the design's table 3.4, and what a body has to say for itself to be believed."""

import json

import pytest
from taqnyat import Fault, Outcome, Scope, Verdict, classify
from taqnyat.classification import CODES, STATUSES

SENT = (Verdict.SENT, Scope.MAIL)
TERMINAL = (Verdict.TERMINAL, Scope.MAIL)
ACCOUNT = (Verdict.RETRYABLE, Scope.ACCOUNT)
EITHER = (Verdict.RETRYABLE, Scope.EITHER)
RATE = (Verdict.RETRYABLE, Scope.RATE)
PROVIDER = (Verdict.RETRYABLE, Scope.PROVIDER)
UNKNOWN = (Verdict.UNKNOWN, Scope.PROVIDER)


def success(**changes: object) -> bytes:
    """Make a success in valid JSON."""
    body = {"status": 1, "ResponseStatus": "success", "Data": {"msgId": 202}, "Error": None}
    return json.dumps(body | changes).encode()


def fail(code: object = None, **changes: object) -> bytes:
    """Make a failure in valid JSON."""
    error = {} if code is None else {"ErrorCode": code, "MessageEn": "Invalid Bearer Tokens"}
    body = {"status": 1, "ResponseStatus": "fail", "Data": None, "Error": error}
    return json.dumps(body | changes).encode()


def kind(outcome: Outcome) -> tuple[Verdict, Scope]:
    return outcome.verdict, outcome.scope


@pytest.mark.parametrize("status", [200, 201, 202, 299])
def test_success_under_any_2xx_is_sent(status: int) -> None:
    outcome = classify(status, success(Data={"msgId": 202, "price": "0.05"}))
    assert outcome == Outcome(*SENT, "sent", status, msg_id="202", price="0.05")


@pytest.mark.parametrize(
    ("code", "expected", "reason"),
    [
        (2, ACCOUNT, "balance_empty"),
        (3, EITHER, "balance_too_low"),
        (14, TERMINAL, "sender_refused"),
        (15, TERMINAL, "recipients_refused"),
        (16, TERMINAL, "subject_refused"),
        (17, TERMINAL, "message_refused"),
        (101, ACCOUNT, "api_disabled"),
        (102, ACCOUNT, "ip_refused"),
        (104, ACCOUNT, "token_refused"),
        (1, TERMINAL, "unknown_code"),
        (103, TERMINAL, "unknown_code"),
        (0, TERMINAL, "unknown_code"),
        (-1, TERMINAL, "unknown_code"),
    ],
)
@pytest.mark.parametrize("status", [200, 201, 400, 401, 404, 429, 500, 503])
@pytest.mark.parametrize("as_text", [False, True])
def test_a_code_decides_under_any_status(
    code: int, expected: tuple[Verdict, Scope], reason: str, status: int, *, as_text: bool
) -> None:
    outcome = classify(status, fail(str(code) if as_text else code))
    assert (kind(outcome), outcome.reason, outcome.code) == (expected, reason, code)


@pytest.mark.parametrize(
    ("status", "expected", "reason"),
    [
        (401, EITHER, "token_refused"),
        (403, EITHER, "token_refused"),
        (300, EITHER, "wrong_endpoint"),
        (301, EITHER, "wrong_endpoint"),
        (302, EITHER, "wrong_endpoint"),
        (307, EITHER, "wrong_endpoint"),
        (308, EITHER, "wrong_endpoint"),
        (404, EITHER, "wrong_endpoint"),
        (405, EITHER, "wrong_endpoint"),
        (410, EITHER, "wrong_endpoint"),
        (408, PROVIDER, "provider_timeout"),
        (429, RATE, "rate_limited"),
        (503, PROVIDER, "provider_unavailable"),
        (500, UNKNOWN, "provider_error"),
        (502, UNKNOWN, "provider_error"),
        (504, UNKNOWN, "provider_error"),
        (599, UNKNOWN, "provider_error"),
        (400, TERMINAL, "unknown_code"),
        (402, TERMINAL, "unknown_code"),
        (413, TERMINAL, "unknown_code"),
        (422, TERMINAL, "unknown_code"),
        (200, UNKNOWN, "unreadable_answer"),
        (201, UNKNOWN, "unreadable_answer"),
        (204, UNKNOWN, "unreadable_answer"),
        (100, UNKNOWN, "unreadable_answer"),
        (600, UNKNOWN, "unreadable_answer"),
        (None, UNKNOWN, "unreadable_answer"),
    ],
)
@pytest.mark.parametrize("body", [b"", b"<html>It works!</html>", b"[]", b'{"message": "402"}'])
def test_a_status_decides_where_the_body_says_nothing(
    status: int | None, expected: tuple[Verdict, Scope], reason: str, body: bytes
) -> None:
    outcome = classify(status, body)
    assert (kind(outcome), outcome.reason, outcome.status) == (expected, reason, status)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [(Fault.UNREACHABLE, PROVIDER), (Fault.TIMEOUT, UNKNOWN), (Fault.CUT, UNKNOWN)],
)
@pytest.mark.parametrize("status", [None, 201, 302, 400, 429, 503])
def test_a_fault_decides_over_the_status(
    fault: Fault, expected: tuple[Verdict, Scope], status: int | None
) -> None:
    outcome = classify(status, b"", fault)
    assert (kind(outcome), outcome.reason) == (expected, fault.value)


@pytest.mark.parametrize("fault", [Fault.TIMEOUT, Fault.CUT])
def test_what_was_read_before_a_fault_still_counts(fault: Fault) -> None:
    assert classify(201, success() + b"tail cut", fault).verdict is Verdict.SENT
    assert classify(400, b'{"Error":{"ErrorCode":2,"Mess', fault).reason == "balance_empty"


def test_a_number_that_is_not_known_says_nothing_without_fail() -> None:
    body = b'{"Error":{"ErrorCode":0},"Data":{"msgId":202}}'
    assert classify(201, body).verdict is Verdict.UNKNOWN
    assert classify(400, body).verdict is Verdict.TERMINAL
    assert classify(201, body.replace(b"0", b"104", 1)).reason == "token_refused"


def test_a_failure_without_a_code_is_about_the_mail_under_2xx_and_4xx() -> None:
    assert kind(classify(200, fail())) == TERMINAL
    assert kind(classify(400, fail())) == TERMINAL
    assert kind(classify(500, fail())) == UNKNOWN


@pytest.mark.parametrize(
    "body",
    [
        success(Data=None),
        success(Data={}),
        success(Data={"msgId": None}),
        success(Data={"msgId": ""}),
        success(Data={"msgId": True}),
        success(Data={"msgId": "null"}),
        success(Data={"msgId": {"id": 1}}),
        success(Error={"ErrorCode": 2}),
        success(Error={"ErrorCode": "E2"}),
        success(Error={"MessageEn": "error"}),
        success(Error="error"),
        success(Error=["error"]),
        success(Error={"ErrorCode": 0}),
        success(Error={"ErrorCode": None, "detail": ["error"]}),
        b'{"ResponseStatus":"success","Data":{"msgId":null,},"Error":null,}',
        b'{"ResponseStatus":"success","Data":{"msgId":NaN},"Error":null}',
        b'{"ResponseStatus":"success","Data":{"msgId":1,},"Error":{"MessageEn":"no",}}',
        b'{"ResponseStatus":"success","Data":{"msgId":1,},"Error":"no",}',
        b'{"ResponseStatus":"success","ResponseStatus":"fail","Data":{"msgId":1,},}',
    ],
)
def test_a_success_that_contradicts_itself_may_have_been_sent(body: bytes) -> None:
    outcome = classify(201, body)
    assert outcome.verdict is Verdict.UNKNOWN
    assert outcome.msg_id is None


@pytest.mark.parametrize("status", [None, 100, 302, 400, 401, 404, 429, 500, 503])
def test_a_success_under_another_status_may_have_been_sent(status: int | None) -> None:
    assert classify(status, success()).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    "empty",
    [None, "", {}, [], False, 0, {"ErrorCode": None, "MessageEn": ""}, {"detail": {"code": None}}],
)
def test_an_empty_error_is_no_error(empty: object) -> None:
    assert classify(201, success(Error=empty)).verdict is Verdict.SENT


def test_the_status_field_says_nothing() -> None:
    assert classify(201, success(status=0)).verdict is Verdict.SENT
    assert classify(400, fail(14, status=200)).reason == "sender_refused"


def test_only_the_refused_address_of_code_102_is_kept() -> None:
    text = {"MessageEn": "at 12:30:45 this ip 10.0.0.1 is not authorized"}
    assert classify(400, fail(Error={"ErrorCode": 102, **text})).ip == "10.0.0.1"
    assert classify(400, fail(Error={"ErrorCode": 104, **text})).ip is None
    assert classify(400, fail(102)).ip is None


def test_the_tables_cannot_be_changed() -> None:
    for table in (CODES, STATUSES):
        with pytest.raises(TypeError):
            table[2] = None  # type: ignore[index]


@pytest.mark.parametrize(
    ("outcome", "failed"),
    [
        (classify(201, success()), False),
        (classify(400, fail(14)), False),
        (classify(400, fail(2)), False),
        (classify(503, b""), True),
        (classify(500, b""), True),
        (classify(None, b"", Fault.UNREACHABLE), True),
    ],
)
def test_whether_the_provider_failed(outcome: Outcome, *, failed: bool) -> None:
    assert outcome.provider_failed is failed
