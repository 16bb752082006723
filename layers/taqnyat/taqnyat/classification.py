"""What an answer of Taqnyat's mail API means: one data table and one pure, total function.

Source of the codes: the guide's table. The number decides, never the text (101's English text is
104's) and never the `status` field (it is 1 on success and on failure alike). A readable body
decides over the HTTP status.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from taqnyat import envelope
from taqnyat.outcome import Fault, Outcome, Scope, Verdict

_Rule = tuple[Verdict, Scope, str]

TOKEN_REFUSED: Final = "token_refused"  # noqa: S105  a reason's name, not a token
IP_REFUSED: Final = "ip_refused"

_SUCCESS: Final = 2  # the family of 2xx

_UNREADABLE: Final[_Rule] = (Verdict.UNKNOWN, Scope.PROVIDER, "unreadable_answer")
_UNKNOWN_CODE: Final[_Rule] = (Verdict.TERMINAL, Scope.MAIL, "unknown_code")
_WRONG_ENDPOINT: Final[_Rule] = (Verdict.RETRYABLE, Scope.EITHER, "wrong_endpoint")
# A filter in front of Taqnyat may refuse one mail; only 104 is surely about the token.
_REFUSED: Final[_Rule] = (Verdict.RETRYABLE, Scope.EITHER, TOKEN_REFUSED)

CODES: Final = MappingProxyType[int, _Rule](
    {
        2: (Verdict.RETRYABLE, Scope.ACCOUNT, "balance_empty"),
        3: (Verdict.RETRYABLE, Scope.EITHER, "balance_too_low"),
        14: (Verdict.TERMINAL, Scope.MAIL, "sender_refused"),
        15: (Verdict.TERMINAL, Scope.MAIL, "recipients_refused"),
        16: (Verdict.TERMINAL, Scope.MAIL, "subject_refused"),
        17: (Verdict.TERMINAL, Scope.MAIL, "message_refused"),
        101: (Verdict.RETRYABLE, Scope.ACCOUNT, "api_disabled"),
        102: (Verdict.RETRYABLE, Scope.ACCOUNT, IP_REFUSED),
        104: (Verdict.RETRYABLE, Scope.ACCOUNT, TOKEN_REFUSED),
    },
)

STATUSES: Final = MappingProxyType[int, _Rule](
    {
        401: _REFUSED,
        403: _REFUSED,
        404: _WRONG_ENDPOINT,
        405: _WRONG_ENDPOINT,
        408: (Verdict.RETRYABLE, Scope.PROVIDER, "provider_timeout"),
        410: _WRONG_ENDPOINT,
        429: (Verdict.RETRYABLE, Scope.RATE, "rate_limited"),
        503: (Verdict.RETRYABLE, Scope.PROVIDER, "provider_unavailable"),
    },
)

_FAMILIES: Final = MappingProxyType[int, _Rule](
    {
        _SUCCESS: _UNREADABLE,
        3: _WRONG_ENDPOINT,
        4: _UNKNOWN_CODE,
        5: (Verdict.UNKNOWN, Scope.PROVIDER, "provider_error"),
    },
)

_FAULTS: Final = MappingProxyType[Fault, _Rule](
    {
        Fault.UNREACHABLE: (Verdict.RETRYABLE, Scope.PROVIDER, Fault.UNREACHABLE.value),
        Fault.TIMEOUT: (Verdict.UNKNOWN, Scope.PROVIDER, Fault.TIMEOUT.value),
        Fault.CUT: (Verdict.UNKNOWN, Scope.PROVIDER, Fault.CUT.value),
        Fault.CUT_ON_REUSE: (Verdict.UNKNOWN, Scope.PROVIDER, Fault.CUT_ON_REUSE.value),
    },
)


def classify(status: int | None, body: bytes, fault: Fault | None = None) -> Outcome:
    """Classify one answer, or a missing one; total over any status, any bytes, any fault.

    `status` is None when no status line was read. Of a `body` that was cut off, the part that came
    is read.
    """
    said = envelope.read(body)
    verdict, scope, reason = _rule(status, said, fault)
    sent = verdict is Verdict.SENT
    return Outcome(
        verdict=verdict,
        scope=scope,
        reason=reason,
        status=status,
        code=said.code,
        msg_id=said.msg_id if sent else None,
        price=said.price if sent else None,
        ip=envelope.ip_address(body) if reason == IP_REFUSED else None,
    )


def _rule(status: int | None, said: envelope.Envelope, fault: Fault | None) -> _Rule:
    family = 0 if status is None else status // 100
    if said.result == "success":
        # Success with an Error, without a msgId or with another status contradicts itself: the mail
        # may have been sent.
        whole = family == _SUCCESS and said.msg_id is not None and not said.error
        return (Verdict.SENT, Scope.MAIL, "sent") if whole else _UNREADABLE
    if said.mixed:
        return _UNREADABLE  # one of several mails, or of several answers, may have been sent
    code = said.code
    if code is not None and (code in CODES or said.result == "fail"):
        # Without "fail", an unknown number may also mean that there is no error.
        return CODES.get(code, _UNKNOWN_CODE)
    if fault is not None:
        return _FAULTS[fault]
    if said.result == "fail" and family == _SUCCESS:
        return _UNKNOWN_CODE
    return STATUSES.get(status or 0) or _FAMILIES.get(family, _UNREADABLE)
