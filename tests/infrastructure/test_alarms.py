"""Alarms: each one tells somebody, says what it means, and watches a metric that exists."""

import json
import re
from typing import Any

import click
import pytest
from outbox import telemetry

from ops.cli import main
from tests.infrastructure.expansion import ROOT, expanded, raw, resources

ALARMS = resources("AWS::CloudWatch::Alarm")
FUNCTIONS = resources("AWS::Lambda::Function")
PARAMETERS = raw()["Parameters"]
OPERATIONS = (ROOT / "docs/operations.md").read_text("utf-8")
DESCRIPTION = re.compile(
    r"(?P<meaning>.+\.) Run: \./taqnyat-mail (?P<command>.+) "
    r'See docs/operations\.md, "(?P<place>.+)"\.'
)
OWN_METRICS = {
    value for name, value in vars(telemetry).items() if name.isupper() and isinstance(value, str)
}


OURS = {"Fn::Sub": "TaqnyatMail/${AWS::StackName}"}


def watched(namespace: object) -> set[tuple[str, str]]:
    """Return (metric, what it is of) for all alarms of a namespace."""
    return {
        (alarm["MetricName"], json.dumps(alarm.get("Dimensions", [])))
        for alarm in ALARMS.values()
        if alarm["Namespace"] == namespace
    }


def of(metric: str, name: str, value: dict[str, Any] | str) -> tuple[str, str]:
    """Return one (metric, what it is of)."""
    return metric, json.dumps([{"Name": name, "Value": value}])


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_goes_to_the_topic_and_tells_when_it_is_over(name: str) -> None:
    assert ALARMS[name]["AlarmActions"] == [{"Ref": "AlarmTopic"}]
    assert ALARMS[name]["OKActions"] == [{"Ref": "AlarmTopic"}]
    assert ALARMS[name]["TreatMissingData"]


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_says_what_it_means_what_to_run_and_where_to_read_on(name: str) -> None:
    found = DESCRIPTION.fullmatch(ALARMS[name]["AlarmDescription"]["Fn::Sub"])
    headings = re.findall(r"^#+ (.+)$", OPERATIONS, re.MULTILINE)

    assert found
    assert len(found["meaning"]) > 20
    assert found["place"] in headings


@pytest.mark.parametrize("name", ALARMS)
def test_the_command_of_an_alarm_is_one_that_there_is(name: str) -> None:
    found = DESCRIPTION.fullmatch(ALARMS[name]["AlarmDescription"]["Fn::Sub"])
    assert found
    words = found["command"].split()
    command: click.Command | None = main
    while isinstance(command, click.Group):
        command = command.get_command(click.Context(command), words.pop(0))

    assert command
    command.make_context(name, words)  # parsed and not run


# By what a queue keeps, or a loss: no matter of taste.
FIXED = {
    "RetentionAlarm",
    "BulkRetentionAlarm",
    "RetriedRetentionAlarm",
    "BulkRetriedRetentionAlarm",
    "FailedQueueAgeAlarm",
    "FailedQueueKeptAlarm",
    "ScheduleLostAlarm",
    "EventsSetAsideAlarm",
}


@pytest.mark.parametrize("name", sorted(ALARMS.keys() - FIXED))
def test_a_threshold_that_is_a_matter_of_taste_is_a_parameter(name: str) -> None:
    alarm = ALARMS[name]
    taken = alarm["Threshold"], alarm["EvaluationPeriods"]

    assert any(isinstance(value, dict) and value["Ref"] in PARAMETERS for value in taken)


@pytest.mark.parametrize(
    ("name", "queue", "metric"),
    [
        ("RetentionAlarm", "MailQueue", "ApproximateAgeOfOldestMessage"),
        ("BulkRetentionAlarm", "BulkQueue", "ApproximateAgeOfOldestMessage"),
        ("RetriedRetentionAlarm", "MailQueue", "RetriedMailAge"),
        ("BulkRetriedRetentionAlarm", "BulkQueue", "RetriedMailAge"),
        ("FailedQueueAgeAlarm", "FailedQueue", "ApproximateAgeOfOldestMessage"),
    ],
)
def test_an_alarm_rings_while_half_of_a_queues_time_is_left(
    name: str, queue: str, metric: str
) -> None:
    retention = resources("AWS::SQS::Queue")[queue]["MessageRetentionPeriod"]

    assert ALARMS[name]["MetricName"] == metric
    assert ALARMS[name]["Threshold"] == retention / 2


@pytest.mark.parametrize(
    ("name", "of_what"),
    [
        ("OldestMailAlarm", "MailQueue"),
        ("RetentionAlarm", "MailQueue"),
        ("OldestBulkMailAlarm", "BulkQueue"),
        ("BulkRetentionAlarm", "BulkQueue"),
        ("FailedQueueAlarm", "FailedQueue"),
        ("FailedQueueAgeAlarm", "FailedQueue"),
        ("FailedQueueKeptAlarm", "FailedQueue"),
        ("EventsSetAsideAlarm", "EventsReplayQueue"),
        ("WebhookQueueAlarm", "WebhookQueue"),
        ("OldestRetriedMailAlarm", "normal"),
        ("RetriedRetentionAlarm", "normal"),
        ("OldestRetriedBulkMailAlarm", "bulk"),
        ("BulkRetriedRetentionAlarm", "bulk"),
    ],
)
def test_an_alarm_of_a_queue_or_a_lane_watches_its_own(name: str, of_what: str) -> None:
    [dimension] = ALARMS[name]["Dimensions"]

    assert dimension["Value"] in ({"Fn::GetAtt": [of_what, "QueueName"]}, of_what)


def test_failed_mails_that_people_have_looked_at_are_told_before_half_of_their_time_is_over() -> (
    None
):
    """SQS leaves what was received three times out of the age, and each look is a receive."""
    alarm = ALARMS["FailedQueueKeptAlarm"]
    retention = resources("AWS::SQS::Queue")["FailedQueue"]["MessageRetentionPeriod"]

    assert alarm["Period"] * alarm["EvaluationPeriods"] == retention / 2  # the most that AWS takes
    assert alarm["Period"] >= 3600  # shorter ones may span a day
    # Looks of a few minutes, in some hours of the week, do not end it.
    assert 0.8 < alarm["DatapointsToAlarm"] / alarm["EvaluationPeriods"] < 0.9


def test_what_is_waited_for_is_the_longest_wait_between_two_tries() -> None:
    """Else the alarm of a mail that comes back seldom would end and begin between its tries."""
    longest = 8 * PARAMETERS["RetryCapSeconds"]["Default"]  # of a mail with strikes (policy.py)
    for name in ("OldestRetriedMailAlarm", "OldestRetriedBulkMailAlarm", "RetriedRetentionAlarm"):
        alarm = ALARMS[name]
        assert alarm["DatapointsToAlarm"] == 1
        assert alarm["Period"] * alarm["EvaluationPeriods"] > longest


def test_the_queues_are_watched() -> None:
    assert watched("AWS/SQS") == {
        *(
            of(metric, "QueueName", {"Fn::GetAtt": ["FailedQueue", "QueueName"]})
            for metric in (
                "NumberOfMessagesSent",  # not how many there are: one mail would ring for 14 days
                "ApproximateAgeOfOldestMessage",
                "ApproximateNumberOfMessagesVisible",
            )
        ),
        of(
            "NumberOfMessagesSent",
            "QueueName",
            {"Fn::GetAtt": ["EventsReplayQueue", "QueueName"]},
        ),
        of(
            "ApproximateAgeOfOldestMessage",
            "QueueName",
            {"Fn::GetAtt": ["MailQueue", "QueueName"]},
        ),
        of(
            "ApproximateAgeOfOldestMessage",
            "QueueName",
            {"Fn::GetAtt": ["BulkQueue", "QueueName"]},
        ),
        of(
            "ApproximateAgeOfOldestMessage",
            "QueueName",
            {"Fn::GetAtt": ["WebhookQueue", "QueueName"]},
        ),
    }


def test_errors_and_throttles_of_each_function_are_watched() -> None:
    assert watched("AWS/Lambda") == {
        of(metric, "FunctionName", {"Ref": name})
        for metric in ("Errors", "Throttles")
        for name in FUNCTIONS
    } | {of("IteratorAge", "FunctionName", {"Ref": "EventsFunction"})}


def test_schedules_that_fail_are_watched() -> None:
    assert watched("AWS/Scheduler") == {
        of(metric, "ScheduleGroup", {"Ref": "ScheduleGroup"})
        for metric in ("TargetErrorCount", "InvocationsFailedToBeSentToDeadLetterCount")
    }


def test_one_failed_mail_rings_once_and_does_not_hide_the_next() -> None:
    """An alarm rings when its state changes: it must be over before another mail can come."""
    alarm = ALARMS["FailedQueueAlarm"]

    assert (alarm["MetricName"], alarm["Statistic"]) == ("NumberOfMessagesSent", "Sum")
    assert alarm["Period"] * alarm["EvaluationPeriods"] <= 300
    assert alarm["TreatMissingData"] == "notBreaching"


def test_server_errors_of_the_api_are_watched() -> None:
    (alarm,) = [alarm for alarm in ALARMS.values() if alarm["Namespace"] == "AWS/ApiGateway"]

    assert alarm["MetricName"] == "5XXError"
    assert [dimension["Name"] for dimension in alarm["Dimensions"]] == ["ApiName", "Stage"]


def test_the_provider_the_pause_and_unknown_outcomes_are_watched_as_they_are_measured() -> None:
    """Without dimensions, as the functions write them in all."""
    own = watched(OURS)

    names = ("ProviderUp", "SendingPaused", "MailUnknown", "BalanceHoursLeft", "WebhookPaused")
    lanes = {of("RetriedMailAge", "lane", lane) for lane in ("normal", "bulk")}
    assert own == {(name, "[]") for name in names} | lanes
    assert {metric for metric, _ in own} <= OWN_METRICS


@pytest.mark.parametrize(
    "module", ["status_check/mail_status/notices.py", "webhooks/mail_webhooks/notice.py"]
)
def test_the_notice_of_a_pause_names_a_section_that_there_is(module: str) -> None:
    source = (ROOT / "functions" / module).read_text("utf-8")
    (place,) = re.findall(r'docs/operations\.md, "(.+)"', source)

    assert f"# {place}\n" in OPERATIONS


def test_two_stacks_in_one_region_share_no_metric() -> None:
    """Without the stack's name one would mask and ring the other's alarms."""
    functions = resources("AWS::Lambda::Function").values()
    said = [one["Environment"]["Variables"]["METRICS_NAMESPACE"] for one in functions]

    assert said == [OURS] * len(said)
    named = {"AWS/SQS", "AWS/Lambda", "AWS/ApiGateway", "AWS/Scheduler"}
    for alarm in ALARMS.values():
        assert alarm["Namespace"] == OURS or (
            alarm["Namespace"] in named and alarm["Dimensions"]
        ), alarm


def test_a_silent_status_check_is_told_of() -> None:
    assert ALARMS["ProviderDownAlarm"]["InsufficientDataActions"] == [{"Ref": "AlarmTopic"}]


def test_an_address_is_subscribed_only_when_there_is_one() -> None:
    assert expanded()["Resources"]["AlarmSubscription"]["Condition"] == "HasAlarmEmail"
