"""A few breaks of the template, drawn at random: each must be noticed (`make template-breaks`)."""

import os
import subprocess
import sys

import pytest

from tests.infrastructure.expansion import ROOT

SAMPLE = 6


@pytest.mark.timeout(420)  # 10 seconds on a machine that is quiet
def test_each_of_a_few_breaks_of_the_template_is_noticed() -> None:
    command = [
        sys.executable,
        "-m",
        "tests.infrastructure.template_breaks",
        "--sample",
        str(SAMPLE),
    ]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
    )

    assert f"{SAMPLE} of {SAMPLE} noticed" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 0
