"""The transport against servers on the loopback that do whatever a server can do."""

import errno
import gzip
import itertools
import socket
import struct
import threading
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from socketserver import BaseRequestHandler
from typing import Any

import pytest
from taqnyat import Fault, Transport, connection
from taqnyat.connection import MAX_ANSWER_BYTES
from taqnyat.transport import Answer

from local.loopback import LoopbackServer

FOREVER = 30.0
GRACE = 0.5  # how much longer than its deadline a call may take
BODY = b"bearerTokens=T1&msg=%D9%85"
OK = b"HTTP/1.1 201 Created\r\nContent-Length: 4\r\nRetry-After: 7\r\n\r\nsent"
RESET_ON_CLOSE = struct.pack("ii", 1, 0)

Script = Callable[[socket.socket], None]


def zipped(data: bytes) -> bytes:
    """Return the same bytes each time: they are part of a test's name."""
    return gzip.compress(data, mtime=0)


class Server(LoopbackServer):
    """Does with each connection what `script` says; keeps the requests that the script reads."""

    def __init__(self, script: Script | None = None, address: str = "127.0.0.1") -> None:
        if ":" in address:
            self.address_family = socket.AF_INET6
        super().__init__((address, 0), _Connection)
        self.script = script or self.answering(OK)
        self.connections = 0
        self.requests: list[bytes] = []

    def answering(self, answer: bytes, *, close: bool = False) -> Script:
        """Make a script that answers each request of a connection with the same bytes."""

        def script(connection: socket.socket) -> None:
            while self.read_request(connection):
                connection.sendall(answer)
                if close:
                    return

        return script

    def read_request(self, connection: socket.socket) -> bytes:
        """Read and keep one whole request; empty when the caller has gone."""
        data = b""
        while True:
            head, end, body = data.partition(b"\r\n\r\n")
            if end and len(body) >= _length(head):
                self.requests.append(data)
                return data
            part = connection.recv(1 << 20)
            if not part:
                return b""
            data += part


class _Connection(BaseRequestHandler):
    server: Server

    def handle(self) -> None:
        self.server.connections += 1
        self.server.script(self.request)


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    running.start()
    yield running
    running.stop()


def post(wire: Transport, seconds: float = FOREVER, body: bytes = BODY) -> Answer:
    """Make a call that must end by its deadline."""
    began = time.monotonic()
    headers = {"Authorization": "Bearer T1", "Content-Type": "application/x-www-form-urlencoded"}
    answer = wire.request(
        "POST", "/mailSend.php", time.time() + seconds, body, headers, keep=lambda _: True
    )
    assert time.monotonic() - began < seconds + GRACE
    assert answer.seconds <= seconds + GRACE
    return answer


def wire_to(server: Server, connect_timeout: float = 5) -> Transport:
    return Transport(server.base_url, connect_timeout)


def read(answer: Answer) -> tuple[int | None, bytes, Fault | None]:
    return answer.status, answer.body, answer.fault


# ---- What is written, and on which connection


def test_the_request_byte_for_byte(server: Server) -> None:
    answer = post(wire_to(server))
    assert read(answer) == (201, b"sent", None)
    assert answer.retry_after == "7"
    host = server.base_url.removeprefix("http://")
    [request] = server.requests
    head, _, body = request.partition(b"\r\n\r\n")
    assert body == BODY
    first, *headers = head.decode().split("\r\n")
    assert first == "POST /mailSend.php HTTP/1.1"
    assert sorted(headers) == [
        "Accept-Encoding: identity",
        "Authorization: Bearer T1",
        f"Content-Length: {len(BODY)}",
        "Content-Type: application/x-www-form-urlencoded",
        f"Host: {host}",
        "User-Agent: taqnyat-mail-gateway",
    ]


def test_a_get_has_no_body_and_a_base_path_is_kept(server: Server) -> None:
    wire = Transport(f"{server.base_url}/mail/v2/", 5)
    assert wire.request("GET", "/system/status", time.time() + FOREVER).status == 201
    assert server.requests[0].startswith(b"GET /mail/v2/system/status HTTP/1.1\r\n")
    assert server.requests[0].endswith(b"\r\n\r\n")


def test_a_large_body_arrives_whole(server: Server) -> None:
    body = bytes(range(256)) * 4096 * 4
    assert post(wire_to(server), body=body).status == 201
    assert server.requests[0].endswith(body)


def test_connections_are_kept_alive(server: Server) -> None:
    wire = wire_to(server)
    assert [post(wire).status for _ in range(5)] == [201] * 5
    assert server.connections == 1


def test_an_idle_connection_is_not_used_again(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    wire = wire_to(server)
    monkeypatch.setattr(connection, "MAX_IDLE_SECONDS", 0.0)
    assert [post(wire).status for _ in range(3)] == [201] * 3
    assert server.connections == 3


def test_a_connection_that_the_server_has_closed_is_not_used_again(server: Server) -> None:
    closed = threading.Semaphore(0)

    def script(connection: socket.socket) -> None:
        server.read_request(connection)
        connection.sendall(OK)
        connection.shutdown(socket.SHUT_RDWR)
        closed.release()

    server.script = script
    wire = wire_to(server)
    for count in range(1, 4):
        assert post(wire).status == 201
        assert closed.acquire(timeout=5)
        assert server.connections == count


def test_a_connection_that_dies_under_a_mail_is_not_tried_twice(server: Server) -> None:
    def script(connection: socket.socket) -> None:
        server.read_request(connection)
        connection.sendall(OK)
        server.read_request(connection)

    server.script = script
    wire = wire_to(server)
    assert post(wire).status == 201
    assert read(post(wire)) == (None, b"", Fault.CUT_ON_REUSE)
    assert len(server.requests) == 2


def test_after_such_a_loss_each_call_has_a_connection_of_its_own_for_a_while(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    closes = True

    def script(connection: socket.socket) -> None:
        answered = False
        while server.read_request(connection) and not (answered and closes):
            connection.sendall(OK)
            answered = True

    server.script = script
    wire = wire_to(server)
    assert [read(post(wire)) for _ in range(5)] == [
        (201, b"sent", None),
        (None, b"", Fault.CUT_ON_REUSE),
        *[(201, b"sent", None)] * 3,
    ]
    assert server.connections == 4
    closes = False
    later = time.monotonic() + 600
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert [post(wire).status for _ in range(3)] == [201] * 3
    assert server.connections == 4


def test_threads_get_each_their_own_answer(server: Server) -> None:
    def echo(connection: socket.socket) -> None:
        while request := server.read_request(connection):
            body = request.partition(b"\r\n\r\n")[2]
            head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
            connection.sendall(head + body)

    server.script = echo
    wire = wire_to(server)
    bodies = [b"mail %d " % number * 100 for number in range(100)]
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda body: post(wire, body=body).body, bodies))
    assert answers == bodies
    assert server.connections <= 10


def test_an_ipv6_address() -> None:
    try:
        server = Server(address="::1")
    except OSError:
        pytest.skip("this machine has no IPv6")
    server.start()
    try:
        port = server.server_address[1]
        assert post(Transport(f"http://[::1]:{port}", 5)).status == 201
    finally:
        server.stop()


# ---- Nothing was written


def test_a_refused_connection_is_unreachable() -> None:
    with socket.socket() as bound:  # bound, but listening to nobody
        bound.bind(("127.0.0.1", 0))
        wire = Transport(f"http://127.0.0.1:{bound.getsockname()[1]}", 5)
        assert read(post(wire)) == (None, b"", Fault.UNREACHABLE)


def test_a_name_that_is_not_found_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    def not_found(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", not_found)
    assert read(post(Transport("http://api.taqnyat.invalid", 5))).count(Fault.UNREACHABLE) == 1


@pytest.mark.parametrize("host", ["a" * 70 + ".sa", "a..sa", ".sa"])
def test_a_name_that_cannot_be_is_unreachable(host: str) -> None:
    assert post(Transport(f"http://{host}", 5)).fault is Fault.UNREACHABLE


def test_a_passed_deadline_makes_no_connection(server: Server) -> None:
    assert post(wire_to(server), seconds=0).fault is Fault.UNREACHABLE
    assert server.connections == 0


@contextmanager
def unanswered() -> Iterator[tuple[str, int]]:
    """Give an address where a connection is neither accepted nor refused."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        waiting = []
        for _ in range(4):  # more than the system queues for one that accepts none
            caller = socket.socket()
            caller.settimeout(0)
            assert caller.connect_ex(listening.getsockname()) in {0, errno.EINPROGRESS}
            waiting.append(caller)
        yield listening.getsockname()
        for caller in waiting:
            caller.close()


@pytest.mark.parametrize(("connect_timeout", "seconds"), [(0.2, 1.0), (5, 0.3)])
def test_a_connection_that_is_not_answered(connect_timeout: float, seconds: float) -> None:
    with unanswered() as (host, port):
        began = time.monotonic()
        wire = Transport(f"http://{host}:{port}", connect_timeout)
        assert post(wire, seconds).fault is Fault.UNREACHABLE
        assert time.monotonic() - began < min(connect_timeout, seconds) + GRACE


def addresses(monkeypatch: pytest.MonkeyPatch, *found: tuple[str, int]) -> None:
    """Let every name have these addresses."""
    entries = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address) for address in found]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: entries)


def test_many_addresses_share_one_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    with unanswered() as address:
        addresses(monkeypatch, *[address] * 4)
        assert post(Transport("http://api.taqnyat.test", 0.5), 0.6).fault is Fault.UNREACHABLE


def test_the_next_address_is_tried(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        here = ("127.0.0.1", server.server_address[1])
        addresses(monkeypatch, bound.getsockname(), here)
        assert post(Transport("http://api.taqnyat.test", 5)).status == 201


def test_a_family_of_addresses_that_this_machine_has_not_is_passed_over(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = [
        (family, socket.SOCK_STREAM, 6, "", ("127.0.0.1", server.server_address[1]))
        for family in (9999, socket.AF_INET)
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: entries)
    assert post(Transport("http://api.taqnyat.test", 5)).status == 201


# ---- Cut in every phase


@pytest.mark.parametrize("reset", [False, True], ids=["fin", "rst"])
@pytest.mark.parametrize("read_first", [False, True], ids=["unread", "read"])
def test_a_cut_before_the_answer(server: Server, *, reset: bool, read_first: bool) -> None:
    def script(connection: socket.socket) -> None:
        if read_first:
            server.read_request(connection)
        if reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)

    server.script = script
    answer = post(wire_to(server))
    assert (answer.status, answer.body) == (None, b"")
    # A reset may come before anything could be written.
    assert answer.fault is Fault.CUT or (answer.fault is Fault.UNREACHABLE and not read_first)


def test_a_cut_at_every_byte_of_the_answer(server: Server) -> None:
    ends = itertools.count()

    def script(connection: socket.socket) -> None:
        server.read_request(connection)
        connection.sendall(OK[: next(ends)])

    server.script = script
    wire = wire_to(server)
    for end in range(len(OK)):
        answer = post(wire)
        head = OK.index(b"sent")
        assert (answer.fault, answer.status) == (Fault.CUT, 201 if end >= head else None), end
        assert answer.body == OK[head:end]
    assert read(post(wire)) == (201, b"sent", None)


CHUNKED = (
    b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nse\r\n2;x=y\r\nnt\r\n0\r\n\r\n"
)


def test_a_chunked_answer_and_its_cuts(server: Server) -> None:
    server.script = server.answering(CHUNKED)
    wire = wire_to(server)
    assert [read(post(wire)) for _ in range(2)] == [(201, b"sent", None)] * 2
    assert server.connections == 1
    start = CHUNKED.index(b"2\r\nse")
    for end in range(start, len(CHUNKED)):
        server.script = server.answering(CHUNKED[:end], close=True)
        answer = post(wire_to(server))
        assert (answer.fault, answer.status) == (Fault.CUT, 201), end
        assert b"sent".startswith(answer.body)
    server.script = server.answering(CHUNKED.replace(b"2;x=y", b"zz"), close=True)
    assert post(wire_to(server)).fault is Fault.CUT


def test_half_an_answer_does_not_stay_on_the_connection(server: Server) -> None:
    def script(connection: socket.socket) -> None:
        server.read_request(connection)
        connection.sendall(OK[:-2])
        connection.recv(1)  # until the caller gives up

    server.script = script
    wire = wire_to(server)
    assert read(post(wire, 0.2)) == (201, b"se", Fault.TIMEOUT)
    server.script = server.answering(OK)
    assert read(post(wire)) == (201, b"sent", None)
    assert server.connections == 2


# ---- Slow servers


def slowly(server: Server, data: bytes, *, after: bytes = b"") -> Script:
    """Send `after` at once and then `data` byte by byte, each well within any socket's timeout."""

    def script(connection: socket.socket) -> None:
        server.read_request(connection)
        connection.sendall(after)
        for byte in itertools.cycle(data):
            if server.stopping.wait(0.02):
                return
            connection.sendall(bytes([byte]))

    return script


@pytest.mark.parametrize(
    ("after", "data", "status"),
    [
        (b"", b"", None),
        (b"", b"HTTP/1.1 201 Created\r\nX-Drip: 1\r\n", None),
        (b"HTTP/1.1 201 Created\r\n", b"X-Drip: 1\r\n", None),
        (b"HTTP/1.1 201 Created\r\nX-Drip: ", b"x", None),
        (b"HTTP/1.1 201 Created\r\nContent-Length: 9999\r\n\r\n", b"x", 201),
        (b"HTTP/1.1 201 Created\r\n\r\n", b"x", 201),
        (b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n", 201),
        (b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n1", b"0", 201),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n", None),
    ],
)
def test_a_hang_or_a_drip_ends_at_the_deadline(
    server: Server, after: bytes, data: bytes, status: int | None
) -> None:
    def hang(connection: socket.socket) -> None:
        server.read_request(connection)
        server.stopping.wait()

    server.script = slowly(server, data, after=after) if data else hang
    answer = post(wire_to(server), 0.4)
    assert (answer.status, answer.fault) == (status, Fault.TIMEOUT)


@pytest.mark.parametrize("piece", [0, 64 * 1024])
def test_a_server_that_hardly_reads_ends_at_the_deadline(server: Server, piece: int) -> None:
    def script(connection: socket.socket) -> None:
        while not server.stopping.wait(0.05):
            if piece and not connection.recv(piece):
                return

    server.script = script
    answer = post(wire_to(server), 0.4, body=b"x" * (32 << 20))
    assert read(answer) == (None, b"", Fault.TIMEOUT)


# ---- Large and malformed answers


class Bombs:
    """Answers that never end, and how much of them was taken."""

    def __init__(self, server: Server, head: bytes, block: bytes) -> None:
        self.taken = 0
        self.over = threading.Event()
        self._server = server
        self._head = head
        self._block = memoryview(block)

    def __call__(self, connection: socket.socket) -> None:
        self._server.read_request(connection)
        connection.sendall(self._head)
        with suppress(OSError):
            while self.taken < 1 << 30:
                self.taken += connection.send(self._block)
        self.over.set()


ENDLESS = b"Content-Length: %d\r\n" % (1 << 30)
GZIP = b"Content-Encoding: gzip\r\n"
BLOCK = b"x" * (1 << 16)


@pytest.mark.parametrize(
    ("head", "block"),
    [
        (b"HTTP/1.1 201 Created\r\n" + ENDLESS + b"\r\n", BLOCK),
        (b"HTTP/1.1 201 Created\r\n\r\n", BLOCK),
        (b"HTTP/1.1 201 Created\r\n" + ENDLESS + GZIP + b"\r\n", zipped(b" " * (64 << 20))),
        (b"HTTP/1.1 201 Created\r\n" + ENDLESS + b"Content-Encoding: br\r\n\r\n", BLOCK),
        (b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n" * 10_000),
        (
            b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n3fffffff\r\n",
            BLOCK,
        ),
        (b"HTTP/1.1 201 Created\r\nX-Long: ", BLOCK),
        (b"HTTP/1.1 201 Created\r\n", b"X-Many: 1\r\n" * 5000),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 2000),
        (b"", BLOCK),
        (b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X: 1\r\n" * 10_000),
    ],
)
def test_a_gibibyte_costs_64_kibibytes(server: Server, head: bytes, block: bytes) -> None:
    bomb = Bombs(server, head, block)
    server.script = bomb
    wire = wire_to(server)
    tracemalloc.start()
    try:
        answer = post(wire, 5.0)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(answer.body) <= MAX_ANSWER_BYTES
    assert answer.status in {201, None}
    assert peak < 5 << 20
    assert bomb.taken < 32 << 20  # what fits into the system's buffers
    server.script = server.answering(OK)
    assert read(post(wire)) == (201, b"sent", None)  # and not the rest of the bomb
    assert bomb.over.wait(5)


def test_a_long_body_is_cut_and_is_no_fault(server: Server) -> None:
    server.script = server.answering(OK.replace(b" 4\r", b" 100000\r") + b"x" * 99_996)
    answer = post(wire_to(server))
    assert (answer.status, answer.fault) == (201, None)
    assert answer.body.startswith(b"sentxxx")
    assert len(answer.body) < MAX_ANSWER_BYTES


def test_a_body_of_just_under_the_bound_is_whole(server: Server) -> None:
    body = b"x" * (MAX_ANSWER_BYTES - 200)
    head = b"HTTP/1.1 201 Created\r\nContent-Length: %d\r\n\r\n" % len(body)
    server.script = server.answering(head + body)
    wire = wire_to(server)
    assert [read(post(wire)) for _ in range(2)] == [(201, body, None)] * 2
    assert server.connections == 1


@pytest.mark.parametrize(
    ("encoding", "sent", "expected"),
    [
        ("gzip", zipped(b"sent"), b"sent"),
        (" GZip ", zipped(b"sent"), b"sent"),
        ("x-gzip", zipped(b"sent"), b"sent"),
        ("deflate", zlib.compress(b"sent"), b"sent"),
        ("gzip", zipped(b" " * (1 << 24)), b" " * MAX_ANSWER_BYTES),
        ("gzip", zipped(b"sent")[:-8], b"sent"),
        ("gzip", b"not gzip", b"not gzip"),
        ("identity", zipped(b"sent"), b"sent"),
        ("deflate", zlib.compress(b"sent", wbits=-15), b"sent"),
        ("deflate", b'{"ResponseStatus":"fail"}', b'{"ResponseStatus":"fail"}'),
        ("br", b"sent", b"sent"),
        ("gzip, gzip", b"sent", b"sent"),
        ("gzip", b"", b""),
    ],
)
def test_an_encoded_answer(server: Server, encoding: str, sent: bytes, expected: bytes) -> None:
    head = f"HTTP/1.1 201 Created\r\nContent-Encoding: {encoding}\r\nContent-Length: {len(sent)}"
    server.script = server.answering(head.encode() + b"\r\n\r\n" + sent)
    assert read(post(wire_to(server))) == (201, expected, None)


@pytest.mark.parametrize(
    "answer",
    [
        b"220 mail.example.com ESMTP ready\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"HTTP/1.1 abc Created\r\n\r\n",
        b"HTTP/1.1 99 Odd\r\n\r\n",
        b"HTTP/1.1 201 Created\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nsent",
        b"HTTP/1.1 201 Created\r\n" + b"X: 1\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 201 Created\r\nX: " + b"x" * (70 << 10) + b"\r\n\r\n",
        b"\r\n\r\n",
    ],
)
def test_what_is_no_http_answer(server: Server, answer: bytes) -> None:
    server.script = server.answering(answer, close=True)
    found = post(wire_to(server))
    assert (found.status, found.body) in {(None, b""), (201, b"")}
    assert found.fault in {Fault.CUT, None}


def test_malformed_headers_are_passed_over_and_not_logged(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    server.script = server.answering(
        b"HTTP/1.1 503 No\r\nRetry-After: 1\rX-Injected: yes\r\nLocation: http://x/\x00\r\n"
        b"nora@example.com without a colon\r\n folded: yes\r\nContent-Length: 4\r\n\r\nsent",
        close=True,
    )
    answer = post(wire_to(server))
    assert (answer.status, answer.fault) == (503, None)
    assert "nora@example.com" not in caplog.text


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(server: Server, status: int) -> None:
    elsewhere = Server()
    elsewhere.start()
    try:
        head = f"HTTP/1.1 {status} Moved\r\nLocation: {elsewhere.base_url}/mailSend.php\r\n"
        server.script = server.answering(head.encode() + b"Content-Length: 0\r\n\r\n")
        wire = wire_to(server)
        assert [read(post(wire)) for _ in range(2)] == [(status, b"", None)] * 2
        assert (elsewhere.connections, elsewhere.requests) == (0, [])
        assert len(server.requests) == 2
    finally:
        elsewhere.stop()


@pytest.mark.parametrize("status", [200, 204, 304, 400, 405, 429, 500, 503, 599, 999])
def test_any_status_is_an_answer(server: Server, status: int) -> None:
    body = b"" if status in {204, 304} else b"sent"
    head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    server.script = server.answering(head + body)
    wire = wire_to(server)
    assert [read(post(wire)) for _ in range(2)] == [(status, body, None)] * 2


def test_an_answer_until_the_end_of_the_connection(server: Server) -> None:
    server.script = server.answering(b"HTTP/1.0 201 Created\r\n\r\nsent", close=True)
    wire = wire_to(server)
    assert [read(post(wire)) for _ in range(2)] == [(201, b"sent", None)] * 2
    assert server.connections == 2


@pytest.mark.parametrize("value", ["Bearer T1\r\nX-Injected: yes", "Bearer T1\nX", "Bearer \u0661"])
def test_a_header_that_would_inject_is_not_written(server: Server, value: str) -> None:
    headers: dict[str, Any] = {"Authorization": value}
    answer = wire_to(server).request("POST", "/", time.time() + 5, b"x", headers)
    assert answer.fault is Fault.UNREACHABLE
    assert server.requests == []
