"""Puts the world in the place of the real one: where our modules find AWS and the clock."""

import random
import sys
import time
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Final
from unittest import mock

from mail_send import api, worker
from mail_status import handler as status
from outbox import aws
from outbox.sending import wiring as sending_wiring
from taqnyat import credentials

from tests.faults.containers import current, now, real_time
from tests.faults.lockstep import TurnLock

_real_sleep = time.sleep
_PACKAGES: Final = ("outbox", "taqnyat", "mail_send", "mail_status", "mail_webhooks")


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
        notes=lambda: current.get().notes,
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
            put(version.aws, "client", lambda service: current.get().client(service))
            for module in version.wired:
                build = module._container.__wrapped__  # noqa: SLF001 - the wiring that is under test
                put(module, "_container", wired(build))
                put(module, "Telemetry", lambda *_, make=version.notes: make())
                put(module, "os", types.SimpleNamespace(environ=Environment()))
            put(version.worker, "ThreadPoolExecutor", lambda *_, **__: current.get().executor())
            for module in version.sending:
                put(module, "Transport", lambda *_, **__: current.get().transport())
            put(version.credentials, "threading", types.SimpleNamespace(Lock=_turn_lock))
            stack.enter_context(_clocks(version.functions))
        put(time, "time", now)
        put(time, "sleep", _sleep)
        put(random, "uniform", lambda low, high: (low + high) / 2)
        yield


class Environment(dict[str, str]):
    """The environment of the container that runs."""

    def get(self, name: str, default: Any = None) -> Any:
        return current.get().world.environment.get(name, default)


def _turn_lock() -> TurnLock:
    return TurnLock(current.get().world.executor.step)


def wired(build: Callable[[], Any]) -> Callable[[], Any]:
    """Return what a container of the world that runs builds once."""
    return lambda: current.get().built(build)


def _sleep(seconds: float) -> None:
    container = current.get(None)
    if container is None:
        _real_sleep(seconds)
    else:
        container.world.wait(seconds)


@contextmanager
def _clocks(functions: Sequence[types.FunctionType]) -> Iterator[None]:
    """Replace the clock where it is a default argument; such a default is bound at definition."""
    with ExitStack() as stack:
        for function in functions:
            if real_time in (function.__kwdefaults__ or {}).values():
                replaced = {
                    key: now if value is real_time else value
                    for key, value in (function.__kwdefaults__ or {}).items()
                }
                stack.enter_context(mock.patch.object(function, "__kwdefaults__", replaced))
            if real_time in (function.__defaults__ or ()):
                defaults = tuple(
                    now if value is real_time else value for value in function.__defaults__ or ()
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
