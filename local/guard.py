"""Who may call a port of the local stack: programs of this machine, and only the port's own page.

A browser on this machine also opens other people's pages. Such a page can point its own name at
127.0.0.1 (DNS rebinding), which the Host header shows. Or it can send a form or a script's call
here, which Origin and Sec-Fetch-Site show. Programs, AWS SDKs among them, send neither.
"""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from local.web import refuse

_OWN = frozenset({"same-origin", "none"})
_SAFE = frozenset({"GET", "HEAD"})
_PLAIN = frozenset({"GET", "HEAD", "DELETE"})


def refusal(scope: Scope, port: int, *, page: bool = False) -> str | None:
    """Return why a call of this port is refused, None if it is let through.

    A port that is a `page` may also be opened by a link on another page, and takes JSON only.
    """
    headers = Headers(scope=scope)
    hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}
    if headers.get("host", "").lower() not in hosts:
        return "this host name is not mine"
    origin = headers.get("origin")
    if origin is not None and origin.lower() not in {f"http://{host}" for host in hosts}:
        return "this origin is not mine"
    method = scope.get("method", "GET")
    navigates = headers.get("sec-fetch-mode", "").lower() == "navigate"
    opening = page and navigates and scope["path"] == "/" and method in _SAFE
    if headers.get("sec-fetch-site", "none").lower() not in _OWN and not opening:
        return "pages of other origins may not call this"
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if page and method not in _PLAIN and kind != "application/json":
        return "the body must be application/json"
    return None


def guarded(app: ASGIApp, port: int, *, page: bool = False) -> ASGIApp:
    """Return the application of one port behind the guard; what is refused never gets there."""

    async def guard(scope: Scope, receive: Receive, send: Send) -> None:
        refused = None if scope["type"] == "lifespan" else refusal(scope, port, page=page)
        answering = app if refused is None else refuse(403, "validation_error", refused)
        await answering(scope, receive, send)

    return guard
