"""Containers: the execution environments of our functions, and their way out into the world.

Each call that leaves one is a boundary, where a fault may strike.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from outbox.mail.report import Report
from taqnyat.transport import Answer

from tests.faults.boundary import Call, Crash
from tests.faults.lockstep import Serial
from tests.faults.provider import system_status
from tests.faults.standins.fairness import Message

if TYPE_CHECKING:
    from tests.faults.accounts import Accounts
    from tests.faults.running import Running

real_time = time.time


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
            self.prices.append((now(), Decimal(report.outcome.price)))

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

    def __init__(self, world: Running, function: str) -> None:
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

    def transport(self, *_: object, **__: object) -> _Transport:
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


class Site:
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
class Context:
    """Lambda's context, as far as it is used."""

    world: Accounts
    process: Process

    def get_remaining_time_in_millis(self) -> int:
        return int((self.process.ends_at - self.world.now) * 1000)


current: ContextVar[Container] = ContextVar("container")


def now() -> float:
    """Return the time of the world that runs, or the real one."""
    container = current.get(None)
    return real_time() if container is None else container.world.now
