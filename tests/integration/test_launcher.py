"""`./taqnyat-mail`: what lies in the folder where it is typed is not run."""

import subprocess
from pathlib import Path

import pytest

LAUNCHER = Path(__file__).parents[2] / "taqnyat-mail"


@pytest.mark.parametrize("name", ["csv.py", "jinja2.py", "json.py", "ops.py", "sitecustomize.py"])
def test_the_working_directory_is_not_imported(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("open('ran', 'w').close()\n")

    done = subprocess.run(
        [LAUNCHER, "campaign", "--help"], cwd=tmp_path, capture_output=True, text=True, check=True
    )

    assert "FILE.csv" in done.stdout
    assert not (tmp_path / "ran").exists()
