"""All metrics and log fields, in one place: EMF once an invocation, one JSON line a mail.

Of a mail, only its id, its state and its times are logged or measured.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, Protocol

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import (
    AmazonCloudWatchEMFProvider,
)
from botocore.exceptions import BotoCoreError, ClientError
from taqnyat import Verdict

from outbox.mail.report import NO_RECORD
from outbox.mail.states import State

if TYPE_CHECKING:
    from outbox.mail.report import Report

SERVICE: Final = "taqnyat-mail"

MAIL_ACCEPTED: Final = "MailAccepted"
MAIL_NOT_CARRIED: Final = "MailNotCarried"
MAIL_SENT: Final = "MailSent"
MAIL_FAILED: Final = "MailFailed"
MAIL_RETRIED: Final = "MailRetried"
MAIL_UNKNOWN: Final = "MailUnknown"
MAIL_PRICE: Final = "MailPrice"
PROVIDER_LATENCY: Final = "ProviderLatency"
TIME_TO_SEND: Final = "TimeToSend"
RETRIED_MAIL_AGE: Final = "RetriedMailAge"
PROVIDER_UP: Final = "ProviderUp"
SENDING_PAUSED: Final = "SendingPaused"
BALANCE: Final = "Balance"
BALANCE_HOURS_LEFT: Final = "BalanceHoursLeft"
WEBHOOK_DELIVERED: Final = "WebhookDelivered"
WEBHOOK_RETRIED: Final = "WebhookRetried"
WEBHOOK_FAILED: Final = "WebhookFailed"
WEBHOOK_PAUSED: Final = "WebhookPaused"
WEBHOOK_LATENCY: Final = "WebhookLatency"

# Both are emitted twice: in all, which the alarms watch, and by reason.
_BY_REASON: Final = {MAIL_FAILED, MAIL_UNKNOWN}
_COUNTED: Final = {
    "invalid": MAIL_FAILED,
    State.FAILED: MAIL_FAILED,
    State.UNKNOWN: MAIL_UNKNOWN,
    State.SENT: MAIL_SENT,
    State.QUEUED: MAIL_RETRIED,
}


class Calls(Protocol):
    """The calls of an endpoint, counted; `seconds` has the time of each."""

    endpoint_id: str
    delivered: int
    retried: int
    failed: int
    paused: bool
    seconds: list[float]


class Telemetry:
    """Logs at once, and collects metrics until `flush`. Only the handler's thread may use it."""

    def __init__(self, namespace: str, level: str | None = None) -> None:
        """`level` None takes LOG_LEVEL of the environment."""
        self._namespace = namespace
        # No code locations and no trace ids: nobody reads them, and each byte is billed.
        self._log = Logger(
            service=SERVICE, level=level, location=None, xray_trace_id=None, utc=True
        )
        self._counts: Counter[str] = Counter()
        self._reasons: Counter[tuple[str, str]] = Counter()
        self._measures: list[tuple[str, MetricUnit, float]] = []
        self._ages: dict[str, float] = {}

    def accepted(self, mail_ids: list[str]) -> None:
        """Log and count mails that were accepted."""
        self._counts[MAIL_ACCEPTED] += len(mail_ids)
        for mail_id in mail_ids:
            self._log.info("mail accepted", extra={"correlation_id": mail_id})

    def not_carried(self, mails: int) -> None:
        """Count mails whose `reply_to` or `headers` were left out by policy."""
        self._counts[MAIL_NOT_CARRIED] += mails

    def changed(self, mail_id: str) -> None:
        """Log that a mail was canceled or rescheduled by its owner."""
        self._log.info("mail changed", extra={"correlation_id": mail_id})

    def processed(self, report: Report) -> None:
        """Log a processed message, and measure its call."""
        outcome = report.outcome
        fields: dict[str, object] = {
            "correlation_id": report.mail_id,
            "state": str(report.state) or None,
            "reason": report.reason,
            "retry_in_seconds": report.retry_in,
        }
        if outcome is not None:
            fields |= {
                "verdict": outcome.verdict,
                "status": outcome.status,
                "code": outcome.code,
                "ms": round(report.seconds * 1000),
                "resend": report.resend or None,
            }
        self._log.info(
            "mail processed",
            extra={key: value for key, value in fields.items() if value is not None},
        )
        if outcome is None and report.state != "invalid" and report.reason != NO_RECORD:
            return
        if name := _COUNTED.get(report.state):
            self._counts[name] += 1
            if name in _BY_REASON:
                self._reasons[name, report.reason.partition(":")[0]] += 1
        if outcome is None:
            return
        called = outcome.status is not None or outcome.verdict is Verdict.UNKNOWN
        if called and report.seconds:
            # No latency: it expired, there was no token, or an earlier worker died.
            milliseconds = round(report.seconds * 1000, 1)
            latency = (PROVIDER_LATENCY, MetricUnit.Milliseconds, milliseconds)
            self._measures.append(latency)
        if outcome.verdict is Verdict.SENT:
            self._measures.append((TIME_TO_SEND, MetricUnit.Seconds, round(report.waited, 3)))
            if outcome.price is not None:
                self._measures.append((MAIL_PRICE, MetricUnit.NoUnit, float(outcome.price)))

    def retried(self, lane: str, age: float) -> None:
        """Note how long (seconds) a mail that is retried has waited; the longest counts.

        SQS's own figure leaves out what was received three times.
        """
        self._ages[lane] = max(age, self._ages.get(lane, 0.0))

    def kept(self, count: int) -> None:
        """Log how many events were kept for endpoints."""
        self._log.info("events kept", extra={"count": count})

    def called(self, run: Calls) -> None:
        """Log and count the calls of one endpoint."""
        counted = {
            WEBHOOK_DELIVERED: run.delivered,
            WEBHOOK_RETRIED: run.retried,
            WEBHOOK_FAILED: run.failed,
            WEBHOOK_PAUSED: int(run.paused),
        }
        for name, count in counted.items():
            if count:
                self._counts[name] += count
        for seconds in run.seconds:
            milliseconds = round(seconds * 1000, 1)
            self._measures.append((WEBHOOK_LATENCY, MetricUnit.Milliseconds, milliseconds))
        fields = {
            "endpoint": run.endpoint_id,
            "delivered": run.delivered,
            "retried": run.retried,
            "failed": run.failed,
            "paused": run.paused or None,
        }
        self._log.info(
            "webhook called",
            extra={key: value for key, value in fields.items() if value is not None},
        )

    def error(self, what: str, error: Exception, mail_id: str = "") -> None:
        """Log an error: its type, and AWS's code or the place in our code.

        Never its text, which may repeat a value.
        """
        fields: dict[str, object] = {
            "correlation_id": mail_id or None,
            "error": type(error).__name__,
        }
        if isinstance(error, ClientError):
            fields["error_code"] = error.response.get("Error", {}).get("Code")
        elif not isinstance(error, BotoCoreError):
            fields["at"] = _place(error)
        self._log.error(
            what, extra={key: value for key, value in fields.items() if value is not None}
        )

    def event(self, what: str, **fields: object) -> None:
        """Log a line about the stack itself, such as a pause."""
        self._log.warning(what, extra=fields)

    def flush(self) -> None:
        """Emit the metrics that were collected since the last time."""
        if self._counts or self._measures:
            emf = self._emf()
            for name, count in self._counts.items():
                emf.add_metric(name=name, unit=MetricUnit.Count, value=count)
            for name, unit, value in self._measures:
                emf.add_metric(name=name, unit=unit, value=value)
            emf.flush_metrics()
        for (name, reason), count in self._reasons.items():
            emf = self._emf()
            emf.add_dimension(name="reason", value=reason)
            emf.add_metric(name=name, unit=MetricUnit.Count, value=count)
            emf.flush_metrics()
        for lane, age in self._ages.items():
            emf = self._emf()
            emf.add_dimension(name="lane", value=lane)
            emf.add_metric(name=RETRIED_MAIL_AGE, unit=MetricUnit.Seconds, value=round(age))
            emf.flush_metrics()
        self._ages.clear()
        self._counts.clear()
        self._reasons.clear()
        self._measures.clear()

    def _emf(self) -> AmazonCloudWatchEMFProvider:
        return AmazonCloudWatchEMFProvider(namespace=self._namespace, service="")


def _place(error: Exception) -> str | None:
    """Return where it was raised, as `delivery.py:123`."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return None
    return f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}"
