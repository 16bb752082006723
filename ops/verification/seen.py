"""What was seen of one call, by allow-list, and how it differs from what is expected."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from taqnyat import Scope, Verdict

from ops.verification.calls import CALLS, Expected
from ops.verification.shape import NOTHING, Field, Form, Kind, Shape

INTERRUPTED: Final = "interrupted"  # a fault of our own: stopped while it may have been sent
_MOST_CODE: Final = 9999
_STRINGS: Final = {Kind.STRING, Kind.NUMBER_STRING, Kind.DATE_STRING}
_READABLE: Final = {Form.JSON, Form.NEARLY_JSON}
# What the gateway does, so that a difference shows what it would change.
_DOES: Final = {
    Verdict.SENT: "records it as sent",
    Verdict.TERMINAL: "fails the mail",
    Verdict.UNKNOWN: "holds the mail: it may have been sent",
}
_DOES_LATER: Final = {
    Scope.ACCOUNT: "pauses all sending",
    Scope.EITHER: "tries it later, and pauses when a second mail gets it",
    Scope.RATE: "sends more slowly",
    Scope.PROVIDER: "tries it later",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One call and its answer, without any text of either.

    `result` is the guide's ResponseStatus, success or fail; `fault` how a call ended without a
    whole answer; `encoding` and `named` say how the mail was sent; `milliseconds` is for people.
    """

    call: str
    could_send: bool
    reason: str
    verdict: str = ""
    scope: str = ""
    status: int | None = None
    fault: str | None = None
    code: int | None = None
    result: str | None = None
    encoding: str = "form"
    named: bool = False
    shape: Shape = NOTHING
    milliseconds: int = 0

    @property
    def expected(self) -> Expected | None:
        """What is expected of this call; None if nobody knows."""
        return CALLS[self.call].expected

    @property
    def may_have_been_sent(self) -> bool:
        """Whether a mail went out, or may have: an ambiguous answer counts as one."""
        return self.could_send and self.verdict in {Verdict.SENT, Verdict.UNKNOWN}

    def answered(self) -> str:
        """Say what was answered, in short."""
        return _short(self.status, self.code, self.reason, self.fault)

    def summary(self) -> dict[str, Any]:
        """Return what the report has of it."""
        return {
            "call": self.call,
            "could_send": self.could_send,
            "encoding": self.encoding,
            "named": self.named,
            "status": self.status,
            "fault": self.fault,
            "result": self.result,
            "code": self.code,
            "verdict": self.verdict,
            "scope": self.scope,
            "reason": self.reason,
            "body": {
                "form": self.shape.form,
                "bytes": self.shape.size,
                "fields": [_line(field) for field in self.shape.fields],
            },
            "differs": list(differences(self)),
        }


def wanted(expected: Expected | None) -> str:
    """Say what is expected, in short."""
    if expected is None:
        return "not known"
    return _short(expected.status, expected.code, expected.reason, None)


def kept_code(code: int | None) -> int | None:
    """Return a code that may be kept: a longer number is no code."""
    return code if code is not None and 0 <= code <= _MOST_CODE else None


def differences(seen: Seen) -> Iterator[str]:
    """Yield each way in which an answer is not what is expected."""
    expected = seen.expected
    if expected is None:
        return
    yield from _in_classification(seen, expected)
    if seen.fault:
        yield f"no whole answer: {seen.fault}"
        return
    if seen.status != expected.status:
        yield f"status: {expected.status} expected, {seen.status} answered"
    if seen.code != expected.code:
        yield f"code: {expected.code or 'none'} expected, {seen.code or 'none'} answered"
    if seen.shape.form not in _READABLE:
        yield f"body: JSON expected, {seen.shape.form} answered"
    elif seen.result == "success" and expected.code is not None:
        yield "result: fail expected, success answered"
    else:
        yield from _in_fields(seen, expected)


def _in_classification(seen: Seen, expected: Expected) -> Iterator[str]:
    if (seen.verdict, seen.scope, seen.reason) == (
        expected.verdict,
        expected.scope,
        expected.reason,
    ):
        return
    wanted, got = expected.reason, seen.reason
    if wanted == got:  # 401 without a code may also be about the mail, 104 may not
        wanted, got = f"{wanted} ({expected.scope})", f"{got} ({seen.scope})"
    found = f"classification: {wanted} expected, {got} found"
    if not seen.verdict or not seen.could_send:
        yield found
    else:
        yield f"{found}: the gateway {_does(seen.verdict, seen.scope)}"


def _in_fields(seen: Seen, expected: Expected) -> Iterator[str]:
    found = seen.shape.kinds()
    for name, kind in expected.fields.items():
        if name not in found:
            yield f"field {name}: missing"
        elif not _fits(found[name], kind):
            yield f"field {name}: {kind} expected, {found[name]} answered"
    for name, kind in found.items():
        if name not in expected.fields:
            yield f"field {name}: new ({kind})"


def _fits(found: Kind, kind: Kind) -> bool:
    return found is kind or (kind is Kind.STRING and found in _STRINGS)


def _does(verdict: str, scope: str) -> str:
    if verdict == Verdict.RETRYABLE:
        return _DOES_LATER.get(Scope(scope), "tries it later")
    return _DOES[Verdict(verdict)]


def _short(status: int | None, code: int | None, reason: str, fault: str | None) -> str:
    parts = [str(status) if status else "", f"code {code}" if code is not None else "", reason]
    return ", ".join(part for part in (*parts, fault if fault != reason else "") if part)


def _line(field: Field) -> dict[str, Any]:
    return {"name": field.name, "type": field.kind, "length": field.length}
