"""What steers the simulator and shows what it did, all JSON: /inbox, /calls, /script, /account."""

import json
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

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

Page = Callable[[Provider, Request], Awaitable[Any]]
Answer = Callable[[Request], Awaitable[Response]]


class _Asked(Given):
    to: str | None = None
    after: Annotated[int, Field(ge=0)] = 0
    limit: Annotated[int, Field(ge=0)] | None = None


async def _inbox(provider: Provider, request: Request) -> Any:  # noqa: ANN401 - JSON
    """`?to=<address>&after=<n>&limit=<n>`, each optional."""
    asked = read(_Asked, dict(request.query_params))
    return provider.books.inbox(to=asked.to, after=asked.after, limit=asked.limit)


async def _clear_inbox(provider: Provider, _: Request) -> Any:  # noqa: ANN401 - JSON
    provider.books.clear()
    return provider.books.inbox()


async def _calls(provider: Provider, _: Request) -> Any:  # noqa: ANN401 - JSON
    return provider.books.calls()


async def _script(provider: Provider, request: Request) -> Any:  # noqa: ANN401 - JSON
    """GET shows the rules; POST puts some before them, PUT in their place, DELETE none."""
    if request.method in ("GET", "HEAD"):
        return {"rules": provider.script.show()}
    change = {"rules": []} if request.method == "DELETE" else await _json(request)
    return {"rules": provider.change_script(change, replace=request.method != "POST")}


async def _account(provider: Provider, request: Request) -> Any:  # noqa: ANN401 - JSON
    if request.method != "POST":
        return provider.account.show()
    return provider.change_account(await _json(request))


PAGES: tuple[tuple[str, Page, tuple[str, ...]], ...] = (
    ("/inbox", _inbox, ("GET",)),
    ("/inbox", _clear_inbox, ("DELETE",)),
    ("/calls", _calls, ("GET",)),
    ("/script", _script, ("GET", "POST", "PUT", "DELETE")),
    ("/account", _account, ("GET", "POST")),
)


def routes(provider: Provider) -> list[Route]:
    """Return the pages of one provider; a wrong field gives 400 with its name."""
    return [Route(path, _answering(page, provider), methods=how) for path, page, how in PAGES]


def inbox(provider: Provider) -> Answer:
    """Return the endpoint for GET and DELETE of the inbox, for any path."""
    shown, emptied = _answering(_inbox, provider), _answering(_clear_inbox, provider)
    return lambda request: (emptied if request.method == "DELETE" else shown)(request)


def application(provider: Provider) -> ASGIApp:
    """Return the pages as an application of their own."""
    return Starlette(routes=routes(provider), exception_handlers={HTTPException: _missing})


def _answering(page: Page, provider: Provider) -> Answer:
    async def answer(request: Request) -> Response:
        try:
            return Json(await page(provider, request))
        except FieldError as error:
            return Json({"field": error.field, "message": str(error)}, 400)

    return answer


async def _missing(_: Request, error: Exception) -> Response:
    known = ", ".join(sorted({path for path, _, _ in PAGES}))
    return Json({"message": f"no such page or method; there are {known}"}, error.status_code)  # type: ignore[attr-defined]


async def _json(request: Request) -> object:
    try:
        return json.loads(await request.body())
    except (ValueError, RecursionError):
        raise FieldError("body", "must be JSON") from None
