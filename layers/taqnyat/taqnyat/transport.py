"""One HTTP exchange with Taqnyat: no retries, no redirects, one deadline, at most 64 KiB read.

The deadline holds for every phase but the DNS look-up, whose end is the resolver's: a socket's own
timeout starts anew with each byte and each address, so a server that drips could hold a caller for
hours. A pooled connection that has idled is not used again:
after a freeze of the Lambda container it may be dead without a sign, and a POST that is lost on it
looks like a mail that may have been sent.
"""

from __future__ import annotations

import io
import logging
import socket
import time
import zlib
from contextvars import ContextVar
from dataclasses import dataclass, field
from http.client import HTTPException, IncompleteRead
from http.client import HTTPResponse as RawResponse
from typing import TYPE_CHECKING, Any, Final

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, NewConnectionError

from taqnyat.classification import Fault

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

MAX_ANSWER_BYTES: Final = 64 * 1024
# Below the five seconds after which common web servers close an idle connection.
MAX_IDLE_SECONDS: Final = 3.0
_GZIP_OR_ZLIB: Final = 47

# It logs header lines that it cannot read, with whatever Taqnyat wrote there.
logging.getLogger("urllib3.connection").setLevel(logging.ERROR)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: `status` None without a status line; `body` decoded, cut at 64 KiB.

    `seconds` the time it took.
    """

    status: int | None
    body: bytes
    seconds: float
    retry_after: str | None = None
    fault: Fault | None = None


@dataclass(slots=True)
class _Exchange:
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


_current: ContextVar[_Exchange] = ContextVar("exchange")


class _BoundedReader(io.RawIOBase):
    """A socket's bytes, up to the exchange's deadline and size."""

    def __init__(
        self, sock: socket.socket, unbounded: io.BufferedIOBase, exchange: _Exchange
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
        self.fp = _WholeLines(_BoundedReader(sock, self.fp, _current.get()))


class _Bounded(HTTPConnection):
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
        sock.settimeout(min(self.timeout or 0.0, _current.get().remaining()))

    def send(self, data: Any) -> None:  # noqa: ANN401
        """Write a part of the request."""
        if self.sock is None:
            self.connect()
        exchange = _current.get()
        self.sock.settimeout(exchange.remaining())  # for the whole of the data
        exchange.written = True
        super().send(data)

    def getresponse(self) -> Any:  # noqa: ANN401
        """Read the status line and the headers."""
        response = super().getresponse()
        self._used_at = time.time()
        return response


class _BoundedTLS(_Bounded, HTTPSConnection):
    pass


class Transport:
    """A keep-alive pool to one provider. Safe to share between threads."""

    def __init__(self, base_url: str, connect_timeout: float, pool_size: int = 10) -> None:
        """`base_url` is scheme, host and optional port and path.

        `connect_timeout` seconds for each address tried.
        """
        url = urllib3.util.parse_url(base_url)
        self._prefix = (url.path or "").rstrip("/")
        self._connect_timeout = connect_timeout
        tls = url.scheme == "https"
        self._pool = urllib3.connection_from_url(
            base_url, maxsize=pool_size, **({"ssl_context": _tls()} if tls else {})
        )
        self._pool.ConnectionCls = _BoundedTLS if tls else _Bounded

    def request(
        self,
        method: str,
        path: str,
        deadline: float,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Make one exchange that ends by `deadline` (epoch seconds).

        Never raises for what the network does.
        """
        started = time.monotonic()
        exchange = _Exchange(deadline)
        token = _current.set(exchange)
        read = _Reading()
        fault: Fault | None = None
        try:
            self._perform(read, method, self._prefix + path, exchange, body, headers)
        except (HTTPError, HTTPException, OSError, ValueError) as error:
            fault = _fault(error) if exchange.written else Fault.UNREACHABLE
        finally:
            _current.reset(token)
        if fault is Fault.CUT and not exchange.left:
            fault = None  # our own bound ended the reading: what was read speaks for itself
        return Answer(
            status=read.status,
            body=read.decoded(),
            seconds=time.monotonic() - started,
            retry_after=read.retry_after,
            fault=fault,
        )

    def _perform(
        self,
        read: _Reading,
        method: str,
        path: str,
        exchange: _Exchange,
        body: bytes | None,
        headers: Mapping[str, str] | None,
    ) -> None:
        remaining = exchange.remaining()
        response = self._pool.urlopen(
            method,
            path,
            body=body,
            headers={
                "User-Agent": "taqnyat-mail-gateway",
                "Accept-Encoding": "identity",
                **(headers or {}),
            },
            retries=False,
            redirect=False,
            timeout=urllib3.Timeout(connect=min(self._connect_timeout, remaining), read=remaining),
            preload_content=False,
        )
        try:
            read.whole(response)
        except BaseException:
            response.close()  # a connection with half an answer on it must not return to the pool
            raise
        if exchange.left:
            response.release_conn()
        else:
            response.close()


@dataclass(slots=True)
class _Reading:
    """What has been read so far; kept when the reading breaks."""

    status: int | None = None
    retry_after: str | None = None
    _encoding: str = ""
    _body: bytearray = field(default_factory=bytearray)

    def whole(self, response: urllib3.BaseHTTPResponse) -> None:
        self.status = response.status
        self.retry_after = response.headers.get("Retry-After")
        self._encoding = response.headers.get("Content-Encoding", "").strip().lower()
        while chunk := response.read1(MAX_ANSWER_BYTES, decode_content=False):
            self._body += chunk

    def decoded(self) -> bytes:
        raw = bytes(self._body)
        if self._encoding not in {"gzip", "x-gzip", "deflate"}:
            return raw
        try:
            return zlib.decompressobj(_GZIP_OR_ZLIB).decompress(raw, MAX_ANSWER_BYTES)
        except zlib.error:
            return raw


def _fault(error: Exception) -> Fault:
    # urllib3 wraps what ended a writing into an error of its own.
    timeouts = (TimeoutError, urllib3.exceptions.TimeoutError)
    late = any(isinstance(part, timeouts) for part in (error, *error.args))
    return Fault.TIMEOUT if late else Fault.CUT


def _tls() -> ssl.SSLContext:
    # One for all connections: left to itself, urllib3 reads the system's certificates for each.
    from urllib3.util.ssl_ import create_urllib3_context  # noqa: PLC0415  a TLS provider pays for it

    context = create_urllib3_context()  # TLS 1.2 at least, certificate and name checked
    context.load_default_certs()
    return context
