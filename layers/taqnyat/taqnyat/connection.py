"""Connections that keep one deadline and one limit of size against any server.

The deadline holds for every phase except the DNS look-up, which the resolver ends. A socket's own
timeout starts again with each byte and each address, so a server that sends slowly could hold a
caller for hours. An idle pooled connection is not used again: after a freeze of the Lambda
container it may be dead without a sign, and a POST that is lost on it looks like a mail that may
have been sent. A connection with unread bytes is not used again either: they would count as the
next mail's answer.
"""

from __future__ import annotations

import io
import logging
import re
import socket
import time
from contextvars import ContextVar
from http.client import CONTINUE, IncompleteRead
from http.client import HTTPResponse as RawResponse
from typing import TYPE_CHECKING, Any, Final

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import NewConnectionError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Sequence

MAX_ANSWER_BYTES: Final = 64 * 1024
# Less than a second: some common web servers close an idle connection after that. A server's own
# Keep-Alive lowers it to half of what it says, because a request needs time to arrive.
MAX_IDLE_SECONDS: Final = 0.8
_KEEP_ALIVE_SHARE: Final = 0.5
_KEEP_ALIVE: Final = re.compile(
    r"(?:^|[\s,;])timeout\s*=\s*\"?(\d{1,6})\b", re.IGNORECASE | re.ASCII
)
_FINAL_STATUS: Final = 200  # lower ones only announce an answer

# It logs header lines that it cannot read, with their content.
logging.getLogger("urllib3.connection").setLevel(logging.ERROR)


class Exchange:
    """The state of the call that this thread is making.

    `reused`: its connection is older than the call; `surplus`: more bytes came than its answer has;
    `kept`: the connection may be used for another call. `resolve` (host, port, seconds left) looks
    a name up instead of the system, and may refuse it. `may_reuse`: whether this call may use a
    connection of an earlier one.
    """

    def __init__(
        self,
        deadline: float,
        resolve: Callable[[str, int, float], Sequence[Any]] | None = None,
        *,
        may_reuse: bool = True,
    ) -> None:
        self.deadline = deadline
        self.resolve = resolve
        self.may_reuse = may_reuse
        self.written = self.surplus = self.kept = False
        self.reused = True
        self.left = MAX_ANSWER_BYTES

    @property
    def lost_on_reuse(self) -> bool:
        """Whether no byte came back on a connection that was used before."""
        return self.written and self.reused and self.left == MAX_ANSWER_BYTES

    def addresses(self, host: str, port: int) -> Sequence[Any]:
        """Return the addresses of a name, as `getaddrinfo` does."""
        if self.resolve is None:
            return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return self.resolve(host, port, self.remaining())

    def remaining(self) -> float:
        """Return the seconds left; raise TimeoutError if there are none."""
        seconds = self.deadline - time.time()
        if seconds <= 0:
            message = "the deadline of the call has passed"
            raise TimeoutError(message)
        return seconds


current_exchange: ContextVar[Exchange] = ContextVar("exchange")


class _BoundedReader(io.RawIOBase):
    """A socket's bytes, up to the exchange's deadline and size."""

    def __init__(
        self, sock: socket.socket, unbounded: io.BufferedIOBase, exchange: Exchange
    ) -> None:
        self._sock = sock
        self._unbounded = unbounded
        self._exchange = exchange
        self._ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:  # noqa: ANN401  typeshed's WriteableBuffer is private
        if self._ended:
            return None  # "no data now": the answer has been read
        if not self._exchange.left:
            return 0
        self._sock.settimeout(self._exchange.remaining())
        count = self._sock.recv_into(buffer, min(len(buffer), self._exchange.left))
        self._exchange.left -= count
        return count

    def end(self, surplus: Callable[[], bytes]) -> None:
        """Stop reading; `surplus` returns the bytes that were read too much."""
        self._ended = True
        self._exchange.surplus = bool(surplus())

    def close(self) -> None:
        self._unbounded.close()  # releases the socket's reference
        super().close()


class _WholeLines(io.BufferedReader):
    """Reads only whole lines: http.client takes headers that break off as complete.

    A 400 whose body is missing would then look like one without a body.
    """

    def __init__(self, bounded: _BoundedReader) -> None:
        super().__init__(bounded)
        self._bounded = bounded

    def readline(self, size: int | None = -1, /) -> bytes:
        line = super().readline(size)
        if not line.endswith(b"\n") and len(line) != size:
            raise IncompleteRead(b"")
        return line

    def close(self) -> None:
        if not self.closed:
            self._bounded.end(self.peek)
        super().close()


class _BoundedResponse(RawResponse):
    """http.client's response, which reads within the limits."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(sock, *args, **kwargs)
        self.fp = _WholeLines(_BoundedReader(sock, self.fp, current_exchange.get()))

    def _read_status(self) -> tuple[str, int, str]:
        """Let http.client skip every 1xx as it skips 100: the answer comes after it."""
        version, status, reason = super()._read_status()  # type: ignore[misc]  # not in typeshed
        return version, CONTINUE if CONTINUE <= status < _FINAL_STATUS else status, reason


class BoundedConnection(HTTPConnection):
    """A connection that keeps the deadline while it writes, and records that it wrote."""

    response_class = _BoundedResponse
    _last_exchange: Exchange | None = None
    _used_at = 0.0
    _max_idle = MAX_IDLE_SECONDS

    @property
    def is_connected(self) -> bool:
        """Whether the connection can be used again; urllib3 opens a new one otherwise.

        The pool gets it back a moment before its last answer is judged: until then it is False.
        """
        kept = self._last_exchange is not None and self._last_exchange.kept
        kept = kept and current_exchange.get().may_reuse
        fresh = time.time() - self._used_at < self._max_idle
        # The socket no longer shows bytes that TLS has decrypted.
        return kept and fresh and super().is_connected and not getattr(self.sock, "pending", int)()

    def _new_conn(self) -> socket.socket:
        """Connect to the first address that answers, within the deadline for all of them."""
        exchange = current_exchange.get()
        exchange.reused = False
        failure: OSError | None = None
        for family, kind, protocol, _, address in exchange.addresses(self._dns_host, self.port):
            try:
                sock = socket.socket(family, kind, protocol)
            except OSError as error:  # an address of a family that this machine does not have
                failure = error
                continue
            try:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._limit(sock)
                sock.connect(address)
                self._limit(sock)  # for the TLS handshake
            except OSError as error:
                sock.close()
                failure = error
            else:
                return sock
        raise NewConnectionError(self, "no address could be connected to") from failure

    def _limit(self, sock: socket.socket) -> None:
        sock.settimeout(min(self.timeout or 0.0, current_exchange.get().remaining()))

    def send(self, data: Any) -> None:  # noqa: ANN401
        """Write a part of the request."""
        if self.sock is None:
            self.connect()
        exchange = current_exchange.get()
        self.sock.settimeout(exchange.remaining())  # for all of the data
        exchange.written = True
        super().send(data)

    def getresponse(self) -> Any:  # noqa: ANN401
        """Read the status line and the headers."""
        self._last_exchange = current_exchange.get()
        response = super().getresponse()
        self._used_at = time.time()
        self._max_idle = MAX_IDLE_SECONDS
        if said := _KEEP_ALIVE.search(response.headers.get("Keep-Alive", "")):
            self._max_idle = min(MAX_IDLE_SECONDS, int(said[1]) * _KEEP_ALIVE_SHARE)
        return response


class BoundedTLSConnection(BoundedConnection, HTTPSConnection):
    """The same over TLS."""


def tls_context() -> ssl.SSLContext:
    """Make the context of all connections: TLS 1.2 at least, certificate and name checked."""
    # One for all connections: urllib3 would read the system's certificates for each.
    from urllib3.util.ssl_ import create_urllib3_context  # noqa: PLC0415  for TLS only

    context = create_urllib3_context()
    context.load_default_certs()
    return context
