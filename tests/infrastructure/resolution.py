"""The expanded template with its parameters filled in: what one deployment would get.

Names and ARNs are made up, by the logical id of what they name. As a program it writes the whole
template, and each policy of a role to a file of its own, for tools that know no expressions:

    python -m tests.infrastructure.resolution build/deployed
"""

import json
import logging
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from tests.infrastructure.expansion import expanded

REGION: Final = "eu-central-1"
ACCOUNT: Final = "123456789012"
_PSEUDO: Final = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::StackName": "taqnyat-mail",
    "AWS::URLSuffix": "amazonaws.com",
}
_NOTHING: Final = object()
_HERE: Final = f"{REGION}:{ACCOUNT}"
# By type: the ARN, with the logical id in the place of {}.
_ARNS: Final = {
    "AWS::DynamoDB::Table": f"arn:aws:dynamodb:{_HERE}:table/{{}}",
    "AWS::KMS::Key": f"arn:aws:kms:{_HERE}:key/{{}}",
    "AWS::IAM::Role": f"arn:aws:iam::{ACCOUNT}:role/{{}}",
    "AWS::Lambda::Function": f"arn:aws:lambda:{_HERE}:function:{{}}",
    "AWS::Logs::LogGroup": f"arn:aws:logs:{_HERE}:log-group:{{}}:*",
    "AWS::Scheduler::ScheduleGroup": f"arn:aws:scheduler:{_HERE}:schedule-group/{{}}",
    "AWS::SecretsManager::Secret": f"arn:aws:secretsmanager:{_HERE}:secret:{{}}-AbCdEf",
    "AWS::SNS::Topic": f"arn:aws:sns:{_HERE}:{{}}",
    "AWS::SQS::Queue": f"arn:aws:sqs:{_HERE}:{{}}",
}
# Whose Ref is the ARN.
_REF_IS_ARN: Final = {"AWS::SecretsManager::Secret", "AWS::SNS::Topic"}


class Deployment:
    """The resources of one deployment, and what their expressions come to."""

    def __init__(self, parameters: Mapping[str, object] | None = None) -> None:
        """Take parameters besides the defaults."""
        self._template = expanded()
        given = self._template["Parameters"]
        self._parameters = {name: found.get("Default") for name, found in given.items()}
        self._parameters |= parameters or {}
        self.resources: dict[str, Any] = {
            name: self.value(resource)
            for name, resource in self._template["Resources"].items()
            if "Condition" not in resource or self.holds(resource["Condition"])
        }

    def of(self, kind: str) -> dict[str, Any]:
        """Return the properties of all resources of a type, by logical id."""
        return {
            name: resource.get("Properties", {})
            for name, resource in self.resources.items()
            if resource["Type"] == kind
        }

    def holds(self, condition: str) -> bool:
        """Say whether a condition holds."""
        return bool(self.value(self._template["Conditions"][condition]))

    def value(self, found: Any) -> Any:  # noqa: ANN401 - JSON
        """Return an expression's value; what refers to no resource, parameter or value is kept."""
        if isinstance(found, list):
            listed = [self.value(item) for item in found]
            return [value for value in listed if value is not _NOTHING]
        if not isinstance(found, dict):
            return found
        if len(found) == 1:
            ((name, argument),) = found.items()
            if name in {"Ref", "Condition"} or name.startswith("Fn::"):
                return self._function(name, argument)
        values = {key: self.value(value) for key, value in found.items()}
        return {key: value for key, value in values.items() if value is not _NOTHING}

    def _function(self, name: str, argument: Any) -> Any:  # noqa: ANN401 - JSON
        match name:
            case "Ref":
                return self._ref(argument)
            case "Condition":
                return self.holds(argument)
            case "Fn::GetAtt":
                return self._attribute(*argument)
            case "Fn::Sub":
                return self._substituted(argument)
            case "Fn::If":
                condition, yes, no = argument
                return self.value(yes if self.holds(condition) else no)
            case _:
                return self._computed[name](self.value(argument))

    @property
    def _computed(self) -> dict[str, Callable[[Any], Any]]:
        """The functions of values, by name."""
        mappings = self._template["Mappings"]
        return {
            "Fn::And": all,
            "Fn::Or": any,
            "Fn::Not": lambda values: not values[0],
            "Fn::Equals": lambda values: str(values[0]) == str(values[1]),
            "Fn::Join": lambda values: values[0].join(values[1]),
            "Fn::Split": lambda values: values[1].split(values[0]),
            "Fn::Select": lambda values: values[1][int(values[0])],
            "Fn::FindInMap": lambda values: mappings[values[0]][str(values[1])][values[2]],
        }

    def _ref(self, name: str) -> Any:  # noqa: ANN401 - a parameter's value
        if name == "AWS::NoValue":
            return _NOTHING
        if name in _PSEUDO:
            return _PSEUDO[name]
        if name in self._parameters:
            return self._parameters[name]
        kind = self._template["Resources"][name]["Type"]
        if kind == "AWS::SQS::Queue":
            return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{name}"
        return self._attribute(name, "Arn") if kind in _REF_IS_ARN else name

    def _attribute(self, name: str, attribute: str) -> str:
        arn = _ARNS.get(self._template["Resources"][name]["Type"], "{}").format(name)
        match attribute:
            case "Arn" | "Id" | "TopicArn":
                return arn
            case "StreamArn":
                return f"{arn}/stream/made-up"  # parliament takes no colon in it
        return name if attribute.endswith("Name") else f"{name}.{attribute}"

    def _substituted(self, argument: Any) -> str:  # noqa: ANN401 - text, or text and variables
        text, variables = argument if isinstance(argument, list) else (argument, {})

        def replaced(match: re.Match[str]) -> str:
            name, _, attribute = match[1].partition(".")
            if name in variables:
                return str(self.value(variables[name]))
            return str(self._attribute(name, attribute) if attribute else self._ref(name))

        return re.sub(r"\$\{([^!}]+)\}", replaced, text)


# Everything that a parameter can switch on.
EVERYTHING: Final = {
    "EventBusName": "applications",
    "Webhooks": "on",
    "SubnetIds": "subnet-1,subnet-2",
    "SecurityGroupId": "sg-1",
    "AlarmEmail": "ops@example.com",
    "DomainName": "mail.acme.sa",
    "CertificateArn": f"arn:aws:acm:{_HERE}:certificate/0f1e2d3c",
    "HostedZoneId": "Z0123456789ABC",
    "PlainUrl": "off",
}


def policies(deployment: Deployment) -> dict[str, Any]:
    """Return the policy documents of all roles, by role and name of the policy."""
    found = {
        f"{role}-{policy['PolicyName']}": policy["PolicyDocument"]
        for role, properties in deployment.of("AWS::IAM::Role").items()
        for policy in properties.get("Policies", [])
    }
    attached = deployment.of("AWS::IAM::Policy").items()
    return found | {name: policy["PolicyDocument"] for name, policy in attached}


if __name__ == "__main__":
    logging.disable(logging.WARNING)  # SAM's translator warns of features of its own
    folder = Path(sys.argv[1])
    (folder / "policies").mkdir(parents=True)
    everything = Deployment(EVERYTHING)
    whole = {"AWSTemplateFormatVersion": "2010-09-09", "Resources": everything.resources}
    (folder / "template.json").write_text(json.dumps(whole, indent=1), "utf-8")
    for name, document in policies(everything).items():
        (folder / f"policies/{name}.json").write_text(json.dumps(document, indent=1), "utf-8")
