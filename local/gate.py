"""The API's address on this machine: passes calls on to the emulator, a few at a time.

The emulator starts a process, a second of computing, for each call that comes while others run. A
hundred at once would take minutes; a few processes that take turns answer them in one second.
"""

import asyncio

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from local import web

# Two calls that the emulator's owner makes, below its secret path.
API_PATH = "/_local/api"
END_PATH = "/_local/end"
CONCURRENCY = 6
_MAX_BODY = 10 << 20  # as API Gateway has it


class Gate:
    """An application that is one API of the emulator's application, from the root.

    `below` is where the emulator has the API; until it is known, every call is answered 503.
    """

    def __init__(self, emulator: ASGIApp) -> None:
        """Take the emulator's application."""
        self.below = ""
        self._emulator = emulator
        self._turns = asyncio.Semaphore(CONCURRENCY)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one call on with its body read, so that its length is told."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close"})  # 403; without an answer it would be 500
        if scope["type"] != "http":
            return
        body = await web.read(Request(scope, receive), _MAX_BODY)
        if body is None:
            refused = web.refuse(413, "validation_error", "The request is too large.")
            await refused(scope, receive, send)
        elif not self.below:
            refused = web.refuse(503, "application_error", "the stack is still starting")
            await refused(scope, receive, send)
        else:
            async with self._turns:
                await self._emulator(self._moved(scope, len(body)), _once(body, receive), send)

    def _moved(self, scope: Scope, length: int) -> Scope:
        told = (b"content-length", b"transfer-encoding")
        headers = [(name, value) for name, value in scope["headers"] if name not in told]
        if not any(name == b"content-type" for name, _ in headers):
            # As API Gateway takes it; the emulator would not see that the body may be binary.
            headers.append((b"content-type", b"application/json"))
        if length:
            headers.append((b"content-length", str(length).encode()))
        return {
            **scope,
            "headers": headers,
            "path": self.below + scope["path"],
            "raw_path": self.below.encode() + scope["raw_path"],
        }


def _once(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that gives the body that was read, and then all later messages."""
    whole = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def replay() -> Message:
        return next(whole, None) or await receive()

    return replay
