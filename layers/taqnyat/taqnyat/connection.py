"""Connections that keep one deadline and one bound of size, whatever the server does.

The deadline holds for every phase but the DNS look-up, whose end is the resolver's: a socket's own
timeout starts again with each byte and each address, so a server that drips could hold a caller for
hours. A pooled connection that has idled is not used again:
after a freeze of the Lambda container it may be dead without a sign, and a POST that is lost on it
looks like a mail that may have been sent. Nor is one that has bytes left over: they would be taken
for the next mail's answer.
"""

from __future__ import annotations

import io
import logging
import re
import socket
import time
from contextvars import ContextVar
from dataclasses import dataclass, field
from http.client import CONTINUE, IncompleteRead
from http.client import HTTPResponse as RawResponse
from typing import TYPE_CHECKING, Any, Final

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import NewConnectionError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Sequence

MAX_ANSWER_BYTES: Final = 64 * 1024
# Below the second after which the quickest of common web servers close an idle connection; what the
# server says of itself may lower it further, to a share of that: a request needs time to get there.
MAX_IDLE_SECONDS: Final = 0.8
_KEEP_ALIVE_SHARE: Final = 0.5
_KEEP_ALIVE: Final = re.compile(
    r"(?:^|[\s,;])timeout\s*=\s*\"?(\d{1,6})\b", re.IGNORECASE | re.ASCII
)
_FINAL_STATUS: Final = 200  # those below announce an answer, and are none

# It logs header lines that it cannot read, with whatever Taqnyat wrote there.
logging.getLogger("urllib3.connection").setLevel(logging.ERROR)


@dataclass(slots=True)
class Exchange:
    """The state of the call that this thread is making.

    `reused` tells whether its connection is older than the call; `surplus` whether more bytes came
    than its answer has; `kept` whether the connection may be used for another call.
    `resolve` (host, port, seconds left) looks a name up in place of the system, and may refuse.
    """

    deadline: float
    written: bool = False
    reused: bool = True
    surplus: bool = False
    kept: bool = False
    left: int = field(default=MAX_ANSWER_BYTES)
    resolve: Callable[[str, int, float], Sequence[Any]] | None = None

    @property
    def lost_on_reuse(self) -> bool:
        """Whether not a byte came back on a connection that was used before."""
        return self.written and self.reused and self.left == MAX_ANSWER_BYTES

    def addresses(self, host: str, port: int) -> Sequence[Any]:
        """Return the addresses that a name may be connected at, as `getaddrinfo` does."""
        if self.resolve is None:
            return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return self.resolve(host, port, self.remaining())

    def remaining(self) -> float:
        """Return the seconds left; TimeoutError when there are none."""
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
            return None  # "nothing now": the answer has been read
        if not self._exchange.left:
            return 0
        self._sock.settimeout(self._exchange.remaining())
        count = self._sock.recv_into(buffer, min(len(buffer), self._exchange.left))
        self._exchange.left -= count
        return count

    def end(self, surplus: Callable[[], bytes]) -> None:
        """Read no more; `surplus` tells what is left of what was read."""
        self._ended = True
        self._exchange.surplus = bool(surplus())

    def close(self) -> None:
        self._unbounded.close()  # gives the socket's reference back
        super().close()


class _WholeLines(io.BufferedReader):
    """Lines that end: http.client takes headers that break off for all of them.

    A 400 whose body is missing would then look like one that has none.
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
    """http.client's response, reading through the bounds."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(sock, *args, **kwargs)
        self.fp = _WholeLines(_BoundedReader(sock, self.fp, current_exchange.get()))

    def _read_status(self) -> tuple[str, int, str]:
        """Let http.client pass over every 1xx as it passes over 100: the answer comes after it."""
        version, status, reason = super()._read_status()  # type: ignore[misc]  # not in typeshed
        return version, CONTINUE if CONTINUE <= status < _FINAL_STATUS else status, reason


class BoundedConnection(HTTPConnection):
    """A connection that keeps the deadline while writing, and notes that it wrote."""

    response_class = _BoundedResponse
    _last_exchange: Exchange | None = None
    _used_at = 0.0
    _max_idle = MAX_IDLE_SECONDS

    @property
    def is_connected(self) -> bool:
        """Whether the connection can be used again; urllib3 opens a new one otherwise.

        The pool has it back a moment before its last answer is judged: until then it cannot.
        """
        kept = self._last_exchange is not None and self._last_exchange.kept
        fresh = time.time() - self._used_at < self._max_idle
        # What TLS has decrypted already no longer shows at the socket.
        return kept and fresh and super().is_connected and not getattr(self.sock, "pending", int)()

    def _new_conn(self) -> socket.socket:
        """Connect to the first address that answers, all of them within the deadline."""
        exchange = current_exchange.get()
        exchange.reused = False
        failure: OSError | None = None
        for family, kind, protocol, _, address in exchange.addresses(self._dns_host, self.port):
            try:
                sock = socket.socket(family, kind, protocol)
            except OSError as error:  # an address of a family that this machine has not
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
        self.sock.settimeout(exchange.remaining())  # for the whole of the data
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
    # One for all connections: left to itself, urllib3 reads the system's certificates for each.
    from urllib3.util.ssl_ import create_urllib3_context  # noqa: PLC0415  a TLS provider pays for it

    context = create_urllib3_context()
    context.load_default_certs()
    return context
