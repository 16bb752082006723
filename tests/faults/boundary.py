"""The boundaries: every call that leaves a process, numbered as they come, and where faults strike.

A fault is named in a plan by the number of the call that it strikes. What the enumeration can do is
listed by `kinds`, from the name of the call alone: a call that the code makes tomorrow is struck
tomorrow, without a change here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from botocore.exceptions import ClientError, ConnectTimeoutError, ReadTimeoutError
from taqnyat.outcome import Fault
from taqnyat.transport import Answer

from tests.faults.provider import CONNECT_SECONDS, DOUBTFUL, REPLIES, Wire, finished
from tests.faults.standins.errors import client_error

# The SDK's own tries of one call: three of seven seconds.
SDK_SECONDS: Final = 21.0
STALL_SECONDS: Final = 20.0
CALL_SECONDS: Final = 0.01
_ENDPOINT: Final = "https://aws.example"


class Crash(BaseException):
    """The process is gone. Nothing catches this, and nothing that comes after it has an effect."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call: which function's process made it, and what it was, such as `sqs.send_message`."""

    process: str
    name: str
    holds_messages: bool


class Site(Protocol):
    """Where a fault strikes: the process that makes the call, and the world around it."""

    def die(self) -> None: ...  # raises Crash

    def until_killed(self) -> None: ...  # lets the time limit of the function pass

    def wait(self, seconds: float) -> None: ...

    def deliver_twice(self) -> None: ...  # gives the messages in hand to another process, whole

    def check(self) -> None: ...  # lets the schedule call a status check of its own

    def poll(self) -> None: ...  # lets Lambda poll the queue for another process

    def stale(self) -> object: ...  # what the read in hand returned before the last write

    def wire(self) -> Wire: ...


Effect = Callable[[], Any]
Strike = Callable[[Site, Call, Effect], Any]


def _crash_before(site: Site, _: Call, __: Effect) -> Any:
    return site.die()


def _crash_after(site: Site, _: Call, effect: Effect) -> Any:
    effect()
    return site.die()


def _killed_before(site: Site, _: Call, __: Effect) -> Any:
    site.until_killed()
    return site.die()


def _killed_after(site: Site, _: Call, effect: Effect) -> Any:
    effect()
    site.until_killed()
    return site.die()


def _error_before(_: Site, call: Call, __: Effect) -> Any:
    raise _server_fault(call)


def _error_after(_: Site, call: Call, effect: Effect) -> Any:
    effect()
    raise _server_fault(call)


def _server_fault(call: Call) -> ClientError:
    status = {"HTTPStatusCode": 500}
    return client_error(call.name, "InternalServerError", ResponseMetadata=status)


def _conflict(_: Site, call: Call, __: Effect) -> Any:
    """Refuse a write beside a transaction on the same item: the SDK does not repeat that."""
    raise client_error(call.name, "TransactionConflictException")


def _denied(_: Site, call: Call, __: Effect) -> Any:
    raise client_error(call.name, "AccessDeniedException")


def _throttled(_: Site, call: Call, __: Effect) -> Any:
    raise client_error(call.name, "ThrottlingException")


def _timeout_before(site: Site, _: Call, __: Effect) -> Any:
    site.wait(SDK_SECONDS)
    raise ConnectTimeoutError(endpoint_url=_ENDPOINT)


def _timeout_after(site: Site, _: Call, effect: Effect) -> Any:
    effect()
    site.wait(SDK_SECONDS)
    raise ReadTimeoutError(endpoint_url=_ENDPOINT)


def _answer_lost(site: Site, _: Call, effect: Effect) -> Any:
    """Let the call take effect, lose its answer, and let the SDK repeat it."""
    effect()
    site.wait(SDK_SECONDS / 3)
    return effect()


def _stall(site: Site, _: Call, effect: Effect) -> Any:
    site.wait(STALL_SECONDS)
    return effect()


def _twin_before(site: Site, _: Call, effect: Effect) -> Any:
    site.deliver_twice()
    return effect()


def _twin_after(site: Site, _: Call, effect: Effect) -> Any:
    answer = effect()
    site.deliver_twice()
    return answer


def _schedule(site: Site, _: Call, effect: Effect) -> Any:
    site.check()
    return effect()


def _poll(site: Site, _: Call, effect: Effect) -> Any:
    site.poll()
    return effect()


def _stale(site: Site, _: Call, __: Effect) -> Any:
    return site.stale()


def _no_secret(_: Site, call: Call, __: Effect) -> Any:
    raise client_error(call.name, "ResourceNotFoundException")


def _malformed_secret(_: Site, __: Call, ___: Effect) -> Any:
    return {"SecretString": '{"token": "under another name"}'}


def _unreachable(_: Site, __: Call, ___: Effect) -> Any:
    return Answer(None, b"", 0.0, fault=Fault.UNREACHABLE)


def _connect_hangs(site: Site, _: Call, __: Effect) -> Any:
    site.wait(CONNECT_SECONDS)
    return Answer(None, b"", CONNECT_SECONDS, fault=Fault.UNREACHABLE)


def _cut_while_writing(_: Site, __: Call, ___: Effect) -> Any:
    return Answer(None, b"", 0.0, fault=Fault.CUT)


def _hang_while_writing(site: Site, _: Call, __: Effect) -> Any:
    site.wait(STALL_SECONDS)
    return Answer(None, b"", STALL_SECONDS, fault=Fault.TIMEOUT)


def _unheard(status: int | None, fault: Fault | None) -> Strike:
    """Let an endpoint get no call, or one that it refuses."""

    def strike(_: Site, __: Call, ___: Effect) -> Any:
        return Answer(status, b"", 0.0, fault=fault)

    return strike


def _heard(fault: Fault, seconds: float) -> Strike:
    """Let an endpoint take a call, and its answer be lost."""

    def strike(site: Site, _: Call, effect: Effect) -> Any:
        effect()
        site.wait(seconds)
        return Answer(None, b"", seconds, fault=fault)

    return strike


def _body(name: str) -> Strike:
    """Break the answer off in its body, after Taqnyat decided."""

    def strike(site: Site, _: Call, effect: Effect) -> Any:
        answer: Answer = effect()
        wire = site.wire()
        broken = finished(wire, DOUBTFUL[name], wire.now(), wire.now() + STALL_SECONDS)
        return Answer(answer.status, answer.body[:40], broken.seconds, fault=broken.fault)

    return strike


_CRASHES: Final = {
    "crash_before": _crash_before,
    "crash_after": _crash_after,
    "killed_before": _killed_before,
    "killed_after": _killed_after,
}
_AWS: Final = {
    "error_before": _error_before,
    "error_after": _error_after,
    "throttled": _throttled,
    "timeout_before": _timeout_before,
    "timeout_after": _timeout_after,
    "answer_lost": _answer_lost,
}
_TWINS: Final = {"twin_before": _twin_before, "twin_after": _twin_after}
_SLOW: Final = {"stall": _stall}
# What goes on beside a process while it waits for a call.
_BESIDE: Final[Mapping[str, Mapping[str, Strike]]] = {
    "api": {"poll": _poll},
    "worker": {"schedule": _schedule},
    "status": {"schedule": _schedule, "poll": _poll},
}
_BODY: Final = {"drip": _body("drip"), "cut": _body("cut_in_the_body")}
_OWN: Final[Mapping[str, Mapping[str, Strike]]] = {
    "secretsmanager.get_secret_value": {
        "stale": _stale,
        "no_secret": _no_secret,
        "malformed_secret": _malformed_secret,
    },
    "dynamodb.update_item": {"denied": _denied},
    "lambda.list_event_source_mappings": {"stale": _stale},
    "taqnyat.connect": {"unreachable": _unreachable, "hang": _connect_hangs},
    "taqnyat.write": {"cut": _cut_while_writing, "hang": _hang_while_writing},
    "taqnyat.body": _BODY,
    "webhook.post": {
        "unreachable": _unreachable,
        "status_500": _unheard(500, None),
        "status_302": _unheard(302, None),
        "cut": _heard(Fault.CUT, 0.0),
        "hang": _heard(Fault.TIMEOUT, 10.0),
    },
    "taqnyat.system_status": {"unreachable": _unreachable, "hang": _connect_hangs},
    "taqnyat.account_balance": {"unreachable": _unreachable, "hang": _connect_hangs},
}
# Replies have no function of their own: the world answers with them in place of Taqnyat's.
_STRIKES: Final[dict[str, Strike]] = {
    **_CRASHES,
    **_AWS,
    **_TWINS,
    **_SLOW,
    "conflict": _conflict,  # to the code the same as throttled, so it is struck only by its test
    **{name: strike for beside in _BESIDE.values() for name, strike in beside.items()},
    **{name: strike for own in _OWN.values() for name, strike in own.items()},
}
REPLY: Final = "reply:"


def kinds(call: Call) -> list[str]:
    """List the faults that can strike a call."""
    service = call.name.partition(".")[0]
    found = [*_CRASHES, *_SLOW, *_BESIDE.get(call.process, {}), *_OWN.get(call.name, {})]
    if service not in {"taqnyat", "response", "webhook"}:
        found += _AWS
    if call.holds_messages:
        found += _TWINS
    if call.name == "taqnyat.answer":
        found += [REPLY + name for name in REPLIES]
    return found


def strike(kind: str, site: Site, call: Call, effect: Effect) -> Any:
    """Make a call with a fault."""
    own = _OWN.get(call.name, {})
    return (own.get(kind) or _STRIKES[kind])(site, call, effect)
