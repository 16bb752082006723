"""`make run` and `python -m local` as their users start them, and that nothing of them stays."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from local.simulator import Simulator

ROOT = Path(__file__).parents[2]
FIELDS = {
    "api_url",
    "api_key",
    "simulator_url",
    "inbox_url",
    "aws_endpoint_url",
    "region",
    "access_key_id",
    "secret_access_key",
    "stack_name",
    "mail_queue_url",
    "failed_queue_url",
    "ledger_table",
    "pid",
}


def test_make_run_once(no_process_stays: None) -> None:  # noqa: ARG001 - a guard
    environment = {name: value for name, value in os.environ.items() if "MAKE" not in name}
    done = subprocess.run(
        ["make", "run", "ARGS=--once"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    steps = re.findall(r"^ +[\d.]+ s +(\w+)", done.stdout, re.MULTILINE)
    assert steps[-5:] == ["accepted", "queued", "claimed", "sent", "inbox"]


def test_another_provider_is_used_and_its_token_not_shown(
    no_process_stays: None,  # noqa: ARG001 - a guard
) -> None:
    with Simulator() as provider:
        environment = os.environ | {"TAQNYAT_TOKEN": provider.token}
        arguments = ["--once", "--taqnyat-url", provider.base_url, "--to", "me@example.com"]
        done = _local(arguments, environment)
        assert done.returncode == 0, done.stdout + done.stderr
        assert [mail["fields"]["to"] for mail in provider.inbox()] == ["me@example.com"]
        assert provider.token not in done.stdout + done.stderr


def test_a_first_mail_that_fails_is_an_exit_code_of_one() -> None:
    with Simulator() as provider:
        provider.script("code:16")
        environment = os.environ | {"TAQNYAT_TOKEN": provider.token}
        done = _local(["--once", "--taqnyat-url", provider.base_url], environment)
    assert done.returncode == 1
    assert "failed" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--taqnyat-url", "https://api.taqnyat.sa"], "TAQNYAT_TOKEN"),
        (["--taqnyat-url", "http://example.com"], "https"),
        (["--never"], "--never"),
    ],
)
def test_wrong_arguments_are_told(arguments: list[str], word: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "TAQNYAT_TOKEN"}
    done = _local(arguments, environment)
    assert done.returncode == 2
    assert word in done.stderr


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_everything_ends_with_it(
    how: signal.Signals,
    no_process_stays: None,  # noqa: ARG001 - a guard
) -> None:
    with _running() as (process, details_file):
        details = json.loads(details_file.read_text(encoding="utf-8"))
        assert set(details) >= FIELDS
        assert details["pid"] == process.pid
        assert details_file.stat().st_mode & 0o777 == 0o600
        process.send_signal(how)
        code = process.wait(15)
    assert code == (0 if how != signal.SIGKILL else -signal.SIGKILL)
    if how != signal.SIGKILL:
        assert not details_file.exists()


def test_two_at_a_time_do_not_disturb_each_other(
    no_process_stays: None,  # noqa: ARG001 - a guard
) -> None:
    with _running() as (first, details_file):
        before = details_file.read_bytes()
        done = _local(["--once"], dict(os.environ))
        assert done.returncode == 0, done.stdout + done.stderr
        assert details_file.read_bytes() == before
        first.send_signal(signal.SIGTERM)
        assert first.wait(15) == 0


@pytest.fixture
def no_process_stays() -> Iterator[None]:
    """Hold that no process that works below .local is there that was not there before."""
    if not Path("/proc/self/cmdline").exists():
        pytest.skip("processes are looked up in /proc")
    before = _processes()
    yield
    _until(lambda: _processes() <= before)


@contextmanager
def _running() -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """Start it, and give it when it is up with the file that has its details."""
    with subprocess.Popen(
        [sys.executable, "-m", "local"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            said = []
            for line in process.stdout:
                said.append(line)
                if found := re.search(r"details +(\S+)$", line.rstrip()):
                    yield process, Path(found[1])
                    break
            else:
                pytest.fail("".join(said))
        finally:
            process.kill()


def _local(arguments: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "local", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def _processes() -> set[int]:
    below = str(ROOT / ".local").encode()
    found = set()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            known = (entry / "cmdline").read_bytes() + bytes((entry / "cwd").readlink())
        except OSError:
            continue
        if below in known:
            found.add(int(entry.name))
    return found


def _until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)
