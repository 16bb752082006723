"""The office that commands are typed in."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from taqnyat.transport import Transport

from ops import stack as stacks
from tests.clock import Clock
from tests.unit.ops.cloud import NOW, Cloud
from tests.unit.ops.office import Office, open_office
from tests.unit.ops.provider import Taqnyat

_PATIENCE_SECONDS = 5.0


@pytest.fixture(autouse=True)
def _own_threads() -> Iterator[None]:
    """Let no thread go on in the next test, where Hypothesis would see its use of `random`."""
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        thread.join(_PATIENCE_SECONDS)


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    """Give an office in a folder of its own."""
    return open_office(tmp_path, monkeypatch, time.time)


@pytest.fixture
def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """Give a whole stack, on the clock that the code reads too."""
    clock = Clock(NOW)
    cloud = Cloud(tmp_path, clock)
    monkeypatch.setattr(time, "time", clock)
    monkeypatch.setattr(stacks, "find", lambda *_: cloud.stack())
    monkeypatch.setattr("tests.unit.ops.sqs._POLL_SCALE", 0.004)
    return cloud


@pytest.fixture
def taqnyat(monkeypatch: pytest.MonkeyPatch) -> Taqnyat:
    """Give a Taqnyat that answers as the guide says."""
    found = Taqnyat()
    monkeypatch.setattr(Transport, "request", lambda _self, *given: found.request(*given))
    return found
