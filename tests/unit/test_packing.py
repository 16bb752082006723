"""How the local stack packs code: byte-code of this Python, kept until a file changes."""

import io
import os
import sys
import zipfile
from pathlib import Path

import pytest

from local import packing


def test_code_has_the_byte_code_of_this_python_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "KEPT", tmp_path / "kept")
    code = tmp_path / "code" / "package"
    (code / "__pycache__").mkdir(parents=True)
    (code / "a.py").write_text("A = 1\n", "utf-8")
    (code / "__pycache__" / "a.cpython-39.pyc").write_bytes(b"foreign")

    first = packing.packed(tmp_path / "code")

    made = f"package/__pycache__/a.{sys.implementation.cache_tag}.pyc"
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        assert archive.namelist() == [made, "package/a.py"]
        assert archive.read(made)[4:8] == b"\1\0\0\0"  # by hash, and not checked
    [kept] = (tmp_path / "kept").iterdir()
    kept.write_bytes(b"kept")
    assert packing.packed(tmp_path / "code") == b"kept"

    (code / "a.py").write_text("A = 2\n", "utf-8")
    os.utime(code / "a.py", ns=(1, 1))
    assert packing.packed(tmp_path / "code") not in (b"kept", first)


def test_a_template_is_read_anew_when_its_text_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "KEPT", tmp_path / "kept")
    template = tmp_path / "template.yaml"
    template.write_text("Value: !Sub ${A}\n", "utf-8")
    assert packing.template(template) == {"Value": {"Fn::Sub": "${A}"}}

    [kept] = (tmp_path / "kept").iterdir()
    kept.write_text('{"Value": "kept"}')
    assert packing.template(template) == {"Value": "kept"}
    template.write_text("Value: !Ref B\n", "utf-8")
    assert packing.template(template) == {"Value": {"Ref": "B"}}
