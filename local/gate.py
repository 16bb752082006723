"""The API's address on this machine: passes calls on to the emulator, a few at a time.

The emulator starts a process, a second of computing, for each call that comes while others run. A
hundred at once would take minutes; a few processes that take turns answer them in one second.
"""

import http.client
import json
import queue
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from urllib.parse import urlsplit

from local.loopback import LoopbackServer

CONCURRENCY = 6
_STALE_SECONDS = 30.0
_TIMEOUT_SECONDS = 60.0
_HOP_BY_HOP = {
    "connection",
    "keep-alive",
    "transfer-encoding",
    "content-length",
    "upgrade",
    "expect",
}


class Gate(LoopbackServer):
    """Serves `<base_url>/<stage>/...` from the API whose address in the emulator is given."""

    def __init__(self, api_url: str, concurrency: int = CONCURRENCY) -> None:
        """Take the address of the API, its stage being the last part of the path."""
        super().__init__(("127.0.0.1", 0), _Handler)
        url = urlsplit(api_url)
        self.prefix, _, self._stage = url.path.rpartition("/")
        self._upstream = (url.hostname or "", url.port)
        self._turns: queue.LifoQueue[tuple[float, http.client.HTTPConnection]] = queue.LifoQueue()
        for _ in range(concurrency):
            self._turns.put((0.0, http.client.HTTPConnection("")))

    @property
    def api_url(self) -> str:
        """Address of the API."""
        return f"{self.base_url}/{self._stage}"

    @contextmanager
    def turn(self) -> Iterator[http.client.HTTPConnection]:
        """Wait for a turn; give a connection that is alive and used by nobody else."""
        used, connection = self._turns.get()
        try:
            if time.monotonic() - used > _STALE_SECONDS or connection.sock is None:
                connection.close()
                connection = http.client.HTTPConnection(*self._upstream, timeout=_TIMEOUT_SECONDS)
            yield connection
        except BaseException:
            connection.close()
            raise
        finally:
            if self.stopping.is_set():
                connection.close()
            self._turns.put((time.monotonic(), connection))

    def stop(self) -> None:
        """Stop serving, and close the connections to the emulator."""
        super().stop()
        with suppress(queue.Empty):
            while True:
                self._turns.get_nowait()[1].close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: Gate

    def handle_one_request(self) -> None:
        """Pass one call on, whatever its method."""
        self.raw_requestline = self.rfile.readline(65537)
        if not self.raw_requestline or len(self.raw_requestline) > 65536:  # noqa: PLR2004
            self.close_connection = True
        elif self.parse_request():
            self._pass_on()
            self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as in the base
        """Log nothing."""

    def _pass_on(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdecimal():
            self.close_connection = True
            self._answer(HTTPStatus.LENGTH_REQUIRED, [], b"")
            return
        body = self.rfile.read(int(length))
        headers = {k: v for k, v in self.headers.items() if k.lower() not in _HOP_BY_HOP}
        try:
            with self.server.turn() as upstream:
                upstream.request(self.command, self.server.prefix + self.path, body, headers)
                answer = upstream.getresponse()
                said = answer.read()
        except (OSError, http.client.HTTPException):
            text = {"message": "the emulator did not answer"}
            self._answer(HTTPStatus.BAD_GATEWAY, [], json.dumps(text).encode())
        else:
            self._answer(answer.status, answer.getheaders(), said)

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in _HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
