"""Schemathesis makes calls of docs/openapi.yaml, and holds the gateway's answers to it."""

import re
import subprocess
import sysconfig
from pathlib import Path

import pytest

from tests.e2e.world import World

DESCRIPTION = Path(__file__).parents[2] / "docs/openapi.yaml"
SEED = 20261123


@pytest.mark.timeout(400)
def test_no_answer_is_a_server_error_or_undocumented(world: World, tmp_path: Path) -> None:
    command = [
        str(Path(sysconfig.get_path("scripts")) / "schemathesis"),
        *("run", str(DESCRIPTION), "--url", world.stack.api_url),
        *("--header", f"Authorization: Bearer {world.stack.api_key}"),
        *("--seed", str(SEED), "--max-examples", "10", "--generation-database", "none"),
        # No schema can say all that makes an address, or which fields go together.
        # Nor that what is empty counts as left out, whatever the field's type.
        *("--exclude-checks", "positive_data_acceptance,negative_data_rejection"),
        *("--warnings", "off", "--no-color"),
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    print(done.stdout)  # noqa: T201 - its summary, for who asks pytest to show it
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No issues found" in done.stdout
    summary = re.search(r"(\d+) generated, (\d+) passed", done.stdout)
    assert summary is not None
    assert int(summary[1]) == int(summary[2]) > 300
