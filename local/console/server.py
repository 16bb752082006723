"""The console's HTTP server, on 127.0.0.1 only: the page, its JSON, and the stream of events.

GET  /                  the page; to a client that does not ask for HTML, the inbox in JSON
GET  /inbox             the simulator's inbox, as the simulator has it; DELETE empties it
GET  /events            server-sent events: pipeline, taqnyat, inbox, mails
GET  /api/state         what the events tell, at once
GET  /api/inbox         ?q= searches; /api/inbox/<n> is one mail, /mail/<n> its document
GET  /api/mails         ?q= and ?state=; /api/mails/<id> is one row with its timeline
POST /api/emails        sends through the gateway's POST /emails
POST /api/taqnyat       {"mode": "..."} or {"top_up": n}
"""

import json
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from local.console import guard, rendering
from local.console.behaviour import Behaviour
from local.console.gateway import Gateway
from local.console.pages import NotThereError, Pages
from local.console.watch import Watch
from local.loopback import LoopbackServer
from local.simulator import control

_STATIC = Path(__file__).with_name("static")
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_MAX_BODY = 2 << 20
_HEARTBEAT_SECONDS = 10
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-DNS-Prefetch-Control": "off",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Server(LoopbackServer):
    """Serves the console."""

    def __init__(
        self, port: int, watch: Watch, gateway: Gateway, behaviour: Behaviour | None
    ) -> None:
        """Bind the port (0: any free one); serving begins with `start`."""
        super().__init__(("127.0.0.1", port), _Handler)
        self.watch = watch
        self.gateway = gateway
        self.behaviour = behaviour
        self.pages = Pages(watch)
        self.files = {path.name: path.read_bytes() for path in _STATIC.iterdir()}
        self.port = int(self.server_address[1])


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 120
    server: Server

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as in the base
        """Log nothing: a path may hold a search for an address."""

    def _serve(self) -> None:
        url = urlsplit(self.path)
        path = unquote(url.path).removesuffix("/") or "/"
        body = self._body()
        if body is None:
            return
        refused = guard.refusal(self.command, path, self.headers, self.server.port)
        if refused is not None:
            self._json(403, {"message": refused})
            return
        try:
            self._route(path, url.query, body)
        except NotThereError as error:
            self._json(404, {"message": str(error)})
        except (BotoCoreError, ClientError, OSError) as error:
            if isinstance(error, ConnectionError):
                raise  # the page was closed
            self._json(502, {"message": f"the gateway does not answer ({type(error).__name__})"})

    def _route(self, path: str, query: str, body: bytes) -> None:
        parts = path.strip("/").split("/")
        match self.command, *parts:
            case "GET", "" if "text/html" in self.headers.get("Accept", ""):
                self._file("index.html")
            case "GET" | "DELETE" as method, "" | "inbox":
                self._simulator_inbox(method, query)
            case "GET", "static", name:
                self._file(name)
            case "GET", "events":
                self._events()
            case "GET", "mail", number:
                self._mail(self.server.pages.mail(number))
            case "GET", "api", *names:
                self._json(200, self._page(names, query))
            case "POST", "api", "emails":
                status, answer = self.server.gateway.post(body)
                self.server.watch.poke()
                self._write(status, "application/json", answer)
            case "POST", "api", "taqnyat":
                self._behave(body)
            case _:
                raise NotThereError("there is nothing at this path")

    def _page(self, names: list[str], query: str) -> dict[str, Any]:
        given = {name: values[-1] for name, values in parse_qs(query).items()}
        pages = self.server.pages
        match names:
            case ["state"]:
                return pages.state()
            case ["inbox"]:
                return pages.inbox(given.get("q", ""))
            case ["inbox", number]:
                return pages.letter(number)
            case ["mails"]:
                return pages.mails(given.get("q", ""), given.get("state", ""))
            case ["mails", mail_id]:
                return pages.journey(mail_id)
        raise NotThereError("there is nothing at this path")

    def _simulator_inbox(self, method: str, query: str) -> None:
        simulator = self.server.watch.simulator
        if simulator is None:
            raise NotThereError("there is no inbox: mails go to a real provider")
        reply = control.answer(simulator.provider, method, "/inbox", query, b"")
        self.server.watch.poke()
        self._write(reply.status, reply.content_type, reply.body)

    def _behave(self, body: bytes) -> None:
        behaviour = self.server.behaviour
        if behaviour is None:
            raise NotThereError("there is no simulator")
        try:
            match json.loads(body):
                case {"mode": str(mode)}:
                    behaviour.switch(mode)
                case {"top_up": int(amount)} if 0 < amount <= 10**6:
                    behaviour.top_up(amount)
                case _:
                    raise ValueError  # noqa: TRY301 - one answer for all that is not understood
        except (ValueError, KeyError):
            self._json(400, {"message": 'give {"mode": "..."} or {"top_up": n}'})
            return
        self.server.watch.poke()
        self._json(200, behaviour.show())

    def _mail(self, body: str) -> None:
        document = rendering.document(body).encode("utf-8", "replace")
        self._write(200, _TYPES[".html"], document, policy=rendering.POLICY)

    def _file(self, name: str) -> None:
        if name not in self.server.files:
            raise NotThereError("there is no such file")
        self._write(200, _TYPES[Path(name).suffix], self.server.files[name])

    def _events(self) -> None:
        watch = self.server.watch
        stream = watch.hub.open()
        try:
            self._head(200, "text/event-stream; charset=utf-8", None)
            self._tell("state", self.server.pages.state())
            for event in stream.events(_HEARTBEAT_SECONDS):
                if event is None:
                    self._send(b":\n\n")  # finds out whether the page is still there
                else:
                    self._tell(*event)
        finally:
            watch.hub.leave(stream)
            self.close_connection = True

    def _tell(self, name: str, data: object) -> None:
        text = json.dumps(data, ensure_ascii=False)
        self._send(f"event: {name}\ndata: {text}\n\n".encode("utf-8", "replace"))

    def _send(self, data: bytes) -> None:
        self.wfile.write(data)
        self.wfile.flush()

    def _json(self, status: int, value: object) -> None:
        text = json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace")
        self._write(status, "application/json; charset=utf-8", text)

    def _write(self, status: int, kind: str, body: bytes, policy: str = _POLICY) -> None:
        self._head(status, kind, len(body), policy)
        self._send(body)

    def _head(self, status: int, kind: str, length: int | None, policy: str = _POLICY) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        for name, value in {**_HEADERS, "Content-Security-Policy": policy}.items():
            self.send_header(name, value)
        if length is None:
            self.send_header("Connection", "close")
        else:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def _body(self) -> bytes | None:
        """Return the body; None if it was refused, and answered."""
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdecimal():
            self.close_connection = True
            self._json(411, {"message": "give the body's length"})
            return None
        if int(length) > _MAX_BODY:
            self.close_connection = True
            self._json(413, {"message": "the body is too large"})
            return None
        return self.rfile.read(int(length))
