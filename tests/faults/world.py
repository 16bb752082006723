"""A world in memory: the gateway's own functions, wired as they wire themselves, amid AWS.

What is real: the three entry points with all that they build, down to the client of Taqnyat and its
classification. What stands in: the AWS clients, Taqnyat's side of the wire, and the clock. What AWS
does of itself (polls the queue, deletes what was seen through, calls the schedule, moves dead
letters) is done here, as AWS documents it.
"""

import heapq
import json
import random
import sys
import time
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, TypeVar
from unittest import mock

from botocore.exceptions import BotoCoreError, ClientError
from mail_send import api, worker
from mail_status import handler as status
from outbox import aws
from outbox.mail.report import Report
from outbox.sending import wiring as sending_wiring
from outbox.sending.control import PauseState
from outbox.sending.pause import Pause
from outbox.storage.expressions import unpack_item
from outbox.storage.money import Money, MoneyTable
from outbox.storage.row import Row
from taqnyat import credentials
from taqnyat.transport import Answer

from tests.faults import boundary
from tests.faults.boundary import REPLY, Call, Crash
from tests.faults.lockstep import Lockstep, Serial, TurnLock
from tests.faults.provider import Taqnyat, system_status
from tests.faults.standins import gateway, sqs
from tests.faults.standins.dynamo import Dynamo
from tests.faults.standins.expressions import Item
from tests.faults.standins.fairness import Message, Queue
from tests.faults.standins.others import CloudWatch, Functions, Secrets, Sns
from tests.faults.standins.others import Mapping as SourceMapping
from tests.faults.standins.scheduler import Scheduler

START: Final = 1_800_000_000.0
TABLE: Final = "ledger"
MAIL_QUEUE: Final = "https://sqs.example/mail"
MAIL_QUEUE_ARN: Final = "arn:aws:sqs:us-east-1:123456789012:mail"
BULK_QUEUE: Final = "https://sqs.example/bulk"
BULK_QUEUE_ARN: Final = "arn:aws:sqs:us-east-1:123456789012:bulk"
FAILED_QUEUE: Final = "https://sqs.example/failed"
FAILED_QUEUE_ARN: Final = "arn:aws:sqs:us-east-1:123456789012:failed"
GROUP: Final = "schedules"
SCHEDULE_ROLE_ARN: Final = "arn:aws:iam::123456789012:role/schedule"
SECRET: Final = "taqnyat-token"
TOKEN: Final = "a-made-up-token"
WORKER: Final = "worker"
MINUTE: Final = 60.0
API_SECONDS: Final = 20.0
WORKER_SECONDS: Final = 60.0
VISIBILITY_SECONDS: Final = 360
RETENTION_SECONDS: Final = 864_000
POLL_SECONDS: Final = 20
FAILED_RETENTION_SECONDS: Final = 1_209_600
MAX_RECEIVES: Final = 1000
MAX_ROUNDS: Final = 600

ENVIRONMENT: Final = {
    "LEDGER_TABLE": TABLE,
    "MAIL_QUEUE_URL": MAIL_QUEUE,
    "MAIL_QUEUE_ARN": MAIL_QUEUE_ARN,
    "BULK_QUEUE_URL": BULK_QUEUE,
    "BULK_QUEUE_ARN": BULK_QUEUE_ARN,
    "FAILED_QUEUE_URL": FAILED_QUEUE,
    "FAILED_QUEUE_ARN": FAILED_QUEUE_ARN,
    "SCHEDULE_GROUP": GROUP,
    "SCHEDULE_ROLE_ARN": SCHEDULE_ROLE_ARN,
    "TOKEN_SECRET_ID": SECRET,
    "WORKER_FUNCTION_NAME": WORKER,
    "ALARM_TOPIC_ARN": "arn:aws:sns:us-east-1:123456789012:alarms",
}

T = TypeVar("T")


class StuckError(Exception):
    """The world did not come to rest."""


class Notes:
    """Takes the place of Telemetry: keeps the reports and what went wrong."""

    def __init__(self, *_: object) -> None:
        self.reports: list[Report] = []
        self.prices: list[tuple[float, Decimal]] = []
        self.troubles: list[str] = []
        self.ages: list[tuple[str, float]] = []

    def accepted(self, mail_ids: list[str]) -> None:
        """Note nothing: the row tells."""

    def not_carried(self, mails: int) -> None:
        """Note nothing: the row tells."""

    def changed(self, mail_id: str) -> None:
        """Note nothing: the row tells."""

    def processed(self, report: Report) -> None:
        self.reports.append(report)
        if report.outcome is not None and report.outcome.price is not None:
            self.prices.append((_now(), Decimal(report.outcome.price)))

    def retried(self, lane: str, age: float) -> None:
        self.ages.append((lane, age))

    def kept(self, count: int) -> None:
        """Note nothing: the table tells."""

    def called(self, run: object) -> None:
        """Note nothing: the log tells."""

    def error(self, what: str, error: Exception, mail_id: str = "") -> None:
        if what == "unexpected":
            raise error  # a bug, which is not to be passed over here
        self.troubles.append(f"{what} {type(error).__name__} {mail_id}")

    def event(self, what: str, **fields: object) -> None:
        """Note nothing."""

    def flush(self) -> None:
        """Emit nothing."""


@dataclass(slots=True)
class Process:
    """One run of a function, until it ends, crashes, or is killed at its time limit."""

    function: str
    ends_at: float
    messages: tuple[Message, ...] = ()
    dead: bool = False


class Container:
    """An execution environment of one function: what it builds once, it keeps."""

    def __init__(self, world: "World", function: str) -> None:
        self.world = world
        self.function = function
        self.process = Process(function, 0.0)
        self.notes = Notes()
        self._clients: dict[str, Any] = {}
        self._built: Any = None

    def built(self, build: Callable[[], Any]) -> Any:
        """Return what the function's module wires, wired at its first use."""
        if self._built is None:
            self._built = build()
        return self._built

    def client(self, service: str) -> Any:
        """Return the client of an AWS service: each of its calls is a boundary."""
        if service not in self._clients:
            self._clients[service] = _Client(self, service, self.world.services[service])
        return self._clients[service]

    def transport(self, *_: object, **__: object) -> "_Transport":
        """Take the place of Transport."""
        return _Transport(self)

    def executor(self, *_: object, **__: object) -> Serial:
        """Take the place of ThreadPoolExecutor."""
        return self.world.executor


class _Client:
    def __init__(self, container: Container, service: str, stand_in: object) -> None:
        self._container = container
        self._service = service
        self._stand_in = stand_in

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        method = getattr(self._stand_in, operation)
        name = f"{self._service}.{operation}"

        def call(**arguments: Any) -> Any:
            return self._container.world.call(self._container, name, lambda: method(**arguments))

        self.__dict__[operation] = call
        return call


class _Transport:
    def __init__(self, container: Container) -> None:
        self._container = container
        self._world = container.world

    def request(
        self,
        method: str,
        path: str,
        deadline: float,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        keep: object = None,
    ) -> Answer:
        """Take the place of Transport.request."""
        del keep
        if path == "/account/balance":
            assert (headers or {}).keys() == {"Authorization"}
            return self._world.call(
                self._container, "taqnyat.account_balance", self._world.taqnyat.tell_balance
            )
        if method == "GET":
            return self._world.call(
                self._container,
                "taqnyat.system_status",
                lambda: system_status(self._world.taqnyat.up),
            )
        return self._world.taqnyat.exchange(self, deadline, body or b"")

    def boundary(self, name: str, effect: Callable[[], Answer | None]) -> Answer | None:
        return self._world.call(self._container, name, effect)

    def now(self) -> float:
        return self._world.now

    def wait(self, seconds: float) -> None:
        self._world.wait(seconds)


class _Site:
    """Where a fault strikes."""

    def __init__(self, container: Container, call: Call) -> None:
        self._container = container
        self._world = container.world
        self._call = call

    def die(self) -> None:
        self._container.process.dead = True
        raise Crash

    def until_killed(self) -> None:
        self.wait(max(0.0, self._container.process.ends_at - self._world.now))

    def wait(self, seconds: float) -> None:
        self._world.wait(seconds)

    def deliver_twice(self) -> None:
        self._world.deliver_twice(self._container.process.messages)

    def check(self) -> None:
        self._world.check(slot=1)

    def poll(self) -> None:
        self._world.poll()

    def stale(self) -> object:
        if self._call.name == "secretsmanager.get_secret_value":
            return {"SecretString": self._world.secrets.values[0]}
        mappings = (self._world.mapping, self._world.bulk_mapping)
        return {"EventSourceMappings": [mapping.shown("Enabled") for mapping in mappings]}

    def wire(self) -> _Transport:
        return _Transport(self._container)


@dataclass(slots=True)
class Order:
    """A mail that an application wants to be sent: by the API, or straight onto the queue."""

    subject: str
    mail_id: str = ""
    accepted: bool = False
    canceled: bool = False
    redriven: int = 0
    on_unknown: str | None = None


@dataclass(frozen=True, slots=True)
class Write:
    """One write to a mail's row: the item as it was (None for a new one) and as it is."""

    before: Item | None
    after: Item


@dataclass(slots=True)
class Context:
    """Lambda's context, as far as it is used."""

    world: "World"
    process: Process

    def get_remaining_time_in_millis(self) -> int:
        return int((self.process.ends_at - self.world.now) * 1000)


class World:
    """One account of AWS and one of Taqnyat's, from a mail's acceptance until all is quiet."""

    def __init__(
        self,
        policy: str = "hold",
        *,
        batch_size: int = 10,
        lockstep: bool = False,
        plan: Mapping[int, str] | None = None,
        **environment: str,
    ) -> None:
        """`plan` is the faults by the number of the call; `environment` more settings."""
        self.now = START
        self.environment = {**ENVIRONMENT, "ON_UNKNOWN": policy, **environment}
        self.policy = policy
        self.batch_size = batch_size
        self.plan = plan or {}
        self.calls: list[Call] = []
        self.struck: list[str] = []
        self.writes: list[Write] = []
        self.errors: list[tuple[str, Exception]] = []
        self.notes: list[Notes] = []
        self.orders: dict[str, Order] = {}
        self.taqnyat = Taqnyat({TOKEN})
        self.dynamo = Dynamo(TABLE, self._written, lambda: self.now)
        self.sqs = sqs.Sqs(lambda: self.now, self.wait)
        self.scheduler = Scheduler(GROUP, SCHEDULE_ROLE_ARN, self.sqs, lambda: self.now)
        self.secrets = Secrets(SECRET, TOKEN)
        self.mapping = SourceMapping(WORKER, MAIL_QUEUE_ARN, lambda: self.now)
        self.bulk_mapping = SourceMapping(WORKER, BULK_QUEUE_ARN, lambda: self.now)
        self.functions = Functions(self.mapping, self.bulk_mapping)
        self.cloudwatch = CloudWatch(
            lambda: (price for notes in self.notes for price in notes.prices)
        )
        self.sns = Sns()
        self.failed = Queue(60, FAILED_RETENTION_SECONDS)
        self.mail, self.bulk = (
            Queue(
                VISIBILITY_SECONDS,
                RETENTION_SECONDS,
                self.failed,
                MAX_RECEIVES,
                wait_seconds=POLL_SECONDS,
            )
            for _ in ("normal", "bulk")
        )
        self.sqs.queues = {
            MAIL_QUEUE: self.mail,
            MAIL_QUEUE_ARN: self.mail,
            BULK_QUEUE: self.bulk,
            BULK_QUEUE_ARN: self.bulk,
            FAILED_QUEUE: self.failed,
            FAILED_QUEUE_ARN: self.failed,
        }
        self.services = {
            "dynamodb": self.dynamo,
            "sqs": self.sqs,
            "scheduler": self.scheduler,
            "secretsmanager": self.secrets,
            "lambda": self.functions,
            "cloudwatch": self.cloudwatch,
            "sns": self.sns,
        }
        self.executor: Serial = Lockstep() if lockstep else Serial()
        self.events: list[tuple[float, int, Callable[[], None]]] = []
        # More than one while a deployment runs: containers of two versions then take turns.
        self.api_module: Any = api
        self.accepted_status = 200  # 0.1.0 says 202
        self.worker_modules: list[Any] = [worker]
        self.status_module: Any = status
        self._containers: dict[tuple[str, int], Container] = {}
        self._polls = 0

    # ---- Calls and time ------------------------------------------------------------------------

    def call(self, container: Container, name: str, effect: Callable[[], T]) -> T:
        """Make one call that leaves a process; a fault of the plan may strike it."""
        self.executor.step()
        process = container.process
        self._alive(process)
        call = Call(process.function, name, bool(process.messages))
        fault = self.plan.get(len(self.calls))
        self.calls.append(call)
        self.wait(boundary.CALL_SECONDS)
        if fault is None:
            answer = effect()
        else:
            self.struck.append(fault)
            if fault.startswith(REPLY):
                self.taqnyat.script.insert(0, fault.removeprefix(REPLY))
                answer = effect()
            else:
                answer = boundary.strike(fault, _Site(container, call), call, effect)
        self._alive(process)
        if name == "sqs.receive_message":
            process.messages = self._in_hand(answer)
        return answer

    def _in_hand(self, answer: Any) -> tuple[Message, ...]:
        handles = {message["ReceiptHandle"] for message in answer.get("Messages", ())}
        return tuple(message for message in self.waiting if message.handle in handles)

    def _alive(self, process: Process) -> None:
        if self.now >= process.ends_at:
            process.dead = True
        if process.dead:
            raise Crash

    def wait(self, seconds: float) -> None:
        """Let time pass, and what was planned for it happen."""
        self.now += seconds
        while self.events and self.events[0][0] <= self.now:
            heapq.heappop(self.events)[2]()

    def at(self, seconds: float, event: Callable[[], None]) -> None:
        """Plan what happens so many seconds after the start."""
        heapq.heappush(self.events, (START + seconds, len(self.events), event))

    # ---- Applications --------------------------------------------------------------------------

    def post(self, subject: str, **fields: Any) -> Order:
        """Post a mail to the API, and again with the same key until it is accepted."""
        order = self._order(subject, fields)
        answer = self._insist("POST", "/emails", _mail(subject, fields), key=subject)
        order.mail_id, order.accepted = json.loads(answer["body"])["id"], True
        return order

    def post_batch(self, subjects: Sequence[str], **fields: Any) -> None:
        """Post mails in one call, and again with the same key until they are accepted."""
        orders = [self._order(subject, fields) for subject in subjects]
        mails = [_mail(subject, fields) for subject in subjects]
        answer = self._insist("POST", "/emails/batch", mails, key="batch")
        for order, entry in zip(orders, json.loads(answer["body"])["data"], strict=True):
            order.mail_id, order.accepted = entry["id"], True

    def move(self, order: Order, scheduled_at: int) -> None:
        """Give a scheduled mail another time."""
        body = {"scheduled_at": scheduled_at}
        self._insist("PATCH", "/emails/{id}", body, mail_id=order.mail_id, good=200)

    def cancel(self, order: Order) -> None:
        """Cancel a mail that waits."""
        path = "/emails/{id}/cancel"
        self._insist("POST", path, None, mail_id=order.mail_id, good=200)
        order.canceled = True

    def _order(self, subject: str, fields: Mapping[str, Any]) -> Order:
        order = Order(subject, on_unknown=fields.get("on_unknown"))
        return self.orders.setdefault(subject, order)

    def _insist(
        self,
        method: str,
        route: str,
        body: object,
        *,
        key: str = "",
        mail_id: str = "",
        good: int = 200,
    ) -> Any:
        event = {
            "httpMethod": method,
            "path": route.replace("{id}", mail_id),
            "resource": route,
            "pathParameters": {"id": mail_id} if mail_id else None,
            "headers": {"Idempotency-Key": key} if key else {},
            **gateway.received(None if body is None else json.dumps(body).encode()),
            "requestContext": {
                "authorizer": {"client": "shop", "from": '["*"]', "scopes": "send read"}
            },
        }
        for _ in range(20):
            answer = self.ask(event)
            if answer is not None and answer["statusCode"] in {good, self.accepted_status}:
                return answer
            self.wait(1.0)
        raise StuckError(f"{method} {route} is not answered with {good}")

    def ask(self, event: dict[str, Any]) -> Any:
        """Give the API one event of API Gateway; None when no answer came."""
        container = self._container("api", 0)
        container.process = Process("api", self.now + API_SECONDS)

        def run() -> Any:
            answer = self.api_module.handler(event, None)
            return self.call(container, "response.api", lambda: answer)

        return self._run(container, run)

    def drop(self, subject: str, **fields: Any) -> Order:
        """Put a mail straight onto the queue, as a direct producer does, without an id."""
        text = json.dumps(_mail(subject, fields))
        answer = self.sqs.send_message(QueueUrl=MAIL_QUEUE, MessageBody=text)
        order = self._order(subject, fields)
        order.mail_id, order.accepted = answer["MessageId"], True
        return order

    # ---- AWS's own doing -----------------------------------------------------------------------

    def poll(self) -> bool:
        """Let Lambda poll the queue once; False when there is nothing for it."""
        self.scheduler.fire()
        queues = {MAIL_QUEUE_ARN: self.mail, BULK_QUEUE_ARN: self.bulk}
        lanes = [(mapping, queues[mapping.queue_arn]) for mapping in self.functions.mappings]
        found = [self._poll(mapping, queue) for mapping, queue in lanes]  # both, in any case
        return any(found)

    def _poll(self, mapping: SourceMapping, queue: Queue) -> bool:
        messages = self.sqs.take(queue, self.batch_size) if mapping.feeds else []
        if messages:
            self._polls += 1
            self.work(messages, self._polls % 2)
        return bool(messages)

    def work(self, messages: Sequence[Message], slot: int = 0) -> None:
        """Give messages to one container of the worker, and do with its answer what AWS does."""
        module = self.worker_modules[slot % len(self.worker_modules)]
        container = self._container("worker", slot)
        container.process = Process("worker", self.now + WORKER_SECONDS, tuple(messages))
        is_bulk = any(message in self.bulk.messages for message in messages)
        url, arn = (BULK_QUEUE, BULK_QUEUE_ARN) if is_bulk else (MAIL_QUEUE, MAIL_QUEUE_ARN)
        event = {"Records": [sqs.record(message, arn) for message in messages]}
        handles = {message.id: message.handle for message in messages}

        def run() -> None:
            answer = module.handler(event, Context(self, container.process))
            self.call(container, "response.worker", lambda: self.acknowledge(handles, answer, url))

        self._run(container, run)

    def ask_worker(self, event: dict[str, Any], seconds: float = WORKER_SECONDS) -> Any:
        """Give the worker an event of Lambda's, return its answer, and do nothing with that."""
        container = self._container("worker", 0)
        container.process = Process("worker", self.now + seconds)
        context = Context(self, container.process)
        return self._run(container, lambda: worker.handler(event, context))

    def acknowledge(self, handles: Mapping[str, str], answer: Any, url: str = MAIL_QUEUE) -> None:
        """Delete what was seen through; an id that is unknown returns the whole batch."""
        again = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
        if again <= handles.keys():
            for message_id in handles.keys() - again:
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=handles[message_id])

    def poll_side_by_side(self, workers: int = 2) -> bool:
        """Let Lambda run so many batches at once; False when there is nothing for them."""
        if not self.mapping.feeds:
            return False
        batches = [self.sqs.take(self.mail, self.batch_size) for _ in range(workers)]
        slots = [slot for slot, messages in enumerate(batches) if messages]
        self.executor.map(lambda slot: self.work(batches[slot], slot), slots)
        return bool(slots)

    def deliver_twice(self, messages: Sequence[Message]) -> None:
        """Give messages that are in hand to another container too: at least once is no more."""
        queued = [message for message in messages if message in self.waiting]
        if queued:
            for message in queued:
                self.sqs.deliver_again(message)
            self.work(queued, slot=2)

    def check(self, slot: int = 0) -> None:
        """Let the schedule call the status check."""
        container = self._container("status", slot)
        container.process = Process("status", self.now + WORKER_SECONDS)
        context = Context(self, container.process)
        self._run(container, lambda: self.status_module.handler({}, context))

    def deploy(self, *, bulk: bool) -> None:
        """Deploy a version with the bulk lane, or without it: its queue is kept, and unread."""
        for name, value in (("BULK_QUEUE_URL", BULK_QUEUE), ("BULK_QUEUE_ARN", BULK_QUEUE_ARN)):
            self.environment[name] = value if bulk else ""
        self.functions.mappings = (self.mapping, *((self.bulk_mapping,) if bulk else ()))
        self.replace_containers()

    def replace_containers(self) -> None:
        """Let every function start anew, as a deployment does."""
        self._containers = {}

    def redrive(self) -> None:
        """Press SQS's own button: all of the failed queue goes back to the mail queue."""
        self._count_redriven()
        self.sqs.start_message_move_task(SourceArn=FAILED_QUEUE_ARN, DestinationArn=MAIL_QUEUE_ARN)

    def redrive_by_hand(self) -> None:
        """Re-drive as a command line does: receive, send with the attributes, delete."""
        self._count_redriven()
        for message in self.sqs.take(self.failed, len(self.failed.messages)):
            is_bulk = message.attributes.get("lane", {}).get("StringValue") == "bulk"
            self.sqs.send_message(
                QueueUrl=BULK_QUEUE if is_bulk else MAIL_QUEUE,
                MessageBody=message.body,
                MessageAttributes=message.attributes,
                **({"MessageGroupId": message.group} if message.group else {}),
            )
            self.sqs.delete_message(QueueUrl=FAILED_QUEUE, ReceiptHandle=message.handle)

    def run_until_quiet(self, rounds: int = MAX_ROUNDS, *, schedules: bool = False) -> None:
        """Poll, check and let time pass until no message is left in the mail queue.

        With `schedules`, until none of those is left either.
        """
        for _ in range(rounds):
            while self.poll():
                pass
            if self.paused or self._mappings != {"Enabled"} or not self.pause.announced:
                self.check()
            waits = bool(self.waiting or (schedules and self.scheduler.schedules))
            if not waits and (self.paused or self._mappings == {"Enabled"}):
                return
            self.wait(self._until_something())
        raise StuckError("the world does not come to rest")

    def _until_something(self) -> float:
        due = [message.visible_at for message in self.waiting]
        due += [schedule.at for schedule in self.scheduler.schedules.values()]
        if self._mappings == {"Disabled"} and self.pause.announced:
            due = [max(self.pause.next_probe, self.now + MINUTE)]  # no check before does anything
        elif self.paused or self._mappings != {"Enabled"}:
            due = [self.now + MINUTE]
        moments = [moment for moment in due if moment > self.now]
        return max(min(moments, default=self.now + MINUTE) - self.now, boundary.CALL_SECONDS)

    # ---- What is seen from outside -------------------------------------------------------------

    @property
    def pause(self) -> PauseState:
        """The pause item, as it stands."""
        item = self.dynamo.items.get("#pause")
        if item is None:
            return PauseState()
        return PauseState.of(unpack_item(item))

    @property
    def waiting(self) -> list[Message]:
        """The messages of both lanes."""
        return [*self.mail.messages, *self.bulk.messages]

    @property
    def _mappings(self) -> set[str]:
        return {mapping.state for mapping in self.functions.mappings}

    @property
    def paused(self) -> bool:
        """Whether sending is paused."""
        return self.pause.paused

    @property
    def money(self) -> Money:
        """What is known of the account's money."""
        return MoneyTable(self.dynamo, TABLE).read()

    def pause_by_hand(self, reason: str) -> None:
        """Pause as an operator does."""
        Pause(self.dynamo, TABLE, (300,), clock=lambda: self.now).begin_by_hand(reason)

    @property
    def unexpected(self) -> list[Exception]:
        """What functions raised; AWS's refusals aside where the function is to raise them."""
        return [
            error
            for function, error in self.errors
            if function != "status" or not isinstance(error, (ClientError, BotoCoreError))
        ]

    def row(self, order: Order) -> Row | None:
        """Return the row of an order."""
        self.dynamo.expire()
        item = self.dynamo.items.get(order.mail_id)
        return None if item is None else Row.of(item)

    def parked(self, order: Order) -> list[Message]:
        """Return the copies of an order's mail in the failed queue."""
        return [
            message
            for message in self.failed.messages
            if json.loads(message.body)["subject"] == order.subject
        ]

    # ---- Parts ---------------------------------------------------------------------------------

    def _container(self, function: str, slot: int) -> Container:
        if (function, slot) not in self._containers:
            container = Container(self, function)
            self.notes.append(container.notes)
            self._containers[function, slot] = container
        return self._containers[function, slot]

    def _run(self, container: Container, run: Callable[[], T]) -> T | None:
        """Run a function in its container; a crash takes the container with it."""
        token = _current.set(container)
        try:
            return run()
        except Crash:
            self._containers = {
                key: other for key, other in self._containers.items() if other is not container
            }
        except Exception as error:  # noqa: BLE001 - Lambda takes any
            self.errors.append((container.function, error))
        finally:
            _current.reset(token)
        return None

    def _written(self, before: Item | None, after: Item) -> None:
        # To keep a row for longer is no arrow.
        if "state" in after and {**(before or {}), "ttl": None} != {**after, "ttl": None}:
            self.writes.append(Write(before, after))

    def _count_redriven(self) -> None:
        for order in self.orders.values():
            order.redriven += bool(self.parked(order))


def _mail(subject: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    mail = {"from": "shop@acme.sa", "to": ["a@example.com"], "subject": subject, "text": "Hello"}
    return {**mail, **fields}


# ---- Putting the world in the place of the real one --------------------------------------------

_current: ContextVar[Container] = ContextVar("container")
_time = time.time
_real_sleep = time.sleep
_PACKAGES: Final = ("outbox", "taqnyat", "mail_send", "mail_status", "mail_webhooks")


def _now() -> float:
    container = _current.get(None)
    return _time() if container is None else container.world.now


@dataclass(frozen=True, slots=True)
class Version:
    """The modules of one version of the bundle, as far as stand-ins are put into them."""

    aws: Any
    credentials: Any
    worker: Any
    wired: tuple[Any, ...]
    sending: tuple[Any, ...]
    notes: Callable[[], object]
    functions: tuple[types.FunctionType, ...]


def _today() -> Version:
    return Version(
        aws=aws,
        credentials=credentials,
        worker=worker,
        wired=(api, worker, status),
        sending=(sending_wiring,),
        notes=lambda: _current.get().notes,
        functions=tuple(functions_of(sys.modules)),
    )


@contextmanager
def installed(*older: Version) -> Iterator[None]:
    """Let the functions' modules find stand-ins where they would find the real things.

    `older` are versions that run beside today's.
    """
    with ExitStack() as stack:

        def put(target: object, name: str, value: object) -> None:
            stack.enter_context(mock.patch.object(target, name, value))

        for version in (_today(), *older):
            put(version.aws, "client", lambda service: _current.get().client(service))
            for module in version.wired:
                build = module._container.__wrapped__  # noqa: SLF001 - the wiring that is under test
                put(module, "_container", _wired(build))
                put(module, "Telemetry", lambda *_, make=version.notes: make())
                put(module, "os", types.SimpleNamespace(environ=_Environment()))
            put(version.worker, "ThreadPoolExecutor", lambda *_, **__: _current.get().executor())
            for module in version.sending:
                put(module, "Transport", lambda *_, **__: _current.get().transport())
            put(version.credentials, "threading", types.SimpleNamespace(Lock=_turn_lock))
            stack.enter_context(_clocks(version.functions))
        put(time, "time", _now)
        put(time, "sleep", _sleep)
        put(random, "uniform", lambda low, high: (low + high) / 2)
        yield


class _Environment(dict[str, str]):
    """The environment of the container that runs."""

    def get(self, name: str, default: Any = None) -> Any:
        return _current.get().world.environment.get(name, default)


def _turn_lock() -> TurnLock:
    return TurnLock(_current.get().world.executor.step)


def _wired(build: Callable[[], Any]) -> Callable[[], Any]:
    return lambda: _current.get().built(build)


def _sleep(seconds: float) -> None:
    container = _current.get(None)
    if container is None:
        _real_sleep(seconds)
    else:
        container.world.wait(seconds)


@contextmanager
def _clocks(functions: Sequence[types.FunctionType]) -> Iterator[None]:
    """Replace the clock where it is a default argument; such a default is bound at definition."""
    with ExitStack() as stack:
        for function in functions:
            if _time in (function.__kwdefaults__ or {}).values():
                replaced = {
                    key: _now if value is _time else value
                    for key, value in (function.__kwdefaults__ or {}).items()
                }
                stack.enter_context(mock.patch.object(function, "__kwdefaults__", replaced))
            if _time in (function.__defaults__ or ()):
                defaults = tuple(
                    _now if value is _time else value for value in function.__defaults__ or ()
                )
                stack.enter_context(mock.patch.object(function, "__defaults__", defaults))
        yield


def functions_of(modules: Mapping[str, types.ModuleType]) -> Iterator[types.FunctionType]:
    """Yield the functions and methods of our packages among some modules."""
    for name, module in list(modules.items()):
        if name.partition(".")[0] in _PACKAGES:
            for value in vars(module).values():
                members = vars(value).values() if isinstance(value, type) else (value,)
                yield from (member for member in members if isinstance(member, types.FunctionType))
