"""The office that commands are typed in."""

import time
from pathlib import Path

import pytest

from tests.unit.ops.office import Office, open_office


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    """Give an office in a folder of its own."""
    return open_office(tmp_path, monkeypatch, time.time)
