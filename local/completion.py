"""Corrects the emulator's stack through its own API, where it differs from the template.

The template is deployed as it is. Then ministack 1.5 differs from AWS in seven things:

- methods for ANY (`x-amazon-apigateway-any-method`) are not imported with the API's body;
- neither are the gateway's own answers (`x-amazon-apigateway-gateway-responses`);
- a MaximumConcurrency from a parameter stays a string, on which its poller fails;
- the condition key cloudwatch:namespace is not known, so that it denies instead of allowing;
- sqs:SendMessage does not cover SendMessageBatch, which has no action of its own at AWS;
- a schedule of any group is one of the group `default` to the roles' policies;
- it speaks plain HTTP here, so that a statement against that would deny every call.

It also gives the ledger a stream if it has none; the console reads it.
"""

import json
import re
from typing import Any

from local.emulator import ACCOUNT, REGION, Emulator

_ANY = "x-amazon-apigateway-any-method"
_RESPONSES = "x-amazon-apigateway-gateway-responses"
_UNKNOWN_KEY = "cloudwatch:namespace"
_TLS_KEY = "aws:SecureTransport"
_SEND = "sqs:SendMessage"
_SCHEDULE = re.compile(r"(:schedule)/[^/\"]+/")
_SUBSTITUTION = re.compile(r"\$\{([^}]+)\}")


def complete(emulator: Emulator, stack: str) -> None:
    """Make the deployed stack as the template says."""
    cloudformation = emulator.client("cloudformation")
    template = cloudformation.get_template(StackName=stack, TemplateStage="Processed")
    resources = cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
    names = {item["LogicalResourceId"]: item["PhysicalResourceId"] for item in resources}
    [described] = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    given = {item["ParameterKey"]: item["ParameterValue"] for item in described["Parameters"]}
    for logical_id, resource in template["TemplateBody"]["Resources"].items():
        if logical_id not in names:
            continue  # its condition left it out
        if resource["Type"] == "AWS::ApiGateway::RestApi":
            _complete_api(emulator, names[logical_id], resource["Properties"]["Body"], names)
            _complete_answers(emulator, names[logical_id], resource["Properties"]["Body"], given)
        elif resource["Type"] == "AWS::Lambda::EventSourceMapping":
            _complete_mapping(emulator, names[logical_id])
        elif resource["Type"] == "AWS::IAM::Role":
            _complete_role(emulator, names[logical_id])
        elif resource["Type"] == "AWS::SQS::Queue":
            _complete_queue(emulator, names[logical_id])
        elif logical_id == "LedgerTable":
            _complete_ledger(emulator, names[logical_id])


def _complete_api(emulator: Emulator, api: str, body: Any, names: dict[str, str]) -> None:  # noqa: ANN401 - JSON
    gateway = emulator.client("apigateway")
    found = gateway.get_resources(restApiId=api, limit=500)["items"]
    paths = {item["path"]: item["id"] for item in found}
    authorizers = {
        item["name"]: item["id"] for item in gateway.get_authorizers(restApiId=api)["items"]
    }
    for path, operations in body["paths"].items():
        if _ANY in operations:
            _put_any(gateway, api, paths[path], operations[_ANY], authorizers, names)


def _complete_answers(emulator: Emulator, api: str, body: Any, given: dict[str, str]) -> None:  # noqa: ANN401 - JSON
    gateway = emulator.client("apigateway")
    for kind, response in body.get(_RESPONSES, {}).items():
        headers = response.get("responseParameters", {})
        gateway.put_gateway_response(
            restApiId=api,
            responseType=kind,
            statusCode=str(response["statusCode"]),
            responseTemplates=response.get("responseTemplates", {}),
            responseParameters={
                name: value if isinstance(value, str) else _filled(value["Fn::Sub"], given)
                for name, value in headers.items()
            },
        )
    [stage] = gateway.get_stages(restApiId=api)["item"]
    gateway.create_deployment(restApiId=api, stageName=stage["stageName"])


def _put_any(
    gateway: Any,  # noqa: ANN401 - a boto3 client
    api: str,
    resource: str,
    operation: Any,  # noqa: ANN401 - JSON
    authorizers: dict[str, str],
    names: dict[str, str],
) -> None:
    where = {"restApiId": api, "resourceId": resource, "httpMethod": "ANY"}
    schemes = [name for requirement in operation.get("security", []) for name in requirement]
    guard = {"authorizationType": "NONE"}
    if schemes and schemes[0] in authorizers:
        guard = {"authorizationType": "CUSTOM", "authorizerId": authorizers[schemes[0]]}
    gateway.put_method(**where, **guard)
    integration = operation["x-amazon-apigateway-integration"]
    gateway.put_integration(
        **where,
        type=integration["type"].upper(),
        integrationHttpMethod=integration["httpMethod"],
        uri=_resolved(integration["uri"]["Fn::Sub"], names),
    )


def _resolved(text: str, names: dict[str, str]) -> str:
    """Return the text of a Fn::Sub with region and functions' ARNs filled in."""

    def fill(found: re.Match[str]) -> str:
        name = found[1]
        if name == "AWS::Region":
            return REGION
        return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{names[name.removesuffix('.Arn')]}"

    return _SUBSTITUTION.sub(fill, text)


def _filled(text: str, given: dict[str, str]) -> str:
    """Return the text of a Fn::Sub with the stack's parameters filled in."""
    return _SUBSTITUTION.sub(lambda found: given[found[1]], text)


def _complete_mapping(emulator: Emulator, mapping: str) -> None:
    functions = emulator.client("lambda")
    scaling = functions.get_event_source_mapping(UUID=mapping).get("ScalingConfig")
    if scaling:
        concurrency = int(scaling["MaximumConcurrency"])
        functions.update_event_source_mapping(
            UUID=mapping, ScalingConfig={"MaximumConcurrency": concurrency}
        )


def _complete_role(emulator: Emulator, role: str) -> None:
    iam = emulator.client("iam")
    for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        document = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
        for statement in document["Statement"]:
            if _UNKNOWN_KEY in json.dumps(statement.get("Condition")):
                del statement["Condition"]
            if _SEND in (actions := _listed(statement["Action"])):
                statement["Action"] = [*actions, f"{_SEND}Batch"]
        text = _SCHEDULE.sub(r"\1/default/", json.dumps(document))
        iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=text)


def _listed(value: Any) -> list[Any]:  # noqa: ANN401 - IAM takes one thing for a list of one
    return value if isinstance(value, list) else [value]


def _complete_queue(emulator: Emulator, queue: str) -> None:
    sqs = emulator.client("sqs")
    # The policy denies these calls too, unless something in front of the emulator took TLS off.
    sqs.meta.events.register("before-call.sqs", _say_tls, unique_id="tls")
    attributes = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["Policy"])
    document = json.loads(attributes.get("Attributes", {}).get("Policy") or '{"Statement": []}')
    kept = [item for item in document["Statement"] if _TLS_KEY not in json.dumps(item)]
    if len(kept) < len(document["Statement"]):
        policy = json.dumps(document | {"Statement": kept}) if kept else ""
        sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    sqs.meta.events.unregister("before-call.sqs", unique_id="tls")


def _complete_ledger(emulator: Emulator, table: str) -> None:
    dynamodb = emulator.client("dynamodb")
    if not dynamodb.describe_table(TableName=table)["Table"].get("LatestStreamArn"):
        stream = {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}
        dynamodb.update_table(TableName=table, StreamSpecification=stream)


def _say_tls(params: dict[str, Any], **_: object) -> None:
    params["headers"]["X-Forwarded-Proto"] = "https"
