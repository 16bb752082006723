"""Some mails through API and worker, warm: their wall and CPU time, and what they log.

    python -m benchmarks.inside.bill ours|naive single|hundreds <mails>

The far side counts the calls. Standard output after the line BEGIN is what would be logged.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import urllib3

from benchmarks.inside.common import Context, batch, call, document

BEGIN = "=== begin ==="
HANDLERS = {
    "ours": (("mail_send.api", "handler"), ("mail_send.worker", "handler")),
    "naive": (
        ("benchmarks.naive.app", "api_handler"),
        ("benchmarks.naive.app", "worker_handler"),
    ),
}
CONTEXT = Context()
WORKER_BATCH = 10
HUNDRED = 100

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


class Meter:
    """Calls a function and adds up its invocations, wall and CPU seconds."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self.spent = {"invocations": 0.0, "wall": 0.0, "cpu": 0.0}

    def invoke(self, event: dict[str, Any]) -> None:
        """Call once; the function must succeed."""
        wall, cpu = time.perf_counter(), time.process_time()
        answer = self._handler(event, CONTEXT)
        self.spent["wall"] += time.perf_counter() - wall
        self.spent["cpu"] += time.process_time() - cpu
        self.spent["invocations"] += 1
        if answer.get("batchItemFailures") or answer.get("statusCode", 200) != 200:  # noqa: PLR2004
            raise RuntimeError(answer)


def queued() -> list[dict[str, Any]]:
    """Take the messages that have been queued."""
    answer = urllib3.request("GET", f"{os.environ['FAR_URL']}/messages", timeout=10)
    return [json.loads(body) for body in answer.json()]


def travel(api: Meter, worker: Meter, mails: int, *, hundreds: bool) -> None:
    """Send mails through both functions."""
    if hundreds:
        for _ in range(mails // HUNDRED):
            api.invoke(call("POST", "/emails/batch", [document()] * HUNDRED))
    else:
        for _ in range(mails):
            api.invoke(call("POST", "/emails", document()))
    while messages := queued():
        for start in range(0, len(messages), WORKER_BATCH):
            worker.invoke(batch(0, messages[start : start + WORKER_BATCH]))


def main(mix: str, way: str, mails: int) -> dict[str, Any]:
    """Warm up, then measure."""
    api, worker = (getattr(importlib.import_module(name), attr) for name, attr in HANDLERS[mix])
    hundreds = way == "hundreds"
    queued()  # what other measures left
    travel(Meter(api), Meter(worker), HUNDRED if hundreds else WORKER_BATCH, hundreds=hundreds)
    urllib3.request("GET", f"{os.environ['FAR_URL']}/counts", timeout=10)
    print(BEGIN, flush=True)
    meters = Meter(api), Meter(worker)
    travel(*meters, mails, hundreds=hundreds)
    return {"api": meters[0].spent, "worker": meters[1].spent}


if __name__ == "__main__":
    RESULT = main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
    print(json.dumps(RESULT))
