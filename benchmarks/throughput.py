"""Measure 9: mails a second through the local stack, beside the same stack with idle handlers.

The real template is deployed twice. In the second stack the code of the API function and of the
worker is replaced by handlers that do nothing but answer. A round of ours ends when every mail has
reached the simulator, one of theirs when all calls are answered or the queue is empty.

The emulator waits 50 ms for a handler that prints nothing; so there is a second reference, one that
prints a line.
"""

from __future__ import annotations

import io
import json
import tempfile
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import urllib3

from benchmarks.results import Results
from benchmarks.rounds import interleaved
from local.stack import LocalStack, Options

_IDLE = {
    "mail_send/__init__.py": "",
    "mail_send/api.py": (
        "from base64 import b64decode\n"
        "def handler(event, context):\n"
        '    if b"print" in b64decode(event["body"]):\n'
        '        print("{}")\n'
        '    return {"statusCode": 200, "body": "{}"}\n'
    ),
    "mail_send/worker.py": (
        "def handler(event, context):\n"
        '    if "print" in event["Records"][0]["body"]:\n'
        '        print("{}")\n'
        '    return {"batchItemFailures": []}\n'
    ),
}
_MAIL = {
    "from": "orders@acme.sa",
    "to": ["nora@example.com"],
    "html": "<p>Hello</p>",
}
_CALLERS = 8
_SECONDS = 120.0
_ACCEPTED = 200
_ENTRIES = 10


def measure(results: Results, rounds: int, mails: int) -> None:
    """Bring both stacks up, send through them in turns, add the row."""
    with _stack() as real, _stack() as idle:
        _idle(idle)
        queue = interleaved(
            {
                "gateway": lambda: _drained(real, mails, "Hello", sent=True),
                "silent": lambda: _drained(idle, mails, "Hello", sent=False),
                "printing": lambda: _drained(idle, mails, "print", sent=False),
            },
            rounds,
        )
        post = interleaved(
            {
                "gateway": lambda: _posted(real, mails, "Hello", sent=True),
                "silent": lambda: _posted(idle, mails, "Hello", sent=False),
                "printing": lambda: _posted(idle, mails, "print", sent=False),
            },
            rounds,
        )
    for name, found in {"from the queue": queue, "from POST /emails": post}.items():
        rates = {key: [mails / seconds for seconds in values] for key, values in found.items()}
        results.keep(f"mails a second through the local stack, {name}", rates)
        # Turned round, so that less is better as in every other row.
        results.compare(
            "9",
            f"time of a mail through the local stack, {name}",
            "the same emulator, handlers that do nothing (0.60 x the rate is 1.67 x the time)",
            1.67,
            found["gateway"],
            found["silent"],
        )


@contextmanager
def _stack() -> Iterator[LocalStack]:
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalStack(Options(root=Path(folder), tick=60.0)) as stack,
    ):
        yield stack


def _idle(stack: LocalStack) -> None:
    """Replace the code of the two functions that process a mail."""
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        for name, text in _IDLE.items():
            archive.writestr(name, text)
    for output in ("ApiFunction", "WorkerFunction"):
        stack.client("lambda").update_function_code(
            FunctionName=stack.outputs[output], ZipFile=code.getvalue()
        )


def _posted(stack: LocalStack, mails: int, subject: str, *, sent: bool) -> float:
    """Post mails side by side; return the seconds until all are accepted, or `sent`."""
    before = _received(stack)
    http = urllib3.PoolManager(maxsize=_CALLERS)
    headers = {"Authorization": f"Bearer {stack.api_key}", "Content-Type": "application/json"}

    def post(_number: int) -> int:
        body = json.dumps({**_MAIL, "subject": subject})
        url = f"{stack.api_url}/emails"
        return http.request("POST", url, body=body, headers=headers, retries=False).status

    started = time.perf_counter()
    with ThreadPoolExecutor(_CALLERS) as callers:
        statuses = set(callers.map(post, range(mails)))
    if statuses != {_ACCEPTED}:
        raise RuntimeError(f"the API answered {sorted(statuses)}")
    if sent:
        _await_mails(stack, before + mails)
    return time.perf_counter() - started


def _drained(stack: LocalStack, mails: int, subject: str, *, sent: bool) -> float:
    """Queue mails directly; return the seconds until the queue is empty, or all are `sent`."""
    before = _received(stack)
    sqs, url = stack.client("sqs"), stack.outputs["MailQueueUrl"]
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    started = time.perf_counter()
    for _ in range(0, mails, _ENTRIES):
        body = json.dumps({**_MAIL, "subject": subject})
        entries = [{"Id": str(index), "MessageBody": body} for index in range(_ENTRIES)]
        sqs.send_message_batch(QueueUrl=url, Entries=entries)
    if sent:
        _await_mails(stack, before + mails)
        return time.perf_counter() - started
    while time.perf_counter() - started < _SECONDS:
        held = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        if not any(int(held[name]) for name in names):
            return time.perf_counter() - started
        time.sleep(0.005)
    raise TimeoutError("the queue did not run empty")


def _await_mails(stack: LocalStack, count: int) -> None:
    until = time.perf_counter() + _SECONDS
    while _received(stack) < count:
        if time.perf_counter() > until:
            raise TimeoutError("not every mail was sent")
        time.sleep(0.005)
    if _received(stack) > count:
        raise RuntimeError("a mail was sent twice")


def _received(stack: LocalStack) -> int:
    return len(stack.simulator.inbox()) if stack.simulator else 0
