"""Serving ASGI applications on ports of the loopback, and what they all answer with."""

import asyncio
import json
import socket
import threading
from typing import Any, Self

import h11
from hypercorn.asyncio import serve as serve_app
from hypercorn.config import Config
from hypercorn.protocol.h11 import H11Protocol
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp

from local.running import Running

_GRACE_SECONDS = 0.5
_KEEP_ALIVE_SECONDS = 75.0


class Json(JSONResponse):
    """JSON as it is; a lone surrogate, which a mail may hold, is escaped."""

    def render(self, content: Any) -> bytes:  # noqa: ANN401 - JSON
        """Return the body."""
        return json.dumps(content, ensure_ascii=False).encode("utf-8", "backslashreplace")


def refuse(status: int, name: str, message: str) -> Json:
    """Return a refusal, in the shape of the API's errors."""
    return Json({"statusCode": status, "name": name, "message": message}, status)


async def read(request: Request, limit: int) -> bytes | None:
    """Return the body, whether its length was told or not; None if it is larger than `limit`.

    That one is read to its end too: who still sends would not see the answer.
    """
    body = bytearray()
    try:
        async for part in request.stream():
            if len(body) <= limit:
                body += part
    except ClientDisconnect:
        return None
    return bytes(body) if len(body) <= limit else None


async def serve(app: ASGIApp, descriptor: int, ended: asyncio.Event) -> None:
    """Serve on a listening socket, which is then ours to close, until the event is set."""
    H11Protocol._send_error_response = _say_error  # type: ignore[method-assign,assignment]  # noqa: SLF001
    config = Config()
    config.bind = [f"fd://{descriptor}"]
    config.graceful_timeout = _GRACE_SECONDS
    config.keep_alive_timeout = _KEEP_ALIVE_SECONDS
    config.loglevel = "ERROR"
    config.include_server_header = False
    await serve_app(app, config, shutdown_trigger=ended.wait)  # type: ignore[arg-type]


class Web(Running):
    """One application on one port, served from a thread of its own."""

    def __init__(self, app: ASGIApp, listening: socket.socket) -> None:
        """Take a listening socket; callers wait on it until `start`."""
        self._app = app
        self._descriptor = listening.detach()
        self._loop = asyncio.new_event_loop()
        self._ended = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="web", daemon=True)

    def start(self) -> Self:
        """Serve in the background."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop serving; a call that runs has half a second."""
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(serve(self._app, self._descriptor, self._ended))


async def _say_error(protocol: Any, status_code: int) -> None:  # noqa: ANN401 - Hypercorn's own
    """Answer what is not HTTP in the shape of the API's errors too; Hypercorn's own is empty."""
    body = bytes(refuse(status_code, "validation_error", "this is not a call of HTTP").body)
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    answer = h11.Response(status_code=status_code, headers=[*headers, ("Connection", "close")])
    for event in (answer, h11.Data(data=body), h11.EndOfMessage()):
        await protocol._send_h11_event(event)  # noqa: SLF001
