"""What a careful reviewer would ask of the template, beyond what each other file here is about."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from mail_events.changes import event_of
from outbox.mail.states import State
from outbox.storage.expressions import pack_item

from tests.infrastructure.expansion import expanded, raw, resources
from tests.infrastructure.resolution import EVERYTHING, Deployment

FULL = Deployment(EVERYTHING)
PLAIN = Deployment()
BUS = Deployment({"EventBusName": "applications"})
ALARMS = FULL.of("AWS::CloudWatch::Alarm")
FUNCTIONS = FULL.of("AWS::Lambda::Function")
MAPPINGS = FULL.of("AWS::Lambda::EventSourceMapping")
TEMPLATE_ALARMS = {
    name: resource["Properties"]
    for name, resource in raw()["Resources"].items()
    if resource["Type"] == "AWS::CloudWatch::Alarm"
}

TEMPLATE_FUNCTIONS = resources("AWS::Lambda::Function")


@dataclass(frozen=True, slots=True)
class Watch:
    """How a metric is read: what is bad about it, for how long, and whose number says so."""

    statistic: str
    seconds: int
    threshold: str | float  # a parameter's name, or a number
    missing: str
    periods: str | int = 1
    low_is_bad: bool = False
    of_them: int | None = None  # so many of the periods are enough


# Counts are summed over the minutes that their parameter names; what is a level is read at its
# worst. No data is no trouble, but of the status check's two: the one says that it does not run,
# the other keeps what it said last.
WATCHES = {
    "5XXError": Watch("Sum", 300, "ApiErrorsAlarmCount", "notBreaching"),
    "Errors": Watch("Sum", 300, "FunctionErrorsAlarmCount", "notBreaching"),
    "Throttles": Watch("Sum", 300, "FunctionThrottlesAlarmCount", "notBreaching"),
    "MailUnknown": Watch("Sum", 300, "UnknownMailsAlarmCount", "notBreaching"),
    "TargetErrorCount": Watch("Sum", 300, "ScheduleErrorsAlarmCount", "notBreaching"),
    "InvocationsFailedToBeSentToDeadLetterCount": Watch("Sum", 300, 1, "notBreaching"),
    "IteratorAge": Watch("Maximum", 300, "EventsLateAlarmMilliseconds", "notBreaching"),
    "WebhookPaused": Watch("Sum", 300, "WebhooksPausedAlarmCount", "notBreaching"),
    "ProviderUp": Watch("Maximum", 60, 1, "missing", "ProviderDownAlarmMinutes", low_is_bad=True),
    "BalanceHoursLeft": Watch("Minimum", 300, "BalanceWarnHours", "notBreaching", low_is_bad=True),
    "SendingPaused": Watch("Maximum", 60, 1, "ignore", "SendingPausedAlarmMinutes"),
}
# Two alarms of each lane on one metric: soon, and when half of the queue's time is gone.
BY_ALARM = {
    "OldestMailAlarm": Watch("Maximum", 60, "OldestMailAlarmSeconds", "notBreaching", 5),
    "OldestBulkMailAlarm": Watch("Maximum", 60, "OldestBulkMailAlarmSeconds", "notBreaching", 5),
    "WebhookQueueAlarm": Watch("Maximum", 300, "WebhookQueueAlarmSeconds", "notBreaching"),
    "FailedQueueAlarm": Watch("Sum", 300, "FailedMailsAlarmCount", "notBreaching"),
    "FailedQueueAgeAlarm": Watch("Maximum", 3600, 604_800, "notBreaching"),
    "FailedQueueKeptAlarm": Watch("Minimum", 3600, 1, "notBreaching", 168, of_them=144),
    "EventsSetAsideAlarm": Watch("Sum", 300, 1, "notBreaching"),
    # Told only when a mail comes back, which may take two hours.
    "OldestRetriedMailAlarm": Watch(
        "Maximum", 900, "OldestMailAlarmSeconds", "notBreaching", 9, of_them=1
    ),
    "OldestRetriedBulkMailAlarm": Watch(
        "Maximum", 900, "OldestBulkMailAlarmSeconds", "notBreaching", 9, of_them=1
    ),
    "RetriedRetentionAlarm": Watch("Maximum", 900, 432_000, "notBreaching", 9, of_them=1),
    "BulkRetriedRetentionAlarm": Watch("Maximum", 900, 432_000, "notBreaching", 9, of_them=1),
    "RetentionAlarm": Watch("Maximum", 300, 432_000, "notBreaching"),
    "BulkRetentionAlarm": Watch("Maximum", 300, 432_000, "notBreaching"),
}


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_reads_its_metric_as_it_is_meant(name: str) -> None:
    alarm = TEMPLATE_ALARMS[name]
    watch = BY_ALARM.get(name) or WATCHES[alarm["MetricName"]]
    below, above = "LessThanThreshold", "GreaterThanOrEqualToThreshold"

    def of(value: str | float) -> object:
        return {"Ref": value} if isinstance(value, str) else value

    assert alarm["Statistic"] == watch.statistic
    assert alarm["Period"] == watch.seconds
    assert alarm["EvaluationPeriods"] == of(watch.periods)
    assert alarm["Threshold"] == of(watch.threshold)
    assert alarm["ComparisonOperator"] == (below if watch.low_is_bad else above)
    assert alarm["TreatMissingData"] == watch.missing
    assert alarm.get("ActionsEnabled", True) is True
    assert alarm.get("DatapointsToAlarm") == watch.of_them


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_of_a_function_is_named_like_it(name: str) -> None:
    for dimension in ALARMS[name].get("Dimensions", []):
        if dimension["Name"] == "FunctionName":
            assert name.startswith(dimension["Value"])
            assert dimension["Value"] in TEMPLATE_ALARMS[name]["AlarmDescription"]["Fn::Sub"]


def test_who_is_to_be_woken_is_subscribed() -> None:
    (subscription,) = FULL.of("AWS::SNS::Subscription").values()

    assert subscription["Protocol"] == "email"
    assert subscription["Endpoint"] == EVERYTHING["AlarmEmail"]
    assert subscription["TopicArn"] == FULL.value({"Ref": "AlarmTopic"})


# Seconds: more than its slowest calls take, and no more than who waits for it does. API Gateway
# waits for 29; three tries of one call of the SDK are 15.
TIME_LIMITS = {
    "ApiFunction": (16, 29),
    "AuthorizerFunction": (6, 10),
    "EventsFunction": (16, 60),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_ends_before_its_caller_gives_up(name: str) -> None:
    low, high = TIME_LIMITS.get(name, (5, 120))  # those that send: by WorkerTimeoutSeconds

    assert low <= FUNCTIONS[name]["Timeout"] <= high


@pytest.mark.parametrize("timeout", raw()["Mappings"]["WorkerTiming"])
def test_a_call_to_taqnyat_has_a_good_part_of_a_batch_s_time_and_the_queue_six(
    timeout: str,
) -> None:
    timing = raw()["Mappings"]["WorkerTiming"][timeout]

    assert int(timing["Send"]) >= 0.4 * int(timeout)
    assert timing["Visibility"] == 6 * int(timeout)


def test_a_person_s_look_into_the_failed_queue_outlasts_a_page_of_it() -> None:
    assert FULL.of("AWS::SQS::Queue")["FailedQueue"]["VisibilityTimeout"] >= 60


@pytest.mark.parametrize("name", ["MailQueue", "BulkQueue"])
def test_lambda_s_polls_wait_for_mails(name: str) -> None:
    assert FULL.of("AWS::SQS::Queue")[name]["ReceiveMessageWaitTimeSeconds"] > 0


def test_the_stream_tells_all_from_its_beginning_both_before_and_after() -> None:
    """A change of a time when the function was off, or new, is told all the same."""
    table = FULL.of("AWS::DynamoDB::Table")["LedgerTable"]
    mapping = MAPPINGS["EventsFunctionChange"]

    assert table["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}
    assert mapping["StartingPosition"] == "TRIM_HORIZON"
    assert mapping["BisectBatchOnFunctionError"] is True
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert 10 <= mapping["BatchSize"] <= 1000
    assert "Enabled" not in mapping


def matches(pattern: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    """Say whether an event passes a filter of Lambda's, as far as ours go: lists of values."""
    return all(
        key in event
        and (matches(value, event[key]) if isinstance(value, dict) else event[key] in value)
        for key, value in pattern.items()
    )


ROW = {"pk": "m1", "updated": "2026-11-23T08:00:00.000Z", "sender": "shop@acme.sa"}
PAUSED = {"pk": "#pause", "paused": True, "reason": "x", "by": "system", "since": 5}


@pytest.mark.parametrize("new", [*(ROW | {"state": str(state)} for state in State), PAUSED])
def test_a_change_that_makes_an_event_passes_the_stream_s_filter(new: dict[str, Any]) -> None:
    images = {"Keys": pack_item({"pk": new["pk"]}), "NewImage": pack_item(new)}
    record = {"eventID": "e", "dynamodb": images}
    told = event_of(record) is not None

    assert passed(BUS, record) == [told] * 2
    assert not told or passed(FULL, record) == [True] * 2  # webhooks are told of more


def passed(deployment: Deployment, record: dict[str, Any]) -> list[bool]:
    """Say whether a change passes the stream's filter as a new item, and as a changed one."""
    mapping = deployment.of("AWS::Lambda::EventSourceMapping")["EventsFunctionChange"]
    patterns = [json.loads(found["Pattern"]) for found in mapping["FilterCriteria"]["Filters"]]
    return [
        any(matches(pattern, record | {"eventName": name}) for pattern in patterns)
        for name in ("INSERT", "MODIFY")
    ]


def test_each_option_brings_what_it_is_for_and_nothing_is_there_without_it() -> None:
    def of(*begins: str) -> set[str]:
        return {name for name in FULL.resources if name.startswith(begins)}

    def brought(**parameters: object) -> set[str]:
        return Deployment(parameters).resources.keys() - PLAIN.resources.keys()

    domain = of("ApiDomain")
    assert brought(EventBusName="a") == of("Events")
    assert brought(Webhooks="on") == of("Events", "Webhook")
    assert brought(AlarmEmail="a@b.sa") == {"AlarmSubscription"}
    assert brought(DomainName="a.sa", CertificateArn="arn:c") == domain - {"ApiDomainRecord"}
    assert brought(DomainName="a.sa", CertificateArn="arn:c", HostedZoneId="Z") == domain
    assert brought(SubnetIds="subnet-1", SecurityGroupId="sg-1") == set()
    assert PLAIN.resources.keys() <= FULL.resources.keys()
    assert "StreamSpecification" not in PLAIN.of("AWS::DynamoDB::Table")["LedgerTable"]
    assert not [
        name for name, found in PLAIN.of("AWS::Lambda::Function").items() if "VpcConfig" in found
    ]
    unasked = Deployment({"BalanceCheckMinutes": 0})
    assert PLAIN.resources.keys() - unasked.resources.keys() == {"BalanceAlarm"}
    assert "ApiGatewayAccount" in PLAIN.resources
    another = Deployment({"ManageApiGatewayLogRole": "no"})
    gone = PLAIN.resources.keys() - another.resources.keys()
    assert gone == {"ApiGatewayAccount", "ApiGatewayLogRole"}


def test_the_functions_in_subnets_are_in_those_that_were_given() -> None:
    inside = [found["VpcConfig"] for found in FUNCTIONS.values() if "VpcConfig" in found]

    assert inside == 2 * [{"SubnetIds": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]}]


@pytest.mark.parametrize("seconds", raw()["Parameters"]["KeyCacheSeconds"]["AllowedValues"])
def test_a_key_is_remembered_for_as_long_as_was_chosen(seconds: int) -> None:
    (api,) = Deployment({"KeyCacheSeconds": seconds}).of("AWS::ApiGateway::RestApi").values()
    (scheme,) = api["Body"]["components"]["securitySchemes"].values()

    assert scheme["x-amazon-apigateway-authorizer"]["authorizerResultTtlInSeconds"] == seconds


def test_each_kind_of_refusal_by_the_gateway_itself_has_its_answer() -> None:
    (api,) = FULL.of("AWS::ApiGateway::RestApi").values()

    assert set(api["Body"]["x-amazon-apigateway-gateway-responses"]) >= {
        "ACCESS_DENIED",
        "DEFAULT_4XX",
        "DEFAULT_5XX",
        "INTEGRATION_FAILURE",
        "INTEGRATION_TIMEOUT",
        "MISSING_AUTHENTICATION_TOKEN",
        "QUOTA_EXCEEDED",
        "REQUEST_TOO_LARGE",
        "THROTTLED",
        "UNAUTHORIZED",
        "WAF_FILTERED",
    }


@pytest.mark.parametrize("name", ["ApiGatewayAccount", "ApiGatewayLogRole"])
def test_what_is_the_whole_account_s_outlives_the_stack(name: str) -> None:
    resource = expanded()["Resources"][name]

    assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == "Retain"


@pytest.mark.parametrize("name", sorted(expanded()["Outputs"].keys() - {"Version", "StageName"}))
def test_an_output_is_of_what_it_is_named_after(name: str) -> None:
    value = PLAIN.value(expanded()["Outputs"][name]["Value"])

    assert re.search(rf"\b{re.sub('(Url|Arn|Target)$', '', name)}\b", value)


def test_a_variable_names_what_it_is_called_after() -> None:
    """MAIL_QUEUE_URL is of MailQueue, WORKER_FUNCTION_NAME of WorkerFunction."""
    checked = set()
    for function in TEMPLATE_FUNCTIONS.values():
        for name, value in function["Environment"]["Variables"].items():
            referred = (
                value.get("Ref") or value.get("Fn::GetAtt", [""])[0]
                if isinstance(value, dict)
                else ""
            )
            if referred in FULL.resources:
                kind = name.removesuffix("_URL").removesuffix("_ARN").removesuffix("_ID")
                assert referred == kind.removesuffix("_NAME").title().replace("_", "")
                checked.add(name)

    assert len(checked) >= 8
