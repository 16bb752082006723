"""The connection to one caller: writing on it, waiting on it, and cutting it."""

import selectors
import socket
import struct
import threading
import time
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus

from local.simulator.answers import Reply

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Wire:
    """One connection, which the server closes; `stopping` ends every wait on it."""

    connection: socket.socket
    stopping: threading.Event

    def send(self, data: bytes) -> bool:
        """Write all of it; False if the caller is gone."""
        try:
            self.connection.sendall(data)
        except OSError:
            return False
        return True

    def wait(self, seconds: float) -> bool:
        """Wait; False as soon as the caller has closed or the simulator stops."""
        until = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self.connection, selectors.EVENT_READ)
            if selector.select(seconds) and not self._has_data():
                return False
        return not self.stopping.wait(max(0.0, until - time.monotonic()))

    def reset_on_close(self) -> None:
        """Let the close that follows be a reset (RST) and not an orderly end (FIN)."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)

    def _has_data(self) -> bool:
        try:
            return bool(self.connection.recv(1, socket.MSG_PEEK))
        except OSError:
            return False


def head(reply: Reply, length: int | None = None, extra: bytes = b"") -> bytes:
    """Return the status line and the headers of an answer; `extra` goes in as it is."""
    try:
        phrase = HTTPStatus(reply.status).phrase
    except ValueError:
        phrase = "Unknown"
    headers = (
        ("Date", formatdate(usegmt=True)),
        ("Content-Type", reply.content_type),
        ("Content-Length", str(len(reply.body) if length is None else length)),
        *reply.headers,
    )
    lines = [f"HTTP/1.1 {reply.status} {phrase}", *(f"{name}: {text}" for name, text in headers)]
    return "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n" + extra + b"\r\n"


def message(reply: Reply) -> bytes:
    """Return the whole answer."""
    return head(reply) + reply.body
