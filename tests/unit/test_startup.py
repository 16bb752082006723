"""The start of a container: made at once in Lambda, else at the first call; rare clients later."""

import gc
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from types import SimpleNamespace

import pytest
from outbox import aws, startup


def test_in_lambda_the_container_is_made_at_the_start() -> None:
    made: list[str] = []

    startup.ready(lambda: made.append("now"), {"AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand"})

    assert made == ["now"]


def test_elsewhere_nothing_is_made_before_the_first_call() -> None:
    made: list[str] = []

    startup.ready(lambda: made.append("now"), {})

    assert not made


def test_garbage_is_collected_again_when_all_is_made() -> None:
    gc.disable()

    startup.ready(list, {})

    assert gc.isenabled()


def test_a_rare_client_is_made_at_its_first_call_and_by_one_thread_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[str] = []
    making = threading.Semaphore(1)

    def make(service: str) -> SimpleNamespace:
        assert making.acquire(blocking=False)
        made.append(service)
        making.release()
        return SimpleNamespace(send_message="sent")

    monkeypatch.setattr(aws, "_client", cache(make))
    client = aws.Lazy("sqs")
    before = list(made)
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: client.send_message, range(8)))

    assert not before
    assert made == ["sqs"]
    assert answers == ["sent"] * 8
