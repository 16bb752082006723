"""Metrics and log lines: their names, their shape, and that nothing of a mail is in them."""

import io
import json
import logging
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from outbox import telemetry as names
from outbox.mail.report import NO_RECORD, Report
from outbox.mail.states import State
from outbox.sending.policy import EXPIRED
from outbox.telemetry import SERVICE, Telemetry
from taqnyat import Outcome, Scope, Verdict

SENT = Outcome(Verdict.SENT, Scope.MAIL, "sent", 201, msg_id="202", price="0.05")
REFUSED = Outcome(Verdict.TERMINAL, Scope.MAIL, "sender_refused", 400, 14)
BUSY = Outcome(Verdict.RETRYABLE, Scope.PROVIDER, "rate_limited", 429)
LATE = Outcome(Verdict.UNKNOWN, Scope.PROVIDER, "timeout")
NO_TOKEN = Outcome(Verdict.RETRYABLE, Scope.ACCOUNT, "token_not_set")


class Output:
    """What a function prints: log lines, and metrics in the embedded format."""

    def __init__(self, telemetry: Telemetry, stream: io.StringIO, captured: Any) -> None:  # noqa: ANN401
        self.telemetry = telemetry
        self._stream = stream
        self._captured = captured

    def logs(self) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self._stream.getvalue().splitlines()]
        for line in lines:
            assert line.pop("timestamp").endswith("+0000")
            assert line.pop("service") == SERVICE
        return lines

    def metrics(self) -> list[dict[str, Any]]:
        self.telemetry.flush()
        return [json.loads(line) for line in self._captured.readouterr().out.splitlines()]


@pytest.fixture
def output(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Output:
    # Lambda sets it; no line repeats it, as each `logs` is compared whole.
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-00000000-000000000000000000000001")
    telemetry = Telemetry("TaqnyatMail", "INFO")
    logger = logging.getLogger(SERVICE)  # one a process: another test may have chosen its level
    logger.setLevel(logging.INFO)
    [handler] = logger.handlers
    stream = io.StringIO()
    monkeypatch.setattr(handler, "stream", stream)
    return Output(telemetry, stream, capsys)


def report(state: str, outcome: Outcome | None, **changes: Any) -> Report:  # noqa: ANN401
    reason = outcome.reason if outcome else "reason"
    fields: dict[str, Any] = {"mail_id": "m-1", "reason": reason, "seconds": 0.25, "waited": 3.5}
    return Report(state=state, outcome=outcome, **fields | changes)


def counts(metrics: list[dict[str, Any]]) -> dict[str, list[float]]:
    """Return the metrics without a dimension."""
    return {
        metric["Name"]: line[metric["Name"]]
        for line in metrics
        for directive in line["_aws"]["CloudWatchMetrics"]
        if directive["Dimensions"] == [[]]
        for metric in directive["Metrics"]
    }


def test_the_names_are_those_of_the_alarms() -> None:
    assert {
        value for key, value in vars(names).items() if key.isupper() and isinstance(value, str)
    } == {
        SERVICE,
        "Balance",
        "BalanceHoursLeft",
        "MailAccepted",
        "MailNotCarried",
        "MailSent",
        "MailFailed",
        "MailRetried",
        "MailUnknown",
        "MailPrice",
        "ProviderLatency",
        "RetriedMailAge",
        "TimeToSend",
        "ProviderUp",
        "SendingPaused",
        "WebhookDelivered",
        "WebhookRetried",
        "WebhookFailed",
        "WebhookPaused",
        "WebhookLatency",
        NO_RECORD,
    }


def test_the_longest_wait_of_each_lane_is_measured_where_something_is_retried(
    output: Output,
) -> None:
    for lane, age in (("normal", 5.2), ("bulk", 90000.0), ("normal", 3600.6), ("normal", 60.0)):
        output.telemetry.retried(lane, age)

    found = {line["lane"]: (line, line["_aws"]["CloudWatchMetrics"]) for line in output.metrics()}

    assert {lane: line["RetriedMailAge"] for lane, (line, _) in found.items()} == {
        "normal": [3601.0],
        "bulk": [90000.0],
    }
    for _, directives in found.values():
        assert directives == [
            {
                "Namespace": "TaqnyatMail",
                "Dimensions": [["lane"]],
                "Metrics": [{"Name": "RetriedMailAge", "Unit": "Seconds"}],
            }
        ]
    assert output.metrics() == []  # nothing is emitted while nothing is retried


def test_the_embedded_format(output: Output) -> None:
    output.telemetry.processed(report(State.SENT, SENT))
    output.telemetry.processed(report(State.SENT, SENT, seconds=0.5, waited=1.0))
    [line] = output.metrics()
    assert line.pop("_aws").pop("CloudWatchMetrics") == [
        {
            "Namespace": "TaqnyatMail",
            "Dimensions": [[]],
            "Metrics": [
                {"Name": "MailSent", "Unit": "Count"},
                {"Name": "ProviderLatency", "Unit": "Milliseconds"},
                {"Name": "TimeToSend", "Unit": "Seconds"},
                {"Name": "MailPrice", "Unit": "None"},
            ],
        }
    ]
    assert line == {
        "MailSent": [2.0],
        "ProviderLatency": [250.0, 500.0],
        "TimeToSend": [3.5, 1.0],
        "MailPrice": [0.05, 0.05],
    }


def test_failed_and_unknown_are_counted_in_all_and_by_reason(output: Output) -> None:
    output.telemetry.processed(report(State.FAILED, REFUSED))
    output.telemetry.processed(report(State.FAILED, REFUSED))
    output.telemetry.processed(report("invalid", None, reason="invalid:to[0]"))
    output.telemetry.processed(report(State.UNKNOWN, LATE))
    metrics = output.metrics()
    totals = counts(metrics)
    assert (totals["MailFailed"], totals["MailUnknown"]) == ([3.0], [1.0])
    by_reason = {
        (directive["Metrics"][0]["Name"], line["reason"]): line[directive["Metrics"][0]["Name"]]
        for line in metrics
        for directive in line["_aws"]["CloudWatchMetrics"]
        if directive["Dimensions"] == [["reason"]]
    }
    assert by_reason == {
        ("MailFailed", "sender_refused"): [2.0],
        ("MailFailed", "invalid"): [1.0],
        ("MailUnknown", "timeout"): [1.0],
    }


@pytest.mark.parametrize(
    ("state", "outcome", "counted"),
    [
        (State.SENT, SENT, "MailSent"),
        (State.FAILED, REFUSED, "MailFailed"),
        (State.FAILED, EXPIRED, "MailFailed"),
        (State.UNKNOWN, LATE, "MailUnknown"),
        (State.QUEUED, BUSY, "MailRetried"),
        (State.QUEUED, NO_TOKEN, "MailRetried"),
        ("invalid", None, "MailFailed"),
        (State.SENT, None, None),
        (State.FAILED, None, None),
        (State.QUEUED, None, None),
        (State.SENDING, None, None),
        (State.CANCELED, None, None),
        ("", None, None),
    ],
)
def test_what_is_counted_and_what_is_only_seen_again(
    output: Output, state: str, outcome: Outcome | None, counted: str | None
) -> None:
    output.telemetry.processed(report(state, outcome))
    found = counts(output.metrics())
    kept = {"MailSent", "MailFailed", "MailRetried", "MailUnknown"} & found.keys()
    assert kept == ({counted} if counted else set())


@pytest.mark.parametrize(
    ("outcome", "measured"),
    [
        (SENT, True),
        (REFUSED, True),
        (BUSY, True),
        (LATE, True),
        (EXPIRED, False),
        (NO_TOKEN, False),
    ],
)
def test_only_a_call_has_a_latency(output: Output, outcome: Outcome, *, measured: bool) -> None:
    output.telemetry.processed(report(State.QUEUED, outcome))
    assert ("ProviderLatency" in counts(output.metrics())) is measured


def test_a_mail_without_a_price(output: Output) -> None:
    free = Outcome(Verdict.SENT, Scope.MAIL, "sent", 201, msg_id="1")
    output.telemetry.processed(report(State.SENT, free))
    assert "MailPrice" not in counts(output.metrics())


def test_nothing_is_printed_twice_nor_without_need(output: Output) -> None:
    assert output.metrics() == []
    output.telemetry.accepted(["m-1", "m-2"])
    assert counts(output.metrics()) == {"MailAccepted": [2.0]}
    assert output.metrics() == []


def test_more_measures_than_one_line_may_hold(output: Output) -> None:
    for _ in range(250):
        output.telemetry.processed(report(State.SENT, SENT))
    lines = output.metrics()
    values = [value for line in lines for value in line.get("ProviderLatency", [])]
    assert len(values) == 250
    assert all(len(line.get("ProviderLatency", [])) <= 100 for line in lines)


def test_the_line_of_a_mail(output: Output) -> None:
    output.telemetry.accepted(["m-1"])
    output.telemetry.changed("m-1")
    output.telemetry.processed(report(State.QUEUED, BUSY, retry_in=7, resend=True))
    output.telemetry.processed(report("", None, reason="paused", retry_in=30))
    accepted, changed, retried, paused = output.logs()
    assert changed == {"level": "INFO", "message": "mail changed", "correlation_id": "m-1"}
    assert accepted == {"level": "INFO", "message": "mail accepted", "correlation_id": "m-1"}
    assert retried == {
        "level": "INFO",
        "message": "mail processed",
        "correlation_id": "m-1",
        "state": "queued",
        "reason": "rate_limited",
        "retry_in_seconds": 7,
        "verdict": "retryable",
        "status": 429,
        "ms": 250,
        "resend": True,
    }
    assert (paused["reason"], "state" in paused) == ("paused", False)


def test_trouble_is_told_by_its_kind_and_code_alone(output: Output) -> None:
    answer: Any = {"Error": {"Code": "ValidationException", "Message": "nora@example.com"}}
    output.telemetry.error("aws_failed", ClientError(answer, "UpdateItem"), "m-1")
    output.telemetry.error("aws_failed", ReadTimeoutError(endpoint_url="https://s3cret"))
    nothing: dict[str, str] = {}
    try:
        nothing["nora@example.com"]
    except KeyError as error:
        output.telemetry.error("unexpected", error, "m-1")
    output.telemetry.error("unexpected", KeyError("never raised"))
    refused, late, bug, unraised = output.logs()
    assert refused == {
        "level": "ERROR",
        "message": "aws_failed",
        "correlation_id": "m-1",
        "error": "ClientError",
        "error_code": "ValidationException",
    }
    assert late == {"level": "ERROR", "message": "aws_failed", "error": "ReadTimeoutError"}
    assert bug.pop("at").startswith("test_telemetry.py:")
    assert bug == {
        "level": "ERROR",
        "message": "unexpected",
        "correlation_id": "m-1",
        "error": "KeyError",
    }
    assert "at" not in unraised


def test_a_note_about_the_stack(output: Output) -> None:
    output.telemetry.event("sending paused", reason="ip_refused", detail="10.0.0.1")
    assert output.logs() == [
        {
            "level": "WARNING",
            "message": "sending paused",
            "reason": "ip_refused",
            "detail": "10.0.0.1",
        }
    ]
