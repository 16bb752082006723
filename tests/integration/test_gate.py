"""The gate before the emulator's API: passes calls on as they are, a few at a time."""

import asyncio
import http.client
import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from local import loopback, web
from local.gate import CONCURRENCY, Gate

BELOW = "/_aws/execute-api/api"
BIG = 11 << 20


class Upstream:
    """Stands in for the emulator's application: tells what came, and counts what runs at once."""

    def __init__(self) -> None:
        self.running = 0
        self.most_running = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        request = Request(scope, receive)
        told = {
            "method": request.method,
            "path": request.url.path,
            "query": request.url.query,
            "body": (await request.body()).decode(),
            "headers": dict(request.headers),
        }
        await asyncio.sleep(0.02)
        self.running -= 1
        answer = JSONResponse(told, 201, headers={"X-Told": "yes"})
        await answer(scope, receive, send)


@pytest.fixture
def upstream() -> Upstream:
    return Upstream()


@pytest.fixture
def gate(upstream: Upstream) -> Gate:
    gate = Gate(upstream)
    gate.below = BELOW
    return gate


@pytest.fixture
def port(gate: Gate) -> Iterator[int]:
    listening = loopback.listen()
    number = int(listening.getsockname()[1])
    with web.Web(gate, listening):
        yield number


def _call(
    port: int, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
) -> tuple[int, http.client.HTTPMessage, Any]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as line:
        line.request(method, path, body, headers or {})  # type: ignore[arg-type]
        answer = line.getresponse()
        return answer.status, answer.headers, json.loads(answer.read())


def test_a_call_is_passed_on_and_its_answer_back(port: int) -> None:
    status, headers, told = _call(port, "POST", "/v1/emails?a=b", "سلام".encode(), {"X-Key": "k"})

    assert (status, headers["X-Told"]) == (201, "yes")
    assert (told["method"], told["path"]) == ("POST", f"{BELOW}/v1/emails")
    assert (told["query"], told["body"], told["headers"]["x-key"]) == ("a=b", "سلام", "k")


def test_a_socket_is_refused(port: int) -> None:
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version": "13",
    }
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as line:
        line.request("GET", "/v1/emails", headers=upgrade)
        assert line.getresponse().status == 403


def test_a_body_in_chunks_is_taken_and_its_length_told(port: int) -> None:
    status, _, told = _call(port, "POST", "/v1/emails", iter([b"one, ", b"two"]))

    assert (status, told["body"]) == (201, "one, two")
    assert told["headers"]["content-length"] == "8"
    assert "transfer-encoding" not in told["headers"]


def test_only_so_many_calls_run_at_once(upstream: Upstream, port: int) -> None:
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: _call(port, "GET", "/v1/status"), range(20)))

    assert {status for status, _, _ in answers} == {201}
    assert upstream.most_running == CONCURRENCY


def _refused(status: int, body: dict[str, Any]) -> bool:
    return list(body) == ["statusCode", "name", "message"] and body["statusCode"] == status


def test_whatever_it_refuses_is_in_the_shape_of_an_error(gate: Gate, port: int) -> None:
    status, _, body = _call(port, "POST", "/v1/emails", iter([b"x" * BIG]))
    assert status == 413
    assert _refused(413, body)

    gate.below = ""
    status, _, body = _call(port, "GET", "/v1/status")
    assert status == 503
    assert _refused(503, body)


@pytest.mark.parametrize(
    "head", [b"no HTTP\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n"]
)
def test_what_is_not_http_is_told_so(port: int, head: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as line:
        line.sendall(head)
        answer = http.client.HTTPResponse(line)
        answer.begin()
        assert answer.status == 400
        assert _refused(400, json.loads(answer.read()))
