"""The embedded emulator: it comes up, and nothing of it stays whatever happens to us."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError

from local.emulator import ACCOUNT, Emulator

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/cmdline").exists(), reason="processes are looked up in /proc"
)
ROOT = Path(__file__).parents[2]
HOLDER = """
import sys, signal
from pathlib import Path
from local.emulator import Emulator
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
with Emulator(Path(sys.argv[1])) as emulator:
    print(emulator.endpoint_url, flush=True)
    signal.pause()
"""


def test_it_comes_up_and_leaves_only_its_log(tmp_path: Path) -> None:
    with Emulator(tmp_path) as emulator:
        identity = emulator.client("sts").get_caller_identity()
        assert identity["Arn"] == f"arn:aws:iam::{ACCOUNT}:root"
        assert _processes_in(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["emulator.log"]
    assert _processes_in(tmp_path) == []


def test_the_policies_of_roles_are_enforced(tmp_path: Path) -> None:
    with Emulator(tmp_path) as emulator:
        iam = emulator.client("iam")
        iam.create_user(UserName="nobody")
        key = iam.create_access_key(UserName="nobody")["AccessKey"]
        sqs = boto3.client(
            "sqs",
            endpoint_url=emulator.endpoint_url,
            region_name=emulator.region,
            aws_access_key_id=key["AccessKeyId"],
            aws_secret_access_key=key["SecretAccessKey"],
        )
        with pytest.raises(ClientError) as denied:
            sqs.list_queues()
        assert denied.value.response["Error"]["Code"] == "AccessDenied"


def test_the_environment_is_clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAQNYAT_TOKEN", "must-not-get-in")
    with Emulator(tmp_path):
        environments = [
            Path(f"/proc/{pid}/environ").read_bytes() for pid in _ministacks_in(tmp_path)
        ]
        assert environments
        assert not any(b"must-not-get-in" in environment for environment in environments)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_it_ends_when_its_owner_is_killed(tmp_path: Path, how: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline().startswith("http://127.0.0.1:")
        assert _processes_in(tmp_path)
        owner.send_signal(how)
        try:
            owner.wait(5)
        finally:
            owner.kill()
    _until(lambda: _processes_in(tmp_path) == [])
    _until(lambda: [path.name for path in tmp_path.iterdir()] == ["emulator.log"])


def _processes_in(folder: Path) -> list[int]:
    """Return the processes that name the folder in their command line or work in it."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            command = (entry / "cmdline").read_bytes()
            place = str((entry / "cwd").readlink())
        except OSError:
            continue
        if place.startswith(str(folder)) or str(folder).encode() in command:
            found.append(int(entry.name))
    return found


def _ministacks_in(folder: Path) -> list[int]:
    return [
        pid
        for pid in _processes_in(folder)
        if b"emulated" in Path(f"/proc/{pid}/cmdline").read_bytes()
        and b"guardian" not in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]


def _until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)
