"""The dashboard: one screen, and each metric on it is one that somebody really emits."""

import json
import re
from collections.abc import Iterator
from typing import Any
from unittest.mock import Mock

import pytest
from mail_status.check import StatusCheck
from outbox.mail.report import Report
from outbox.mail.states import State
from outbox.sending.control import ControlRecord
from outbox.settings import Settings
from outbox.telemetry import BALANCE, BALANCE_HOURS_LEFT, Telemetry
from outbox.webhooks.dispatching import Run
from taqnyat import Outcome, Scope, SystemStatus, Verdict

from tests.infrastructure.expansion import expanded, resources

Metric = tuple[str, str, tuple[str, ...]]

# What AWS emits for the services that we use, with the dimensions that we look by.
AWS_METRICS: dict[tuple[str, tuple[str, ...]], set[str]] = {
    ("AWS/SQS", ("QueueName",)): {
        "ApproximateNumberOfMessagesVisible",
        "ApproximateNumberOfMessagesNotVisible",
        "ApproximateNumberOfMessagesDelayed",
        "ApproximateAgeOfOldestMessage",
        "NumberOfMessagesSent",
        "NumberOfMessagesReceived",
        "NumberOfMessagesDeleted",
    },
    ("AWS/Lambda", ("FunctionName",)): {
        "Invocations",
        "Errors",
        "Throttles",
        "Duration",
        "ConcurrentExecutions",
        "IteratorAge",
    },
    ("AWS/Scheduler", ("ScheduleGroup",)): {
        "InvocationAttemptCount",
        "InvocationDroppedCount",
        "InvocationsFailedToBeSentToDeadLetterCount",
        "InvocationsSentToDeadLetterCount",
        "InvocationThrottleCount",
        "TargetErrorCount",
        "TargetErrorThrottledCount",
    },
    ("AWS/ApiGateway", ("ApiName", "Stage")): {
        "Count",
        "4XXError",
        "5XXError",
        "Latency",
        "IntegrationLatency",
    },
}
SEARCH = re.compile(r"SEARCH\('\{((?:[^{}]|\$\{[^}]+\})+)\} MetricName=\"(\w+)\"', '(\w+)', \d+\)")


def body() -> dict[str, Any]:
    """Return the dashboard, with the names of resources as they stand in the template."""
    (dashboard,) = resources("AWS::CloudWatch::Dashboard").values()
    read: dict[str, Any] = json.loads(dashboard["DashboardBody"]["Fn::Sub"])
    return read


def shown() -> Iterator[Metric]:
    """Yield namespace, name and dimensions of each metric on the dashboard."""
    for widget in body()["widgets"]:
        for entry in widget["properties"].get("metrics", []):
            if isinstance(entry[0], dict):
                found = SEARCH.fullmatch(entry[0]["expression"])
                assert found
                namespace, *dimensions = found[1].split(",")
                yield _without_stack(namespace.strip('"')), found[2], tuple(dimensions)
            else:
                namespace, name, *rest = entry
                yield _without_stack(namespace), name, tuple(rest[:-1:2])


def watched() -> Iterator[Metric]:
    """Yield the same of each alarm."""
    for alarm in resources("AWS::CloudWatch::Alarm").values():
        dimensions = tuple(entry["Name"] for entry in alarm.get("Dimensions", []))
        namespace = alarm["Namespace"]
        text = namespace if isinstance(namespace, str) else namespace["Fn::Sub"]
        yield _without_stack(text), alarm["MetricName"], dimensions


def _without_stack(namespace: str) -> str:
    """Return the namespace as the functions have it by default; ours must name the stack."""
    if namespace.startswith("AWS/"):
        return namespace
    name, stack = namespace.split("/")
    assert stack == "${AWS::StackName}"
    return name


def emitted_by_functions(capsys: pytest.CaptureFixture[str]) -> set[Metric]:
    """Return what the functions write: one of each outcome through the real telemetry."""
    telemetry = Telemetry("TaqnyatMail", level="CRITICAL")
    telemetry.accepted(["a"])
    sent = Outcome(Verdict.SENT, Scope.MAIL, "sent", 201, msg_id="1", price="0.5")
    telemetry.processed(Report(mail_id="a", state=State.SENT, outcome=sent))
    other = Outcome(Verdict.TERMINAL, Scope.MAIL, "sender_refused", 400, 14)
    for state in (State.FAILED, State.UNKNOWN, State.QUEUED):
        telemetry.processed(Report(mail_id="a", state=state, outcome=other, reason=other.reason))
    telemetry.retried("normal", 1.0)
    telemetry.called(Run("shop", "e", 1, 1, 1, [0.1], paused=True))
    telemetry.flush()
    found = set()
    for line in capsys.readouterr().out.splitlines():
        for directive in json.loads(line)["_aws"]["CloudWatchMetrics"]:
            for dimensions in directive["Dimensions"] or [[]]:
                for metric in directive["Metrics"]:
                    found.add((directive["Namespace"], metric["Name"], tuple(dimensions)))
    return found


def emitted_by_status_check() -> set[Metric]:
    """Return what one status check puts."""
    cloudwatch, taqnyat, pause = Mock(), Mock(), Mock()
    taqnyat.system_status.return_value = SystemStatus(up=True, seconds=0.1)
    pause.record.return_value = ControlRecord()
    StatusCheck(
        taqnyat=taqnyat,
        pause=pause,
        event_source=Mock(),
        probe=Mock(),
        money=Mock(run=lambda *_: [(BALANCE, 1.0), (BALANCE_HOURS_LEFT, 1.0)]),
        cloudwatch=cloudwatch,
        topic=Mock(),
        telemetry=Mock(),
        settings=Settings(ledger_table="t", mail_queue_url="u", mail_queue_arn="a"),
    ).run(2e9)
    (call,) = cloudwatch.put_metric_data.call_args_list
    return {
        (
            call.kwargs["Namespace"],
            datum["MetricName"],
            tuple(entry["Name"] for entry in datum.get("Dimensions", [])),
        )
        for datum in call.kwargs["MetricData"]
    }


def test_each_metric_of_dashboard_and_alarms_is_emitted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    ours = emitted_by_functions(capsys) | emitted_by_status_check()
    aws = {
        (namespace, name, dimensions)
        for (namespace, dimensions), names in AWS_METRICS.items()
        for name in names
    }

    assert not {*shown(), *watched()} - ours - aws


def test_each_metric_that_we_emit_is_on_the_dashboard(capsys: pytest.CaptureFixture[str]) -> None:
    ours = {name for _, name, _ in emitted_by_functions(capsys) | emitted_by_status_check()}

    assert ours <= {name for _, name, _ in shown()}


def test_each_name_on_it_is_of_a_resource() -> None:
    (dashboard,) = resources("AWS::CloudWatch::Dashboard").values()
    names = re.findall(r"\$\{(\w+)(?:\.\w+)?\}", dashboard["DashboardBody"]["Fn::Sub"])

    assert names
    assert set(names) <= expanded()["Resources"].keys() | {"Api"}
    assert not {"EventsFunction"} & set(names)  # not always there


def test_it_is_one_screen_without_holes_or_overlaps() -> None:
    cells = [
        (x, y)
        for widget in body()["widgets"]
        for x in range(widget["x"], widget["x"] + widget["width"])
        for y in range(widget["y"], widget["y"] + widget["height"])
    ]

    assert len(cells) == len(set(cells))
    assert set(cells) == {(x, y) for x in range(24) for y in range(22)}


def test_its_alarms_are_ours() -> None:
    (widget,) = [widget for widget in body()["widgets"] if widget["type"] == "alarm"]
    alarms = {
        name.removeprefix("${").removesuffix(".Arn}") for name in widget["properties"]["alarms"]
    }

    assert alarms <= resources("AWS::CloudWatch::Alarm").keys()
