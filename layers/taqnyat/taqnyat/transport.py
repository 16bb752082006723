"""One HTTP exchange with Taqnyat: no retries, no redirects, one deadline, at most 64 KiB read."""

from __future__ import annotations

import re
import time
import zlib
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import urllib3
from urllib3.exceptions import HTTPError

from taqnyat.connection import (
    MAX_ANSWER_BYTES,
    BoundedConnection,
    BoundedTLSConnection,
    Exchange,
    current_exchange,
    tls_context,
)
from taqnyat.outcome import Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

# A server that closes connections without a word would cost every second mail.
_NO_REUSE_SECONDS: Final = 600.0
_GZIP: Final = b"\x1f\x8b"
_GZIP_OR_ZLIB: Final = 47
_PLAIN_DEFLATE: Final = -15  # without zlib's header, as some servers send "deflate"
_WINDOW_BITS: Final = {
    "gzip": (_GZIP_OR_ZLIB,),
    "x-gzip": (_GZIP_OR_ZLIB,),
    "deflate": (_GZIP_OR_ZLIB, _PLAIN_DEFLATE),
}
_SECONDS: Final = r"[0-9]+(?:\.[0-9]+)?(?:\s*,\s*[0-9]+(?:\.[0-9]+)?)*"


class Answer(NamedTuple):
    """An answer: `status` is None without a status line; `body` is decoded, at most 64 KiB.

    `seconds` is the time of the exchange.
    """

    status: int | None
    body: bytes
    seconds: float
    retry_after: str | None = None
    fault: Fault | None = None

    def wait(self, most: float) -> float | None:
        """Read Retry-After: seconds, at most so many, or an HTTP date; None if it is neither.

        Of several headers, or seconds joined by commas, the longest counts.
        """
        text = (self.retry_after or "").strip()
        if re.fullmatch(_SECONDS, text):
            return min(max(map(float, text.split(","))), most)
        try:
            moment = parsedate_to_datetime(text)
        except (ValueError, TypeError, OverflowError):
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return min(max((moment - datetime.now(UTC)).total_seconds(), 0.0), most)


class Transport:
    """A keep-alive pool to one provider. Safe to share between threads."""

    def __init__(self, base_url: str, connect_timeout: float, pool_size: int = 10) -> None:
        """`base_url` is scheme, host and optional port and path.

        `connect_timeout` seconds for each address tried.
        """
        url = urllib3.util.parse_url(base_url)
        self._prefix = (url.path or "").rstrip("/")
        self._connect_timeout = connect_timeout
        self._reuses_from = 0.0
        tls = url.scheme == "https"
        self._pool = urllib3.connection_from_url(
            base_url, maxsize=pool_size, **({"ssl_context": tls_context()} if tls else {})
        )
        self._pool.ConnectionCls = BoundedTLSConnection if tls else BoundedConnection

    def request(
        self,
        method: str,
        path: str,
        deadline: float,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        keep: Callable[[Answer], bool] | None = None,
        resolve: Callable[[str, int, float], Sequence[Any]] | None = None,
    ) -> Answer:
        """Make one exchange that ends by `deadline` (epoch seconds).

        The connection is used again only if the answer ended correctly and `keep` returns True:
        bytes that a server sends after a strange answer would count as the next call's answer.
        `resolve` (host, port, seconds left) looks the host up for a new connection, and may refuse
        its addresses. Errors of the network are never raised.
        """
        started = time.monotonic()
        exchange = Exchange(deadline, resolve, may_reuse=started >= self._reuses_from)
        token = current_exchange.set(exchange)
        read = _Reading()
        fault: Fault | None = None
        response: urllib3.BaseHTTPResponse | None = None
        try:
            response = self._open(method, self._prefix + path, exchange, body, headers)
            read.whole(response)
        except (HTTPError, HTTPException, OSError, ValueError) as error:
            fault = _fault(error, exchange) if exchange.written else Fault.UNREACHABLE
            if fault is Fault.CUT_ON_REUSE:
                self._reuses_from = time.monotonic() + _NO_REUSE_SECONDS
        finally:
            current_exchange.reset(token)
        whole = fault is None and exchange.left > 0 and not exchange.surplus
        if fault is Fault.CUT and not exchange.left:
            fault = None  # our own limit ended the reading: the part that was read counts
        answer = Answer(
            status=read.status,
            body=read.decoded(),
            seconds=time.monotonic() - started,
            retry_after=read.retry_after,
            fault=fault,
        )
        if response is not None and not whole:
            response.close()
        exchange.kept = whole and keep is not None and keep(answer)
        return answer

    def _open(
        self,
        method: str,
        path: str,
        exchange: Exchange,
        body: bytes | None,
        headers: Mapping[str, str] | None,
    ) -> urllib3.BaseHTTPResponse:
        remaining = exchange.remaining()
        return self._pool.urlopen(
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


class _Reading:
    """The part of an answer that has been read, also after an error."""

    def __init__(self) -> None:
        self.status: int | None = None
        self.retry_after: str | None = None
        self._encoding = ""
        self._body = bytearray()

    def whole(self, response: urllib3.BaseHTTPResponse) -> None:
        self.status = response.status
        self.retry_after = response.headers.get("Retry-After")
        self._encoding = response.headers.get("Content-Encoding", "").strip().lower()
        while chunk := response.read1(MAX_ANSWER_BYTES, decode_content=False):
            self._body += chunk

    def decoded(self) -> bytes:
        raw = bytes(self._body)
        encoding = "gzip" if raw.startswith(_GZIP) else self._encoding  # a proxy may drop the name
        for bits in _WINDOW_BITS.get(encoding, ()):
            stream = zlib.decompressobj(bits)
            try:
                read = stream.decompress(raw, MAX_ANSWER_BYTES)
            except zlib.error:
                continue
            # Other bytes may look like a deflate stream, but do not end as one.
            if bits == _GZIP_OR_ZLIB or (stream.eof and not stream.unused_data):
                return read
        return raw


def _fault(error: Exception, exchange: Exchange) -> Fault:
    # urllib3 wraps an error of writing in one of its own.
    timeouts = (TimeoutError, urllib3.exceptions.TimeoutError)
    late = any(isinstance(part, timeouts) for part in (error, *error.args))
    if late:
        return Fault.TIMEOUT
    return Fault.CUT_ON_REUSE if exchange.lost_on_reuse else Fault.CUT
