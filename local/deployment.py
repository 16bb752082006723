"""The stack in the emulator: template.yaml as `sam build` left it, deployed unchanged.

What `sam deploy` would do, without its start of several seconds: the folders of code go to a
bucket, and the template, which then names them there, to CloudFormation.
"""

import hashlib
import json
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import WaiterError

from local import packing
from local.emulator import Emulator
from local.errors import LocalStackError
from local.parameters import LOCAL, STACK_NAME

ROOT = Path(__file__).parents[1]
BUILT = ROOT / ".aws-sam" / "build" / "template.yaml"
_BUCKET = "artifacts"
_CODE = {"CodeUri", "ContentUri"}
_WAIT = {"Delay": 0.05, "MaxAttempts": 2400}
_COMPLETE = ["CREATE_COMPLETE", "UPDATE_COMPLETE"]


def build() -> None:
    """Run `sam build` if there is nothing built; `make` does so whenever a source changed."""
    if not BUILT.exists():
        command = [sys.executable, "-m", "samcli", "build"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            end = "\n".join(done.stderr.strip().splitlines()[-25:])
            raise LocalStackError(f"sam build failed:\n{end}")


def deploy(
    emulator: Emulator,
    taqnyat_url: str,
    more: Mapping[str, str],
    name: str = STACK_NAME,
) -> dict[str, str]:
    """Deploy a stack and return its outputs; `more` are parameters in addition to the local ones.

    One that is there from an earlier run is brought up to date.

    Raises:
        LocalStackError: it could not be deployed; the message has the reasons.

    """
    emulator.client("s3").create_bucket(Bucket=_BUCKET)
    template = packing.template(BUILT)
    with ThreadPoolExecutor() as pool:
        list(pool.map(partial(_upload, emulator), template["Resources"].values()))
    values = {**LOCAL, "TaqnyatUrl": taqnyat_url, **more}
    given = [{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()]
    wanted = json.dumps([template, given]).encode()
    cloudformation = emulator.client("cloudformation")
    stacks = cloudformation.list_stacks(StackStatusFilter=_COMPLETE)["StackSummaries"]
    there = name in [stack["StackName"] for stack in stacks]
    if not there or _object(emulator, f"deployed/{name}") != wanted:
        how = "update" if there else "create"
        _put(emulator, "template", json.dumps(template).encode())
        getattr(cloudformation, f"{how}_stack")(
            StackName=name,
            TemplateURL=f"https://s3.amazonaws.com/{_BUCKET}/template",
            Parameters=given,
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        )
        try:
            cloudformation.get_waiter(f"stack_{how}_complete").wait(
                StackName=name, WaiterConfig=_WAIT
            )
        except WaiterError:
            reasons = _reasons(cloudformation, name)
            raise LocalStackError(f"the stack was not deployed:\n{reasons}") from None
        _put(emulator, f"deployed/{name}", wanted)
    [stack] = cloudformation.describe_stacks(StackName=name)["Stacks"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    _add_stream(emulator.client("dynamodb"), outputs["LedgerTable"])
    return outputs


def _add_stream(dynamodb: Any, table: str) -> None:  # noqa: ANN401 - a boto3 client
    """Give the ledger a stream if it has none: the console reads it."""
    if not dynamodb.describe_table(TableName=table)["Table"].get("LatestStreamArn"):
        stream = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
        dynamodb.update_table(TableName=table, StreamSpecification=stream)


def _put(emulator: Emulator, key: str, body: bytes) -> None:
    emulator.client("s3").put_object(Bucket=_BUCKET, Key=key, Body=body)


def _object(emulator: Emulator, key: str) -> bytes:
    s3 = emulator.client("s3")
    try:
        body: bytes = s3.get_object(Bucket=_BUCKET, Key=key)["Body"].read()
    except s3.exceptions.NoSuchKey:
        return b""  # of an older version, which kept it elsewhere
    return body


def _upload(emulator: Emulator, resource: dict[str, Any]) -> None:
    """Put the folder of code that a resource has into the bucket, and name it there instead."""
    properties = resource.get("Properties", {})
    for name in _CODE & properties.keys():
        packed = packing.packed(BUILT.parent / properties[name])
        key = hashlib.sha256(packed).hexdigest()
        _put(emulator, key, packed)
        properties[name] = f"s3://{_BUCKET}/{key}"


def _reasons(cloudformation: Any, name: str) -> str:  # noqa: ANN401 - a boto3 client
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    return "\n".join(
        f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', '')}"
        for event in events
        if event["ResourceStatus"].endswith("FAILED")
    )


def put_secrets(emulator: Emulator, outputs: Mapping[str, str], token: str, api_key: str) -> None:
    """Put Taqnyat's token and the hash of one API key into the stack's empty secrets."""
    secrets = emulator.client("secretsmanager")
    secrets.put_secret_value(SecretId=outputs["TokenSecretArn"], SecretString=token)
    digest = hashlib.sha256(api_key.encode()).hexdigest()
    keys = {"local": {"sha256": [digest], "from": ["*"], "scopes": ["send", "read", "webhooks"]}}
    secrets.put_secret_value(SecretId=outputs["ApiKeysSecretArn"], SecretString=json.dumps(keys))


def open_api(emulator: Emulator, outputs: Mapping[str, str]) -> str:
    """Have the API served, and return its address: the output names the one that AWS would."""
    emulator.open_api((urlsplit(outputs["ApiUrl"]).hostname or "").partition(".")[0])
    return f"{emulator.api_url}/{outputs['StageName']}"
