"""`make demo`, without a terminal and at full speed."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_story_ends_with_books_that_balance() -> None:
    command = [sys.executable, "-m", "local.demo"]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "203 accepted = 202 sent + 1 failed + 0 unknown + 0 queued" in done.stdout
    assert "\x1b" not in done.stdout
