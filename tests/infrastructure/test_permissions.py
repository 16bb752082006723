"""Roles: nothing too wide, and nobody else's. test_calls.py compares them with what is called."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.infrastructure.expansion import resources
from tests.infrastructure.resolution import EVERYTHING, Deployment

ROLES = resources("AWS::IAM::Role")
FUNCTIONS = resources("AWS::Lambda::Function")
# AWS takes no other resource for these; a condition holds the first to our namespace.
ON_EVERYTHING = {
    "cloudwatch:PutMetricData",
    "cloudwatch:GetMetricStatistics",
    "lambda:ListEventSourceMappings",
}
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


def listed(value: object) -> list[Any]:
    """Return a list, as IAM takes one thing in place of a list of one."""
    return value if isinstance(value, list) else [value]


def statements(role: str) -> Iterator[dict[str, Any]]:
    """Yield all statements of a role, its own and those attached to it, under any condition."""
    policies = list(ROLES[role].get("Policies", []))
    attached = resources("AWS::IAM::Policy").values()
    policies += [policy for policy in attached if {"Ref": role} in policy["Roles"]]
    for policy in policies:
        for statement in policy["PolicyDocument"]["Statement"]:
            _, *branches = statement.get("Fn::If", [None, statement])
            yield from (branch for branch in branches if "Effect" in branch)


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

    ours = {"Fn::Sub": "TaqnyatMail/${AWS::StackName}"}
    assert statement["Condition"] == {"StringEquals": {"cloudwatch:namespace": ours}}


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


@pytest.mark.parametrize("role", ROLES)
def test_a_role_is_bounded_where_the_account_asks_for_it(role: str) -> None:
    boundary = "arn:aws:iam::123456789012:policy/everybody"
    everything = EVERYTHING | {"PermissionsBoundary": boundary}

    assert Deployment(everything).of("AWS::IAM::Role")[role]["PermissionsBoundary"] == boundary
    assert "PermissionsBoundary" not in Deployment(EVERYTHING).of("AWS::IAM::Role")[role]


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
