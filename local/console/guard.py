"""Who may call the console: this machine only, and no page but its own.

A browser on this machine also opens strangers' pages. Such a page can point a name of its own at
127.0.0.1 (DNS rebinding), which the Host header gives away; or send a form here, which the Origin
and Sec-Fetch-Site headers give away. Programs, which send neither, are let through.
"""

from email.message import Message

_OWN = frozenset({"same-origin", "none"})
_SAFE = frozenset({"GET", "HEAD"})


def refusal(method: str, path: str, headers: Message, port: int) -> str | None:
    """Return why a call is refused, None if it is let through."""
    hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}
    if headers.get("Host", "").lower() not in hosts:
        return "this host name is not mine"
    origin = headers.get("Origin")
    if origin is not None and origin.lower() not in {f"http://{host}" for host in hosts}:
        return "this origin is not mine"
    site = headers.get("Sec-Fetch-Site", "none").lower()
    opening = path == "/" and headers.get("Sec-Fetch-Mode", "").lower() == "navigate"
    if site not in _OWN and not (opening and method in _SAFE):
        return "pages of other origins may not call this"
    kind = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if method == "POST" and kind != "application/json":
        return "the body must be application/json"
    return None
