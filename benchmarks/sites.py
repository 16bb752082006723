"""What is measured, laid out as Lambda has it: layers and functions unpacked from SAM's zips.

Nothing below `build/bench` is written while a function runs, as in /opt and /var/task.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

from samcli.lib.package.utils import make_zip_with_lambda_permissions

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / ".aws-sam/build"
WORK = ROOT / "build/bench"
RUNTIME = WORK / "runtime"  # awslambdaric
NAIVE = WORK / "naive"  # the layer of the usual mix, with the full SDK


@dataclass(frozen=True, slots=True)
class Function:
    """A handler, and the folders that it is imported from, first the function's own."""

    handler: str
    path: tuple[Path, ...]

    @property
    def python_path(self) -> str:
        """PYTHONPATH of its process, the runtime client last as in Lambda."""
        return os.pathsep.join(str(folder) for folder in (*self.path, RUNTIME))


@dataclass(frozen=True, slots=True)
class Sites:
    """All that starts, and the sizes of the zips in bytes."""

    functions: dict[str, Function]
    layer: Path
    zip_bytes: int
    naive_zip_bytes: int
    byte_code: bool  # whether `sam build` made the byte-code, or the benchmarks had to


def prepare(python: str) -> Sites:
    """Lay out everything for the interpreter `python`."""
    ours = WORK / "ours"
    shutil.rmtree(ours, ignore_errors=True)
    ours.mkdir(parents=True)
    zip_bytes = _through_zip(BUILD / "TaqnyatLayer", ours / "layer")
    for name in ("ApiFunction", "WorkerFunction"):
        _through_zip(BUILD / name, ours / name)
    tag = _said(python, "import sys; print(sys.implementation.cache_tag)")
    byte_code = any(ours.rglob(f"*.{tag}.pyc"))
    if not byte_code:
        # No python3.13 at build time. What is measured is still whole byte-code.
        _compile(python, ours, "unchecked-hash")
    compiled = WORK / "compiled"
    shutil.rmtree(compiled, ignore_errors=True)
    shutil.copytree(ours, compiled, ignore=shutil.ignore_patterns("__pycache__"))
    _compile(python, compiled, "timestamp")
    layer = ours / "layer/python"
    worker = "mail_send.worker.handler"
    return Sites(
        functions={
            "worker": Function(worker, (ours / "WorkerFunction", layer)),
            "worker, compiled in place": Function(
                worker, (compiled / "WorkerFunction", compiled / "layer/python")
            ),
            "api": Function("mail_send.api.handler", (ours / "ApiFunction", layer)),
            "one client": Function("benchmarks.references.one_client.handler", (ROOT, NAIVE)),
            "usual mix, worker": Function("benchmarks.naive.app.worker_handler", (ROOT, NAIVE)),
            "usual mix, api": Function("benchmarks.naive.app.api_handler", (ROOT, NAIVE)),
        },
        layer=layer,
        zip_bytes=zip_bytes,
        naive_zip_bytes=_zipped_bytes(NAIVE),
        byte_code=byte_code,
    )


def _through_zip(built: Path, target: Path) -> int:
    """Zip as SAM uploads, and unpack with the zip's own dates; return the zip's bytes."""
    archive = Path(make_zip_with_lambda_permissions(str(target), str(built)))
    with zipfile.ZipFile(archive) as zipped:
        for entry in zipped.infolist():
            path = Path(zipped.extract(entry, target))
            moment = time.mktime((*entry.date_time, 0, 0, -1))
            os.utime(path, (moment, moment))
    size = archive.stat().st_size
    archive.unlink()
    return size


def _zipped_bytes(folder: Path) -> int:
    """Zip a layer as the usual `sam build` leaves it, without byte-code; return the bytes."""
    source, target = WORK / "zipped", WORK / "zipped-layer"
    shutil.rmtree(source, ignore_errors=True)
    shutil.copytree(folder, source / "python", ignore=shutil.ignore_patterns("__pycache__"))
    archive = Path(make_zip_with_lambda_permissions(str(target), str(source)))
    size = archive.stat().st_size
    archive.unlink()
    shutil.rmtree(source)
    return size


def _compile(python: str, folder: Path, mode: str) -> None:
    command = [python, "-m", "compileall", "-q", "--invalidation-mode", mode, str(folder)]
    subprocess.run(command, check=True)


def _said(python: str, code: str) -> str:
    return subprocess.run(
        [python, "-c", code], check=True, capture_output=True, text=True
    ).stdout.strip()
