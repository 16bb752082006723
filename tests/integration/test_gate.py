"""The gate before the emulator's API: passes calls on as they are, a few at a time."""

import http.client
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from urllib.parse import urlsplit

import pytest

from local.gate import Gate
from local.simulator import Simulator

CONCURRENCY = 3


@pytest.fixture
def upstream() -> Iterator[Simulator]:
    with Simulator(token="made-up") as simulator:
        yield simulator


@pytest.fixture
def gate(upstream: Simulator) -> Iterator[Gate]:
    """Give a gate for which /system is the API and its stage."""
    running = Gate(f"{upstream.base_url}/system", CONCURRENCY)
    running.start()
    yield running
    running.stop()


def _call(
    url: str, method: str = "GET", body: str | None = None, headers: dict[str, str] | None = None
) -> tuple[int, bytes]:
    parts = urlsplit(url)
    with closing(http.client.HTTPConnection(parts.netloc, timeout=5)) as connection:
        connection.request(method, f"{parts.path}?{parts.query}", body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read()


def test_a_call_is_passed_on_and_its_answer_back(upstream: Simulator, gate: Gate) -> None:
    assert _call(f"{gate.api_url}/status") == _call(f"{upstream.base_url}/system/status")
    assert _call(f"{gate.base_url}/inbox?limit=x")[0] == 400
    changed = _call(f"{gate.base_url}/account", "POST", json.dumps({"balance": 7}))
    assert json.loads(changed[1])["balance"] == 7


def test_only_so_many_calls_run_at_once(upstream: Simulator, gate: Gate) -> None:
    upstream.script({"answer": "success", "delay": 0.05})
    body = "bearerTokens=made-up&campaignName=c&subject=s&from=a%40acme.sa&to=b%40example.com&msg=m"
    with ThreadPoolExecutor(20) as pool:
        answers = list(
            pool.map(lambda _: _call(f"{gate.base_url}/mailSend.php", "POST", body), range(20))
        )
    assert {status for status, _ in answers} == {201}
    assert upstream.calls()["most_running"] == CONCURRENCY


def test_a_dead_emulator_is_told_and_the_turn_given_back(upstream: Simulator, gate: Gate) -> None:
    upstream.stop()
    for _ in range(CONCURRENCY + 1):
        assert _call(f"{gate.api_url}/status")[0] == 502


def test_a_body_of_unknown_length_is_refused(gate: Gate) -> None:
    assert _call(f"{gate.api_url}/status", headers={"Transfer-Encoding": "chunked"})[0] == 411
