"""AWS clients: one of each in a container, with timeouts that leave time to settle."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from outbox import aws


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    aws._client.cache_clear()  # noqa: SLF001
    yield
    aws._client.cache_clear()  # noqa: SLF001


def test_one_client_for_all_threads() -> None:
    with ThreadPoolExecutor(5) as pool:
        clients = list(pool.map(aws.client, ["sqs"] * 10))
    assert len({id(client) for client in clients}) == 1


def test_a_call_that_is_not_answered_ends_before_the_function_that_makes_it() -> None:
    config = aws.client("dynamodb").meta.config
    attempts = config.retries["total_max_attempts"]
    assert config.retries["mode"] == "standard"
    waits = sum(2**number for number in range(attempts - 1))
    # The API's time limit in template.yaml is the shortest: it must still answer.
    assert attempts * (config.connect_timeout + config.read_timeout) + waits < 20


def test_a_lazy_client_is_made_at_its_first_call() -> None:
    lazy = aws.LazyClient("sns")
    assert aws._client.cache_info().currsize == 0  # noqa: SLF001
    assert lazy.meta is aws.client("sns").meta
