"""An older version of the bundle, from the repository's own history, to run beside today's."""

import importlib
import io
import subprocess
import sys
import tarfile
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from tests.faults.containers import Notes
from tests.faults.installation import Version, functions_of

ROOT: Final = Path(__file__).parents[2]
V0_1_0: Final = "5bfeed8"
_FOLDERS: Final = ("layers/taqnyat", "functions/send", "functions/status_check")
_PACKAGES: Final = ("outbox", "taqnyat", "mail_send", "mail_status")


class OldNotes(Notes):
    """Takes the place of 0.1.0's Telemetry."""

    def delivered(self, report: Any) -> None:
        self.reports.append(report)

    def trouble(self, what: str, error: Exception, mail_id: str = "") -> None:
        self.error(what, error, mail_id)

    def note(self, what: str, **fields: object) -> None:
        self.event(what, **fields)


def checked_out(commit: str, folder: Path) -> Path:
    """Lay the deployed code of a commit into a folder; skip where the history is not here."""
    shallow = subprocess.run(
        ["git", "-C", str(ROOT), "archive", commit, *_FOLDERS], capture_output=True, check=False
    )
    if shallow.returncode:
        pytest.skip(f"the history of this checkout does not reach {commit}")
    with tarfile.open(fileobj=io.BytesIO(shallow.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder


def load(folder: Path) -> Version:
    """Import a version's modules beside today's, which keep their names."""
    with _aside() as modules:
        sys.path[:0] = [str(folder / part) for part in _FOLDERS]
        try:
            api, worker, status = (
                importlib.import_module(name)
                for name in ("mail_send.api", "mail_send.worker", "mail_status.handler")
            )
            aws = importlib.import_module("outbox.aws")
            credentials = importlib.import_module("taqnyat.credentials")
        finally:
            del sys.path[: len(_FOLDERS)]
        loaded = modules()
    assert str(worker.__file__).startswith(str(folder))
    return Version(
        aws=aws,
        credentials=credentials,
        worker=worker,
        wired=(api, worker, status),
        sending=(worker, status),
        notes=OldNotes,
        functions=tuple(functions_of(loaded)),
    )


@contextmanager
def _aside() -> Iterator[Callable[[], dict[str, types.ModuleType]]]:
    """Put today's modules out of the way, and back again."""

    def ours() -> dict[str, types.ModuleType]:
        return {
            name: module
            for name, module in sys.modules.items()
            if name.partition(".")[0] in _PACKAGES
        }

    today = ours()
    for name in today:
        del sys.modules[name]
    try:
        yield ours
    finally:
        for name in ours():
            del sys.modules[name]
        sys.modules.update(today)
