"""The tests of the sample applications, against the stack that is up; and the fixture itself."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from local.stack import LocalStack

ROOT = Path(__file__).parents[2]


def _run(command: list[str], folder: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=ROOT / folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def path(tmp_path: Path) -> str:
    """Give a path with the package alone: beside it an installation leaves its own plug-in."""
    folder = tmp_path / "path"
    folder.mkdir()
    (folder / "taqnyat_mail_testing").symlink_to(ROOT / "testing/taqnyat_mail_testing")
    return str(folder)


def test_django_with_anymail(stack: LocalStack, path: str) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "taqnyat_mail_testing.plugin"]
    stack_json = str(stack.folder.stack_json)

    done = _run(command, "examples/django", PYTHONPATH=path, TAQNYAT_STACK_JSON=stack_json)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout


def test_node_with_the_sdk_of_resend(stack: LocalStack) -> None:
    if shutil.which("node") is None or not (ROOT / "examples/node/node_modules").exists():
        pytest.skip("the Node example is not installed (`make examples` does)")

    done = _run(
        ["node", "--test"], "examples/node", TAQNYAT_STACK_JSON=str(stack.folder.stack_json)
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "pass 3" in done.stdout


def test_without_a_stack_the_fixture_says_what_to_do(tmp_path: Path, path: str) -> None:
    (tmp_path / "test_it.py").write_text("def test_it(taqnyat_gateway): pass\n", "utf-8")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "taqnyat_mail_testing.plugin",
        "--rootdir",
    ]

    given = [*command, str(tmp_path), str(tmp_path)]
    done = _run(given, ".", PYTHONPATH=path, TAQNYAT_GATEWAY=str(tmp_path))

    assert done.returncode == 1
    assert "where is the gateway's repository?" in done.stdout
