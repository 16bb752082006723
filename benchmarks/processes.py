"""The processes of a run: the far side, a function under Lambda's runtime client, a module inside.

Each gets an environment of its own, nothing of the caller's but the path to tools.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import urllib3

from benchmarks.runtime import TRACE, HandlerError, RuntimeApi
from benchmarks.sites import ROOT, Function

SECONDS = 600.0  # the most that one measure may take
QUEUE_URL = "https://sqs.us-east-1.amazonaws.com/123456789012/mail"


class FarSideProcess:
    """The far side, at an address."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def counts(self) -> dict[str, float]:
        """Return the counters, and set them back."""
        found: dict[str, float] = urllib3.request("GET", f"{self.url}/counts", timeout=10).json()
        return found


@contextmanager
def far_side() -> Iterator[FarSideProcess]:
    """Run the far side."""
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "benchmarks/far_side.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    if process.stdin is None or process.stdout is None:
        raise RuntimeError
    try:
        yield FarSideProcess(int(process.stdout.readline()))
    finally:
        process.stdin.close()
        process.wait(10)
        process.stdout.close()


def environment(
    function: Function, far_url: str, delay_ms: int = 0, aws_delay_ms: int = 0
) -> dict[str, str]:
    """Return the environment of a function, as the template and Lambda set it."""
    return {
        "PATH": os.defpath,
        "PYTHONPATH": function.python_path,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "LANG": "C.UTF-8",
        "TZ": ":UTC",
        "_HANDLER": function.handler,
        "LAMBDA_TASK_ROOT": str(function.path[0]),
        "AWS_LAMBDA_FUNCTION_NAME": "bench",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/bench",
        "AWS_LAMBDA_LOG_STREAM_NAME": "stream",
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_SESSION_TOKEN": "bench",
        "AWS_ENDPOINT_URL": f"{far_url}/after/{aws_delay_ms}" if aws_delay_ms else far_url,
        "_X_AMZN_TRACE_ID": TRACE,
        "LOG_LEVEL": "INFO",
        "METRICS_NAMESPACE": "TaqnyatMail",
        "LEDGER_TABLE": "ledger",
        "MAIL_QUEUE_URL": QUEUE_URL,
        "MAIL_QUEUE_ARN": "arn:aws:sqs:us-east-1:123456789012:mail",
        "FAILED_QUEUE_URL": f"{QUEUE_URL}-failed",
        "TOKEN_SECRET_ID": "token",
        "TAQNYAT_URL": f"{far_url}/after/{delay_ms}" if delay_ms else far_url,
    }


def cold_start(
    python: str,
    function: Function,
    api: RuntimeApi,
    event: dict[str, Any],
    far_url: str,
    tool: tuple[str, ...] = (),
    seconds: float = 30,
) -> tuple[float, float]:
    """Start a fresh process, give it one event; return wall and CPU seconds to its answer.

    Under `tool` (valgrind and its arguments) the process is ended so that the tool can report.
    """
    api.offer(event)
    variables = environment(function, far_url) | {"AWS_LAMBDA_RUNTIME_API": api.address}
    started = time.perf_counter()
    process = subprocess.Popen(
        [*tool, python, "-m", "awslambdaric", function.handler],
        env=variables,
        cwd=function.path[0],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        ended = api.wait(seconds)
    finally:
        process.send_signal(signal.SIGTERM if tool else signal.SIGKILL)
        _, _, usage = os.wait4(process.pid, 0)
        process.returncode = 0
    return ended - started, usage.ru_utime + usage.ru_stime


@contextmanager
def inside(
    python: str, function: Function, far_url: str, *command: str, delay_ms: int = 0
) -> Iterator[subprocess.Popen[str]]:
    """Run a module of benchmarks.inside, `command`, beside the built function."""
    beside = Function(function.handler, (*function.path, ROOT))
    process = subprocess.Popen(
        [python, "-m", f"benchmarks.inside.{command[0]}", *command[1:]],
        env=environment(beside, far_url, delay_ms),
        cwd=function.path[0],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def measured(
    python: str, function: Function, far_url: str, *command: str, delay_ms: int = 0
) -> dict[str, list[float]]:
    """Run such a module to its end; return the JSON that it prints last."""
    with inside(python, function, far_url, *command, delay_ms=delay_ms) as process:
        output, errors = process.communicate("\n", timeout=SECONDS)
        if process.returncode:
            raise HandlerError(errors[-2000:])
    found: dict[str, list[float]] = json.loads(output.splitlines()[-1])
    return found
