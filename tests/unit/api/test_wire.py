"""The API's JSON: a call as it is read, a row as its owner sees it, an answer's headers."""

import base64
import json
from typing import Any

import pytest
from mail_send import wire
from mail_send.wire import ApiError, Request
from outbox.accepting.limits import Limits, Standing
from outbox.mail.lanes import Lane
from outbox.mail.mail import MailError
from outbox.mail.states import State
from outbox.storage.row import Row

CALLER = {"client": "shop", "from": '["*@acme.sa", "a@b.sa"]', "scopes": "read send"}


def event(caller: dict[str, str] | None = None, **fields: Any) -> dict[str, Any]:  # noqa: ANN401
    return {
        "httpMethod": "POST",
        "resource": "/emails",
        "requestContext": {"authorizer": CALLER | (caller or {})},
        **fields,
    }


def test_the_least_of_a_call() -> None:
    least = Request(
        method="POST",
        route="/emails",
        mail_id="",
        client="shop",
        senders=("*@acme.sa", "a@b.sa"),
        scopes=frozenset({"read", "send"}),
        lane=Lane.NORMAL,
        limits=None,
        headers={},
        query={},
        content="",
        in_base64=False,
    )
    assert Request.of(event()) == least
    nothing = ("pathParameters", "headers", "queryStringParameters", "body", "isBase64Encoded")
    assert Request.of(event(**dict.fromkeys(nothing))) == least


def test_all_of_a_call() -> None:
    caller = {
        "priority": "bulk",
        "rate": "5",
        "daily": "7",
        "unsupported": "drop",
        "join_within": "9",
    }
    found = Request.of(
        event(
            caller,
            pathParameters={"id": "m-1"},
            headers={"Idempotency-KEY": "K"},
            queryStringParameters={"limit": "3"},
            body="e30=",
            isBase64Encoded=True,
        )
    )
    assert (found.mail_id, found.lane, found.limits) == ("m-1", Lane.BULK, Limits(5, 7))
    assert (found.headers, found.query) == ({"idempotency-key": "K"}, {"limit": "3"})
    assert (found.content, found.in_base64) == ("e30=", True)
    assert (found.unsupported, found.join_within) == ("drop", 9)
    assert found.idempotency_key == "K"
    assert found.document() == {}
    moved = found.at("/emails/{id}", "m-2")
    assert (moved.route, moved.mail_id, moved.client) == ("/emails/{id}", "m-2", "shop")


@pytest.mark.parametrize(
    ("caller", "limits"),
    [
        ({"rate": "5"}, Limits(5, None)),
        ({"daily": "7"}, Limits(None, 7)),
        ({"rate": "", "daily": ""}, None),
    ],
)
def test_a_caller_may_have_one_limit_alone(caller: dict[str, str], limits: Limits | None) -> None:
    assert wire.limits_of(caller) == limits


@pytest.mark.parametrize(
    ("key", "good"), [(None, True), ("", False), ("k" * 256, True), ("k" * 257, False)]
)
def test_an_idempotency_key_has_its_length(key: str | None, *, good: bool) -> None:
    request = Request.of(event(headers={} if key is None else {"idempotency-key": key}))
    if good:
        assert request.idempotency_key == key
        return
    with pytest.raises(ApiError) as error:
        _ = request.idempotency_key
    assert (error.value.status, error.value.name) == (400, "invalid_idempotency_key")
    assert str(error.value) == "`Idempotency-Key` must have 1 to 256 characters"


LARGEST = 4_500_000


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'"' + b"x" * (LARGEST - 2) + b'"', 0),
        (b'"' + b"x" * (LARGEST - 1) + b'"', 413),
        (b'\xef\xbb\xbf"x"', 0),
        (b'{"a": 1, "a": 2}', 400),
        (b"{", 400),
        ('"مرحبا"'.encode("windows-1256"), 400),
        (b"[" * 100_000, 400),
    ],
)
def test_a_body_is_json_in_utf_8_up_to_its_limit(body: bytes, status: int) -> None:
    request = Request.of(event(body=base64.b64encode(body).decode(), isBase64Encoded=True))
    if not status:
        assert request.document() == json.loads(body.decode("utf-8-sig"))
        return
    with pytest.raises(ApiError) as error:
        request.document()
    assert (error.value.status, error.value.name) == (status, "validation_error")


@pytest.mark.parametrize(
    ("content", "in_base64"), [("e30", True), ("e30=\n", True), ("\udc80", False)]
)
def test_what_is_no_body_at_all(content: str, *, in_base64: bool) -> None:
    request = Request.of(event(body=content, isBase64Encoded=in_base64))
    with pytest.raises(ApiError) as error:
        request.document()
    assert str(error.value) == "the body is not valid JSON in UTF-8"


@pytest.mark.parametrize(
    ("encoding", "advice"),
    [("gzip", "; send it without `Content-Encoding`"), ("Identity", ""), ("", "")],
)
def test_a_compressed_body_is_told_to_come_plain(encoding: str, advice: str) -> None:
    request = Request.of(event(body="e30=", headers={"Content-Encoding": encoding}))
    with pytest.raises(ApiError) as error:
        request.document()
    assert str(error.value) == f"the body is not valid JSON in UTF-8{advice}"


def test_a_scope_that_is_missing_is_named() -> None:
    Request.of(event()).require_scope("read")
    with pytest.raises(ApiError) as error:
        Request.of(event()).require_scope("webhooks")
    assert (error.value.status, error.value.name) == (401, "restricted_api_key")
    assert str(error.value) == "this API key lacks the scope `webhooks`"


@pytest.mark.parametrize(
    ("kind", "status", "name"),
    [
        ("forbidden_sender", 403, "validation_error"),
        ("payload_too_large", 413, "validation_error"),
        ("missing_required_field", 422, "missing_required_field"),
    ],
)
def test_a_mail_that_is_not_valid_has_its_answer(kind: str, status: int, name: str) -> None:
    error = wire.refusal(MailError("to", "is missing", kind))
    assert wire.error_response(error) == {
        "statusCode": status,
        "headers": {
            "Content-Type": "application/json",
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        },
        "body": json.dumps({"statusCode": status, "name": name, "message": "`to` is missing"}),
    }


def test_an_error_may_have_headers_and_a_text_is_written_as_it_is() -> None:
    answer = wire.error_response(ApiError(405, "n", "مرحبا", {"Allow": "GET"}))
    assert answer["headers"]["Allow"] == "GET"
    assert answer["headers"]["Cache-Control"] == "no-store"
    assert "مرحبا" in answer["body"]


def test_a_caller_s_limit_is_told_in_headers() -> None:
    assert wire.rate_headers(Standing(limit=5, remaining=4, reset=3)) == {
        "ratelimit-limit": "5",
        "ratelimit-remaining": "4",
        "ratelimit-reset": "3",
    }


ROW = Row(
    id="m-1",
    state=State.UNKNOWN,
    lane=Lane.BULK,
    sender="shop@acme.sa",
    to=("n***@example.com",),
    campaign="orders",
    created="2027-01-15T08:00:00.000Z",
    updated="2027-01-15T08:01:00.000Z",
    expires_at=1_800_000_000,
    scheduled_at=1_800_000_060,
    attempts=({"at": "x", "ms": 5},),
    attempt_count=1,
    resends=2,
    msg_id="7",
    price="0.5",
    reason="balance_empty",
    code=2,
    tags=({"name": "n", "value": "v"},),
    headers=({"name": "Priority", "value": "1"},),
    not_carried=("cc",),
)


def test_a_row_as_its_owner_sees_it() -> None:
    shown = wire.email_summary(ROW)
    assert shown == {
        "object": "email",
        "id": "m-1",
        "from": "shop@acme.sa",
        "to": ["n***@example.com"],
        "created_at": "2027-01-15T08:00:00.000Z",
        "subject": "",
        "html": None,
        "text": None,
        "cc": None,
        "bcc": None,
        "reply_to": None,
        "last_event": "delivery_delayed",
        "scheduled_at": "2027-01-15T08:01:00.000Z",
        "tags": [{"name": "n", "value": "v"}],
        "taqnyat": {
            "state": "unknown",
            "campaign_name": "orders",
            "priority": "bulk",
            "updated_at": "2027-01-15T08:01:00.000Z",
            "expires_at": "2027-01-15T08:00:00.000Z",
            "attempt_count": 1,
            "resends": 2,
            "reason": "balance_empty",
            "error_code": 2,
            "msg_id": "7",
            "price": "0.5",
            "headers": {"Priority": "1"},
            "not_carried": ["cc"],
        },
    }
    detail = wire.email_detail(ROW)["taqnyat"]
    assert detail["attempts"] == [{"at": "x", "ms": 5}]
    assert {*detail["explanation"]} == {*detail["remedy"]} == {"en", "ar"}
    assert detail["explanation"] != detail["remedy"]
    assert detail.keys() - shown["taqnyat"].keys() == {"attempts", "explanation", "remedy"}


@pytest.mark.parametrize("reason", [None, "", "no_such_reason"])
def test_what_has_no_reason_has_no_explanation(reason: str | None) -> None:
    assert wire.explanation(reason) == {"explanation": None, "remedy": None}


def test_what_is_not_known_is_null() -> None:
    shown = wire.email_summary(Row(id="m-1", state=State.SENT))
    assert (shown["scheduled_at"], shown["taqnyat"]["expires_at"]) == (None, None)
