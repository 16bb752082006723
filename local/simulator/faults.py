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

from local.simulator.answers import Context, Reply
from local.simulator.wire import Wire, head, message

Fault = Callable[[Context, Reply, Wire], None]
_FOREVER = 3600.0
_BLOCK = 1 << 20


def _nothing(_: Context, __: Reply, ___: Wire) -> None:
    """End the connection."""


def _hang(_: Context, __: Reply, wire: Wire) -> None:
    wire.wait(_FOREVER)


def _reset(_: Context, __: Reply, wire: Wire) -> None:
    wire.reset_on_close()


def _drip(context: Context, reply: Reply, wire: Wire) -> None:
    if wire.send(head(reply)):
        _drop(reply.body, context.rule.interval, wire)


def _drip_headers(context: Context, reply: Reply, wire: Wire) -> None:
    _drop(message(reply), context.rule.interval, wire)


def _drop(data: bytes, interval: float, wire: Wire) -> None:
    for at in range(len(data)):
        if not (wire.send(data[at : at + 1]) and wire.wait(interval)):
            return


def _cut_while(_: Context, reply: Reply, wire: Wire) -> None:
    wire.send(head(reply) + reply.body[: len(reply.body) // 2])


def _cut_after(_: Context, reply: Reply, wire: Wire) -> None:
    wire.send(message(reply))


def _huge(context: Context, reply: Reply, wire: Wire) -> None:
    _stream(reply, context.rule.size, b"x" * _BLOCK, b"", wire)


def _gzip_bomb(context: Context, reply: Reply, wire: Wire) -> None:
    member = gzip.compress(b" " * _BLOCK)  # members add up to one stream, so one is enough
    count = -(-context.rule.size // _BLOCK)
    _stream(reply, count * len(member), member, b"Content-Encoding: gzip\r\n", wire)


def _stream(reply: Reply, length: int, block: bytes, extra: bytes, wire: Wire) -> None:
    going = wire.send(head(reply, length, extra))
    while going and length > 0:
        going = wire.send(block[:length])
        length -= len(block)


def _with_headers(extra: bytes) -> Fault:
    def fault(_: Context, reply: Reply, wire: Wire) -> None:
        wire.send(head(reply, extra=extra) + reply.body)

    return fault


def _not_http(_: Context, __: Reply, wire: Wire) -> None:
    wire.send(b"220 mail.example.com ESMTP ready\r\n")


_INJECTION = (
    b"Retry-After: 1\rX-Injected: yes\r\n"
    b"Location: http://127.0.0.1:9/\x00\r\n"
    b"X-Colour: \x1b[31mred\x1b[0m\r\n"
    b"Set-Cookie: a=b\r\n folded: yes\r\n"
)

FAULTS: dict[str, Fault] = {
    "hang": _hang,
    "drip": _drip,
    "drip_headers": _drip_headers,
    "cut": _nothing,
    "reset": _reset,
    "cut_request": _reset,
    "cut_while": _cut_while,
    "cut_after": _cut_after,
    "huge": _huge,
    "gzip_bomb": _gzip_bomb,
    "header_injection": _with_headers(_INJECTION),
    "long_header": _with_headers(b"X-Long: " + b"x" * (70 << 10) + b"\r\n"),
    "many_headers": _with_headers(b"".join(b"X-%d: 1\r\n" % n for n in range(200))),
    "not_http": _not_http,
}
SILENT = frozenset({"hang", "cut", "reset", "cut_request", "not_http"})
STATUS = {"header_injection": 503}
REFUSING = SILENT | frozenset(STATUS)
