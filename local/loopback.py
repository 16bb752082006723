"""Ports of the loopback, and a threaded server that stops at once even if a call hangs."""

import socket
import sys
import threading
from contextlib import suppress
from socketserver import BaseRequestHandler, TCPServer, ThreadingMixIn
from typing import Any, Self

from local.running import Running

HOST = "127.0.0.1"
_BACKLOG = 512
_POLL_SECONDS = 0.02


def listen(port: int = 0, host: str = HOST) -> socket.socket:
    """Listen on a port of the loopback: the given one, or any if it is 0 or taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError:
        if not port:
            raise
        return listen(0, host)


def is_taken(port: int) -> bool:
    """Return whether somebody has this port."""
    with listen(port) as listening:
        return port != 0 and listening.getsockname()[1] != port


class LoopbackServer(Running, ThreadingMixIn, TCPServer):
    """One thread a connection; `stop` ends every connection."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], handler: type[BaseRequestHandler]) -> None:
        """Listen (port 0, or one that is taken: any free one); serving begins with `start`."""
        super().__init__(address, handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listen(address[1], address[0])
        self.server_address = self.socket.getsockname()
        self.stopping = threading.Event()
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._thread = threading.Thread(
            target=self.serve_forever, kwargs={"poll_interval": _POLL_SECONDS}, daemon=True
        )

    @property
    def base_url(self) -> str:
        """Address without a slash at its end, such as http://127.0.0.1:40123."""
        host, port = self.server_address[:2]
        return f"http://{host!s}:{port}"

    def start(self) -> Self:
        """Serve in the background."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop serving; a call that hangs ends too."""
        self.stopping.set()
        self.shutdown()
        self.server_close()
        with self._lock:
            for connection in self._open:
                with suppress(OSError):  # it may be closed already
                    connection.shutdown(socket.SHUT_RDWR)
        self._thread.join()

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as in the base
        """Note the connection, then serve it on a thread of its own."""
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:  # noqa: ANN401 - as in the base
        """Close without the orderly end of the base class, which would hide a reset."""
        with self._lock:
            self._open.discard(request)
        self.close_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as in the base
        """Say nothing of callers that went away; show every other error."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)
