"""What must be there first: CloudFormation makes things side by side unless one names another."""

import itertools
import re
from collections.abc import Iterator
from copy import deepcopy
from types import SimpleNamespace
from typing import Any
from unittest import mock

import yaml
from samcli.lib.translate.sam_template_validator import SamTemplateValidator

from tests.infrastructure.expansion import expanded, raw
from tests.infrastructure.resolution import EVERYTHING, Deployment
from tests.infrastructure.test_calls import for_lambda, granted, role_of

RESOURCES: dict[str, Any] = expanded()["Resources"]
DEPLOYMENT = Deployment(EVERYTHING)


def named(value: object) -> Iterator[str]:
    """Yield what an expression names, whatever its condition."""
    if isinstance(value, dict):
        for key, inside in value.items():
            if key == "Ref":
                yield inside
            elif key == "Fn::GetAtt":
                yield inside[0]
            elif key == "Fn::Sub":
                text = inside if isinstance(inside, str) else inside[0]
                yield from (name.partition(".")[0] for name in re.findall(r"\$\{([^}]+)\}", text))
            elif key == "DependsOn":
                yield from [inside] if isinstance(inside, str) else inside or []
            yield from named(inside)
    elif isinstance(value, list):
        for item in value:
            yield from named(item)


def before(name: str) -> set[str]:
    """Return all that is made before a resource, because it or one of these names it."""
    done: set[str] = set()
    waiting = [name]
    while waiting:
        resource = RESOURCES[waiting.pop()]
        body = {key: resource.get(key) for key in ("Properties", "DependsOn")}
        new = {found for found in named(body) if found in RESOURCES} - done
        done |= new
        waiting += new
    return done


def test_nothing_waits_for_itself() -> None:
    assert [name for name in RESOURCES if name in before(name)] == []


def test_what_lambda_needs_to_make_a_function_is_granted_before_it_makes_it() -> None:
    """Its logs, its interfaces in subnets, its queue or stream: for these Lambda asks at once."""
    for name, function in DEPLOYMENT.of("AWS::Lambda::Function").items():
        role = role_of(function)
        assert role in before(name)
        own = DEPLOYMENT.of("AWS::IAM::Role")[role].get("Policies", [])
        first = Deployment(EVERYTHING)
        # Of the policies that are resources of their own, those that the function waits for.
        first.resources = {
            key: resource
            for key, resource in first.resources.items()
            if resource["Type"] != "AWS::IAM::Policy" or key in before(name)
        }

        assert own
        assert set(for_lambda(first, name)) <= granted(first, role)


def test_a_schedule_s_role_can_be_passed_when_a_function_is_there() -> None:
    for name, variables in (
        (name, function["Environment"]["Variables"])
        for name, function in DEPLOYMENT.of("AWS::Lambda::Function").items()
    ):
        if "SCHEDULE_ROLE_ARN" in variables:
            assert {"ScheduleRole", "ScheduleGroup"} <= before(name)


def test_the_queue_refuses_plain_http_as_soon_as_anybody_may_send_to_it() -> None:
    assert {"MailQueue", "FailedQueue"} <= before("QueuePolicy")


def test_the_stage_s_access_log_has_its_role_first() -> None:
    (stage,) = [name for name, found in RESOURCES.items() if found["Type"].endswith("::Stage")]

    assert {"ApiGatewayAccount", "ApiGatewayLogRole", "AccessLogGroup"} <= before(stage)


def deployment_id(template: dict[str, Any]) -> str:
    """Return the logical id of the API's deployment: a new one brings a change to its stage."""
    validator = SamTemplateValidator(template, {}, region="us-east-1")
    translated: dict[str, Any] = yaml.safe_load(validator.get_translated_template_if_valid())
    found: list[str] = [
        name
        for name, resource in translated["Resources"].items()
        if resource["Type"] == "AWS::ApiGateway::Deployment"
    ]
    (only,) = found
    return only


def test_each_choice_of_a_parameter_is_deployed_to_the_stage() -> None:
    """SAM makes the id of the API's text, in which a parameter is a name and not a value."""
    found = set()
    clock = SimpleNamespace(time=itertools.count(1_800_000_000).__next__)
    for seconds in raw()["Parameters"]["KeyCacheSeconds"]["AllowedValues"]:
        template = deepcopy(raw())
        template["Parameters"]["KeyCacheSeconds"]["Default"] = seconds
        with mock.patch("samtranslator.model.apigateway.time", clock):
            found.add(deployment_id(template))

    assert len(found) == 3
