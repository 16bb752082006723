"""Each mail gets its own answer, whatever a server sends before, after or beside it.

The provider here knows what it did with each mail; what the client says must not contradict that.
`unknown` never does.
"""

import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from socketserver import BaseRequestHandler
from urllib.parse import parse_qs

import pytest
from taqnyat import Letter, Outcome, TaqnyatClient, Transport, Verdict

from local.loopback import LoopbackServer
from local.simulator import guide

LATE = 0.05
IDLE = 1.0

Answering = Callable[["Call"], None]


class Token:
    def get(self) -> str:
        return "T1"

    def replacement(self, refused: str, since: float) -> str | None:
        del refused, since
        return None

    def forget(self) -> None:
        pass


class Call:
    """A mail that was read from a connection, to be answered as the script likes."""

    def __init__(self, connection: socket.socket, subject: str, number: int) -> None:
        self.connection, self.subject, self.number = connection, subject, number

    def answer(self) -> bytes:
        """Decide: mails whose subject says so are refused, all others are taken."""
        if "refuse" in self.subject:
            return framed(400, guide.failure_json(15))
        return framed(201, guide.success(self.number, "1"))

    def send(self, data: bytes) -> None:
        self.connection.sendall(data)

    def later(self, data: bytes, seconds: float = LATE) -> None:
        """Send more when the caller may have gone on to the next mail."""
        threading.Timer(seconds, self._unless_closed, (data,)).start()

    def _unless_closed(self, data: bytes) -> None:
        try:
            self.connection.sendall(data)
        except OSError:
            return


class Provider(LoopbackServer):
    """Gives each mail to `script`, and closes a connection that idles for a second."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.script: Answering = lambda call: call.send(call.answer())
        self.taken: dict[str, int] = {}
        self.connections = 0
        self.lock = threading.Lock()

    def read(self, connection: socket.socket) -> Call | None:
        data = b""
        while b"\r\n\r\n" not in data or len(data.partition(b"\r\n\r\n")[2]) < length(data):
            part = connection.recv(1 << 16)
            if not part:
                return None
            data += part
        [subject] = parse_qs(data.partition(b"\r\n\r\n")[2].decode())["subject"]
        with self.lock:
            number = len(self.taken) + 1
            if "refuse" not in subject:
                self.taken[subject] = number
        return Call(connection, subject, number)


class _Connection(BaseRequestHandler):
    server: Provider

    def handle(self) -> None:
        self.server.connections += 1
        self.request.settimeout(IDLE)
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while call := self.server.read(self.request):
            self.server.script(call)


def length(data: bytes) -> int:
    head = data.partition(b"\r\n\r\n")[0].lower()
    [line] = [line for line in head.split(b"\r\n") if line.startswith(b"content-length:")]
    return int(line.partition(b":")[2])


def framed(status: int, body: str, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(body.encode())}", *headers]
    return "\r\n".join([*lines, "", body]).encode()


@pytest.fixture
def provider() -> Iterator[Provider]:
    running = Provider()
    running.start()
    yield running
    running.stop()


@pytest.fixture
def client(provider: Provider) -> TaqnyatClient:
    return TaqnyatClient(Transport(provider.base_url, 3), Token())  # type: ignore[arg-type]  # a stand-in


def send(client: TaqnyatClient, subject: str) -> Outcome:
    letter = Letter("a@b.sa", ("c@d.sa",), subject, "text", "campaign")
    return client.send(letter, time.time() + 5)


def contradicts(outcome: Outcome, subject: str, provider: Provider) -> bool:
    number = provider.taken.get(subject)
    if outcome.verdict is Verdict.SENT:
        return outcome.msg_id != str(number)
    return outcome.verdict is not Verdict.UNKNOWN and number is not None


@pytest.mark.parametrize("status", [100, 101, 102, 103, 199])
def test_what_announces_an_answer_is_none(
    provider: Provider, client: TaqnyatClient, status: int
) -> None:
    def announced(call: Call) -> None:
        call.send(f"HTTP/1.1 {status} Soon\r\nLink: </a>\r\n\r\n".encode())
        time.sleep(LATE)
        call.send(call.answer())

    provider.script = announced

    assert send(client, "one").verdict is Verdict.SENT
    assert send(client, "refuse").reason == "recipients_refused"
    assert send(client, "three").verdict is Verdict.SENT


@pytest.mark.parametrize("late", [0.0, LATE])
@pytest.mark.parametrize("first", ["taken", "refuse"])
def test_a_second_answer_is_not_the_next_mails(
    provider: Provider, client: TaqnyatClient, first: str, late: float
) -> None:
    def doubled(call: Call) -> None:
        if call.subject == first:
            call.send(call.answer() + (b"" if late else call.answer()))
            if late:
                call.later(call.answer(), late)
        else:
            time.sleep(2 * late)
            call.send(call.answer())

    provider.script = doubled
    second = "refuse that" if first == "taken" else "taken too"
    outcomes = {subject: send(client, subject) for subject in (first, second)}

    for subject, outcome in outcomes.items():
        assert not contradicts(outcome, subject, provider), (subject, outcome)
    assert outcomes[first].verdict is not Verdict.UNKNOWN
    if late and first == "taken":
        assert outcomes[second].reason == "answer_of_another_mail"
    else:
        assert outcomes[second].verdict is not Verdict.UNKNOWN


@pytest.mark.parametrize(
    "odd", [framed(200, ""), framed(204, ""), framed(201, "{}"), framed(500, "")]
)
def test_after_an_odd_answer_the_connection_is_done_with(
    provider: Provider, client: TaqnyatClient, odd: bytes
) -> None:
    def script(call: Call) -> None:
        if call.subject == "one":
            call.send(odd)
            call.later(call.answer())
        else:
            time.sleep(2 * LATE)
            call.send(call.answer())

    provider.script = script

    assert send(client, "one").verdict is Verdict.UNKNOWN
    assert send(client, "refuse two").reason == "recipients_refused"


def test_one_letter_twice_is_two_mails_with_two_answers(
    provider: Provider, client: TaqnyatClient
) -> None:
    """A provider may give one mail's msgId twice for that mail; it may not for another mail."""
    provider.script = lambda call: call.send(framed(201, guide.success(7, "1")))
    said = [
        client.send(
            Letter("a@b.sa", ("c@d.sa",), "s", "m", "c", reference=reference), time.time() + 5
        ).verdict
        for reference in ("one", "two", "one")
    ]

    assert said == [Verdict.SENT, Verdict.UNKNOWN, Verdict.SENT]


@pytest.mark.parametrize(
    ("said", "kept"),
    [("timeout=60", True), ("timeout=0, max=5", False), ("max=1,Timeout = 1", True)],
)
def test_the_servers_own_limit_is_kept(
    provider: Provider, client: TaqnyatClient, said: str, *, kept: bool
) -> None:
    provider.script = lambda call: call.send(
        framed(201, guide.success(call.number, "1"), f"Keep-Alive: {said}")
    )
    for subject in ("one", "two", "three"):
        send(client, subject)

    assert provider.connections == (1 if kept else 3)


def test_a_server_that_closes_after_a_second_loses_no_answer(client: TaqnyatClient) -> None:
    """Mails that come just when the server closes an idle connection."""
    pauses = [IDLE - 0.01, IDLE - 0.001, IDLE, IDLE + 0.001]
    outcomes = []
    for index, pause in enumerate(pauses):
        outcomes.append(send(client, f"mail {index}"))
        threading.Event().wait(pause)

    assert [outcome.verdict for outcome in outcomes] == [Verdict.SENT] * len(pauses)


def test_a_thousand_mails_against_a_server_at_its_worst(
    provider: Provider, client: TaqnyatClient
) -> None:
    dice = random.Random(13)  # noqa: S311 - the same mails each time
    ways = {
        f"{'refuse' if dice.random() < 0.2 else 'take'} {n}": dice.random() for n in range(1000)
    }

    def worst(call: Call) -> None:
        luck = ways[call.subject]
        if luck < 0.3:
            call.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
        call.send(call.answer())
        if luck > 0.8:
            call.later(call.answer(), luck / 100)

    provider.script = worst
    with ThreadPoolExecutor(10) as executor:
        outcomes = dict(zip(ways, executor.map(lambda name: send(client, name), ways), strict=True))

    wrong = [name for name, outcome in outcomes.items() if contradicts(outcome, name, provider)]
    books = Counter(str(outcome.verdict) for outcome in outcomes.values())
    print(f"\n1,000 mails: {dict(books)}, wrong: {len(wrong)}")  # noqa: T201 - the books
    assert wrong == []
    assert books["sent"] > 500
    assert {name for name in ways if name.startswith("take")} == provider.taken.keys()
