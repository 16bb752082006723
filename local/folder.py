"""The folder of one run below .local, and the file that tells others how to reach the stack.

Two runs in one checkout have folders of their own. The first of them owns `.local/stack.json`;
locks on files tell who is alive, and the system releases them however a process ends.
"""

import fcntl
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

_PREFIX = "run-"


@dataclass(frozen=True, slots=True)
class Identity:
    """What stays the same in a clone: an API key, Taqnyat's token, the emulator's secret path."""

    api_key: str = field(default_factory=lambda: f"local_{secrets.token_urlsafe(24)}", repr=False)
    token: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    path: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)


class RunFolder:
    """A new folder, and `stack.json` if no other run owns it."""

    def __init__(self, root: Path) -> None:
        """Make the folder below `root`, and remove those of runs that have ended."""
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        with (root / "lock").open("w") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            _remove_ended_runs(root)
            self.path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=root))
            self._alive = _try_lock(self.path / "alive")
            self._claim = _try_lock(root / "stack.lock")
            self.identity = _identity(root / "identity.json")
            if self.is_first:
                self.stack_json.unlink(missing_ok=True)

    @property
    def is_first(self) -> bool:
        """Return whether no other run of this checkout is up."""
        return self._claim is not None

    @property
    def stack_json(self) -> Path:
        """Where the details are: `.local/stack.json`, or in the own folder for a second run."""
        return (self.root if self.is_first else self.path) / "stack.json"

    def publish(self, details: Mapping[str, Any]) -> None:
        """Write the details at once and readable only by their owner: a key is among them."""
        write(self.stack_json, details)

    def withdraw(self) -> None:
        """Remove the details before the stack that they name ends."""
        self.stack_json.unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of the folder; the log stays until the next run."""
        self.withdraw()
        for lock in (self._claim, self._alive):
            if lock is not None:
                lock.close()
        self._claim = None


def write(target: Path, value: Mapping[str, Any]) -> None:
    """Write JSON at once and readable only by its owner."""
    draft = target.with_suffix(".tmp")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(value, file, indent=2)
    draft.replace(target)


def _identity(path: Path) -> Identity:
    try:
        return Identity(**json.loads(path.read_text("utf-8")))
    except (FileNotFoundError, ValueError, TypeError):  # none yet, or not one of ours
        made = Identity()
        write(path, asdict(made))
        return made


def _try_lock(path: Path) -> IO[str] | None:
    file = path.open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    return file


def _remove_ended_runs(root: Path) -> None:
    for folder in root.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            lock = _try_lock(folder / "alive")
            if lock is not None:
                lock.close()
                shutil.rmtree(folder, ignore_errors=True)
