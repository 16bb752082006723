"""Lambda's Runtime API on the loopback: enough for one process of `awslambdaric` at a time."""

from __future__ import annotations

import json
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

_PREFIX = "/2018-06-01/runtime/"
ARN = "arn:aws:lambda:us-east-1:123456789012:function:bench"
TRACE = "Root=1-00000000-000000000000000000000001;Parent=0000000000000001;Sampled=0"


class HandlerError(Exception):
    """The function answered with an error; the message is its own."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        """Say nothing of a process that was ended while it waited."""


class RuntimeApi:
    """Gives a fresh process one event, and records when its answer came."""

    def __init__(self) -> None:
        self._event = b"{}"
        self._given = False
        self._done = threading.Event()
        self._ended_at = 0.0
        self._answer: tuple[str, bytes] = ("", b"")
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                api._next(self)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                api._take(self.path.removeprefix(_PREFIX), body, time.perf_counter())
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, ANN401
                """Log nothing."""

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def offer(self, event: dict[str, Any]) -> None:
        """Have the event ready for the next process."""
        self._event = json.dumps(event).encode()
        self._given = False
        self._done.clear()

    def wait(self, seconds: float) -> float:
        """Return when (perf_counter) the answer came.

        Raises:
            HandlerError: the function failed, or did not answer in time.

        """
        if not self._done.wait(seconds):
            raise HandlerError("no answer in time")
        path, body = self._answer
        if not path.endswith("/response"):
            raise HandlerError(body.decode(errors="replace"))
        return self._ended_at

    def _next(self, request: BaseHTTPRequestHandler) -> None:
        if self._given:
            # Only one event: the process is ended while it waits for the second one.
            request.rfile.read(1)
            return
        self._given = True
        request.send_response(200)
        for name, value in {
            "Lambda-Runtime-Aws-Request-Id": str(uuid.UUID(int=1)),
            "Lambda-Runtime-Deadline-Ms": str(int((time.time() + 60) * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": ARN,
            "Lambda-Runtime-Trace-Id": TRACE,
            "Content-Type": "application/json",
            "Content-Length": str(len(self._event)),
        }.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(self._event)

    def _take(self, path: str, body: bytes, at: float) -> None:
        self._answer, self._ended_at = (path, body), at
        self._done.set()
