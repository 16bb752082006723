"""Connections that keep one deadline and one bound of size, whatever the server does.

The deadline holds for every phase but the DNS look-up, whose end is the resolver's: a socket's own
timeout starts again with each byte and each address, so a server that drips could hold a caller for
hours. A pooled connection that has idled is not used again:
after a freeze of the Lambda container it may be dead without a sign, and a POST that is lost on it
looks like a mail that may have been sent.
"""

from __future__ import annotations

import io
import logging
import socket
import time
from contextvars import ContextVar
from dataclasses import dataclass, field
from http.client import HTTPResponse as RawResponse
from http.client import IncompleteRead
from typing import TYPE_CHECKING, Any, Final

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import NewConnectionError

if TYPE_CHECKING:
    import ssl

MAX_ANSWER_BYTES: Final = 64 * 1024
# Below the five seconds after which common web servers close an idle connection.
MAX_IDLE_SECONDS: Final = 3.0

# It logs header lines that it cannot read, with whatever Taqnyat wrote there.
logging.getLogger("urllib3.connection").setLevel(logging.ERROR)


@dataclass(slots=True)
class Exchange:
    """The state of the call that this thread is making."""

    deadline: float
    written: bool = False
    left: int = field(default=MAX_ANSWER_BYTES)

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

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401  typeshed's WriteableBuffer is private
        if not self._exchange.left:
            return 0
        self._sock.settimeout(self._exchange.remaining())
        count = self._sock.recv_into(buffer, min(len(buffer), self._exchange.left))
        self._exchange.left -= count
        return count

    def close(self) -> None:
        self._unbounded.close()  # gives the socket's reference back
        super().close()


class _WholeLines(io.BufferedReader):
    """Lines that end: http.client takes headers that break off for all of them.

    A 400 whose body is missing would then look like one that has none.
    """

    def readline(self, size: int | None = -1, /) -> bytes:
        line = super().readline(size)
        if not line.endswith(b"\n") and len(line) != size:
            raise IncompleteRead(b"")
        return line


class _BoundedResponse(RawResponse):
    """http.client's response, reading through the bounds."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(sock, *args, **kwargs)
        self.fp = _WholeLines(_BoundedReader(sock, self.fp, current_exchange.get()))


class BoundedConnection(HTTPConnection):
    """A connection that keeps the deadline while writing, and notes that it wrote."""

    response_class = _BoundedResponse
    _used_at = float("inf")

    @property
    def is_connected(self) -> bool:
        """Whether the connection can be used again; urllib3 opens a new one otherwise."""
        return super().is_connected and time.time() - self._used_at < MAX_IDLE_SECONDS

    def _new_conn(self) -> socket.socket:
        """Connect to the first address that answers, all of them within the deadline."""
        failure: OSError | None = None
        for family, kind, protocol, _, address in socket.getaddrinfo(
            self._dns_host, self.port, type=socket.SOCK_STREAM
        ):
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
        response = super().getresponse()
        self._used_at = time.time()
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
