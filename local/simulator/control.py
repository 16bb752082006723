"""What steers the simulator and shows what it did, all JSON: /inbox, /calls, /script, /account."""

import json
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from local.simulator.fields import FieldError, Given, read
from local.simulator.provider import Provider
from local.web import Json


class _Asked(Given):
    to: str | None = None
    after: Annotated[int, Field(ge=0)] = 0
    limit: Annotated[int, Field(ge=0)] | None = None


@dataclass(frozen=True, slots=True)
class Control:
    """The pages of one provider; FieldError is for `refused_field`."""

    provider: Provider

    def routes(self) -> list[Route]:
        """Return the pages with their paths."""
        return [
            Route("/inbox", self.inbox, methods=["GET", "DELETE"]),
            Route("/calls", self.calls),
            Route("/script", self.script, methods=["GET", "POST", "PUT", "DELETE"]),
            Route("/account", self.account, methods=["GET", "POST"]),
        ]

    def application(self) -> ASGIApp:
        """Return the pages as an application of their own."""
        handlers = {HTTPException: _missing, FieldError: refused_field}
        return Starlette(routes=self.routes(), exception_handlers=handlers)

    async def inbox(self, request: Request) -> Response:
        """GET: `?to=<address>&after=<n>&limit=<n>`, each optional. DELETE empties it."""
        books = self.provider.books
        if request.method == "DELETE":
            books.clear()
            return Json(books.inbox())
        asked = read(_Asked, dict(request.query_params))
        return Json(books.inbox(to=asked.to, after=asked.after, limit=asked.limit))

    async def calls(self, _: Request) -> Response:
        """Show the last calls, and counts."""
        return Json(self.provider.books.calls())

    async def script(self, request: Request) -> Response:
        """GET shows the rules; POST puts some before them, PUT in their place, DELETE none."""
        if request.method in ("GET", "HEAD"):
            return Json({"rules": self.provider.script.show()})
        change = {"rules": []} if request.method == "DELETE" else await _json(request)
        changed = self.provider.change_script(change, replace=request.method != "POST")
        return Json({"rules": changed})

    async def account(self, request: Request) -> Response:
        """GET shows the account, POST changes fields of it."""
        if request.method != "POST":
            return Json(self.provider.account.show())
        return Json(self.provider.change_account(await _json(request)))


async def refused_field(_: Request, error: Exception) -> Response:
    """Answer a mistake with its field."""
    return Json({"field": error.field, "message": str(error)}, 400)  # type: ignore[attr-defined]


async def _missing(_: Request, error: Exception) -> Response:
    known = "/account, /calls, /inbox, /script"
    return Json({"message": f"no such page or method; there are {known}"}, error.status_code)  # type: ignore[attr-defined]


async def _json(request: Request) -> object:
    try:
        return json.loads(await request.body())
    except (ValueError, RecursionError):
        raise FieldError("body", "must be JSON") from None
