"""The optional network: one fixed address, and only the functions that call Taqnyat behind it."""

import re
from typing import Any

from samcli.yamlhelper import yaml_parse

from tests.infrastructure.expansion import ROOT, expanded, raw, resources

NETWORK: dict[str, Any] = yaml_parse((ROOT / "network.yaml").read_text("utf-8"))


def of(kind: str) -> dict[str, Any]:
    """Return the properties of all resources of a type in network.yaml."""
    return {
        name: found["Properties"]
        for name, found in NETWORK["Resources"].items()
        if found["Type"] == kind
    }


def test_only_what_calls_taqnyat_is_in_the_subnets() -> None:
    """The worker, and the status check with its question and its canary."""
    inside = {
        name for name, found in resources("AWS::Lambda::Function").items() if "VpcConfig" in found
    }

    assert inside == {"WorkerFunction", "StatusCheckFunction"}


def test_its_outputs_are_the_parameters_of_the_gateway() -> None:
    assert set(NETWORK["Outputs"]) == {"EgressAddress", "SubnetIds", "SecurityGroupId"}
    assert {"SubnetIds", "SecurityGroupId"} <= raw()["Parameters"].keys()


def test_subnets_without_a_security_group_are_refused() -> None:
    assert "SubnetsHaveASecurityGroup" in expanded()["Rules"]


def test_the_way_out_is_one_address_which_outlives_the_stack() -> None:
    (nat,) = of("AWS::EC2::NatGateway").values()

    assert nat["AllocationId"] == {"Fn::GetAtt": ["Address", "AllocationId"]}
    assert NETWORK["Resources"]["Address"]["DeletionPolicy"] == "RetainExceptOnCreate"
    assert of("AWS::EC2::Route")["PrivateRoute"]["NatGatewayId"] == {"Ref": "Nat"}


def test_each_service_that_these_functions_call_has_an_endpoint() -> None:
    endpoints = {
        found["ServiceName"]["Fn::Sub"].rpartition(".")[2]
        for found in of("AWS::EC2::VPCEndpoint").values()
    }
    code = [*(ROOT / "layers").rglob("*.py"), *(ROOT / "functions").rglob("*.py")]
    text = "\n".join(path.read_text("utf-8") for path in code)
    # The bus and webhooks are told from outside the subnets.
    outside = {"dynamodbstreams", "events", "kms"}
    called = set(re.findall(r'aws\.\w+\("([a-z]+)"', text)) - outside

    assert endpoints == {"monitoring" if name == "cloudwatch" else name for name in called}


def test_functions_call_by_https_only_and_nothing_calls_them() -> None:
    group = of("AWS::EC2::SecurityGroup")["FunctionGroup"]

    assert [rule["ToPort"] for rule in group["SecurityGroupEgress"]] == [443]
    assert "SecurityGroupIngress" not in group
