"""Webhooks beside mails: whether they slow the mails, and the books of what was told.

    python -m benchmarks.webhooks [--mails 2000] [--rounds 10] [--beside bus]

Two local stacks, one with webhooks and an endpoint that refuses every second call, one without; the
rounds alternate between them. Then so many mails on the first, until all is told. `--beside bus`
lets the other one's stream be read too, for an event bus. With all parts on one machine's cores the
rate shows what they take from each other, as they do not at AWS: so few batches at once of a slow
provider (`--concurrency 2 --taqnyat-seconds 3`) leave room, and the worker's own CPU is shown.
"""

import argparse
import json
import os
import statistics
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from local.errors import LocalStackError
from local.loopback import LoopbackServer
from local.simulator import Simulator
from local.stack import LocalStack, Options

BATCH = 100
PATIENCE_SECONDS = 1800.0
ON = {"Webhooks": "on", "WebhookLoopback": "on", "WebhookRetrySeconds": "1,1,2,2,4,4,8"}
OFF: dict[str, dict[str, str]] = {"nothing": {}, "bus": {"EventBusName": "default"}}


class Endpoint:
    """An application that refuses every second call; it keeps the ids of what it took."""

    def __init__(self) -> None:
        """Start serving."""
        self.calls = 0
        self.taken: Counter[str] = Counter()
        self.mails: dict[str, set[str]] = {}
        self._lock = threading.Lock()
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(endpoint.take(self.headers["svix-id"], json.loads(body)))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Log nothing."""

        self.server = LoopbackServer(("127.0.0.1", 0), Handler)
        self.server.start()

    def take(self, event_id: str, told: dict[str, Any]) -> int:
        """Take a call, or refuse it."""
        with self._lock:
            self.calls += 1
            if self.calls % 2:
                return 500
            self.taken[event_id] += 1
            self.mails.setdefault(told["data"]["email_id"], set()).add(event_id)
            return 200


def _simulator(stack: LocalStack) -> Simulator:
    if stack.simulator is None:
        raise LocalStackError("there is no simulator")
    return stack.simulator


def send(stack: LocalStack, count: int, subject: str) -> float:
    """Send so many mails, and return how many a second went out."""
    before = len(_simulator(stack).inbox())
    mails = [
        {"from": "shop@acme.sa", "to": f"c{number}@example.com", "subject": subject, "text": "x"}
        for number in range(count)
    ]
    began = time.monotonic()
    for start in range(0, count, BATCH):
        stack.api.call("POST", "/emails/batch", mails[start : start + BATCH])
    end = began + PATIENCE_SECONDS
    while len(_simulator(stack).inbox()) < before + count and time.monotonic() < end:
        time.sleep(0.02)
    return count / (time.monotonic() - began)


def worker_seconds(stack: LocalStack) -> dict[str, float]:
    """Return the CPU seconds of the worker's processes so far, by their ids (Linux only)."""
    wanted = [
        f"AWS_LAMBDA_FUNCTION_NAME={stack.outputs['WorkerFunction']}".encode(),
        f"AWS_ENDPOINT_URL={stack.emulator.endpoint_url}".encode(),
    ]
    found = {}
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if all(one in (place / "environ").read_bytes().split(b"\0") for one in wanted):
                fields = (place / "stat").read_text().rpartition(")")[2].split()
                ticks = int(fields[11]) + int(fields[12])
                found[place.name] = ticks / os.sysconf("SC_CLK_TCK")
    return found


def worked(stack: LocalStack, before: dict[str, float]) -> float:
    """Return the CPU seconds of the worker's processes since then."""
    return sum(now - before.get(pid, 0.0) for pid, now in worker_seconds(stack).items())


def settled(stack: LocalStack) -> dict[str, int]:
    """Return how many events wait, were delivered and were given up."""
    dynamo = stack.client("dynamodb")
    (table,) = [name for name in dynamo.list_tables()["TableNames"] if "Webhooks" in name]
    counts = Counter[str]()
    for page in dynamo.get_paginator("scan").paginate(TableName=table):
        for item in page["Items"]:
            kind = item["sk"]["S"].partition("/")[0]
            if kind in {"waiting", "log"}:
                counts[item.get("outcome", {}).get("S", "waiting")] += 1
    return dict(counts)


@contextmanager
def stacks(folder: Path, given: argparse.Namespace) -> Iterator[tuple[LocalStack, LocalStack]]:
    """Start both stacks: with webhooks, and without."""
    both = {"MaximumConcurrency": str(given.concurrency)} if given.concurrency else {}
    with (
        LocalStack(Options(root=folder / "on", parameters=ON | both)) as on,
        LocalStack(Options(root=folder / "off", parameters=OFF[given.beside] | both)) as off,
    ):
        yield on, off


def main() -> None:
    """Measure, and print the results."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--mails", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--in-a-round", type=int, default=200)
    parser.add_argument("--taqnyat-seconds", type=float, default=0.8)
    parser.add_argument("--concurrency", type=int, help="batches at once; the template's")
    parser.add_argument("--beside", choices=OFF, default="nothing")
    given = parser.parse_args()
    endpoint = Endpoint()
    with tempfile.TemporaryDirectory() as folder, stacks(Path(folder), given) as (on, off):
        events = ["email.sent", "email.failed"]
        body = {"endpoint": f"{endpoint.server.base_url}/hook", "events": events}
        on.api.call("POST", "/webhooks", body)
        for stack in (on, off):
            # As far away as a provider is: else both measure the emulator's share of two cores.
            _simulator(stack).script({"answer": f"slow:{given.taqnyat_seconds}", "times": None})
            send(stack, given.in_a_round, "warm")
        ratios, costs = [], []
        for number in range(given.rounds):
            order = (on, off) if number % 2 else (off, on)
            rates, cpu = {}, {}
            for stack in order:
                before = worker_seconds(stack)
                rates[stack] = send(stack, given.in_a_round, f"{number}")
                cpu[stack] = 1000 * worked(stack, before) / given.in_a_round
            ratios.append(rates[on] / rates[off])
            costs.append(cpu[on] / cpu[off])
            print(
                f"{number}: {rates[on]:.1f} a second with, {rates[off]:.1f} without; "
                f"the worker's CPU a mail {cpu[on]:.1f} ms with, {cpu[off]:.1f} without",
                flush=True,
            )
        for name, found in (("rate", ratios), ("worker's CPU", costs)):
            told = ", ".join(f"{one:.2f}" for one in sorted(found))
            print(f"{name}: median {statistics.median(found):.2f} ({told})", flush=True)
        began, calls = time.monotonic(), endpoint.calls
        rate = send(on, given.mails, "books")
        end = time.monotonic() + PATIENCE_SECONDS
        while settled(on).get("waiting", 0) and time.monotonic() < end:
            time.sleep(1)
        took = time.monotonic() - began
        print(f"{given.mails} mails, {rate:.1f} a second; all told after {took:.0f} s")
        print(f"the log: {settled(on)}; calls {endpoint.calls - calls}")
        sent = (given.rounds + 1) * given.in_a_round + given.mails
        ids = max(len(found) for found in endpoint.mails.values())
        print(f"mails told of: {len(endpoint.mails)} of {sent}; ids a mail: {ids}")
        print(f"taken twice: {sum(count > 1 for count in endpoint.taken.values())}")
    endpoint.server.stop()


if __name__ == "__main__":
    main()
