"""The template as SAM expands it; as a program it prints it, for cfn-lint and checkov."""

import json
import logging
import os
import sys
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from samcli.lib.translate.sam_template_validator import SamTemplateValidator
from samcli.yamlhelper import yaml_parse

ROOT = Path(__file__).parents[2]


def raw() -> dict[str, Any]:
    """Return template.yaml as it is written, short intrinsics in their long form."""
    template: dict[str, Any] = yaml_parse((ROOT / "template.yaml").read_text("utf-8"))
    return template


@cache
def expanded() -> dict[str, Any]:
    """Return the template that CloudFormation gets; do not change it."""
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    validator = SamTemplateValidator(raw(), {}, region="us-east-1")
    template: dict[str, Any] = yaml.safe_load(validator.get_translated_template_if_valid())
    return template


def resources(kind: str) -> dict[str, dict[str, Any]]:
    """Return the properties of all resources of a type, by logical id."""
    return {
        name: resource.get("Properties", {})
        for name, resource in expanded()["Resources"].items()
        if resource["Type"] == kind
    }


if __name__ == "__main__":
    logging.disable(logging.WARNING)  # SAM's translator warns of features of its own
    json.dump(expanded(), sys.stdout, indent=1)
