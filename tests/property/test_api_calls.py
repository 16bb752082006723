"""10,000 calls of all kinds: each gets an answer that docs/openapi.yaml describes, and none breaks.

From a fixed seed and not from Hypothesis, which would take minutes for so many.
"""

import base64
import json
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from typing import Any, Final

from tests import openapi
from tests.faults.installation import installed
from tests.faults.standins.errors import client_error
from tests.faults.world import World

CALLS: Final = 10_000
SEED: Final = 20261123
# Stands in many values; no answer may repeat it.
VALUE: Final = "Zq7value"

# Webhooks are off here, and have calls of their own (tests/unit/api).
ROUTES: Final = (
    *(path for path in openapi.description()["paths"] if not path.startswith("/webhooks")),
    "/{proxy+}",
)
METHODS: Final = ("GET", "POST", "PATCH", "PUT", "DELETE", "HEAD", "OPTIONS", "get", "")
FIELDS: Final = (
    *sorted(openapi.description()["components"]["schemas"]["Mail"]["properties"]),
    *("version", "id", "client", "accepted_at", "\u202e", ""),
)
SCRAPS: Final = (
    VALUE,
    "طلبك",
    "🌙",
    "\u202e",
    "\ud800",
    "\ufffe",
    "\x00",
    "\r\nBcc: x@example.com",
    "<aws.scheduler.attempt-number>",
    "a@acme.sa",
    "A <a@acme.sa>",
    ",",
    '"',
    "@",
    "  ",
    "١",
    "x" * 1000,
)


class Chance:
    """Makes calls by chance; of one seed always the same."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 - test data
        self.ids = ["#pause", "no-such-mail"]

    def one_in(self, number: int) -> bool:
        return self.random.randrange(number) == 0

    def text(self) -> str:
        count = self.random.choice((0, 1, 1, 1, 2, 3))
        return "".join(self.random.choice(SCRAPS) for _ in range(count))

    def time(self, now: float) -> Any:  # noqa: ANN401 - any JSON
        seconds = now + self.random.choice((-1e9, -1, 0, 30, 61, 7200, 3e7, 4e7, 1e12, 1e300))
        if self.one_in(2) and abs(seconds) < 1e11:
            return datetime.fromtimestamp(seconds, UTC).isoformat()
        return seconds

    def value(self, now: float, depth: int = 0) -> Any:  # noqa: ANN401 - any JSON
        kind = self.random.randrange(12 if depth < 3 else 9)
        if kind < 4:
            return self.text()
        if kind < 6:
            return self.time(now)
        if kind < 9:
            return self.random.choice((None, True, False, 0, -1, 1e308, float("nan"), 10**400, ""))
        inside = [self.value(now, depth + 1) for _ in range(self.random.choice((0, 1, 2, 60)))]
        if kind == 9:
            return {self.random.choice(FIELDS): value for value in inside}
        return inside

    def mail(self, now: float) -> Any:  # noqa: ANN401 - any JSON
        if self.one_in(30):
            return self.value(now)
        mail = {
            "from": self.random.choice(("a@acme.sa", "Acme <a@acme.sa>", "b@other.sa")),
            "to": self.random.choice(("x@example.com", ["x@example.com", "Y <y@مثال.إختبار>"])),
            "subject": f"{VALUE} طلبك",
            self.random.choice(("html", "text", "msg")): f"<p>{VALUE}</p>",
        }
        if self.one_in(3):
            mail["scheduled_at"] = self.time(now)
        for _ in range(self.random.choice((0, 0, 0, 1, 2))):
            mail[self.random.choice(FIELDS)] = self.value(now)
        if self.one_in(15):
            del mail[self.random.choice(list(mail))]
        return mail

    def document(self, route: str, now: float) -> Any:  # noqa: ANN401 - any JSON
        if self.one_in(20):
            return self.value(now)
        if route == "/emails/batch":
            many = self.random.choice((0, 1, 2, 3, 3, 5, 101))
            return [self.mail(now) for _ in range(many)]
        if route == "/emails/{id}":
            return {"scheduled_at": self.time(now)} if not self.one_in(5) else self.value(now)
        return self.mail(now)

    def body(self, route: str, now: float) -> tuple[str | None, bool]:
        text = json.dumps(self.document(route, now), ensure_ascii=self.one_in(2))
        if self.one_in(40):
            text = text[: self.random.randrange(len(text) + 1)]
        if self.one_in(80):
            text = "[" * 50_000
        if self.one_in(20):
            return base64.b64encode(text.encode(errors="surrogatepass")).decode(), True
        return self.random.choice(((text, False),) * 30 + ((None, False), (text, True)))

    def headers(self) -> dict[str, str]:
        headers = {}
        if self.one_in(3):
            key = self.random.choice(("key", self.text(), f"key {self.random.randrange(50)}"))
            headers[self.random.choice(("Idempotency-Key", "idempotency-key"))] = key
        if self.one_in(3):
            mode = self.random.choice(("strict", "permissive", "permissive", self.text()))
            headers["x-batch-validation"] = mode
        return headers

    def query(self) -> dict[str, str] | None:
        values = {
            "limit": self.random.choice(("1", "20", "100", "101", self.text())),
            "after": self.id(),
            "before": self.id(),
            "other": self.text(),
        }
        return {name: value for name, value in values.items() if self.one_in(3)} or None

    def id(self) -> str:
        return self.text() if self.one_in(6) else self.random.choice(self.ids)

    def call(self, now: float) -> dict[str, Any]:
        route = self.random.choice(ROUTES)
        described = [method.upper() for method in openapi.METHODS]
        known = [
            name
            for name in described
            if name.lower() in openapi.description()["paths"].get(route, {})
        ]
        method = self.random.choice(METHODS if self.one_in(10) or not known else known)
        body, is_base64 = self.body(route, now)
        return {
            "httpMethod": method,
            "resource": route,
            "pathParameters": {"id": self.id()} if "{id}" in route else None,
            "headers": self.headers() or None,
            "queryStringParameters": self.query(),
            "body": body,
            "isBase64Encoded": is_base64,
            "requestContext": {
                "authorizer": {
                    "client": self.random.choice(("shop", "shop", "shop", "news")),
                    "from": self.random.choice(('["*@acme.sa"]', '["*"]', "[]")),
                    "scopes": self.random.choice(("read send",) * 18 + ("read", "send", "")),
                }
            },
        }


def test_each_of_10_000_calls_gets_an_answer_that_is_described() -> None:
    chance = Chance(SEED)
    answers: Counter[tuple[str, int]] = Counter()
    with installed():
        world = World()
        for number in range(CALLS):
            if number % 500 == 499:
                world.run_until_quiet()
            fails = chance.one_in(100)
            call = chance.call(world.now)
            with _aws_failing(world) if fails else nullcontext():
                answer = world.ask(call)

            assert not world.errors, (call, world.errors)
            document = json.loads(answer["body"])
            route, method, status = call["resource"], call["httpMethod"], answer["statusCode"]
            openapi.check_answer(method, route, status, answer["headers"], document)
            assert status < 500 or fails, call
            assert status < 400 or VALUE not in document["message"], call
            answers[route, status] += 1
            chance.ids += [document["id"]] if status == 200 and "id" in document else []

        world.run_until_quiet()
    for status in (200, 400, 401, 403, 404, 405, 409, 422, 500):
        assert sum(count for (_, found), count in answers.items() if found == status) >= 20, answers
    for route in ROUTES[:-1]:
        assert answers[route, 200] >= 20, answers


@contextmanager
def _aws_failing(world: World) -> Iterator[None]:
    """Let every call of AWS fail."""
    call = world.call

    def failing(container: Any, name: str, effect: Any) -> Any:  # noqa: ANN401 - any call
        if name.startswith("response."):
            return call(container, name, effect)
        raise client_error(name, "InternalServerError", VALUE)

    world.call = failing  # type: ignore[method-assign]
    try:
        yield
    finally:
        world.call = call  # type: ignore[method-assign]
