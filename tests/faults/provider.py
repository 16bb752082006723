"""Taqnyat without a socket: what a call comes to, and the book of what was accepted.

`Taqnyat.exchange` takes the place of `Transport.request`; the client, the classification and all
else are the real ones. It goes through four phases, each a boundary of its own where a fault can
strike: connect, write, answer (Taqnyat decides before it), body.
"""

import json
import math
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final, Protocol
from urllib.parse import parse_qsl

from taqnyat.connection import MAX_ANSWER_BYTES
from taqnyat.outcome import Fault
from taqnyat.transport import Answer

from local.simulator import guide
from local.simulator.content import Content
from local.simulator.limits import Limit, Limiter

CONNECT_SECONDS: Final = 3.0
_JSON_DEPTH: Final = 30_000
_ENDLESS: Final = Decimal(1_000_000)
_PAGE: Final = b"<!DOCTYPE html><html><body><h1>It works!</h1></body></html>"


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer: `accepts` whether the mail was taken, `hangs` whether it takes all the time."""

    status: int | None
    body: bytes = b""
    fault: Fault | None = None
    retry_after: str | None = None
    accepts: bool = False
    hangs: bool = False


def _refusals() -> dict[str, Reply]:
    """Return the answers after which a mail is known not to have been sent."""
    codes = (2, 3, 14, 15, 16, 17, 101, 102, 104, 99)
    replies = {f"code_{code}": Reply(400, guide.failure(code).encode()) for code in codes}
    replies |= {
        "code_2_as_json": Reply(400, guide.failure_json(2).encode()),
        "code_15_under_201": Reply(201, guide.failure(15).encode()),
        "code_2_under_500": Reply(500, guide.failure(2).encode()),
        "fail_without_code": Reply(201, b'{"ResponseStatus":"fail","Data":null,"Error":null}'),
    }
    statuses = (301, 302, 307, 400, 401, 403, 404, 405, 408, 410, 413, 418, 422, 429, 503)
    replies |= {
        f"status_{status}": Reply(status, guide.message_json(status, "no").encode())
        for status in statuses
    }
    replies["status_429_in_90s"] = replace(replies["status_429"], retry_after="90")
    replies["status_503_at_a_date"] = replace(
        replies["status_503"], retry_after="Wed, 21 Oct 2099 07:28:00 GMT"
    )
    return replies


def _doubtful() -> dict[str, Reply]:
    """Return the answers that leave it open; each comes with the mail accepted and not."""
    whole = guide.success(7, "1")
    return {
        "status_500": Reply(500, b"oops"),
        "status_502": Reply(502, _PAGE),
        "status_504": Reply(504, b""),
        "empty_2xx": Reply(201, b""),
        "page_2xx": Reply(200, _PAGE),
        "deep_json": Reply(201, b"[" * _JSON_DEPTH),
        "bomb": Reply(201, b"\0" * MAX_ANSWER_BYTES),
        "success_and_code": Reply(
            201,
            b'{"ResponseStatus":"success","Data":{"msgId":7},"Error":{"ErrorCode":2}}',
        ),
        "success_without_id": Reply(201, b'{"ResponseStatus":"success","Data":{},"Error":null}'),
        "success_under_500": Reply(500, whole.encode()),
        "hang": Reply(None, fault=Fault.TIMEOUT, hangs=True),
        "cut_before_the_answer": Reply(None, fault=Fault.CUT),
        "drip": Reply(201, whole[:20].encode(), Fault.TIMEOUT, hangs=True),
        "cut_in_the_body": Reply(201, whole[:40].encode(), Fault.CUT),
        "status_line_of_no_http": Reply(None, b"", Fault.CUT),
    }


REFUSALS: Final[Mapping[str, Reply]] = _refusals()
DOUBTFUL: Final[Mapping[str, Reply]] = {
    f"{name}{suffix}": replace(reply, accepts=accepts)
    for name, reply in _doubtful().items()
    for suffix, accepts in (("", False), ("_but_accepted", True))
}
REPLIES: Final[Mapping[str, Reply]] = {**REFUSALS, **DOUBTFUL}


@dataclass(frozen=True, slots=True)
class Acceptance:
    """A mail that Taqnyat took: its msgId, and when."""

    msg_id: str
    at: float


class Wire(Protocol):
    """What an exchange runs on: boundaries where faults strike, and the clock."""

    def boundary(self, name: str, effect: Callable[[], Answer | None]) -> Answer | None: ...

    def now(self) -> float: ...

    def wait(self, seconds: float) -> None: ...


@dataclass(slots=True)
class Rule:
    """A reply, by name, for every k-th of the mails that are like `content`."""

    reply: str
    content: Content = field(default_factory=Content)
    every: int = 1
    seen: int = 0

    def takes(self, recipients: tuple[str, ...], fields: Mapping[str, str]) -> bool:
        """Tell whether the rule is for this call, and count it."""
        if not self.content.fits(recipients, fields):
            return False
        self.seen += 1
        return self.seen % self.every == 0


@dataclass(slots=True)
class Taqnyat:
    """The account and the books. Mails are told apart by their subjects.

    `refusing` names the reply that every call gets (None: mails are accepted); `script` the
    replies of the next calls, one each; `tokens` those that are good. `limit` is a hard rate
    limit, answered with 429; `rules` are replies by content, the first that takes a call counts.
    All may change while the world runs. `seconds` is how long an answer takes. `balance` falls by
    `price` for each recipient (None: it is endless); `balance_reply` is what /account/balance
    says in place of the truth: an amount, or a reply by its name.
    """

    tokens: set[str]
    refusing: str | None = None
    script: list[str] = field(default_factory=list)
    limit: Limit | None = None
    rules: list[Rule] = field(default_factory=list)
    seconds: float = 0.0
    limited: int = 0
    balance: Decimal | None = None
    price: Decimal = Decimal(1)
    balance_reply: Decimal | str | None = None
    calls: list[tuple[float, str]] = field(default_factory=list)
    accepted: dict[str, list[Acceptance]] = field(default_factory=lambda: defaultdict(list))
    up: bool = True
    expires: str = "31-12-2099"
    _limiter: Limiter = field(default_factory=Limiter)

    def decide(self, body: bytes, now: float) -> Reply:
        """Take a call that was written in full, and answer it."""
        fields = dict(parse_qsl(body.decode()))
        subject = fields["subject"]
        self.calls.append((now, subject))
        if self.script:
            return self.reply(REPLIES[self.script.pop(0)], subject, now)
        if refusal := self.over_limit(now):
            return refusal
        if fields["bearerTokens"] not in self.tokens:
            return REPLIES["code_104"]
        if self.refusing is not None:
            return self.reply(REPLIES[self.refusing], subject, now)
        recipients = tuple(fields["to"].split(","))
        for rule in self.rules:
            if rule.takes(recipients, fields):
                return self.reply(REPLIES[rule.reply], subject, now)
        if self.balance is not None and self.balance < self.price * len(recipients):
            return REPLIES["code_3" if self.balance > 0 else "code_2"]
        return self.accept(subject, now, len(recipients))

    def over_limit(self, now: float) -> Reply | None:
        """Return the refusal of a call above the limit."""
        wait = None if self.limit is None else self._limiter.take(self.limit, now)
        if self.limit is None or wait is None:
            return None
        self.limited += 1
        after = str(math.ceil(wait)) if self.limit.retry_after else None
        return replace(REPLIES["status_429"], retry_after=after)

    def reply(self, reply: Reply, subject: str, now: float) -> Reply:
        """Give a reply, with the mail taken if it says so."""
        if reply.accepts:
            self.accept(subject, now)
        return reply

    def accept(self, subject: str, now: float, recipients: int = 1) -> Reply:
        """Take the mail, and its price."""
        number = 1 + sum(map(len, self.accepted.values()))
        self.accepted[subject].append(Acceptance(str(number), now))
        price = self.price * recipients
        if self.balance is not None:
            self.balance -= price
        return Reply(201, guide.success(number, str(price)).encode(), accepts=True)

    def tell_balance(self) -> Answer:
        """Answer /account/balance."""
        if isinstance(self.balance_reply, str):
            reply = REPLIES[self.balance_reply]
            return Answer(reply.status, reply.body, 0.05, fault=reply.fault)
        told = self.balance if self.balance_reply is None else self.balance_reply
        said = guide.balance_json(
            f"{_ENDLESS if told is None else told:.3f}", self.expires, "active"
        )
        return Answer(200, said.encode(), 0.05)

    def exchange(self, wire: Wire, deadline: float, body: bytes) -> Answer:
        """Go through the phases of one call."""
        started = wire.now()
        reply: Reply | None = None

        def decide() -> Answer:
            nonlocal reply
            reply = self.decide(body, wire.now())
            return finished(wire, reply, started, deadline, self.seconds)

        for name in ("taqnyat.connect", "taqnyat.write"):
            if ended := wire.boundary(name, lambda: None):
                return ended
        answer = wire.boundary("taqnyat.answer", decide)
        if answer is None or answer.status is None or answer.fault is not None:
            return answer or Answer(None, b"", 0.0, fault=Fault.CUT)
        return wire.boundary("taqnyat.body", lambda: answer) or answer


def finished(
    wire: Wire, reply: Reply, started: float, deadline: float, seconds: float = 0.0
) -> Answer:
    """Make the transport's answer of a reply, and let its time pass."""
    left = max(0.0, deadline - wire.now())
    if reply.hangs or seconds:
        wire.wait(left if reply.hangs else min(seconds, left))
    return Answer(reply.status, reply.body, wire.now() - started, reply.retry_after, reply.fault)


def system_status(up: bool) -> Answer:  # noqa: FBT001 - the one thing it says
    """Return Taqnyat's word on itself."""
    service = "none" if up else "mail"
    body = json.dumps({"statusCode": 200, "status": {"service": service, "description": ""}})
    return Answer(200, body.encode(), 0.05)
