"""The code as the emulator gets it: zipped, with byte-code of the Python that runs it here.

The bundle has byte-code of Lambda's Python. With another one, each function would compile all of
its packages at each cold start, which takes seconds. What was packed is kept in .local/packed.
"""

import compileall
import hashlib
import os
import py_compile
import shutil
import sys
import tempfile
import time
import zipfile
from pathlib import Path

KEPT = Path(__file__).parents[1] / ".local" / "packed"
_EPOCH = (1980, 1, 1, 0, 0, 0)
_OLD_SECONDS = 7 * 24 * 3600.0


def packed(folder: Path) -> bytes:
    """Return the zip of a folder, made anew only if a file of it changed."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    told = [
        (str(path.relative_to(folder)), found.st_size, found.st_mtime_ns)
        for path in files
        for found in [path.stat()]
    ]
    name = hashlib.sha256(repr((sys.version, told)).encode()).hexdigest()
    kept = KEPT / f"{name}.zip"
    if not kept.exists():
        KEPT.mkdir(parents=True, exist_ok=True)
        _remove_old()
        with tempfile.TemporaryDirectory(dir=KEPT) as place:
            draft = Path(place) / "draft.zip"
            _pack(folder, Path(place) / "code", draft)
            draft.replace(kept)
    os.utime(kept)
    return kept.read_bytes()


def _pack(folder: Path, copy: Path, target: Path) -> None:
    shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("__pycache__"))
    unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH
    compileall.compile_dir(copy, quiet=2, invalidation_mode=unchecked)
    with zipfile.ZipFile(target, "w") as archive:  # stored: nothing travels
        for path in sorted(path for path in copy.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(str(path.relative_to(copy)), _EPOCH)
            entry.external_attr = path.stat().st_mode << 16
            archive.writestr(entry, path.read_bytes())


def _remove_old() -> None:
    for path in KEPT.glob("*.zip"):
        if path.stat().st_mtime < time.time() - _OLD_SECONDS:
            path.unlink(missing_ok=True)
