"""`sam deploy --guided`, answered by pressing Enter at each question, on the emulator."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.emulator import Emulator
from ops.version import VERSION

ROOT = Path(__file__).parents[2]
MORE_THAN_THE_QUESTIONS = 60
TAG = f"taqnyat-mail:version={VERSION}"  # as `make deploy` gives it


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[Emulator]:
    folder = tmp_path / "emulator"
    folder.mkdir()
    with Emulator(folder) as running:
        yield running


def test_enter_at_each_question_deploys_the_whole_stack(emulator: Emulator, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    shutil.copytree(ROOT / ".aws-sam/build", bundle / ".aws-sam/build")
    for name in ("template.yaml", "samconfig.toml"):  # sam writes its answers into the latter
        shutil.copy(ROOT / name, bundle)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "SAM_CLI_TELEMETRY": "0",
        "AWS_ENDPOINT_URL": emulator.endpoint_url,
        "AWS_ACCESS_KEY_ID": emulator.access_key_id,
        "AWS_SECRET_ACCESS_KEY": emulator.secret_access_key,
        "AWS_REGION": emulator.region,
        "AWS_DEFAULT_REGION": emulator.region,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }

    deployed = subprocess.run(
        [Path(sys.executable).with_name("sam"), "deploy", "--tags", TAG, "--guided"],
        cwd=bundle,
        env=environment,
        input="\n" * MORE_THAN_THE_QUESTIONS,
        capture_output=True,
        text=True,
        check=False,
        timeout=150,
    )

    assert deployed.returncode == 0, deployed.stdout[-3000:] + deployed.stderr[-3000:]
    stacks = emulator.client("cloudformation").describe_stacks(StackName="taqnyat-mail")["Stacks"]
    assert [stack["StackStatus"] for stack in stacks] == ["CREATE_COMPLETE"]
    assert all(output["OutputValue"] for output in stacks[0]["Outputs"])
    assert [f"{tag['Key']}={tag['Value']}" for tag in stacks[0]["Tags"]] == [TAG]
