"""Roles: what is granted is used, and on nothing but what it is used for."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.infrastructure.expansion import ROOT, resources

ROLES = resources("AWS::IAM::Role")
FUNCTIONS = resources("AWS::Lambda::Function")
# AWS takes no other resource for these; a condition holds the first to our namespace.
ON_EVERYTHING = {"cloudwatch:PutMetricData", "lambda:ListEventSourceMappings"}
# The same, for what Lambda itself does.
ON_EVERYTHING_FOR_LAMBDA = {
    "dynamodb:ListStreams",
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
}
# Granted to Lambda itself: logs, what the event source mappings do with queue and stream,
# and the network interfaces in subnets.
FOR_LAMBDA = {
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "dynamodb:DescribeStream",
    "dynamodb:GetRecords",
    "dynamodb:GetShardIterator",
    *ON_EVERYTHING_FOR_LAMBDA,
}
# Needed by a call of another name.
IMPLIED = {"iam:PassRole": "create_schedule"}
SOURCES = [ROOT / "layers/taqnyat", *(ROOT / "functions").iterdir()]


def listed(value: object) -> list[Any]:
    """Return a list, as IAM takes one thing in place of a list of one."""
    return value if isinstance(value, list) else [value]


def statements(role: str) -> Iterator[dict[str, Any]]:
    """Yield all statements that a role has, its own and those attached to it."""
    for policy in ROLES[role].get("Policies", []):
        yield from policy["PolicyDocument"]["Statement"]
    for policy in resources("AWS::IAM::Policy").values():
        if {"Ref": role} in policy["Roles"]:
            yield from policy["PolicyDocument"]["Statement"]


def granted(role: str) -> set[str]:
    """Return all actions that a role may do."""
    return {action for statement in statements(role) for action in listed(statement["Action"])}


def called(function: str) -> set[str]:
    """Return the names of all methods called in the modules that a function's handler imports."""
    done: set[str] = set()
    calls: set[str] = set()
    waiting = [FUNCTIONS[function]["Handler"].rpartition(".")[0]]
    while waiting:
        module = waiting.pop()
        stem = module.replace(".", "/")
        files = [source / stem for source in SOURCES]
        paths = [path for file in files for path in (file.with_suffix(".py"), file / "__init__.py")]
        path = next(filter(Path.is_file, paths), None)
        if module in done or path is None:
            continue
        done.add(module)
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Attribute):
                calls.add(node.attr)
            elif isinstance(node, ast.ImportFrom) and node.module:
                waiting += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            elif isinstance(node, ast.Import):
                waiting += [alias.name for alias in node.names]
    return calls


def method(action: str) -> str:
    """Return botocore's name of the call that needs an action: sqs:SendMessage is send_message."""
    name = re.sub(r"(?<!^)(?=[A-Z])", "_", action.partition(":")[2]).lower()
    return IMPLIED.get(action, name)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_each_granted_action_is_called(function: str) -> None:
    role = FUNCTIONS[function]["Role"]["Fn::GetAtt"][0]
    unused = {
        action for action in granted(role) - FOR_LAMBDA if method(action) not in called(function)
    }

    assert not unused


@pytest.mark.parametrize("role", ROLES)
def test_no_role_has_a_wildcard(role: str) -> None:
    for statement in statements(role):
        assert statement["Effect"] == "Allow"
        for action in listed(statement["Action"]):
            assert "*" not in action
        for resource in listed(statement["Resource"]):
            if resource == "*":
                assert set(listed(statement["Action"])) <= ON_EVERYTHING | ON_EVERYTHING_FOR_LAMBDA


def test_metrics_are_written_to_our_namespace_only() -> None:
    (statement,) = [
        statement
        for role in ROLES
        for statement in statements(role)
        if "cloudwatch:PutMetricData" in listed(statement["Action"])
    ]

    assert statement["Condition"] == {"StringEquals": {"cloudwatch:namespace": "TaqnyatMail"}}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_writes_to_its_own_log_group_only(function: str) -> None:
    role = FUNCTIONS[function]["Role"]["Fn::GetAtt"][0]
    group = FUNCTIONS[function]["LoggingConfig"]["LogGroup"]["Ref"]
    (logging,) = [
        statement
        for statement in statements(role)
        if any(action.startswith("logs:") for action in listed(statement["Action"]))
    ]

    assert logging["Resource"] == {"Fn::GetAtt": [group, "Arn"]}


@pytest.mark.parametrize(
    ("secret", "readers"),
    [
        ("TokenSecret", {"WorkerRole", "StatusCheckRole"}),
        ("ApiKeysSecret", {"AuthorizerRole"}),
    ],
)
def test_a_secret_is_read_by_who_needs_it(secret: str, readers: set[str]) -> None:
    may_read = {
        role
        for role in ROLES
        for statement in statements(role)
        if {"Fn::GetAtt": [secret, "Id"]} in listed(statement["Resource"])
    }

    assert may_read == readers


@pytest.mark.parametrize("role", ROLES)
def test_a_role_is_taken_by_one_service_only(role: str) -> None:
    (statement,) = ROLES[role]["AssumeRolePolicyDocument"]["Statement"]
    expected = {
        "ScheduleRole": "scheduler.amazonaws.com",
        "ApiGatewayLogRole": "apigateway.amazonaws.com",
    }

    assert statement["Principal"] == {"Service": expected.get(role, "lambda.amazonaws.com")}


def test_the_only_managed_policy_is_the_one_that_api_gateway_asks_for() -> None:
    assert [role for role in ROLES if "ManagedPolicyArns" in ROLES[role]] == ["ApiGatewayLogRole"]


def test_the_schedule_role_is_taken_for_our_schedules_only() -> None:
    (statement,) = ROLES["ScheduleRole"]["AssumeRolePolicyDocument"]["Statement"]

    assert statement["Condition"]["StringEquals"] == {
        "aws:SourceAccount": {"Ref": "AWS::AccountId"}
    }
    assert "aws:SourceArn" in statement["Condition"]["ArnEquals"]


def test_a_role_is_passed_on_to_the_scheduler_only() -> None:
    passing = [
        statement
        for role in ROLES
        for statement in statements(role)
        if "iam:PassRole" in listed(statement["Action"])
    ]

    assert passing
    for statement in passing:
        assert statement["Resource"] == {"Fn::GetAtt": ["ScheduleRole", "Arn"]}
        assert statement["Condition"] == {
            "StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}
        }
