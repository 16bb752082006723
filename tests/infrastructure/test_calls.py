"""Each role, both ways: what its code asks for is granted, and what is granted is asked for.

What is asked for is seen at the clients of the real functions (calls.py), or is what AWS documents
that Lambda itself needs for what the template gives a function. Compared by action and resource,
with every option of the stack and with none.
"""

import re
from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest
from botocore import xform_name

from tests.infrastructure import calls
from tests.infrastructure.calls import Need
from tests.infrastructure.expansion import ROOT
from tests.infrastructure.resolution import ACCOUNT, EVERYTHING, REGION, Deployment

DEPLOYMENTS = {
    "everything": Deployment(EVERYTHING),
    "webhooks": Deployment({"Webhooks": "on"}),
    "bus": Deployment({"EventBusName": "applications"}),
    "defaults": Deployment(),
}
HERE = f"{REGION}:{ACCOUNT}"
Permission = tuple[str, str]

# What Lambda asks for by the role of a function: its log, the queue or stream that feeds it, where
# it sends what it gave up, and its interfaces in subnets.
LOGGING = ("logs:CreateLogStream", "logs:PutLogEvents")
QUEUE = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
STREAM = ("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator")
INTERFACES = (
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
)


def listed(value: object) -> list[Any]:
    """Return a list, as IAM takes one thing in place of a list of one."""
    return value if isinstance(value, list) else [value]


def role_of(function: dict[str, Any]) -> str:
    """Return the logical id of a function's role."""
    return str(function["Role"].rpartition("/")[2])


def granted(deployment: Deployment, role: str) -> set[Permission]:
    """Return each action that a role may do, with each resource that it may do it on."""
    documents = [
        policy["PolicyDocument"]
        for policy in deployment.of("AWS::IAM::Role")[role].get("Policies", [])
    ]
    documents += [
        policy["PolicyDocument"]
        for policy in deployment.of("AWS::IAM::Policy").values()
        if role in policy["Roles"]
    ]
    return {
        (action, resource)
        for document in documents
        for statement in document["Statement"]
        if statement["Effect"] == "Allow"
        for action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
    }


def called(deployment: Deployment, name: str) -> set[Permission]:
    """Return the same, as the calls of a function need it."""
    variables = deployment.of("AWS::Lambda::Function")[name]["Environment"]["Variables"]
    # What is turned off has no name, and is not called.
    off = {here for key, here in calls.VARIABLES.items() if variables.get(key) == ""}
    needs = [need for need in calls.needs()[name] if need.on not in off]
    return {(need.action, resource(need, variables)) for need in needs}


def resource(need: Need, variables: dict[str, str]) -> str:
    """Return the ARN of what a call is about: its argument came from a variable."""
    if need.on == "*":
        return "*"
    if need.on == calls.STREAM:
        return f"arn:aws:dynamodb:{HERE}:table/{variables['LEDGER_TABLE']}/stream/made-up"
    if need.on in calls.MAPPINGS:
        return f"arn:aws:lambda:{HERE}:event-source-mapping:{calls.MAPPINGS[need.on]}"
    (value,) = {variables[key] for key, here in calls.VARIABLES.items() if here == need.on}
    if value.startswith("arn:"):
        return value
    match need.action.partition(":")[0]:
        case "dynamodb":
            index = f"/index/{need.index}" if need.index else ""
            return f"arn:aws:dynamodb:{HERE}:table/{value}{index}"
        case "sqs":
            return f"arn:aws:sqs:{HERE}:{value.rpartition('/')[2]}"
        case "scheduler":
            return f"arn:aws:scheduler:{HERE}:schedule/{value}/*"
        case "events":
            return f"arn:aws:events:{HERE}:event-bus/{value}"
    raise ValueError(need.action)


def for_lambda(deployment: Deployment, name: str) -> Iterator[Permission]:
    """Yield what Lambda itself needs, to run a function as the template says."""
    function = deployment.of("AWS::Lambda::Function")[name]
    group = function["LoggingConfig"]["LogGroup"]
    yield from ((action, f"arn:aws:logs:{HERE}:log-group:{group}:*") for action in LOGGING)
    if "VpcConfig" in function:
        yield from ((action, "*") for action in INTERFACES)
    after = [
        config
        for kind in ("AWS::Lambda::EventSourceMapping", "AWS::Lambda::EventInvokeConfig")
        for config in deployment.of(kind).values()
        if config["FunctionName"] == name
    ]
    for config in after:
        source = config.get("EventSourceArn", "")
        if ":sqs:" in source:
            yield from ((action, source) for action in QUEUE)
        elif source:
            yield from ((action, source) for action in STREAM)
            yield "dynamodb:ListStreams", "*"
        where = config.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination", "")
        if ":sqs:" in where:
            yield "sqs:SendMessage", where


CASES = [
    (which, name)
    for which, deployment in DEPLOYMENTS.items()
    for name in deployment.of("AWS::Lambda::Function")
]


@pytest.mark.parametrize(("which", "name"), CASES, ids=map("-".join, CASES))
def test_a_function_may_do_what_it_does_and_nothing_else(which: str, name: str) -> None:
    deployment = DEPLOYMENTS[which]
    may = granted(deployment, role_of(deployment.of("AWS::Lambda::Function")[name]))
    does = called(deployment, name) | set(for_lambda(deployment, name))

    assert may - does == set(), "granted, and no call was seen that needs it"
    assert does - may == set(), "called, and not granted"


def test_schedules_may_do_what_they_do_and_nothing_else() -> None:
    """They put a mail on its queue, and on the failed queue what cannot be put there."""
    deployment = DEPLOYMENTS["defaults"]
    variables = deployment.of("AWS::Lambda::Function")["ApiFunction"]["Environment"]["Variables"]
    does = {(need.action, resource(need, variables)) for need in calls.needs()["schedules"]}

    assert granted(deployment, "ScheduleRole") == does


def test_each_role_is_somebodys() -> None:
    """No role is left over whose permissions nothing compares."""
    for deployment in DEPLOYMENTS.values():
        functions = deployment.of("AWS::Lambda::Function").values()
        compared = {role_of(function) for function in functions} | {"ScheduleRole"}

        assert set(deployment.of("AWS::IAM::Role")) - compared == {"ApiGatewayLogRole"}


def test_every_call_in_the_code_was_seen() -> None:
    """A call that no mail of every_call.py makes would be compared with nothing."""
    session = botocore.session.get_session()
    services = [
        "dynamodb",
        "dynamodbstreams",
        "sqs",
        "scheduler",
        "secretsmanager",
        "lambda",
        "cloudwatch",
        "events",
        "kms",
    ]
    known = {
        xform_name(operation)
        for service in services
        for operation in session.get_service_model(service).operation_names
    } | {"publish"}
    sources = [*(ROOT / "layers").rglob("*.py"), *(ROOT / "functions").rglob("*.py")]
    written = {
        name
        for path in sources
        for name in re.findall(r"\.([a-z_]+)\(", path.read_text("utf-8"))
        if name in known
    }
    batches = {"send_message_batch": "send_message"}
    seen = {
        xform_name(need.action.partition(":")[2])
        for function in calls.needs().values()
        for need in function
    } | {"transact_write_items"}

    assert {batches.get(name, name) for name in written} - seen == set()
