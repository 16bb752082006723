"""The simulator's own pages, all JSON: /inbox, /calls, /script, /account."""

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs

from local.simulator import fields
from local.simulator.answers import Reply
from local.simulator.fields import FieldError
from local.simulator.provider import Provider

Page = Callable[[Provider, str, bytes], Any]


def _inbox(provider: Provider, query: str, _: bytes) -> Any:  # noqa: ANN401 - JSON
    """`?to=<address>&after=<n>&limit=<n>`, each optional."""
    given = {name: values[-1] for name, values in parse_qs(query).items()}
    fields.obj(given, "body", ("to", "after", "limit"))
    after = _whole(given, "after", 0)
    limit = _whole(given, "limit", None)
    return provider.books.inbox(to=given.get("to"), after=after or 0, limit=limit)


def _whole(given: Mapping[str, str], name: str, default: int | None) -> int | None:
    if name not in given:
        return default
    if not given[name].isdecimal():
        raise FieldError(name, "must be a whole number")
    return int(given[name])


def _clear_inbox(provider: Provider, _: str, __: bytes) -> Any:  # noqa: ANN401 - JSON
    provider.books.clear()
    return provider.books.inbox()


def _clear_script(provider: Provider, _: str, __: bytes) -> Any:  # noqa: ANN401 - JSON
    return {"rules": provider.change_script({"rules": []}, replace=True)}


def _change_script(*, replace: bool) -> Page:
    return lambda provider, _, body: {"rules": provider.change_script(_json(body), replace=replace)}


PAGES: dict[str, dict[str, Page]] = {
    "/inbox": {"GET": _inbox, "DELETE": _clear_inbox},
    "/calls": {"GET": lambda provider, _, __: provider.books.calls()},
    "/script": {
        "GET": lambda provider, _, __: {"rules": provider.script.show()},
        "POST": _change_script(replace=False),
        "PUT": _change_script(replace=True),
        "DELETE": _clear_script,
    },
    "/account": {
        "GET": lambda provider, _, __: provider.account.show(),
        "POST": lambda provider, _, body: provider.change_account(_json(body)),
    },
}


def answer(provider: Provider, method: str, path: str, query: str, body: bytes) -> Reply:
    """Answer a call of one of the pages; a wrong field gives 400 with its name."""
    page = PAGES.get(path)
    if page is None:
        return _reply(404, {"message": f"no such page; there are {', '.join(PAGES)}"})
    if method not in page:
        return _reply(405, {"message": f"{path} knows {', '.join(page)}"})
    try:
        return _reply(200, page[method](provider, query, body))
    except FieldError as error:
        return _reply(400, {"field": error.field, "message": str(error)})


def _json(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise FieldError("body", "must be JSON") from None


def _reply(status: int, value: object) -> Reply:
    return Reply(status, json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace"))
