"""Calls that the API refuses: always the same JSON, the field named, nothing enqueued."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.e2e.world import World


def _check_shape(status: int, headers: Mapping[str, str], answer: dict[str, Any]) -> None:
    assert set(answer) == {"statusCode", "name", "message"}
    assert answer["statusCode"] == status
    assert headers["content-type"].startswith("application/json")


@pytest.mark.parametrize(
    ("authorization", "status", "name"),
    [
        ("", 401, "missing_api_key"),
        ("Basic c2hvcDpzZWNyZXQ=", 401, "missing_api_key"),
        ("Bearer not-a-key", 403, "invalid_api_key"),
    ],
)
def test_an_unauthorized_caller(world: World, authorization: str, status: int, name: str) -> None:
    for path in ("/emails", "/nothing/here"):
        found, headers, answer = world.call(
            "POST", path, json.dumps(world.mail()).encode(), {"Authorization": authorization}
        )
        assert (found, answer["name"]) == (status, name)
        _check_shape(found, headers, answer)
    assert world.rows_of_this_test() == []


@pytest.mark.parametrize(
    ("method", "path", "status", "name"),
    [
        ("GET", "/nothing", 404, "not_found"),
        ("GET", "/emails/00000000-0000-0000-0000-000000000000", 404, "not_found"),
        ("DELETE", "/emails", 405, "method_not_allowed"),
        ("PUT", "/status", 405, "method_not_allowed"),
        ("GET", "/", 404, "not_found"),
    ],
)
def test_nothing_there(world: World, method: str, path: str, status: int, name: str) -> None:
    found, headers, answer = world.call(method, path)
    assert (found, answer["name"]) == (status, name)
    _check_shape(found, headers, answer)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"subject": None}, "subject"),
        ({"subject": "a\nb"}, "subject"),
        ({"subject": 5}, "subject"),
        ({"from": "not an address"}, "from"),
        ({"to": []}, "to"),
        ({"to": ["a@b@c.example"]}, "to[0]"),
        ({"to": [f"u{n}@too-many.example" for n in range(51)]}, "to"),
        ({"text": None}, "html"),
        ({"cc": "boss@acme.sa"}, "cc"),
        ({"attachments": [{"filename": "a.pdf", "content": "QQ=="}]}, "attachments"),
        ({"surprise": 1}, "surprise"),
        ({"on_unknown": "perhaps"}, "on_unknown"),
    ],
)
def test_bad_input_is_refused_by_field_and_not_enqueued(
    world: World, changes: dict[str, Any], field: str
) -> None:
    body = json.dumps(world.mail(**changes)).encode()
    status, headers, answer = world.call("POST", "/emails", body)
    assert 400 <= status < 500
    assert f"`{field}`" in answer["message"]
    _check_shape(status, headers, answer)
    assert world.rows_of_this_test() == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff\xfe", b"null", b"[" * 100_000])
def test_what_is_not_a_json_object_is_refused(world: World, body: bytes) -> None:
    status, headers, answer = world.call("POST", "/emails", body)
    assert 400 <= status < 500
    _check_shape(status, headers, answer)


def test_a_body_that_is_too_large_is_refused(world: World) -> None:
    body = json.dumps(world.mail(text="x" * (2 << 20))).encode()
    status, headers, answer = world.call("POST", "/emails", body)
    assert status == 413
    _check_shape(status, headers, answer)
    assert world.rows_of_this_test() == []


@pytest.mark.parametrize("headers", [{}, {"Content-Type": "text/plain; charset=windows-1256"}])
def test_a_body_that_is_not_utf_8(world: World, headers: dict[str, str]) -> None:
    body = json.dumps(world.mail(subject="مرحبا"), ensure_ascii=False).encode("windows-1256")
    found, said, answer = world.call("POST", "/emails", body, headers)
    assert (found, answer["name"]) == (400, "validation_error")
    _check_shape(found, said, answer)
    assert world.rows_of_this_test() == []
