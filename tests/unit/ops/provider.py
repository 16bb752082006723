"""A Taqnyat in this process, which answers each call of `verify` by what comes next."""

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from taqnyat import Fault
from taqnyat.transport import Answer

from local.simulator import guide

WELL = guide.status_json("none", "All Services are Operational", many=False)


BALANCE = guide.balance_json("12.50", "31-12-2027", "active")


NO_METHOD = guide.message_json(405, "Method not allowed")


EXPECTED = [
    (200, WELL),
    (200, BALANCE),
    (405, NO_METHOD),
    (400, guide.failure_json(104)),
    (400, guide.failure_json(15)),
    (400, guide.failure_json(15)),
    (400, guide.failure_json(15)),
    (400, guide.failure_json(16)),
    (400, guide.failure_json(14)),
    (201, guide.success_json(7001, "2")),
    (400, guide.failure_json(15)),
    (201, guide.success_json(7002, "1")),
]


@dataclass(slots=True)
class Taqnyat:
    """Answers each call by what comes next, and notes it."""

    answers: list[Any] = field(default_factory=lambda: [*EXPECTED])
    asked: list[tuple[str, str, dict[str, Any], str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    def request(
        self,
        method: str,
        path: str,
        _deadline: float,
        body: bytes | None = None,
        headers: Any = None,
        *_: Any,
    ) -> Answer:
        """Answer one call."""
        text = (body or b"").decode()
        sent = json.loads(text) if text.startswith("{") else parse_qs(text)
        kind = "json" if text.startswith("{") else "form" if text else ""
        token = str((headers or {}).get("Authorization", ""))
        self.asked.append((method, path.partition("?")[0], sent, kind, token))
        self.bodies.append(body or b"")
        answer = self.answers[len(self.asked) - 1]
        if isinstance(answer, BaseException):
            raise answer
        if isinstance(answer, Fault):
            return Answer(None, b"", 0.25, fault=answer)
        return Answer(answer[0], answer[1].encode(), 0.25)
