"""The console's application: the page, its JSON, and the stream of events.

GET  /                  the page; to a client that does not ask for HTML, the inbox in JSON
GET  /inbox             the simulator's inbox; DELETE empties it; /calls, /script, /account as well
GET  /events            server-sent events: what the head of the page shows, and then what changes
GET  /api/state         the same, once
GET  /api/inbox         a page; ?q= searches (see `search`), ?before= goes on; DELETE what is found
GET  /api/inbox/<n>     one mail, DELETE removes it; /mail/<n> is its document, /mail/<n>.eml a file
GET  /api/mails         a page of rows; also ?state=; /api/mails/<id> is one row with its timeline
GET  /api/inbox/wait    waits for a mail: ?to= ?subject= ?from= ?campaign= ?after=<n> ?timeout=<s>
POST /api/emails        sends through the gateway's POST /emails
POST /api/reset         resets all: Taqnyat operational, no mails, no pause
POST /api/taqnyat       {"mode": "..."} or {"top_up": n}
GET  /api/webhooks      the calls of the console's own endpoint; POST /hook is that endpoint
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from local.console import hook, inbox, ledger, rendering, search, timeline
from local.console.behaviour import OPERATIONAL, Behaviour
from local.console.gateway import Gateway
from local.console.hook import Hook
from local.console.inbox import Mail
from local.console.search import Term
from local.console.watch import Watch
from local.simulator import FieldError
from local.simulator.control import Control, refused_field
from local.web import Json

PAGE = 100
_STATIC = Path(__file__).with_name("static")
_MAX_BODY = 2 << 20
_MOST_SECONDS = 60.0
_LOOK_SECONDS = 0.03
_EVENTS_SECONDS = 0.25
_POLICY = "Content-Security-Policy"
_HEADERS = {
    _POLICY: (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-DNS-Prefetch-Control": "off",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@dataclass(frozen=True, slots=True)
class App:
    """The console's endpoints. Without a behaviour there is no simulator: no mails come."""

    watch: Watch
    gateway: Gateway
    behaviour: Behaviour | None
    hook: Hook

    def application(self) -> ASGIApp:
        """Return the application."""
        routes: list[BaseRoute] = [
            Route("/", self.root, methods=["GET", "DELETE"]),
            Route("/events", self.events),
            Route("/mail/{number:int}.eml", self.file),
            Route("/mail/{number:int}", self.document),
            Route("/api/state", lambda _: Json(self.watch.latest())),
            Route("/api/inbox", self.inbox),
            Route("/api/inbox", self.remove, methods=["DELETE"]),
            Route("/api/inbox/wait", self.wait),
            Route("/api/inbox/{number:int}", lambda asked: Json(self._letter(self._mail(asked)))),
            Route("/api/inbox/{number:int}", self.remove, methods=["DELETE"]),
            Route("/api/mails", self.mails),
            Route("/api/mails/{id}", self.journey),
            Route("/api/emails", self.send, methods=["POST"]),
            Route("/api/taqnyat", self.behave, methods=["POST"]),
            Route("/api/reset", self.reset, methods=["POST"]),
            Route("/api/webhooks", lambda _: Json(self.hook.shown() or {"calls": []})),
            Route(hook.PATH, self.hook.receive, methods=["POST"]),
            Mount("/static", StaticFiles(directory=_STATIC)),
        ]
        if self.behaviour is not None:
            routes += Control(self.behaviour.simulator.provider).routes()
        unreachable = dict.fromkeys((BotoCoreError, ClientError, OSError), _unreachable)
        handlers = {HTTPException: _http, FieldError: refused_field, **unreachable}
        app = Starlette(routes=routes, exception_handlers=handlers, max_body_size=_MAX_BODY)
        return _with_headers(app)

    async def root(self, request: Request) -> Response:
        """Show the page to a browser, and the inbox to a script."""
        if request.method != "DELETE" and "text/html" in request.headers.get("accept", ""):
            return FileResponse(_STATIC / "index.html")
        return await Control(self._switches().simulator.provider).inbox(request)

    async def events(self, _: Request) -> Response:
        """Stream what changes until the page goes away."""
        return StreamingResponse(self._events(), media_type="text/event-stream")

    async def _events(self) -> AsyncIterator[str]:
        told: dict[str, Any] = {}
        while not self.watch.stopping.is_set():
            seen = await run_in_threadpool(self.watch.latest)
            news = {name: shown for name, shown in seen.items() if told.get(name, ...) != shown}
            if news:
                # A lone surrogate, which a mail may hold, is no UTF-8; it is escaped here.
                yield f"data: {json.dumps(news)}\n\n"
            told = seen
            await asyncio.sleep(_EVENTS_SECONDS)

    def document(self, request: Request) -> Response:
        """Show the body of a mail as a document that may do nothing."""
        body = str(self._mail(request)["fields"].get("msg", ""))
        encoded = rendering.document(body).encode("utf-8", "replace")
        return HTMLResponse(encoded, headers={_POLICY: rendering.POLICY})

    def file(self, request: Request) -> Response:
        """Give a mail as a file."""
        mail = self._mail(request)
        named = {"Content-Disposition": f'attachment; filename="mail-{mail["n"]}.eml"'}
        return Response(rendering.file(mail), media_type="message/rfc822", headers=named)

    def inbox(self, request: Request) -> Response:
        """List the mails that Taqnyat took, the newest first: those that a search finds."""
        before = request.query_params.get("before", "")
        found = self.watch.inbox.find(_terms(request), int(before) if before.isdecimal() else None)
        return _page(found, self._summary, lambda mail: str(mail["n"]))

    def remove(self, request: Request) -> Response:
        """Remove one mail, or what a search finds; without one, all mails."""
        one = "number" in request.path_params
        mails = [self._mail(request)] if one else self.watch.inbox.find(_terms(request))
        return Json({"removed": self.watch.inbox.books.remove([mail["n"] for mail in mails])})

    def mails(self, request: Request) -> Response:
        """List the rows of the ledger in a state (all: empty) that a search finds."""
        state, before = map(request.query_params.get, ("state", "before"))
        self.watch.latest()
        terms = _terms(request) + ([Term("state", state)] if state else [])
        return _page(self.watch.ledger.find(terms, before or None), timeline.summary, ledger.place)

    def journey(self, request: Request) -> Response:
        """Return one row with its steps, and the numbers of its mails in the inbox."""
        mail_id, rows = request.path_params["id"], self.watch.ledger
        self.watch.latest(fresh=rows.row(mail_id) is None)
        row = rows.row(mail_id)
        if row is None:
            raise HTTPException(404, "there is no mail with this id")
        mails = self.watch.inbox.like(row)
        numbers = [mail["n"] for mail in mails if rows.row_of(mail) == mail_id]
        return Json(timeline.summary(row) | {"steps": timeline.steps(row), "inbox": numbers})

    async def send(self, request: Request) -> Response:
        """Send a mail as an application would."""
        status, answer = await run_in_threadpool(self.gateway.post, await request.body())
        self.watch.poke()
        return Response(answer, status, media_type="application/json")

    async def behave(self, request: Request) -> Response:
        """Let Taqnyat behave in another way."""
        behaviour = self._switches()
        try:
            match await request.json():
                case {"mode": str(mode)}:
                    await run_in_threadpool(behaviour.switch, mode)
                case {"top_up": int(amount)} if 0 < amount <= 10**6:
                    behaviour.top_up(amount)
                case _:
                    raise ValueError  # noqa: TRY301 - one answer for all that is not understood
        except (ValueError, KeyError):
            return Json({"message": 'give {"mode": "..."} or {"top_up": n}'}, 400)
        self.watch.poke()
        return Json(behaviour.show())

    async def wait(self, request: Request) -> Response:
        """Wait for a mail: the oldest that fits and has a higher number than `after`.

        `to` is one whole address; `from`, `subject` and `campaign` are parts of theirs.
        """
        books = self._switches().simulator.provider.books
        given = dict(request.query_params)
        try:
            # Not a number is no time at all: it would never end.
            seconds = max(0.0, min(float(given.pop("timeout", "10")), _MOST_SECONDS))
            after = int(given.pop("after", "0"))
        except ValueError:
            return Json({"message": "`timeout` and `after` must be numbers"}, 400)
        if unknown := given.keys() - set(search.FIELDS):
            return Json({"message": f"`{unknown.pop()}` is not known"}, 400)
        end = asyncio.get_running_loop().time() + seconds
        while True:
            for mail in books.inbox(after=after)["mails"]:
                if inbox.has(mail, given):
                    return Json(self._letter(mail))
                after = mail["n"]
            if asyncio.get_running_loop().time() >= end:
                raise HTTPException(404, "no such mail came")
            await asyncio.sleep(_LOOK_SECONDS)

    def reset(self, _: Request) -> Response:
        """Reset everything."""
        behaviour = self.behaviour
        if behaviour is not None:
            behaviour.switch(OPERATIONAL)
            behaviour.simulator.reset()
        self.gateway.reset()
        if behaviour is not None:
            behaviour.simulator.clear()  # mails that arrived during the reset
        self.watch.poke()
        return Json({"reset": True})

    def _switches(self) -> Behaviour:
        if self.behaviour is None:
            raise HTTPException(404, "there is no simulator: mails go to a real provider")
        return self.behaviour

    def _mail(self, request: Request) -> Mail:
        found = self.watch.inbox.books.find(request.path_params["number"])
        if found is None:
            raise HTTPException(404, "there is no mail with this number")
        return found

    def _summary(self, mail: Mail) -> dict[str, Any]:
        return inbox.summary(mail, self.watch.ledger.row_of(mail))

    def _letter(self, mail: Mail) -> dict[str, Any]:
        summary = self._summary(mail)
        row = self.watch.ledger.row(summary["row"] or "")
        body = str(mail["fields"].get("msg", ""))
        return summary | {
            "fields": mail["fields"],
            "steps": [] if row is None else timeline.steps(row),
            "links": rendering.links(body),
            "hints": rendering.hints(body),
        }


def _terms(request: Request) -> list[Term]:
    return search.parse(request.query_params.get("q", ""))


def _page(
    found: Sequence[Any],
    shown: Callable[[Any], Mapping[str, Any]],
    place: Callable[[Any], str],
) -> Response:
    """Answer with the first of what was found, how much there is, and where more begins."""
    first = found[:PAGE]
    following = place(first[-1]) if len(found) > PAGE else None
    mails = [shown(one) for one in first]
    return Json({"matching": len(found), "mails": mails, "next": following})


def _with_headers(app: ASGIApp) -> ASGIApp:
    """Give every answer of an application the headers that it does not have."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await app(scope, receive, send_with_headers)

    return answer


async def _http(_: Request, error: Exception) -> Response:
    return Json({"message": error.detail}, error.status_code)  # type: ignore[attr-defined]


async def _unreachable(_: Request, error: Exception) -> Response:
    return Json({"message": f"the gateway does not answer ({type(error).__name__})"}, 502)
