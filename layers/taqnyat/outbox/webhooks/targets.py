"""The allowed targets of a webhook: https to the public internet, and nothing else.

The decisive check is made at each connection, on the addresses that it connects to: `resolve`
replaces the look-up inside the connection, so a second answer of a name server cannot bring another
address. `read_url` refuses what it can earlier, with a sentence.
"""

from __future__ import annotations

import re
import socket
import threading
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MAX_URL: Final = 2048
_HTTPS: Final = 443
_MIN_PORT: Final = 1024  # lower ports, except 443, belong to services of machines
_VISIBLE: Final = re.compile(r"[\x21-\x7e]+")
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?"
# A last label with a letter first: 127.1, 0x7f000001 and 2130706433 are numbers, not names.
_NAME: Final = re.compile(rf"(?:{_LABEL}\.)+[A-Za-z][A-Za-z0-9-]{{0,61}}[A-Za-z0-9]\.?")
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})

# In addition to what Python calls private or reserved, which differs between its versions.
_NOT_PUBLIC_4: Final = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
# Of IPv6 only the range in use today, without addresses that contain an IPv4 address.
_PUBLIC_6: Final = IPv6Network("2000::/3")
_NOT_PUBLIC_6: Final = tuple(
    IPv6Network(text) for text in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
)

Address = tuple[int, int, int, str, Any]


class RefusedTargetError(OSError):
    """A name leads to an address that no webhook may call."""


@dataclass(frozen=True, slots=True)
class Target:
    """The parts of a URL: `origin` for the connection, `path` with the query for the request."""

    origin: str
    host: str
    port: int
    path: str
    loopback: bool


def read_url(text: str, *, loopback: bool) -> Target:
    """Read the URL of an endpoint; `loopback` allows plain http on this machine.

    Raises:
        ValueError: it is not allowed; the message says why and never repeats the URL.

    """
    if len(text) > MAX_URL or not _VISIBLE.fullmatch(text) or "\\" in text:
        raise ValueError(f"must be a URL of up to {MAX_URL} visible ASCII characters")
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError:
        raise ValueError("is not a URL") from None
    if url.username is not None or url.password is not None or "#" in text:
        raise ValueError("must have no user, password or fragment")
    host = (url.hostname or "").lower()
    local = loopback and url.scheme == "http" and host in _LOOPBACK
    if url.scheme != "https" and not local:
        raise ValueError("must begin with https://")
    if not local:
        _check_host(host)
        if port is not None and port != _HTTPS and not port >= _MIN_PORT:
            raise ValueError(f"must use port {_HTTPS}, or one from {_MIN_PORT} on")
    shown = f"[{host}]" if ":" in host else host
    default = _HTTPS if url.scheme == "https" else 80
    path = (url.path or "/") + (f"?{url.query}" if url.query else "")
    return Target(
        origin=f"{url.scheme}://{shown}:{port or default}",
        host=host,
        port=port or default,
        path=path,
        loopback=local,
    )


def _check_host(host: str) -> None:
    try:
        literal = ip_address(host)
    except ValueError:
        if not _NAME.fullmatch(host):
            raise ValueError("must name a host with a domain") from None
        return
    if not is_public(literal):
        raise ValueError("must not be an address of a private, local or reserved network")


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Return whether an address belongs to the public internet."""
    if isinstance(address, IPv4Address):
        return address.is_global and not any(address in network for network in _NOT_PUBLIC_4)
    public = address in _PUBLIC_6 and not any(address in network for network in _NOT_PUBLIC_6)
    return public and address.is_global and address.scope_id is None


class Resolver:
    """Looks a name up, and refuses it if one of its addresses is not public; sets `refused` then.

    One such address is enough, even among public ones: the name is not to be trusted.
    """

    def __init__(
        self,
        *,
        loopback: bool = False,
        lookup: Callable[..., Sequence[Address]] = socket.getaddrinfo,
    ) -> None:
        """`loopback` allows the addresses of this machine, and no other."""
        self._loopback = loopback
        self._lookup = lookup
        self.refused = False

    def __call__(self, host: str, port: int, seconds: float) -> Sequence[Address]:
        """Return the addresses as `getaddrinfo` does, within `seconds`.

        Raises:
            OSError: the name has no address, none was found in time, or one is refused
                (RefusedTargetError).

        """
        found = self._look(host, port, seconds)
        for entry in found:
            address = ip_address(str(entry[4][0]).partition("%")[0])
            scoped = isinstance(address, IPv6Address) and bool(entry[4][3])
            allowed = address.is_loopback if self._loopback else is_public(address) and not scoped
            if not allowed:
                self.refused = True
                raise RefusedTargetError("the name leads to an address that is not public")
        return found

    def _look(self, host: str, port: int, seconds: float) -> Sequence[Address]:
        # In its own thread: a look-up cannot be stopped when a name server is slow.
        found: list[Sequence[Address] | OSError] = []

        def look() -> None:
            try:
                found.append(self._lookup(host, port, type=socket.SOCK_STREAM))
            except (OSError, UnicodeError) as error:
                found.append(error if isinstance(error, OSError) else OSError("no such name"))

        thread = threading.Thread(target=look, name="lookup", daemon=True)
        thread.start()
        thread.join(max(seconds, 0))
        if not found:
            raise TimeoutError("the look-up of the name took too long")
        if isinstance(found[0], OSError):
            raise found[0]
        return found[0]
