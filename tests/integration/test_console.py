"""The console over HTTP, with a gateway made up for it."""

import http.client
import json
import time
import urllib.parse
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from email.message import Message
from typing import Any, Self

import pytest

from local.console import Console, Gateway
from local.simulator import Simulator

ACCEPTED = (200, b'{"id": "id-1"}')


class MadeUp(Gateway):
    """A gateway that holds what a test puts into it."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.posted: list[bytes] = []
        self.tokens: list[str] = []
        self.broken = False

    def changes(self) -> Iterator[dict[str, Any]]:
        if self.broken:
            raise ConnectionRefusedError
        yield from [dict(row) for row in self.rows]

    def queue(self) -> dict[str, int]:
        return {"visible": 1, "in_flight": 2, "delayed": 3, "bulk": 1}

    def failed_queue(self) -> int:
        return 4

    def intake(self) -> str:
        return "Enabled"

    def post(self, body: bytes) -> tuple[int, bytes]:
        self.posted.append(body)
        return ACCEPTED

    def store_token(self, token: str) -> None:
        self.tokens.append(token)

    def reset(self) -> None:
        self.rows.clear()


@pytest.fixture
def gateway() -> MadeUp:
    return MadeUp()


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator() as running:
        yield running


@pytest.fixture
def console(gateway: MadeUp, simulator: Simulator) -> Iterator[Console]:
    with Console(gateway, simulator) as running:
        yield running


def call(
    console: Console, method: str, path: str, body: object = None, **headers: str
) -> tuple[int, Any, Message]:
    """Make one call; return status, decoded body and headers. `_` in a header's name is a `-`."""
    host = urllib.parse.urlsplit(console.url).netloc
    connection = http.client.HTTPConnection(host, timeout=10)
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    if body is not None:
        given.setdefault("Content-Type", "application/json")
    try:
        connection.request(method, path, None if body is None else json.dumps(body), given)
        answer = connection.getresponse()
        text = answer.read().decode()
        kind = answer.headers.get_content_type()
        decoded = json.loads(text) if kind == "application/json" else text
        return answer.status, decoded, answer.headers
    finally:
        connection.close()


def deliver(simulator: Simulator, to: str = "nora@example.com", **fields: str) -> None:
    """Hand a mail to the simulator, as the gateway would."""
    host = urllib.parse.urlsplit(simulator.base_url).netloc
    given = {"campaignName": "orders", "subject": "S", "from": "a@acme.sa", "msg": "<p>M</p>"}
    form = urllib.parse.urlencode({**given, "to": to, "bearerTokens": simulator.token, **fields})
    connection = http.client.HTTPConnection(host, timeout=10)
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", "/mailSend.php", form, kind)
    connection.getresponse().read()
    connection.close()


def test_a_browser_gets_the_page_and_a_script_gets_the_inbox(
    console: Console, simulator: Simulator
) -> None:
    deliver(simulator)

    status, page, headers = call(console, "GET", "/", Accept="text/html,*/*;q=0.8")
    assert (status, page[:15]) == (200, "<!doctype html>")
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    for path in ("/", "", "/inbox", "/inbox?to=nora@example.com"):
        status, found, _ = call(console, "GET", path, Accept="*/*")
        assert status == 200
        assert found["mails"] == json.loads(json.dumps(simulator.inbox()))
    assert call(console, "DELETE", "/")[0] == 200
    assert simulator.inbox() == []


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/", {"Host": "rebound.example"}),
        ("GET", "/api/inbox", {"Host": "127.0.0.1"}),
        ("POST", "/api/taqnyat", {"Origin": "http://evil.example"}),
        ("POST", "/api/taqnyat", {"Origin": "null"}),
        ("POST", "/api/taqnyat", {"Sec_Fetch_Site": "same-site"}),
        ("POST", "/api/taqnyat", {"Content_Type": "text/plain"}),
        ("POST", "/", {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate"}),
        ("DELETE", "/inbox", {"Origin": "http://evil.example"}),
        ("GET", "/api/inbox", {"Sec_Fetch_Site": "cross-site"}),
        ("GET", "/events", {"Sec_Fetch_Site": "same-site"}),
    ],
)
def test_a_strangers_page_is_refused(
    console: Console, simulator: Simulator, method: str, path: str, headers: dict[str, str]
) -> None:
    body = {"mode": "balance_empty"} if method == "POST" else None

    status, said, answered = call(console, method, path, body, **headers)

    assert (status, said["statusCode"], said["name"]) == (403, 403, "validation_error")
    assert "Access-Control-Allow-Origin" not in answered
    assert simulator.provider.account.balance is None


def test_its_own_page_and_a_link_to_it_are_let_through(console: Console) -> None:
    own = {"Origin": console.url, "Sec_Fetch_Site": "same-origin"}
    linked = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate", "Accept": "text/html"}

    assert call(console, "POST", "/api/taqnyat", {"mode": "slow"}, **own)[0] == 200
    assert call(console, "GET", "/", **linked)[0] == 200


def test_it_listens_on_the_loopback_only(console: Console) -> None:
    assert console.url.startswith("http://127.0.0.1:")


def test_a_mail_is_shown_without_the_token_and_its_document_may_do_nothing(
    console: Console, simulator: Simulator
) -> None:
    deliver(simulator, subject="<b>S</b>")

    [mail] = call(console, "GET", "/api/inbox?q=nora")[1]["mails"]
    status, letter, _ = call(console, "GET", f"/api/inbox/{mail['n']}")
    document = call(console, "GET", f"/mail/{mail['n']}")

    assert (status, letter["fields"]["subject"], letter["auth"]) == (200, "<b>S</b>", "body")
    assert simulator.token not in json.dumps(letter)
    assert document[2]["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert call(console, "GET", "/api/inbox?q=nowhere")[1]["matching"] == 0


@pytest.mark.parametrize("path", ["/api/inbox/9", "/api/mails/x", "/static/../server.py", "/x"])
def test_what_is_not_there_is_404(console: Console, path: str) -> None:
    assert call(console, "GET", path)[0] == 404


def test_a_form_goes_to_the_api_and_its_answer_comes_back(
    console: Console, gateway: MadeUp
) -> None:
    status, said, _ = call(console, "POST", "/api/emails", {"to": "x"})

    assert (status, said) == (200, {"id": "id-1"})
    assert [json.loads(mail) for mail in gateway.posted] == [{"to": "x"}]


def test_each_switch_is_told_as_it_was_set(console: Console, simulator: Simulator) -> None:
    modes = [mode["name"] for mode in call(console, "GET", "/api/state")[1]["taqnyat"]["modes"]]

    for mode in [*modes, *reversed(modes)]:
        shown = call(console, "POST", "/api/taqnyat", {"mode": mode})[1]
        assert shown["mode"] == mode
    assert modes[0] == "operational"
    simulator.script("code:14")
    assert call(console, "POST", "/api/taqnyat", {"top_up": 1})[1]["mode"] == "custom"


def test_a_rotated_token_is_stored_when_the_switch_is_left(
    console: Console, simulator: Simulator, gateway: MadeUp
) -> None:
    before = simulator.token
    call(console, "POST", "/api/taqnyat", {"mode": "token_rotated"})
    assert simulator.token != before
    assert gateway.tokens == []

    call(console, "POST", "/api/taqnyat", {"mode": "operational"})

    assert gateway.tokens == [simulator.token]


@pytest.mark.parametrize("change", [{"mode": "x"}, {"top_up": 0}, {"top_up": "1"}, [], "x", {}])
def test_a_switch_that_does_not_exist_is_400(console: Console, change: object) -> None:
    assert call(console, "POST", "/api/taqnyat", change)[0] == 400


def test_news_reach_an_open_page(console: Console, simulator: Simulator, gateway: MadeUp) -> None:
    with Events(console) as events:
        assert events.next()["inbox"]["kept"] == 0

        deliver(simulator)
        events.until("inbox", accepted=1, kept=1)

        gateway.rows = [
            {"pk": "id-1", "state": "sent", "created": "2026-11-23T08:00:00.000Z"},
            {"pk": "#pause", "paused": True, "reason": "balance_empty", "since": 1, "probes": 0},
        ]
        pipeline = events.until("pipeline", total=1)
        assert pipeline["states"]["sent"] == 1
        assert pipeline["pause"]["why"] == "Taqnyat's balance is empty"
        assert events.known["mails"] == {"changes": 1, "total": 1}

        gateway.broken = True
        events.until("pipeline", error="ConnectionRefusedError")
        gateway.broken = False
        events.until("pipeline", error=None)


def test_without_a_simulator_there_is_no_inbox(gateway: MadeUp) -> None:
    gateway.rows = [{"pk": "id-1", "state": "queued", "created": "2026-11-23T08:00:00.000Z"}]
    with Console(gateway) as console:
        assert call(console, "GET", "/")[0] == 404
        state = call(console, "GET", "/api/state")[1]
        assert (state["inbox"], state["taqnyat"]) == (None, None)
        assert call(console, "GET", "/api/mails/id-1")[1]["inbox"] == []
        assert call(console, "POST", "/api/taqnyat", {"mode": "slow"})[0] == 404


class Events:
    """An open stream of events."""

    def __init__(self, console: Console) -> None:
        host = urllib.parse.urlsplit(console.url).netloc
        self._connection = http.client.HTTPConnection(host, timeout=10)
        self.known: dict[str, Any] = {}

    def __enter__(self) -> Self:
        self._connection.request("GET", "/events", headers={"Accept": "text/event-stream"})
        self._answer = self._connection.getresponse()
        return self

    def __exit__(self, *_: object) -> None:
        self._answer.close()
        self._connection.close()

    def next(self) -> dict[str, Any]:
        """Return what the next event changes."""
        while not (line := self._answer.readline().decode()).startswith("data: "):
            assert line
        news: dict[str, Any] = json.loads(line.removeprefix("data: "))
        self.known |= news
        return news

    def until(self, name: str, **wanted: object) -> dict[str, Any]:
        """Return what is known of that name, as soon as these of its fields are so."""
        while not self.known.get(name, {}).items() >= wanted.items():
            self.next()
        found: dict[str, Any] = self.known[name]
        return found


MANY = 20_000


def test_twenty_thousand_mails_are_listed_and_searched_at_once(
    gateway: MadeUp, simulator: Simulator
) -> None:
    books = simulator.provider.books
    for n in range(MANY):
        to = f"customer{n}@example.com"
        fields = {"to": to, "from": "a@acme.sa", "subject": f"طلب {n}", "campaignName": "orders"}
        entry = {"at": f"2026-11-25T10:00:00.{n % 1000:03d}Z", "msg_id": n, "auth": "body"}
        books.add_mail({**entry, "fields": {**fields, "msg": "<p>شكراً لتسجيلك</p>"}})
        row = {"pk": f"id-{n}", "state": "sent", "created": entry["at"], "msg_id": str(n)}
        gateway.rows.append({**row, "to": ["c***@example.com"]})

    with Console(gateway, simulator) as console:
        first = timed(console, "/api/inbox")
        assert (first["matching"], len(first["mails"])) == (MANY, 100)
        assert first["seconds"] < 1
        last = call(console, "GET", f"/api/inbox?before={first['next']}")[1]["mails"][0]
        assert last["n"] == first["mails"][-1]["n"] - 1

        for query, matching in (
            ("customer1999@", 1),
            ("to:customer199 -to:customer1999", 100),
            ('subject:"طلب 777"', 11),
            ("before:2026-11-24", 0),
        ):
            found = timed(console, "/api/inbox?" + urllib.parse.urlencode({"q": query}))
            assert (found["matching"], found["seconds"] < 0.3) == (matching, True), found["seconds"]
        assert call(console, "GET", "/api/state")[1]["pipeline"]["total"] == MANY
        assert timed(console, "/api/mails?state=sent")["seconds"] < 1


def timed(console: Console, path: str) -> dict[str, Any]:
    """Ask three times; return the answer with the best time, of CPU where others have the cores."""
    best = float("inf")
    for _ in range(3):
        begin, worked = time.perf_counter(), time.process_time()
        answer = call(console, "GET", path)[1]
        best = min(best, time.perf_counter() - begin, time.process_time() - worked)
    return {**answer, "seconds": best}


def test_what_a_search_finds_is_deleted(console: Console, simulator: Simulator) -> None:
    for to in ("nora@example.com", "lina@example.com", "nora@example.com", "omar@example.com"):
        deliver(simulator, to=to)

    assert call(console, "DELETE", "/api/inbox?q=to:nora")[1] == {"removed": 2}
    assert call(console, "DELETE", "/api/inbox/4")[1] == {"removed": 1}
    assert call(console, "DELETE", "/api/inbox/4")[0] == 404
    assert [mail["n"] for mail in simulator.inbox()] == [2]
    assert call(console, "GET", "/api/inbox?q=nora")[1]["matching"] == 0
    assert call(console, "DELETE", "/api/inbox")[1] == {"removed": 1}


def test_a_mail_is_given_as_a_file(console: Console, simulator: Simulator) -> None:
    deliver(simulator, subject="S")

    status, text, headers = call(console, "GET", "/mail/1.eml")

    assert (status, headers.get_content_type()) == (200, "message/rfc822")
    assert "Subject: S\r\n" in text
    assert 'filename="mail-1.eml"' in headers["Content-Disposition"]


def test_a_drained_balance_is_empty_and_a_topped_up_one_drains(
    console: Console, simulator: Simulator
) -> None:
    call(console, "POST", "/api/taqnyat", {"mode": "balance_drains"})
    for number in range(61):
        deliver(simulator, f"{number}@example.com")
    assert len(simulator.inbox()) == 60
    until(lambda: call(console, "GET", "/api/state")[1]["taqnyat"]["mode"] == "balance_empty")
    shown = call(console, "POST", "/api/taqnyat", {"top_up": 5})[1]
    assert (shown["mode"], shown["account"]["balance"]) == ("balance_drains", 5)


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ({}, None),
        ({"trouble": "refused"}, "Taqnyat did not give the balance (refused)."),
        (
            {
                "readings": ["1 5", "2 4.5"],
                "currency": "SAR",
                "proof": "agrees",
                "minutes_left": 90,
            },
            "Balance 4.5 SAR: 1.5 hours left at the present rate.",
        ),
        ({"readings": ["2 4.5"], "proof": "open"}, "Balance 4.5: too few mails"),
        ({"readings": ["2 4.5"], "proof": "differs"}, "Balance 4.5: it does not fall"),
    ],
)
def test_what_is_known_of_the_money_is_in_the_pipeline(
    console: Console, gateway: MadeUp, item: dict[str, Any], said: str | None
) -> None:
    gateway.rows = [{"pk": "#money", **item}] if item else []

    def told() -> bool:
        found = call(console, "GET", "/api/state")[1]["pipeline"]["money"]
        return found is None if said is None else (found or "").startswith(said)

    until(told)


def until(condition: Callable[[], bool]) -> None:
    """Wait until the console has looked again."""
    end = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_mail_is_waited_for(console: Console, simulator: Simulator) -> None:
    asked = "/api/inbox/wait?to=Nora@example.com&subject=code&timeout=9"
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(call, console, "GET", asked)
        deliver(simulator, to="nora@example.com", subject="Welcome")
        deliver(simulator, to="xnora@example.com", subject="Your code")
        deliver(simulator, to="nora@example.com", subject="Your Code is 1")
        status, mail, _ = waiting.result(10)

    assert (status, mail["n"], mail["subject"]) == (200, 3, "Your Code is 1")
    for none in ("0", "-1", "nan"):
        assert call(console, "GET", f"{asked}&after=3&timeout={none}")[0] == 404
    assert call(console, "GET", f"{asked}&after=x")[0] == 400
    assert call(console, "GET", "/api/inbox/wait?bcc=x")[0] == 400


def test_all_begins_anew(console: Console, simulator: Simulator, gateway: MadeUp) -> None:
    deliver(simulator)
    call(console, "POST", "/api/taqnyat", {"mode": "token_rotated"})
    simulator.account(balance=0, limit={"per_second": 1})
    simulator.script("hang")
    gateway.rows = [{"pk": "id-1", "state": "sent", "created": "2026-11-23T08:00:00.000Z"}]

    assert call(console, "POST", "/api/reset", {})[:2] == (200, {"reset": True})

    assert (simulator.inbox(), gateway.rows) == ([], [])
    assert gateway.tokens == [simulator.token]
    assert call(console, "GET", "/script")[1] == {"rules": []}
    assert simulator.account()["balance"] is None
    deliver(simulator)
    assert len(simulator.inbox()) == 1
