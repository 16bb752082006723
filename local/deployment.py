"""The stack in the emulator: template.yaml as `sam build` left it, deployed by `sam deploy`."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from local import guardian, parameters
from local.completion import complete
from local.emulator import Emulator
from local.errors import LocalStackError
from local.parameters import STACK_NAME

ROOT = Path(__file__).parents[1]
BUILT = ROOT / ".aws-sam" / "build" / "template.yaml"
_BUCKET = "artifacts"
_POLL_SECONDS = "0.1"


def build() -> None:
    """Run `sam build` if there is nothing built; `make` does so whenever a source changed."""
    if not BUILT.exists():
        command = [sys.executable, "-m", "samcli", "build"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise LocalStackError(f"sam build failed:\n{_end(done.stderr)}")


def deploy(
    emulator: Emulator, folder: Path, taqnyat_url: str, more: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Deploy the stack and return its outputs.

    `folder` takes the tool's files; `more` are parameters besides those of `parameters`.

    Raises:
        LocalStackError: `sam deploy` failed; the message has the end of what it said.

    """
    emulator.client("s3").create_bucket(Bucket=_BUCKET)
    home = folder / "sam"
    home.mkdir()
    command = [
        *(sys.executable, "-m", "samcli", "deploy"),
        *("--template-file", str(BUILT), "--stack-name", STACK_NAME),
        *("--s3-bucket", _BUCKET, "--no-resolve-s3", "--capabilities", "CAPABILITY_IAM"),
        *("--no-confirm-changeset", "--no-progressbar", "--region", emulator.region),
        *("--parameter-overrides", *parameters.overrides(taqnyat_url, more)),
    ]
    environment = {
        **emulator.environment(),
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "HOME": str(home),
        "TMPDIR": str(home),
        "SAM_CLI_TELEMETRY": "0",
        "SAM_CLI_POLL_DELAY": _POLL_SECONDS,
    }
    with subprocess.Popen(
        guardian.guarded(home, command),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=ROOT,
        env=environment,
        text=True,
        start_new_session=True,
    ) as sam:
        said = sam.stdout.read() if sam.stdout else ""
    if sam.returncode:
        raise LocalStackError(f"sam deploy failed:\n{_end(said)}")
    complete(emulator, STACK_NAME)
    [stack] = emulator.client("cloudformation").describe_stacks(StackName=STACK_NAME)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def put_secrets(emulator: Emulator, outputs: Mapping[str, str], token: str, api_key: str) -> None:
    """Put Taqnyat's token and the hash of one API key into the stack's empty secrets."""
    secrets = emulator.client("secretsmanager")
    secrets.put_secret_value(SecretId=outputs["TokenSecretArn"], SecretString=token)
    digest = hashlib.sha256(api_key.encode()).hexdigest()
    keys = {"local": {"sha256": [digest], "from": ["*"], "scopes": ["send", "read"]}}
    secrets.put_secret_value(SecretId=outputs["ApiKeysSecretArn"], SecretString=json.dumps(keys))


def local_api_url(emulator: Emulator, outputs: Mapping[str, str]) -> str:
    """Return where the emulator serves the API: the output names the address that AWS would."""
    api = (urlsplit(outputs["ApiUrl"]).hostname or "").partition(".")[0]
    return f"{emulator.endpoint_url}/_aws/execute-api/{api}/{outputs['StageName']}"


def _end(text: str) -> str:
    return "\n".join(text.strip().splitlines()[-25:])
