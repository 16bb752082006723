"""The accounts: what stands in for AWS and Taqnyat, our functions' calls, and the time."""

import heapq
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from botocore.exceptions import BotoCoreError, ClientError
from mail_send import api, worker
from mail_status import handler as status
from outbox.sending.control import PauseState
from outbox.sending.pause import Pause
from outbox.storage.expressions import unpack_item
from outbox.storage.money import Money, MoneyTable
from outbox.storage.row import Row

from tests.faults import boundary
from tests.faults.boundary import REPLY, Call, Crash
from tests.faults.containers import Container, Notes, Process, Site, current
from tests.faults.lockstep import Lockstep, Serial
from tests.faults.provider import Taqnyat
from tests.faults.standins import sqs
from tests.faults.standins.dynamo import Dynamo
from tests.faults.standins.expressions import Item
from tests.faults.standins.fairness import Message, Queue
from tests.faults.standins.others import CloudWatch, Functions, Secrets, Sns
from tests.faults.standins.others import Mapping as SourceMapping
from tests.faults.standins.scheduler import Scheduler

if TYPE_CHECKING:
    from tests.faults.running import Running

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


class Accounts:
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
                answer = boundary.strike(fault, Site(container, call), call, effect)
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

    def _container(self, function: str, slot: int) -> Container:
        if (function, slot) not in self._containers:
            container = Container(cast("Running", self), function)
            self.notes.append(container.notes)
            self._containers[function, slot] = container
        return self._containers[function, slot]

    def _run(self, container: Container, run: Callable[[], T]) -> T | None:
        """Run a function in its container; a crash takes the container with it."""
        token = current.set(container)
        try:
            return run()
        except Crash:
            self._containers = {
                key: other for key, other in self._containers.items() if other is not container
            }
        except Exception as error:  # noqa: BLE001 - Lambda takes any
            self.errors.append((container.function, error))
        finally:
            current.reset(token)
        return None

    def _written(self, before: Item | None, after: Item) -> None:
        # To keep a row for longer is no arrow.
        if "state" in after and {**(before or {}), "ttl": None} != {**after, "ttl": None}:
            self.writes.append(Write(before, after))
