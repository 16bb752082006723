"""The outcome of one call: verdict, scope and reason."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Verdict(StrEnum):
    """The result of one call."""

    SENT = "sent"
    RETRYABLE = "retryable"  # known not sent
    TERMINAL = "terminal"  # known not sent; an unchanged mail never will be
    UNKNOWN = "unknown"  # Taqnyat may have sent it


class Scope(StrEnum):
    """What the verdict is about."""

    MAIL = "mail"
    ACCOUNT = "account"
    EITHER = "account_or_mail"  # the same answer to a second, different mail decides
    RATE = "rate"
    PROVIDER = "provider"


class Fault(StrEnum):
    """How a call ended without a whole answer."""

    UNREACHABLE = "unreachable"  # DNS, connect or TLS: nothing was written
    TIMEOUT = "timeout"  # written, no whole answer in time
    CUT = "connection_lost"  # written, then the connection broke or spoke no HTTP
    CUT_ON_REUSE = (
        "reused_connection_lost"  # the same, on one that the server may have been closing
    )


class Outcome(NamedTuple):
    """A classified answer. It has nothing of the mail.

    `reason` is a stable snake_case name; `status` the HTTP status; `code` Taqnyat's ErrorCode; `ip`
    the address that Taqnyat refused (102); `retry_after` seconds that the provider asked to wait.
    """

    verdict: Verdict
    scope: Scope
    reason: str
    status: int | None = None
    code: int | None = None
    msg_id: str | None = None
    price: str | None = None
    ip: str | None = None
    retry_after: float | None = None

    @property
    def provider_failed(self) -> bool:
        """Whether the provider failed, and not the mail or the account."""
        return self.scope is Scope.PROVIDER and self.verdict is not Verdict.SENT
