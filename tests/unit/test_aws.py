"""AWS clients: one of each in a container, with timeouts that leave time to settle."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError
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


def test_a_client_ends_soon_and_sends_what_it_is_given() -> None:
    config = aws.client("sqs").meta.config
    assert aws.client("sqs").meta.service_model.service_name == "sqs"
    assert (config.connect_timeout, config.read_timeout) == (1, 4)
    assert config.retries["total_max_attempts"] == 3
    assert config.max_pool_connections == 16
    assert config.user_agent == "taqnyat-mail-gateway"
    # botocore would refuse a number here; signing sends nothing.
    assert aws.client("sqs").generate_presigned_url("get_queue_url", Params={"QueueName": 5})


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ({"Error": {"Code": "Throttled", "Message": "a@example.com"}}, "Throttled"),
        ({"Error": {}}, "Unknown"),
        ({}, "Unknown"),
    ],
)
def test_a_redacted_error_has_the_call_and_its_code_alone(answer: Any, code: str) -> None:  # noqa: ANN401
    found = aws.redacted(ClientError(answer, "PutItem"))
    assert found.response == {"Error": {"Code": code}}
    assert found.operation_name == "PutItem"
