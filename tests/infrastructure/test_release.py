"""One version wherever one is shown, and a release that is complete and always the same bytes."""

import hashlib
import os
import re
import shutil
import subprocess
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from packaging.version import Version

from ops import release, version
from ops.cli import main
from tests.infrastructure.expansion import ROOT, raw

BUILT = ROOT / ".aws-sam/build"
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
NOW: str = PYPROJECT["project"]["version"]
CHANGELOG = (ROOT / "CHANGELOG.md").read_text("utf-8")


def read(path: Path) -> dict[str, Any]:
    """Return a built template."""
    template: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    return template


def dry(target: str) -> str:
    """Return the commands of a make target."""
    environment = {name: value for name, value in os.environ.items() if "MAKE" not in name}
    command = ["make", "--dry-run", target, "ARGS=--guided"]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the release of the build."""
    target = tmp_path_factory.mktemp("release") / "release"
    release.write(BUILT, target)
    return target


def test_the_command_line_shows_the_version() -> None:
    said = CliRunner().invoke(main, ["--version"], prog_name="taqnyat-mail").stdout

    assert said == f"taqnyat-mail {NOW}\n"


def test_the_built_template_has_the_version_as_an_output() -> None:
    assert raw()["Outputs"]["Version"]["Value"] == version.UNKNOWN
    assert read(BUILT / "template.yaml")["Outputs"]["Version"]["Value"] == NOW


def test_the_version_becomes_a_tag_of_the_stack() -> None:
    assert f'sam deploy --tags "taqnyat-mail:version={NOW}" --guided' in dry("deploy")


def test_a_version_that_yaml_would_read_as_a_number_stays_text() -> None:
    stamped = version.stamp("Outputs:\n  Version:\n    Value: unversioned\n", "1.10")

    assert yaml.safe_load(stamped)["Outputs"]["Version"]["Value"] == "1.10"


@pytest.mark.parametrize("template", ["", "Value: '0.1.0'\n", "Value: unversioned\n" * 2])
def test_a_template_without_one_place_for_the_version_is_refused(template: str) -> None:
    with pytest.raises(ValueError, match="does not have one"):
        version.stamp(template, "1.0.0")


def test_the_version_stands_nowhere_else() -> None:
    """The changelog names what was released, and a transcript what was played."""
    tracked = subprocess.run(
        ["git", "grep", "-lF", NOW], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split()

    assert set(tracked) <= {"pyproject.toml", "CHANGELOG.md", "docs/incident.md"}


def test_the_changelog_is_of_this_version() -> None:
    """What is unreleased is of a development version, later than the last release."""
    released = re.findall(r"^## \[(\d+\.\d+\.\d+)\] - \d{4}-\d\d-\d\d$", CHANGELOG, re.MULTILINE)
    unreleased = CHANGELOG.partition("## [Unreleased]")[2].partition("\n## [")[0]
    newest, *older = [Version(found) for found in released]

    assert older == sorted(older, reverse=True)
    assert all(newest > found for found in older)
    if unreleased.strip():
        assert Version(NOW) > newest
        assert Version(NOW).is_devrelease
    else:
        assert Version(NOW) == newest


def test_the_checksums_are_those_of_all_files(folder: Path) -> None:
    lines = (folder / "SHA256SUMS").read_text("utf-8").splitlines()
    told = {name: digest for digest, name in (line.split("  ") for line in lines)}
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}

    assert told == {name: digest for name, digest in found.items() if name != "SHA256SUMS"}


def test_the_template_differs_from_the_built_one_in_where_the_code_is_only(folder: Path) -> None:
    built, packaged = read(BUILT / "template.yaml"), read(folder / "template.yaml")
    named = set()
    for name, resource in packaged["Resources"].items():
        for key in ("CodeUri", "ContentUri"):
            if key in resource.get("Properties", {}):
                before = built["Resources"][name]["Properties"]
                assert resource["Properties"][key] == f"{before[key]}.zip"
                named.add(resource["Properties"][key])
                before[key] = resource["Properties"][key]

    assert packaged == built
    assert named == {path.name for path in folder.glob("*.zip")}
    assert len(named) > 5


def test_each_zip_holds_the_built_files_and_nothing_of_this_machine(folder: Path) -> None:
    for path in folder.glob("*.zip"):
        source = BUILT / path.stem
        with zipfile.ZipFile(path) as archive:
            assert archive.testzip() is None
            names = archive.namelist()
            contents = {name: archive.read(name) for name in names}
            facts = {
                (i.date_time, i.external_attr >> 16, i.create_system) for i in archive.filelist
            }
        files = [file for file in source.rglob("*") if file.is_file()]

        assert names == sorted(names)
        assert contents == {
            file.relative_to(source).as_posix(): file.read_bytes() for file in files
        }
        assert facts == {((1980, 1, 1, 0, 0, 0), 0o100644, 3)}
        assert not [name for name in names if str(ROOT).encode() in contents[name]]


def test_the_same_build_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    """Times, rights and the order in which files were made do not count."""
    again = tmp_path / "build"
    for path in sorted(BUILT.rglob("*"), reverse=True):
        if path.is_file():
            target = again / path.relative_to(BUILT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
            target.chmod(0o755)
            os.utime(target, (1_000_000_000, 1_000_000_000))

    release.write(again, tmp_path / "release")

    for path in folder.iterdir():
        assert (tmp_path / "release" / path.name).read_bytes() == path.read_bytes(), path.name


def test_the_readme_of_a_release_says_that_it_was_not_tried_on_aws(folder: Path) -> None:
    readme = (folder / "README.md").read_text("utf-8")

    assert "It was not tried on AWS." in readme
    # Nothing but the AWS CLI, and what checks the sums, is run.
    commands = re.findall(r"```sh\n\s+(\w+)", readme)
    assert set(commands) == {"sha256sum", "aws"}
