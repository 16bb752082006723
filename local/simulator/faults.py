"""How the simulator breaks the connection. Each fault ends with the connection closed.

The faults, by their names in a script:

    hang                       reads the mail and says nothing
    drip, drip_headers         the answer byte by byte: its body, or from its first byte
    cut, reset                 ends the connection (FIN, RST) before the answer
    cut_while                  in the middle of the answer
    cut_after                  after the answer, although keep-alive was promised
    cut_request                before the mail was read
    huge, gzip_bomb            1 GiB of body: streamed, or when it is unpacked
    header_injection, long_header, many_headers, not_http   headers made to break a reader
"""

import gzip
from collections.abc import Callable

from local.simulator.answers import Reply
from local.simulator.rules import Rule
from local.simulator.wire import Wire, head, message

Fault = Callable[[Rule, Reply, Wire], object]
_FOREVER = 3600.0
_BLOCK = 1 << 20


def _drip(rule: Rule, reply: Reply, wire: Wire) -> None:
    if wire.send(head(reply)):
        _drop(reply.body, rule.interval, wire)


def _drop(data: bytes, interval: float, wire: Wire) -> None:
    for at in range(len(data)):
        if not (wire.send(data[at : at + 1]) and wire.wait(interval)):
            return


def _gzip_bomb(rule: Rule, reply: Reply, wire: Wire) -> None:
    member = gzip.compress(b" " * _BLOCK)  # members add up to one stream, so one is enough
    count = -(-rule.size // _BLOCK)
    _stream(reply, count * len(member), member, b"Content-Encoding: gzip\r\n", wire)


def _stream(reply: Reply, length: int, block: bytes, extra: bytes, wire: Wire) -> None:
    going = wire.send(head(reply, length, extra))
    while going and length > 0:
        going = wire.send(block[:length])
        length -= len(block)


def _with_headers(extra: bytes) -> Fault:
    return lambda _, reply, wire: wire.send(head(reply, extra=extra) + reply.body)


_INJECTION = (
    b"Retry-After: 1\rX-Injected: yes\r\n"
    b"Location: http://127.0.0.1:9/\x00\r\n"
    b"X-Colour: \x1b[31mred\x1b[0m\r\n"
    b"Set-Cookie: a=b\r\n folded: yes\r\n"
)

FAULTS: dict[str, Fault] = {
    "hang": lambda _, __, wire: wire.wait(_FOREVER),
    "drip": _drip,
    "drip_headers": lambda rule, reply, wire: _drop(message(reply), rule.interval, wire),
    "cut": lambda _, __, ___: None,
    "reset": lambda _, __, wire: wire.reset_on_close(),
    "cut_request": lambda _, __, wire: wire.reset_on_close(),
    "cut_while": lambda _, reply, wire: wire.send(head(reply) + reply.body[: len(reply.body) // 2]),
    "cut_after": lambda _, reply, wire: wire.send(message(reply)),
    "huge": lambda rule, reply, wire: _stream(reply, rule.size, b"x" * _BLOCK, b"", wire),
    "gzip_bomb": _gzip_bomb,
    "header_injection": _with_headers(_INJECTION),
    "long_header": _with_headers(b"X-Long: " + b"x" * (70 << 10) + b"\r\n"),
    "many_headers": _with_headers(b"".join(b"X-%d: 1\r\n" % n for n in range(200))),
    "not_http": lambda _, __, wire: wire.send(b"220 mail.example.com ESMTP ready\r\n"),
}
SILENT = frozenset({"hang", "cut", "reset", "cut_request", "not_http"})
STATUS = {"header_injection": 503}
REFUSING = SILENT | frozenset(STATUS)
