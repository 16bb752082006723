"""The part of a template that outlives its stack, as a template of its own.

`python -m ops.retained build/release/template.yaml` prints it: what CloudFormation takes to import
the queues, the ledger and the schedules of a stack that was deleted into a new one, which the whole
template then updates (docs/operations.md).
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from samcli.yamlhelper import yaml_parse

# The property by which CloudFormation identifies a resource at an import.
IDENTIFIERS: Final = {
    "AWS::SQS::Queue": "QueueUrl",
    "AWS::DynamoDB::Table": "TableName",
    "AWS::Scheduler::ScheduleGroup": "Name",
    "AWS::IAM::Role": "RoleName",
}
_RETAINED: Final = {"Retain", "RetainExceptOnCreate"}
# The first stack of the account keeps it for the other APIs.
_OF_THE_ACCOUNT: Final = {"ApiGatewayAccount", "ApiGatewayLogRole"}
_SECTIONS: Final = ("Parameters", "Conditions", "Mappings")


def retained(template: dict[str, Any]) -> dict[str, Any]:
    """Return a template of the retained resources, and of what they are written with.

    Raises:
        ValueError: one of them names a resource that does not outlive the stack.

    """
    resources = {
        name: resource
        for name, resource in template["Resources"].items()
        if resource.get("DeletionPolicy") in _RETAINED and name not in _OF_THE_ACCOUNT
    }
    found: dict[str, Any] = {section: {} for section in _SECTIONS}
    waiting = list(_names(resources))
    while waiting:
        name = waiting.pop()
        if name in resources or name.startswith("AWS::"):
            continue
        if name in template["Resources"]:
            raise ValueError(f"a retained resource needs {name}, which goes with the stack")
        for section in _SECTIONS:
            if name in template.get(section, {}) and name not in found[section]:
                found[section][name] = template[section][name]
                waiting += _names(template[section][name])
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        **{section: parts for section, parts in found.items() if parts},
        "Resources": resources,
    }


def _names(part: object) -> Iterator[str]:
    """Yield what a part of a template refers to: resources, parameters, conditions, mappings."""
    if isinstance(part, list):
        for item in part:
            yield from _names(item)
    if not isinstance(part, dict):
        return
    for key, value in part.items():
        if key in {"Ref", "Condition"} and isinstance(value, str):
            yield value
        elif key == "Fn::GetAtt":
            yield value.split(".")[0] if isinstance(value, str) else value[0]
        elif key == "Fn::Sub":
            text = value if isinstance(value, str) else value[0]
            yield from (piece.split("}")[0].split(".")[0] for piece in text.split("${")[1:])
        elif key in {"Fn::If", "Fn::FindInMap"} and isinstance(value[0], str):
            yield value[0]
        yield from _names(value)


def main(arguments: list[str]) -> None:
    """Print the part of a template that outlives its stack."""
    [name] = arguments
    template = retained(yaml_parse(Path(name).read_text("utf-8")))
    sys.stdout.write(json.dumps(template, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
