"""The bundle as the emulator gets it: code zipped with this Python's byte-code, template as JSON.

The bundle has byte-code of Lambda's Python. With another one, each function would compile all of
its packages at each cold start, which takes seconds. What was made is kept in .local/packed.
"""

import compileall
import hashlib
import json
import os
import py_compile
import shutil
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

KEPT = Path(__file__).parents[1] / ".local" / "packed"
_EPOCH = (1980, 1, 1, 0, 0, 0)
_OLD_SECONDS = 7 * 24 * 3600.0


def packed(folder: Path) -> bytes:
    """Return the zip of a folder, made again only if a file of it changed."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    told = [
        (str(path.relative_to(folder)), found.st_size, found.st_mtime_ns)
        for path in files
        for found in [path.stat()]
    ]
    return _kept(f"{_name(repr((sys.version, told)))}.zip", lambda at: _pack(folder, at))


def template(path: Path) -> Any:  # noqa: ANN401 - JSON
    """Return a template, read again only if its text changed: SAM's reader is slow."""
    text = path.read_text("utf-8")

    def read(draft: Path) -> None:
        from samcli.yamlhelper import yaml_parse  # noqa: PLC0415 - half a start's imports

        draft.write_text(json.dumps(yaml_parse(text)))

    return json.loads(_kept(f"{_name(text)}.json", read))


def _name(told: str) -> str:
    return hashlib.sha256(told.encode()).hexdigest()


def _kept(name: str, make: Callable[[Path], None]) -> bytes:
    kept = KEPT / name
    if not kept.exists():
        KEPT.mkdir(parents=True, exist_ok=True)
        _remove_old()
        with tempfile.TemporaryDirectory(dir=KEPT) as place:
            make(Path(place) / name)
            (Path(place) / name).replace(kept)
    os.utime(kept)
    return kept.read_bytes()


def _pack(folder: Path, target: Path) -> None:
    copy = target.with_name("code")
    shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("__pycache__"))
    unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH
    compileall.compile_dir(copy, quiet=2, invalidation_mode=unchecked)
    with zipfile.ZipFile(target, "w") as archive:  # stored: nothing is sent over a network
        for path in sorted(path for path in copy.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(str(path.relative_to(copy)), _EPOCH)
            entry.external_attr = path.stat().st_mode << 16
            archive.writestr(entry, path.read_bytes())


def _remove_old() -> None:
    for path in KEPT.glob("*.*"):
        if path.stat().st_mtime < time.time() - _OLD_SECONDS:
            path.unlink(missing_ok=True)
