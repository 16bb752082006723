"""`make run` and `python -m local` as their users start them, and that nothing of them stays."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from local.loopback import is_taken
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
    "bulk_queue_url",
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
    assert steps[-6:] == ["accepted", "queued", "claimed", "attempt", "sent", "inbox"]


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
        (["--port", "65533"], "--port"),
        (["--keep", "--port", "0"], "--port 0"),
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


def test_two_at_a_time_do_not_disturb_each_other_and_mails_are_kept(
    no_process_stays: None,  # noqa: ARG001 - a guard
    kept_at: int,
) -> None:
    """The first run keeps its mail; the second has it again, and a third starts beside that."""
    keep = ["--keep", "--port", str(kept_at)]
    done = _local([*keep, "--once"], dict(os.environ))
    assert done.returncode == 0, done.stdout + done.stderr
    key = json.loads((ROOT / ".local" / "identity.json").read_text("utf-8"))["api_key"]

    with _running(*keep) as (second, details_file):
        details = json.loads(details_file.read_text("utf-8"))
        assert details["api_url"] == f"http://127.0.0.1:{kept_at}/v1"
        assert details["inbox_url"] == f"http://127.0.0.1:{kept_at + 1}"
        assert details["api_key"] == key
        assert _count(details["simulator_url"]) == 2
        assert _rows(details) == 2
        exported = _operate("local", "env")
        assert exported.stdout.splitlines()[:2] == [
            f"export API_URL={details['api_url']}",
            f"export API_KEY={key}",
        ]

        done = _local(["--once", "--port", str(kept_at)], dict(os.environ))
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.count("is taken: ") == 4
        assert json.loads(details_file.read_text("utf-8")) == details
        refused = _local(["--once", *keep], dict(os.environ))
        assert (refused.returncode, refused.stderr.count("another stack")) == (1, 1)
        second.send_signal(signal.SIGTERM)
        assert second.wait(30) == 0
    down = _operate("local", "env")
    assert (down.returncode, down.stdout) == (1, "")


def _operate(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(ROOT / "taqnyat-mail"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def _count(simulator_url: str) -> int:
    with urllib.request.urlopen(f"{simulator_url}/inbox", timeout=10) as answer:  # noqa: S310
        return len(json.load(answer)["mails"])


def _rows(details: dict[str, str]) -> int:
    asked = urllib.request.Request(  # noqa: S310
        f"{details['api_url']}/emails", headers={"Authorization": f"Bearer {details['api_key']}"}
    )
    with urllib.request.urlopen(asked, timeout=30) as answer:  # noqa: S310
        return len(json.load(answer)["data"])


@pytest.fixture
def kept_at() -> Iterator[int]:
    """Give the first of four free ports; what was kept for them is removed afterwards."""
    port = next(
        base for base in range(19_025, 30_000, 16) if not any(map(is_taken, range(base, base + 4)))
    )
    yield port
    shutil.rmtree(ROOT / ".local" / f"kept-{port}", ignore_errors=True)


@pytest.fixture
def no_process_stays() -> Iterator[None]:
    """Hold that no process that works below .local is there that was not there before."""
    if not Path("/proc/self/cmdline").exists():
        pytest.skip("processes are looked up in /proc")
    before = _processes()
    yield
    _until(lambda: _processes() <= before)


@contextmanager
def _running(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """Start it, and give it when it is up with the file that has its details."""
    with subprocess.Popen(
        [sys.executable, "-m", "local", *arguments],
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
