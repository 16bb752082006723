"""The simulator as it runs, over HTTP/1.1 with keep-alive: the routes.

Taqnyat's own paths are served on the raw connection, since they must misbehave below HTTP. All
others are calls of an ASGI application, made on the thread of their connection.
"""

import asyncio
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import unquote, urlsplit

from starlette.types import ASGIApp, Message, Scope

from local.guard import guarded, refusal
from local.loopback import HOST, LoopbackServer
from local.simulator import answers, call
from local.simulator.account import Account
from local.simulator.answers import Reply
from local.simulator.books import Observer
from local.simulator.call import Call
from local.simulator.control import Control
from local.simulator.faults import FAULTS
from local.simulator.profile import Profile
from local.simulator.provider import Decision, Provider
from local.simulator.wire import Wire, head, message

MAIL_PATH = "/mailSend.php"
STATUS_PATH = "/system/status"
BALANCE_PATH = "/account/balance"
_MAX_BODY = 16 << 20
_IDLE_SECONDS = 120


class Simulator(LoopbackServer):
    """A running simulator.

    Its methods do in the process what the pages do over HTTP, and raise FieldError where
    the pages answer 400.
    """

    def __init__(
        self,
        *,
        token: str | None = None,
        port: int = 0,
        profile: Profile | None = None,
    ) -> None:
        """Bind a port (0: any free one); without a token one is made up.

        With a `profile` (see there) it answers as a real account did.
        """
        super().__init__((HOST, port), _Handler)
        account = Account() if token is None else Account(token=token)
        self.provider = Provider(account, profile=profile)
        self.port = int(self.server_address[1])
        self.control = guarded(Control(self.provider).application(), self.port)

    @property
    def token(self) -> str:
        """The bearer token that the account accepts now."""
        return self.provider.account.token

    def script(self, *rules: dict[str, Any] | str) -> None:
        """Put rules before the ones in force; a bare string is an answer for every mail."""
        given = [{"answer": rule} if isinstance(rule, str) else rule for rule in rules]
        self.provider.change_script({"rules": given}, replace=False)

    def clear_script(self) -> None:
        """Take all rules away."""
        self.provider.change_script({"rules": []}, replace=True)

    def account(self, **change: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        """Change fields of the account (balance, price, token, enabled, ip_allowed, senders)."""
        return self.provider.change_account(change)

    def inbox(self, to: str | None = None) -> list[dict[str, Any]]:
        """Return the accepted mails in order, all or those to one address."""
        mails: list[dict[str, Any]] = self.provider.books.inbox(to=to)["mails"]
        return mails

    def calls(self) -> dict[str, Any]:
        """Return counts and the last calls of mailSend.php."""
        return self.provider.books.calls()

    def clear(self) -> None:
        """Empty the inbox and the calls."""
        self.provider.books.clear()

    def reset(self) -> None:
        """Reset all but the token: no rules, a fresh account, empty books."""
        self.clear_script()
        self.provider.change_account({}, renew=True)
        self.clear()

    def observe(self, observer: Observer) -> None:
        """Call an observer with every mail, call, and change of script and account."""
        self.provider.books.observe(observer)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = _IDLE_SECONDS
    server: Simulator

    def handle_one_request(self) -> None:
        """Serve one request with any method."""
        self.raw_requestline = self.rfile.readline(65537)
        if not self.raw_requestline or len(self.raw_requestline) > 65536:  # noqa: PLR2004
            self.close_connection = True
        elif self.parse_request():
            self._serve()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as in the base
        """Log nothing: the books have it."""

    def _serve(self) -> None:
        provider = self.server.provider
        url = urlsplit(self.path)
        wire = url.path in (MAIL_PATH, STATUS_PATH, BALANCE_PATH)
        if wire and (refused := refusal(self._scope, self.server.port)):
            self._refuse(403, refused)
        elif url.path == MAIL_PATH and self.command in ("GET", "POST"):
            self._mail(provider, url.query)
        elif url.path == STATUS_PATH and self.command == "GET":
            self._settle(provider.status())
        elif url.path == BALANCE_PATH and self.command == "GET":
            self._settle(provider.balance(self._received(url.query)))
        elif (body := self._read_body()) is None:
            pass
        elif wire:
            self._write(provider.wrong_method())
        else:
            self._write(asyncio.run(_ask(self.server.control, self._scope, body)))

    def _mail(self, provider: Provider, query: str) -> None:
        with provider.books.running():
            unread = provider.script.take("mail", unread=True)
            body = b"" if unread else self._read_body()
            if body is not None:
                self._settle(provider.mail(self._received(query, body), unread))

    def _received(self, query: str, body: bytes = b"") -> Call:
        return call.read(
            query=query,
            body=body,
            content_type=self.headers.get("Content-Type", ""),
            authorization=self.headers.get("Authorization", ""),
            client_ip=str(self.client_address[0]),
        )

    def _settle(self, decision: Decision) -> None:
        rule = decision.rule
        if rule.delay and not self._wire.wait(rule.delay):
            self.close_connection = True
        elif decision.fault is None:
            self._write(decision.reply)
        else:
            self.close_connection = True
            FAULTS[decision.fault](rule, decision.reply, self._wire)

    def _write(self, reply: Reply) -> None:
        without_body = self.command == "HEAD" or reply.status in (204, 304)
        if not self._wire.send(head(reply) if without_body else message(reply)):
            self.close_connection = True

    def _read_body(self) -> bytes | None:
        """Return the body; None if it was refused, and answered, or did not come in full."""
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdecimal():
            self._refuse(411)
            return None
        if int(length) > _MAX_BODY:
            self._refuse(413)
            return None
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            self.close_connection = True
            return None
        return body

    def _refuse(self, status: int, message: str = "") -> None:
        self._write(answers.message(status, message))
        self.close_connection = True

    @property
    def _scope(self) -> Scope:
        url = urlsplit(self.path)
        return {
            "type": "http",
            "method": self.command,
            "path": unquote(url.path),
            "query_string": url.query.encode("latin-1"),
            "headers": [
                (name.lower().encode("latin-1"), value.encode("latin-1"))
                for name, value in self.headers.items()
            ],
        }

    @property
    def _wire(self) -> Wire:
        return Wire(self.connection, self.server.stopping)


async def _ask(app: ASGIApp, scope: Scope, body: bytes) -> Reply:
    """Make one call of an application."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    said = b"".join(part.get("body", b"") for part in sent[1:])
    return Reply(sent[0]["status"], said)
