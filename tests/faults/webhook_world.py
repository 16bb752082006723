"""The world in memory with webhooks: the ledger's stream, the two functions, and endpoints.

What is real: both functions as they wire themselves, down to signing. What stands in besides what
the world has: the table, the queue, the key, the stream's reader, and the endpoints themselves.
"""

import base64
import hmac
import json
import random
import types
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from unittest import mock

from mail_events import handler as events
from mail_webhooks import handler as webhooks
from outbox import telemetry
from outbox.webhooks import poster, service
from taqnyat.transport import Answer

from tests.faults import accounts, boundary
from tests.faults.accounts import StuckError
from tests.faults.containers import Container, Process, current
from tests.faults.installation import Environment, wired
from tests.faults.running import Running
from tests.faults.standins import sqs
from tests.faults.standins.dynamo import SortedDynamo
from tests.faults.standins.expressions import Item
from tests.faults.standins.fairness import Message, Queue
from tests.faults.standins.others import Kms
from tests.faults.world import World

TABLE: Final = "webhooks"
QUEUE: Final = "https://sqs.example/webhooks"
KEY_ARN: Final = "arn:aws:kms:us-east-1:123456789012:key/made-up"
TOPIC: Final = "arn:aws:sns:us-east-1:123456789012:alarms"
ENVIRONMENT: Final = {
    "WEBHOOKS_TABLE": TABLE,
    "WEBHOOK_QUEUE_URL": QUEUE,
    "WEBHOOK_KEY_ARN": KEY_ARN,
    "WEBHOOK_LOOPBACK": "off",
    "ALARM_TOPIC_ARN": TOPIC,
}
URL: Final = "https://app.example/hook"
STATES: Final = {"sent", "failed", "unknown", "scheduled", "canceled"}
FUNCTION_SECONDS: Final = 40.0
VISIBILITY_SECONDS: Final = 240
RETENTION_SECONDS: Final = 1_209_600
MAX_RECORDS: Final = 100
TOLERANCE_SECONDS: Final = 300
EVENTS: Final = [
    "email.sent",
    "email.failed",
    "email.delivery_delayed",
    "email.scheduled",
    "email.canceled",
    "sending.paused",
    "sending.resumed",
]


class Tables:
    """DynamoDB with both tables: each call goes to the one that it names."""

    def __init__(self, *tables: tuple[str, Any]) -> None:
        self._tables = dict(tables)

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def call(**arguments: Any) -> Any:
            name = arguments.get("TableName") or next(
                iter(arguments.get("RequestItems", {})), accounts.TABLE
            )
            return getattr(self._tables[name], operation)(**arguments)

        return call


@dataclass(slots=True)
class Receipt:
    """A call that an endpoint took."""

    at: float
    event_id: str
    body: dict[str, Any]


@dataclass(slots=True)
class Receiver:
    """An application behind a URL. `answer` says with which status a call is answered.

    `seconds` is the time that it takes, `retry_after` the header that it always sends; a call is
    kept if its signature is good.
    """

    answer: Callable[[int], int] = lambda _: 200
    seconds: float = 0.0
    retry_after: str | None = None
    secret: str = ""
    calls: list[float] = field(default_factory=list)
    receipts: list[Receipt] = field(default_factory=list)

    def take(self, now: float, headers: Mapping[str, str], body: bytes) -> int:
        """Take a call."""
        self.calls.append(now)
        if self.secret and not _is_signed(self.secret, now, headers, body):
            return 401
        status = self.answer(len(self.calls))
        if status // 100 == 2:
            self.receipts.append(Receipt(now, headers["svix-id"], json.loads(body)))
        return status


def _is_signed(secret: str, now: float, headers: Mapping[str, str], body: bytes) -> bool:
    """Check a signature as Standard Webhooks describes it; the libraries do in tests/e2e."""
    signed = f"{headers['svix-id']}.{headers['svix-timestamp']}.".encode() + body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    good = base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
    late = abs(now - int(headers["svix-timestamp"])) >= TOLERANCE_SECONDS
    return f"v1,{good}" in headers["svix-signature"].split() and not late


class WebhookWorld(World):
    """A world whose mails tell endpoints what became of them."""

    def __init__(self, policy: str = "hold", **options: Any) -> None:
        super().__init__(policy, **{**ENVIRONMENT, **options})
        self.receivers: dict[str, Receiver] = defaultdict(Receiver)
        self.stream: list[dict[str, Any]] = []
        self.told = 0
        self.hooks = SortedDynamo(TABLE)
        self.hook_queue = Queue(VISIBILITY_SECONDS, RETENTION_SECONDS)
        self.sqs.queues[QUEUE] = self.hook_queue
        services: dict[str, Any] = self.services
        services["dynamodb"] = Tables((accounts.TABLE, self.dynamo), (TABLE, self.hooks))
        services["kms"] = Kms(KEY_ARN)

    # ---- Applications --------------------------------------------------------------------------

    def hook(self, url: str = URL, client: str = "shop", **fields: Any) -> str:
        """Make an endpoint over the API, again until it is answered; return its id."""
        body = {"endpoint": url, "events": EVENTS, **fields}
        for _ in range(20):
            answer = self.manage("POST", "/webhooks", body, client=client)
            if answer is not None and answer["statusCode"] == 201:
                made = json.loads(answer["body"])
                self.receivers[url].secret = made["signing_secret"]
                return str(made["id"])
            self.wait(1.0)
        raise StuckError("no endpoint was made")

    def manage(
        self, method: str, route: str, body: object = None, *, client: str = "shop", hook: str = ""
    ) -> Any:
        """Call the API about endpoints."""
        return self.ask(
            {
                "httpMethod": method,
                "path": route.replace("{id}", hook),
                "resource": route,
                "pathParameters": {"id": hook} if hook else None,
                "headers": {},
                "body": None if body is None else json.dumps(body),
                "requestContext": {
                    "authorizer": {"client": client, "from": '["*"]', "scopes": "webhooks"}
                },
            }
        )

    # ---- AWS's own doing -----------------------------------------------------------------------

    def _written(self, before: Item | None, after: Item) -> None:
        number = len(self.stream)
        change = {
            "Keys": {"pk": after["pk"]},
            "NewImage": after,
            "SequenceNumber": str(number),
            **({"OldImage": before} if before else {}),
        }
        state = after.get("state", {}).get("S")
        if state in STATES or after["pk"]["S"] == "#pause":
            self.stream.append({"eventID": f"change-{number}", "dynamodb": change})
        super()._written(before, after)

    def tell(self) -> bool:
        """Let Lambda hand the stream's next records to the events function."""
        records = self.stream[self.told : self.told + MAX_RECORDS]
        if not records:
            return False
        container = self._container("events", 0)
        container.process = Process("events", self.now + 30.0)

        def run() -> None:
            answer = events.handler({"Records": records}, None)
            self.call(container, "response.events", lambda: self._advance(records, answer))

        self._run(container, run)
        return True

    def hand_on(self, message: dict[str, Any]) -> bool:
        """Give the events function a message of its queue; tell whether it is done."""
        container = self._container("events", 0)
        container.process = Process("events", self.now + 30.0)
        done = self._run(container, lambda: events.handler({"Records": [message]}, None))
        return done is not None

    def _advance(self, records: Sequence[dict[str, Any]], answer: Any) -> None:
        failed = [found["itemIdentifier"] for found in answer["batchItemFailures"]]
        numbers = [record["dynamodb"]["SequenceNumber"] for record in records]
        self.told += numbers.index(failed[0]) if failed else len(records)

    def call_hooks(self, slot: int = 0) -> bool:
        """Let Lambda poll the webhook queue once."""
        messages = self.sqs.take(self.hook_queue, 10)
        if not messages:
            return False
        self.wake(messages, slot)
        return True

    def wake(self, messages: Sequence[Message], slot: int) -> None:
        """Give messages to one container of the function, and delete what it has done."""
        container = self._container("webhooks", slot)
        container.process = Process("webhooks", self.now + FUNCTION_SECONDS, tuple(messages))
        handles = {message.id: message.handle for message in messages}

        def done(answer: Any) -> None:
            again = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
            for message_id in handles.keys() - again:
                self.sqs.delete_message(QueueUrl=QUEUE, ReceiptHandle=handles[message_id])

        def run() -> None:
            event = {"Records": [sqs.record(message) for message in messages]}
            answer = webhooks.handler(event, None)
            self.call(container, "response.webhooks", lambda: done(answer))

        self._run(container, run)

    def deliver_twice(self, messages: Sequence[Message]) -> None:
        """Give messages that are in hand to another container too."""
        queued = [message for message in messages if message in self.hook_queue.messages]
        if queued:
            for message in queued:
                self.sqs.deliver_again(message)
            self.wake(queued, slot=2)
        super().deliver_twice(messages)

    def run_until_told(self, days: float = 20.0) -> None:
        """Let the mails come to rest, then everything that endpoints are to be told."""
        self.run_until_quiet(schedules=True)
        end = self.now + days * 86400
        while self.now < end:
            while self.tell() or self.call_hooks():
                pass
            due = [message.visible_at for message in self.hook_queue.messages]
            if self.told == len(self.stream) and not due:
                return
            moments = [moment for moment in due if moment > self.now]
            self.wait(max(min(moments, default=self.now + 1.0) - self.now, boundary.CALL_SECONDS))
        raise StuckError("endpoints are not told")

    # ---- What is seen from outside -------------------------------------------------------------

    @property
    def held(self) -> list[str]:
        """Where events wait: the sort keys."""
        keys = [item["sk"]["S"] for item in self.hooks.items.values()]
        return [key for key in keys if key.startswith("waiting/")]

    def log(self) -> list[dict[str, Any]]:
        """Return the items of the log."""
        return [item for item in self.hooks.items.values() if item["sk"]["S"].startswith("log/")]


class _Post:
    """In the place of Transport: a call of an endpoint is a boundary."""

    def __init__(self, container: Container, origin: str) -> None:
        self._container = container
        self._origin = origin

    def request(
        self,
        method: str,
        path: str,
        deadline: float,
        body: bytes,
        headers: Mapping[str, str],
        **_: object,
    ) -> Answer:
        """Take the place of Transport.request."""
        assert method == "POST"
        place: WebhookWorld = self._container.world  # type: ignore[assignment]
        receiver = place.receivers[self._origin.removesuffix(":443") + path]

        def effect() -> Answer:
            place.wait(min(receiver.seconds, max(0.0, deadline - place.now)))
            status = receiver.take(place.now, headers, body)
            return Answer(status, b"", receiver.seconds, receiver.retry_after)

        return place.call(self._container, "webhook.post", effect)


class AtOnce:
    """Takes the place of an executor: one after the other, but all begin at the same time."""

    def __init__(self, place: Running) -> None:
        self._place = place

    def map(self, function: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
        began = ended = self._place.now
        done = []
        try:
            for item in items:
                self._place.now = began
                done.append(function(item))
                ended = max(ended, self._place.now)
        finally:
            self._place.now = max(ended, self._place.now)
        return done


@contextmanager
def with_webhooks() -> Iterator[None]:
    """Let the functions of webhooks find stand-ins too, where those of mails do (`installed`)."""
    with ExitStack() as stack:

        def put(target: object, name: str, value: object) -> None:
            stack.enter_context(mock.patch.object(target, name, value))

        for module in (events, webhooks):
            build = module._container.__wrapped__  # noqa: SLF001 - the wiring that is under test
            put(module, "_container", wired(build))
            put(module, "os", types.SimpleNamespace(environ=Environment()))
        put(webhooks, "Telemetry", lambda *_: current.get().notes)
        put(webhooks, "ThreadPoolExecutor", lambda *_, **__: AtOnce(current.get().world))
        put(telemetry, "Telemetry", lambda *_: current.get().notes)
        put(poster, "Transport", lambda origin, *_: _Post(current.get(), origin))
        put(service.Webhooks, "_look_up", lambda *_: None)
        put(random, "random", lambda: 0.5)
        yield
