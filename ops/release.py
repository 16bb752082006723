"""A release: a folder that deploys with the AWS CLI alone, without Python, SAM or this checkout.

    python -m ops.release <folder of `sam build`> <folder to write>

The same build gives the same bytes: entries in order, no times, no owners.
"""

import hashlib
import re
import shutil
import sys
import zipfile
from pathlib import Path
from typing import Final

_ROOT: Final = Path(__file__).parents[1]
# How SAM names the folder of a function's or layer's code in a built template.
_CODE: Final = re.compile(r"^( +(?:CodeUri|ContentUri): )(\w+)$", re.MULTILINE)
_OLDEST: Final = (1980, 1, 1, 0, 0, 0)  # the first day that a zip can have
_READABLE: Final = 0o100644 << 16
_UNIX: Final = 3
# Files that are copied: the optional network, and the instructions.
_COPIED: Final = {"network.yaml": "network.yaml", "docs/release.md": "README.md"}


def write(built: Path, target: Path) -> None:
    """Write the release of a build to `target`, which must not exist."""
    target.mkdir(parents=True)
    template = (built / "template.yaml").read_text("utf-8")
    for _, name in _CODE.findall(template):
        pack(built / name, target / f"{name}.zip")
    (target / "template.yaml").write_text(_CODE.sub(r"\1\2.zip", template), "utf-8")
    for source, name in _COPIED.items():
        shutil.copyfile(_ROOT / source, target / name)
    sums = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n"
        for path in sorted(target.iterdir())
    ]
    (target / "SHA256SUMS").write_text("".join(sums), "utf-8")


def pack(folder: Path, target: Path) -> None:
    """Zip a folder's files by their names, without other data of the file system."""
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*")}
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, path in sorted(files.items()):
            if path.is_dir():
                continue
            entry = zipfile.ZipInfo(name, _OLDEST)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = _READABLE
            entry.create_system = _UNIX
            archive.writestr(entry, path.read_bytes())


if __name__ == "__main__":
    write(Path(sys.argv[1]), Path(sys.argv[2]))
