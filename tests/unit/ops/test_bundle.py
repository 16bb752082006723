"""What `make build` and `make package` write: the version, the release, what outlives a stack."""

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from ops import release, retained, version

BUILT = "Outputs:\n  Version:\n    Value: unversioned\n"


def test_the_version_is_written_into_a_built_template(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    template = tmp_path / "template.yaml"
    template.write_text(f"# \u0633\n{BUILT}", "utf-8")

    version.main([str(template)])

    stamped = BUILT.replace("unversioned", f"'{version.VERSION}'")
    assert template.read_text("utf-8") == f"# \u0633\n{stamped}"
    assert capsys.readouterr().out == ""


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    version.main([])

    assert capsys.readouterr().out == f"{version.VERSION}\n"


@pytest.mark.parametrize("template", ["Outputs: {}\n", BUILT * 2, BUILT.replace("un", "0.1 ")])
def test_a_template_without_the_one_place_is_refused(template: str) -> None:
    with pytest.raises(ValueError, match=r"^the template does not have one `Value: unversioned`$"):
        version.stamp(template, "1")


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """Give a folder as `sam build` leaves it."""
    folder = tmp_path / "build"
    (folder / "MailLayer" / "python" / "b").mkdir(parents=True)
    (folder / "MailLayer" / "python" / "b" / "z.py").write_text("z")
    (folder / "MailLayer" / "python" / "a.py").write_text("a" * 2000)
    (folder / "Worker").mkdir()
    (folder / "Worker" / "handler.py").write_text("h")
    (folder / "template.yaml").write_text(
        "# \u0633\nResources:\n  L:\n      ContentUri: MailLayer\n  W:\n      CodeUri: Worker\n"
        "  X:\n      OtherUri: Worker\n",
        "utf-8",
    )
    return folder


def test_a_release_has_all_that_a_deployment_needs(built: Path, tmp_path: Path) -> None:
    target = tmp_path / "out" / "release"

    release.write(built, target)

    assert sorted(path.name for path in target.iterdir()) == [
        *("MailLayer.zip", "README.md", "SHA256SUMS", "Worker.zip"),
        *("network.yaml", "template.yaml"),
    ]
    assert (target / "template.yaml").read_text("utf-8") == (
        "# \u0633\nResources:\n  L:\n      ContentUri: MailLayer.zip\n"
        "  W:\n      CodeUri: Worker.zip\n  X:\n      OtherUri: Worker\n"
    )
    sums = (target / "SHA256SUMS").read_text("utf-8").splitlines()
    assert sums == [
        f"{hashlib.sha256((target / name).read_bytes()).hexdigest()}  {name}"
        for name in ("MailLayer.zip", "README.md", "Worker.zip", "network.yaml", "template.yaml")
    ]
    root = Path(release.__file__).parents[1]
    assert (target / "README.md").read_bytes() == (root / "docs" / "release.md").read_bytes()
    assert (target / "network.yaml").read_bytes() == (root / "network.yaml").read_bytes()
    with pytest.raises(FileExistsError):
        release.write(built, target)


def test_a_zip_has_files_by_name_and_nothing_of_the_machine(built: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "1.zip", tmp_path / "2.zip"
    release.pack(built / "MailLayer", first)
    (built / "MailLayer" / "python" / "a.py").touch()
    release.pack(built / "MailLayer", second)

    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as archive:
        entries = archive.infolist()
        assert archive.read("python/a.py") == b"a" * 2000
    assert [entry.filename for entry in entries] == ["python/a.py", "python/b/z.py"]
    for entry in entries:
        assert entry.date_time == (1980, 1, 1, 0, 0, 0)
        assert entry.external_attr == 0o100644 << 16
        assert entry.create_system == 3
        assert entry.compress_type == zipfile.ZIP_DEFLATED
    assert entries[0].compress_size < 100


def template(**changes: Any) -> dict[str, Any]:
    """Return a template with one queue that outlives its stack."""
    queue = {
        "Type": "AWS::SQS::Queue",
        "DeletionPolicy": "Retain",
        "Condition": "Wanted",
        "Properties": {
            "A": {"Ref": "Days"},
            "B": {"Fn::Sub": "${AWS::StackName}-${Other.Arn}-${Name}"},
            "C": {"Fn::If": ["Big", {"Ref": "Most"}, {"Ref": "AWS::NoValue"}]},
            "D": [{"Fn::GetAtt": "Other.Arn"}, {"Fn::GetAtt": ["Other", "Arn"]}],
            "E": {"Fn::FindInMap": ["Sizes", "a", "b"]},
            "F": {"Fn::Sub": ["${X} ${Where}", {"X": {"Ref": "Inner"}}]},
        },
    }
    made = {
        "Parameters": {
            name: {"Type": "String"}
            for name in ("Days", "Name", "Most", "Inner", "Deep", "Where", "X", "Unused")
        },
        "Conditions": {
            "Wanted": {"Fn::Equals": [{"Ref": "Deep"}, "on"]},
            "Big": {"Fn::Not": [{"Condition": "Wanted"}]},
            "Unused": {},
        },
        "Mappings": {"Sizes": {"a": {"b": 1}}, "Unused": {}},
        "Resources": {
            "Queue": queue,
            "Other": {"Type": "AWS::DynamoDB::Table", "DeletionPolicy": "RetainExceptOnCreate"},
            "ApiGatewayAccount": {"DeletionPolicy": "Retain"},
            "ApiGatewayLogRole": {"DeletionPolicy": "Retain"},
            "Function": {"Type": "AWS::Lambda::Function"},
            "Gone": {"DeletionPolicy": "Delete"},
        },
    }
    return made | changes


def test_what_outlives_a_stack_is_written_with_what_it_needs() -> None:
    given = template()

    found = retained.retained(given)

    assert list(found["Resources"]) == ["Queue", "Other"]
    assert found["Resources"]["Queue"] == given["Resources"]["Queue"]
    assert found["Parameters"].keys() == {"Days", "Name", "Most", "Inner", "Deep", "Where", "X"}
    assert found["Conditions"] == {name: given["Conditions"][name] for name in ("Wanted", "Big")}
    assert found["Mappings"] == {"Sizes": {"a": {"b": 1}}}
    assert found["AWSTemplateFormatVersion"] == "2010-09-09"
    assert found.keys() == {
        *("AWSTemplateFormatVersion", "Parameters", "Conditions", "Mappings", "Resources"),
    }


def test_sections_that_are_not_needed_are_left_out() -> None:
    found = retained.retained(
        {"Resources": {"Queue": {"DeletionPolicy": "Retain", "Properties": {"A": {"Ref": 5}}}}}
    )

    assert found.keys() == {"AWSTemplateFormatVersion", "Resources"}


def test_what_needs_something_that_goes_is_refused() -> None:
    given = template()
    given["Resources"]["Queue"]["Properties"]["A"] = {"Fn::GetAtt": ["Function", "Arn"]}

    with pytest.raises(ValueError, match=r"^a retained resource needs Function, which goes with"):
        retained.retained(given)


def test_it_is_printed_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "template.yaml"
    path.write_text(
        "Resources:\n  Queue:\n    Type: AWS::SQS::Queue\n    DeletionPolicy: Retain\n"
        "    Properties: {QueueName: \u0633}\n",
        "utf-8",
    )

    retained.main([str(path)])

    out = capsys.readouterr().out
    assert json.loads(out)["Resources"]["Queue"]["Properties"] == {"QueueName": "\u0633"}
    assert out.startswith('{\n "AWSTemplateFormatVersion"')
    assert out.endswith("}\n")
