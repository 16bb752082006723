"""Why there is no canary deployment: a layer-only change does not reach an alias."""

from copy import deepcopy
from typing import Any

import yaml
from samcli.lib.translate.sam_template_validator import SamTemplateValidator

from tests.infrastructure.expansion import raw


def versions(layer: str) -> set[str]:
    """Return the logical ids of layer and function version, with an alias on the worker."""
    template = deepcopy(raw())
    resources = template["Resources"]
    resources["TaqnyatLayer"]["Properties"]["ContentUri"] = f"s3://bucket/{layer}"
    resources["WorkerFunction"]["Properties"] |= {
        "CodeUri": "s3://bucket/code",
        "AutoPublishAlias": "live",
        "AutoPublishAliasAllProperties": True,
    }
    validator = SamTemplateValidator(template, {}, region="us-east-1")
    expanded: dict[str, Any] = yaml.safe_load(validator.get_translated_template_if_valid())
    kinds = {"AWS::Lambda::Version", "AWS::Lambda::LayerVersion"}
    return {name for name, found in expanded["Resources"].items() if found["Type"] in kinds}


def test_a_new_layer_makes_no_new_version_of_a_function() -> None:
    """Should this fail, SAM has learnt it: see docs/decisions.md, "No canary deployment"."""
    before, after = versions("before"), versions("after")

    assert len(before - after) == 1
    assert {name[:12] for name in before ^ after} == {"TaqnyatLayer"}
