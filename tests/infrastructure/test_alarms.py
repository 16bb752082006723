"""Alarms: each one tells somebody, says what it means, and watches a metric that exists."""

import json
from typing import Any

import pytest
from outbox import telemetry

from tests.infrastructure.expansion import ROOT, expanded, resources

ALARMS = resources("AWS::CloudWatch::Alarm")
FUNCTIONS = resources("AWS::Lambda::Function")
OWN_METRICS = {
    value for name, value in vars(telemetry).items() if name.isupper() and isinstance(value, str)
}


def watched(namespace: str) -> set[tuple[str, str]]:
    """Return (metric, what it is of) for all alarms of a namespace."""
    return {
        (alarm["MetricName"], json.dumps(alarm.get("Dimensions", [])))
        for alarm in ALARMS.values()
        if alarm["Namespace"] == namespace
    }


def of(metric: str, name: str, value: dict[str, Any]) -> tuple[str, str]:
    """Return one (metric, what it is of)."""
    return metric, json.dumps([{"Name": name, "Value": value}])


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_goes_to_the_topic_and_tells_when_it_is_over(name: str) -> None:
    assert ALARMS[name]["AlarmActions"] == [{"Ref": "AlarmTopic"}]
    assert ALARMS[name]["OKActions"] == [{"Ref": "AlarmTopic"}]
    assert ALARMS[name]["TreatMissingData"]


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_says_what_it_means_and_where_to_look(name: str) -> None:
    meaning, _, place = ALARMS[name]["AlarmDescription"].partition(' See docs/operations.md, "')
    headings = [
        line.lstrip("# ")
        for line in (ROOT / "docs/operations.md").read_text("utf-8").splitlines()
        if line.startswith("#")
    ]

    assert len(meaning) > 20
    assert place.removesuffix('".') in headings


def test_the_queues_are_watched() -> None:
    assert watched("AWS/SQS") == {
        of(
            "ApproximateNumberOfMessagesVisible",
            "QueueName",
            {"Fn::GetAtt": ["FailedQueue", "QueueName"]},
        ),
        of(
            "ApproximateAgeOfOldestMessage",
            "QueueName",
            {"Fn::GetAtt": ["MailQueue", "QueueName"]},
        ),
    }


def test_errors_and_throttles_of_each_function_are_watched() -> None:
    assert watched("AWS/Lambda") == {
        of(metric, "FunctionName", {"Ref": name})
        for metric in ("Errors", "Throttles")
        for name in FUNCTIONS
    }


def test_server_errors_of_the_api_are_watched() -> None:
    (alarm,) = [alarm for alarm in ALARMS.values() if alarm["Namespace"] == "AWS/ApiGateway"]

    assert alarm["MetricName"] == "5XXError"
    assert [dimension["Name"] for dimension in alarm["Dimensions"]] == ["ApiName", "Stage"]


def test_the_provider_the_pause_and_unknown_outcomes_are_watched_as_they_are_measured() -> None:
    """Without dimensions, as the functions write them in all."""
    own = watched("TaqnyatMail")

    assert own == {("ProviderUp", "[]"), ("SendingPaused", "[]"), ("MailUnknown", "[]")}
    assert {metric for metric, _ in own} <= OWN_METRICS


def test_a_silent_status_check_is_told_of() -> None:
    assert ALARMS["ProviderDownAlarm"]["InsufficientDataActions"] == [{"Ref": "AlarmTopic"}]


def test_an_address_is_subscribed_only_when_there_is_one() -> None:
    assert expanded()["Resources"]["AlarmSubscription"]["Condition"] == "HasAlarmEmail"
