"""The start of a container: made at once in Lambda, else at the first call; rare clients later."""

import gc
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from types import SimpleNamespace

import pytest
from outbox import aws, startup


def test_in_lambda_the_container_is_made_at_the_start() -> None:
    made: list[str] = []

    startup.preload(lambda: made.append("now"), {"AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand"})

    assert made == ["now"]


def test_elsewhere_nothing_is_made_before_the_first_call() -> None:
    made: list[str] = []

    startup.preload(lambda: made.append("now"), {})

    assert not made


def test_garbage_is_collected_again_when_all_is_made() -> None:
    gc.disable()

    startup.preload(list, {})

    assert gc.isenabled()


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="not on this system")
@pytest.mark.parametrize(
    ("environ", "threads", "kept"),
    [
        ({"AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand"}, True, True),
        ({"AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand"}, False, False),
        ({}, True, False),
    ],
)
def test_only_in_lambda_the_threads_of_a_batch_share_one_core(
    environ: dict[str, str], *, threads: bool, kept: bool
) -> None:
    cores = os.sched_getaffinity(0)
    try:
        startup.preload(list, environ, threads=threads)
        with ThreadPoolExecutor(1) as executor:
            found = executor.submit(os.sched_getaffinity, 0).result()
    finally:
        os.sched_setaffinity(0, cores)

    assert found == ({max(cores)} if kept else cores)


def test_a_sandbox_without_affinity_starts_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    made: list[str] = []
    monkeypatch.setattr(os, "sched_setaffinity", refuse, raising=False)

    startup.preload(
        lambda: made.append("now"), {"AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand"}, threads=True
    )

    assert made == ["now"]


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
    client = aws.LazyClient("sqs")
    before = list(made)
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: client.send_message, range(8)))

    assert not before
    assert made == ["sqs"]
    assert answers == ["sent"] * 8
