"""Ways to break the template, one at a time: what a tired person could change, and should not.

Generated from the template itself, so that a resource of tomorrow is broken tomorrow. Each break is
a path in the template and what stands there then.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final

GONE: Final = "<gone>"
Path = tuple[str | int, ...]
# A permission beside those that a service's statement grants.
MORE: Final = {
    "cloudwatch": "cloudwatch:DeleteAlarms",
    "dynamodb": "dynamodb:DeleteItem",
    "ec2": "ec2:ModifyNetworkInterfaceAttribute",
    "events": "events:PutRule",
    "iam": "iam:GetRole",
    "kms": "kms:DisableKey",
    "lambda": "lambda:InvokeFunction",
    "logs": "logs:CreateLogGroup",
    "scheduler": "scheduler:UpdateSchedule",
    "secretsmanager": "secretsmanager:PutSecretValue",
    "sns": "sns:Subscribe",
    "sqs": "sqs:PurgeQueue",
}
# What is taken for another one of its kind.
OTHER: Final = {
    "MailQueue": "FailedQueue",
    "FailedQueue": "MailQueue",
    "BulkQueue": "MailQueue",
    "TokenSecret": "ApiKeysSecret",
    "ApiKeysSecret": "TokenSecret",
    "ApiLogGroup": "WorkerLogGroup",
    "WorkerLogGroup": "ApiLogGroup",
    "StatusCheckLogGroup": "ApiLogGroup",
    "AuthorizerLogGroup": "ApiLogGroup",
    "EventsLogGroup": "ApiLogGroup",
    "EventsReplayQueue": "WebhookQueue",
    "ApiFunction": "WorkerFunction",
    "WorkerFunction": "ApiFunction",
    "StatusCheckFunction": "WorkerFunction",
    "AuthorizerFunction": "WorkerFunction",
    "EventsFunction": "WorkerFunction",
}
COMPARISONS: Final = {
    "GreaterThanOrEqualToThreshold": ("LessThanThreshold", "GreaterThanThreshold"),
    "GreaterThanThreshold": ("LessThanOrEqualToThreshold",),
    "LessThanThreshold": ("GreaterThanOrEqualToThreshold", "LessThanOrEqualToThreshold"),
    "LessThanOrEqualToThreshold": ("GreaterThanThreshold",),
}
STATISTICS: Final = {
    "Sum": ("Average", "Maximum"),
    "Maximum": ("Minimum", "Average", "Sum"),
    "Minimum": ("Maximum", "Average", "Sum"),
}
MISSING: Final = ("breaching", "missing", "notBreaching", "ignore")


@dataclass(frozen=True, slots=True)
class Break:
    """What stands at a path in place of what should; GONE takes it away."""

    kind: str
    path: Path
    value: Any

    def __str__(self) -> str:
        """Name it, as a test's id and for people."""
        return f"{self.kind}: {'.'.join(map(str, self.path))} = {_short(self.value)}"

    def fits(self, template: Mapping[str, Any]) -> bool:
        """Tell whether a template has the place, or for a value at least what holds it."""
        place: Any = template
        for step in self.path[:-1]:
            try:
                place = place[step]
            except (KeyError, IndexError, TypeError):
                return False
        return self.value != GONE or isinstance(place, list) or self.path[-1] in place

    def apply(self, template: Mapping[str, Any]) -> dict[str, Any]:
        """Return a copy of a template, broken."""
        broken: dict[str, Any] = deepcopy(dict(template))
        place: Any = broken
        for step in self.path[:-1]:
            place = place[step]
        if self.value == GONE:
            del place[self.path[-1]]
        else:
            place[self.path[-1]] = deepcopy(self.value)
        return broken


def breaks(template: Mapping[str, Any]) -> list[Break]:
    """Return all breaks of a template, each once."""
    found: dict[str, Break] = {}
    resources = template["Resources"]
    for name, resource in resources.items():
        at: Path = ("Resources", name)
        new = [*_kept(resource, at), *_optional(resource, at)]
        if resource["Type"] in _BY_TYPE:
            new += _BY_TYPE[resource["Type"]](resource["Properties"], (*at, "Properties"))
        found |= {str(one): one for one in new}
    for make in (_globals, _timing, _conditions, _parameters, _outputs):
        found |= {str(one): one for one in make(template)}
    return [one for one in found.values() if one.fits(template)]


def _short(value: object) -> str:
    text = str(value) if isinstance(value, str | int | float) else repr(value)
    return text if len(text) < 60 else f"{text[:57]}..."


def _each(kind: str, properties: Mapping[str, Any], at: Path, **values: Any) -> Iterator[Break]:  # noqa: ANN401 - JSON
    """Break the properties that there are, once for each value in a list."""
    for name, alternatives in values.items():
        if name in properties:
            for value in alternatives:
                if value != properties[name]:
                    yield Break(kind, (*at, name), value)


# ---- Permissions -------------------------------------------------------------------------------


def _role(properties: Mapping[str, Any], at: Path) -> Iterator[Break]:
    for number, policy in enumerate(properties.get("Policies", [])):
        there = (*at, "Policies", number, "PolicyDocument", "Statement")
        yield from _statements(policy["PolicyDocument"]["Statement"], there)
    there = (*at, "AssumeRolePolicyDocument", "Statement", 0)
    (trust,) = properties["AssumeRolePolicyDocument"]["Statement"]
    yield Break("trust", (*there, "Principal"), {"Service": "ec2.amazonaws.com"})
    yield Break("trust", (*there, "Principal"), {"AWS": "*"})
    for operator in trust.get("Condition", {}):
        yield Break("trust", (*there, "Condition", operator), GONE)
    yield from _each("boundary", properties, at, PermissionsBoundary=[GONE])


def _policy(properties: Mapping[str, Any], at: Path) -> Iterator[Break]:
    there = (*at, "PolicyDocument", "Statement")
    yield from _statements(properties["PolicyDocument"]["Statement"], there)
    for number in range(len(properties["Roles"])):
        yield Break("permission gone", (*at, "Roles", number), GONE)


def _statements(statements: list[Any], at: Path) -> Iterator[Break]:
    for number, found in enumerate(statements):
        there: Path = (*at, number)
        statement = found
        if "Fn::If" in found:
            yield Break("condition", (*there, "Fn::If", 1), {"Ref": "AWS::NoValue"})
            there, statement = (*there, "Fn::If", 1), found["Fn::If"][1]
        actions = statement["Action"]
        listed = actions if isinstance(actions, list) else [actions]
        service = listed[0].partition(":")[0]
        if len(listed) == 1:
            yield Break("permission gone", (*there, "Effect"), "Deny")
        else:
            for action in listed:
                left = [other for other in listed if other != action]
                yield Break("permission gone", (*there, "Action"), left)
        if MORE.get(service) not in listed:
            more = [*listed, MORE.get(service, f"{service}:*")]
            yield Break("permission added", (*there, "Action"), more)
        yield Break("permission added", (*there, "Action"), f"{service}:*")
        if statement["Resource"] != "*":
            yield Break("permission added", (*there, "Resource"), "*")
        yield from _swapped("wrong resource", statement["Resource"], (*there, "Resource"))
        for operator, keys in statement.get("Condition", {}).items():
            yield Break("condition", (*there, "Condition"), GONE)
            yield Break("condition", (*there, "Condition", operator), dict.fromkeys(keys, "other"))


def _swapped(kind: str, value: object, at: Path) -> Iterator[Break]:
    """Put another resource of its kind in the place of each that is named in a value."""
    if isinstance(value, dict):
        for key, inside in value.items():
            if key == "Ref" and inside in OTHER:
                yield Break(kind, (*at, key), OTHER[inside])
            elif key == "Fn::GetAtt" and inside[0] in OTHER:
                yield Break(kind, (*at, key), [OTHER[inside[0]], *inside[1:]])
            else:
                yield from _swapped(kind, inside, (*at, key))
    elif isinstance(value, list):
        for number, inside in enumerate(value):
            yield from _swapped(kind, inside, (*at, number))


# ---- Queues, ledger, secrets -------------------------------------------------------------------


def _queue(properties: Mapping[str, Any], at: Path) -> Iterator[Break]:
    yield from _each(
        "retention",
        properties,
        at,
        MessageRetentionPeriod=[
            345_600,
            properties["MessageRetentionPeriod"] // 2,
            1_209_600,
            GONE,
        ],
    )
    yield from _each("encryption", properties, at, SqsManagedSseEnabled=[False, GONE])
    yield from _each("time limit", properties, at, VisibilityTimeout=[30, 0, GONE])
    yield from _each("limit", properties, at, MaximumMessageSize=[262_144, GONE])
    yield from _each("time limit", properties, at, ReceiveMessageWaitTimeSeconds=[0, GONE])
    allow = [{"redrivePermission": "allowAll"}, GONE]
    yield from _each("wrong queue", properties, at, RedriveAllowPolicy=allow)
    if "RedrivePolicy" in properties:
        yield Break("wrong queue", (*at, "RedrivePolicy"), GONE)
        yield Break("limit", (*at, "RedrivePolicy", "maxReceiveCount"), 3)
        yield from _swapped("wrong queue", properties["RedrivePolicy"], (*at, "RedrivePolicy"))


def _tls(properties: Mapping[str, Any], at: Path) -> Iterator[Break]:
    yield from (Break("TLS", (*at, "Queues", n), GONE) for n in range(len(properties["Queues"])))
    for number, statement in enumerate(properties["PolicyDocument"]["Statement"]):
        there = (*at, "PolicyDocument", "Statement", number)
        yield Break("TLS", there, GONE)
        yield Break("TLS", (*there, "Effect"), "Allow")
        yield Break("TLS", (*there, "Action"), "sqs:SendMessage")
        yield Break("TLS", (*there, "Principal"), {"Service": "scheduler.amazonaws.com"})
        yield Break("TLS", (*there, "Condition"), GONE)
        yield Break("TLS", (*there, "Condition", "Bool"), {"aws:SecureTransport": "true"})
        for n in range(len(statement["Resource"])):
            yield Break("TLS", (*there, "Resource", n), GONE)


def _table(properties: Mapping[str, Any], at: Path) -> Iterator[Break]:
    yield Break("encryption", (*at, "SSESpecification", "SSEEnabled"), value=False)
    yield Break("encryption", (*at, "SSESpecification"), GONE)
    backup = (*at, "PointInTimeRecoverySpecification")
    yield Break("retention", (*backup, "PointInTimeRecoveryEnabled"), value=False)
    yield Break("retention", backup, GONE)
    yield Break("retention", (*at, "TimeToLiveSpecification", "Enabled"), value=False)
    yield Break("retention", (*at, "TimeToLiveSpecification", "AttributeName"), "expires")
    yield Break("retention", (*at, "TimeToLiveSpecification"), GONE)
    yield Break("limit", (*at, "BillingMode"), "PROVISIONED")
    yield Break("key", (*at, "KeySchema", 0, "AttributeName"), "client")
    for number, index in enumerate(properties.get("GlobalSecondaryIndexes", [])):
        there = (*at, "GlobalSecondaryIndexes", number)
        yield Break("key", (*there, "IndexName"), "other")
        yield Break("key", (*there, "KeySchema"), index["KeySchema"][::-1])
        yield Break("key", (*there, "Projection"), {"ProjectionType": "ALL"})
    for view in ("NEW_IMAGE", "OLD_IMAGE", "KEYS_ONLY"):
        there = (*at, "StreamSpecification", "Fn::If", 1)
        yield Break("stream", there, {"StreamViewType": view})


def _secret(properties: Mapping[str, Any], at: Path) -> Iterator[Break]:
    yield Break("secret", (*at, "SecretString"), '{"anybody": {}}')
    yield Break("secret", (*at, "GenerateSecretString"), {})
    if "SecretString" in properties:
        yield Break("secret", (*at, "SecretString"), GONE)


def _log_group(_: Mapping[str, Any], at: Path) -> Iterator[Break]:
    yield Break("retention", (*at, "RetentionInDays"), GONE)
    yield Break("retention", (*at, "RetentionInDays"), 1)


def _kept(resource: Mapping[str, Any], at: Path) -> Iterator[Break]:
    for name in ("DeletionPolicy", "UpdateReplacePolicy"):
        if resource.get(name, "Delete") != "Delete":  # which is what holds without it
            yield Break("retention", (*at, name), "Delete")
            yield Break("retention", (*at, name), GONE)


def _optional(resource: Mapping[str, Any], at: Path) -> Iterator[Break]:
    if "Condition" in resource:
        yield Break("condition", (*at, "Condition"), GONE)


# ---- Alarms ------------------------------------------------------------------------------------


def _alarm(properties: Mapping[str, Any], at: Path) -> Iterator[Break]:
    comparison = properties["ComparisonOperator"]
    yield from _each("comparison", properties, at, ComparisonOperator=COMPARISONS[comparison])
    if "Statistic" in properties:
        yield from _each("statistic", properties, at, Statistic=STATISTICS[properties["Statistic"]])
    yield from _each("missing data", properties, at, TreatMissingData=MISSING)
    yield from _each("threshold", properties, at, Threshold=[0, 1_000_000, {"Ref": "RecordDays"}])
    yield from _each("period", properties, at, Period=[10, 3600], EvaluationPeriods=[12])
    yield from _each("period", properties, at, DatapointsToAlarm=[2, GONE])
    yield from _each("metric", properties, at, MetricName=["Invocations"], Namespace=["AWS/SNS"])
    for name in ("AlarmActions", "OKActions", "InsufficientDataActions"):
        yield from _each("silent", properties, at, **{name: [[], GONE]})
    yield from _each("metric", properties, at, Dimensions=[[], GONE])
    yield from _swapped("metric", properties.get("Dimensions", []), (*at, "Dimensions"))
    yield Break("silent", (*at, "ActionsEnabled"), value=False)


def _subscription(_: Mapping[str, Any], at: Path) -> Iterator[Break]:
    yield Break("silent", (*at, "Protocol"), "sms")
    yield Break("silent", (*at, "Endpoint"), "nobody@example.com")


# ---- Functions and what calls them -------------------------------------------------------------


def _function(properties: Mapping[str, Any], at: Path) -> Iterator[Break]:
    yield from _each("time limit", properties, at, Timeout=[3, 900, GONE])
    yield from _each("wrong code", properties, at, Handler=["mail_send.wire.handler"])
    yield from _each("wrong code", properties, at, CodeUri=["functions/authorize/"])
    yield from _each("wrong role", properties, at, Role=[{"Fn::GetAtt": ["ScheduleRole", "Arn"]}])
    yield from _swapped("wrong log", properties["LoggingConfig"], (*at, "LoggingConfig"))
    yield from _each("network", properties, at, VpcConfig=[GONE])
    invoke = properties.get("EventInvokeConfig", {})
    yield from _each("repeat", invoke, (*at, "EventInvokeConfig"), MaximumRetryAttempts=[2])
    variables = properties.get("Environment", {}).get("Variables", {})
    yield from _variables(variables, (*at, "Environment", "Variables"))
    for name, event in properties.get("Events", {}).items():
        yield from _event(event["Type"], event["Properties"], (*at, "Events", name, "Properties"))
        yield Break("event", (*at, "Events", name), GONE)


def _variables(variables: Mapping[str, Any], at: Path) -> Iterator[Break]:
    for name in variables:
        yield Break("variable", (*at, name), GONE)
    yield from _swapped("variable", variables, at)


def _event(kind: str, properties: Mapping[str, Any], at: Path) -> Iterator[Break]:
    yield from _each("stream", properties, at, StartingPosition=["LATEST"])
    yield from _each("batch", properties, at, BatchSize=[1, 10_000], ScalingConfig=[GONE])
    yield from _each("batch", properties, at, FunctionResponseTypes=[GONE])
    yield from _each("batch", properties, at, BisectBatchOnFunctionError=[False])
    yield from _each("repeat", properties, at, MaximumRetryAttempts=[0, -1, GONE])
    yield from _each("repeat", properties, at, MaximumRecordAgeInSeconds=[60, -1, GONE])
    yield from _each("repeat", properties, at, DestinationConfig=[GONE])
    yield from _each("event", properties, at, Schedule=["rate(1 hour)"], Path=["/other"])
    yield from _each("event", properties, at, Method=["POST"], Auth=[{"Authorizer": "NONE"}])
    if kind == "Api":
        yield Break("authorizer", (*at, "Auth"), {"Authorizer": "NONE"})
    if kind in {"SQS", "DynamoDB"}:
        yield Break("event", (*at, "Enabled"), value=False)
    yield from _swapped("wrong queue", properties, at)
    for number, _ in enumerate(properties.get("FilterCriteria", {}).get("Filters", [])):
        yield Break("stream", (*at, "FilterCriteria", "Filters", number), GONE)


def _api(properties: Mapping[str, Any], at: Path) -> Iterator[Break]:
    yield from _each("TLS", properties, at, SecurityPolicy=["TLS_1_0", GONE])
    yield from _each("TLS", properties, at, EndpointAccessMode=["BASIC", GONE])
    yield from _each("API", properties, at, AlwaysDeploy=[False, GONE], StageName=["v2"])
    yield from _each("API", properties, at, EndpointConfiguration=[{"Type": "EDGE"}])
    auth = (*at, "Auth")
    yield Break("authorizer", (*auth, "DefaultAuthorizer"), GONE)
    key = (*auth, "Authorizers", "KeyAuthorizer")
    yield Break("authorizer", (*key, "Identity", "Header"), "X-Api-Key")
    yield Break("authorizer", (*key, "Identity", "ReauthorizeEvery"), 3600)
    yield from _swapped("authorizer", properties["Auth"], auth)
    for number, settings in enumerate(properties["MethodSettings"]):
        there = (*at, "MethodSettings", number)
        yield from _each("throttle", settings, there, ThrottlingRateLimit=[GONE, 10_000])
        yield from _each("throttle", settings, there, ThrottlingBurstLimit=[GONE, 5_000])
        yield from _each("throttle", settings, there, ResourcePath=["/emails"], HttpMethod=["GET"])
        yield from _each("secrecy", settings, there, DataTraceEnabled=[True], LoggingLevel=["INFO"])
    log = (*at, "AccessLogSetting")
    line = properties["AccessLogSetting"]["Format"]
    for secret in ("$context.path", "$context.requestOverride.header.Authorization"):
        yield Break("secrecy", (*log, "Format"), line.replace("$context.resourcePath", secret))
    yield from _swapped("wrong log", properties["AccessLogSetting"], log)
    for name, answer in properties["GatewayResponses"].items():
        there = (*at, "GatewayResponses", name)
        yield Break("answer", (*there, "StatusCode"), 200)
        yield Break("answer", there, GONE)
        template = answer["ResponseTemplates"]["application/json"]
        said = re.sub(r'"message": ".', '"message": "$context.error.messageString ', template)
        yield Break("answer", (*there, "ResponseTemplates", "application/json"), said)


# ---- The rest of the template ------------------------------------------------------------------


def _globals(template: Mapping[str, Any]) -> Iterator[Break]:
    function = template["Globals"]["Function"]
    at: Path = ("Globals", "Function")
    yield from _each("wrong code", function, at, Runtime=["python3.11"], Layers=[GONE])
    yield from _each("wrong code", function, at, Architectures=[["x86_64"]])
    variables = function["Environment"]["Variables"]
    yield from _variables(variables, (*at, "Environment", "Variables"))


def _timing(template: Mapping[str, Any]) -> Iterator[Break]:
    for mapping, keys in template["Mappings"].items():
        for key, values in keys.items():
            for name, value in values.items():
                at = ("Mappings", mapping, key, name)
                for factor in (4, 0.25):
                    changed = max(1, int(int(value) * factor))
                    yield Break("time limit", at, type(value)(changed))


def _conditions(template: Mapping[str, Any]) -> Iterator[Break]:
    for name, condition in template["Conditions"].items():
        yield Break("condition", ("Conditions", name), {"Fn::Not": [condition]})
    for name in template.get("Rules", {}):
        yield Break("condition", ("Rules", name), GONE)


def _parameters(template: Mapping[str, Any]) -> Iterator[Break]:
    for name, parameter in template["Parameters"].items():
        at = ("Parameters", name)
        yield from _each("parameter", parameter, at, AllowedPattern=[".*"])
        if "Default" in parameter:
            yield Break("parameter", (*at, "Default"), GONE)


def _outputs(template: Mapping[str, Any]) -> Iterator[Break]:
    for name, output in template["Outputs"].items():
        yield Break("output", ("Outputs", name), GONE)
        yield from _swapped("output", output, ("Outputs", name))


_BY_TYPE: Final[Mapping[str, Callable[[Mapping[str, Any], Path], Iterator[Break]]]] = {
    "AWS::CloudWatch::Alarm": _alarm,
    "AWS::DynamoDB::Table": _table,
    "AWS::IAM::Policy": _policy,
    "AWS::IAM::Role": _role,
    "AWS::Logs::LogGroup": _log_group,
    "AWS::SNS::Subscription": _subscription,
    "AWS::SQS::Queue": _queue,
    "AWS::SQS::QueuePolicy": _tls,
    "AWS::SecretsManager::Secret": _secret,
    "AWS::Serverless::Api": _api,
    "AWS::Serverless::Function": _function,
}
