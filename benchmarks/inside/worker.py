"""The worker in one warm container: a batch of 10, CPU a mail, requests a mail, memory.

python -m benchmarks.inside.worker batch|cpu|thousand|memory [rounds]
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import botocore.session
from mail_send import worker
from outbox import aws

from benchmarks.inside.common import Context, Provider, batch
from benchmarks.rounds import interleaved

CONTEXT = Context()
BATCH = 10


def send(event: dict[str, Any]) -> None:
    """Send one batch; every mail must be processed."""
    answer = worker.handler(event, CONTEXT)
    if answer["batchItemFailures"]:
        raise RuntimeError(answer)


def measure_batch(rounds: int) -> dict[str, list[float]]:
    """Seconds of a whole batch of 10, and of one answer of the provider."""
    provider = Provider()

    def whole() -> float:
        event = batch(BATCH)
        started = time.perf_counter()
        send(event)
        return time.perf_counter() - started

    def one() -> float:
        started = time.perf_counter()
        provider.post()
        return time.perf_counter() - started

    return interleaved({"batch": whole, "answer": one}, rounds, warmup=3)


def measure_cpu(rounds: int) -> dict[str, list[float]]:
    """CPU seconds a mail: the whole path, and one POST with the same two writes."""
    provider = Provider()
    claim, settle = ledger_writes(aws.client("dynamodb"))
    dynamo: Any = botocore.session.get_session().create_client("dynamodb")

    def path() -> float:
        events = [batch(BATCH) for _ in range(10)]
        started = time.process_time()
        for event in events:
            send(event)
        return (time.process_time() - started) / (BATCH * len(events))

    def least() -> float:
        started = time.process_time()
        for _ in range(BATCH * 10):
            dynamo.update_item(**claim)
            provider.post()
            dynamo.update_item(**settle)
        return (time.process_time() - started) / (BATCH * 10)

    return interleaved({"mail": path, "least": least}, rounds, warmup=1)


def ledger_writes(dynamo: Any) -> list[dict[str, Any]]:  # noqa: ANN401
    """Return the arguments of the two writes that the ledger makes of a mail."""
    send(batch(1))  # the first of all also makes the control record
    seen: list[dict[str, Any]] = []
    real = dynamo.update_item

    def note(**arguments: Any) -> Any:  # noqa: ANN401
        seen.append(arguments)
        return real(**arguments)

    dynamo.update_item = note
    try:
        send(batch(1))
    finally:
        del dynamo.update_item
    return seen


def send_thousand(_rounds: int) -> dict[str, list[float]]:
    """Send 1,000 mails on a container that has sent 20; the far side counts."""
    for _ in range(2):
        send(batch(BATCH))
    print("warm", flush=True)
    sys.stdin.readline()
    for _ in range(100):
        send(batch(BATCH))
    return {}


def measure_memory(rounds: int) -> dict[str, list[float]]:
    """Bytes of resident memory after every 100 mails, for `rounds` hundreds."""
    sizes = []
    for number in range(rounds * 10):
        send(batch(BATCH))
        if number % 10 == 9:  # noqa: PLR2004
            pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
            sizes.append(float(pages * os.sysconf("SC_PAGESIZE")))
    return {"resident": sizes}


if __name__ == "__main__":
    MEASURES = {
        "batch": measure_batch,
        "cpu": measure_cpu,
        "thousand": send_thousand,
        "memory": measure_memory,
    }
    RESULT = MEASURES[sys.argv[1]](int(sys.argv[2]))
    print(json.dumps(RESULT))
