"""What runs on GitHub: make targets and pinned actions, with as few rights as will do."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.infrastructure.expansion import ROOT, raw

GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
TARGETS = set(re.findall(r"^([a-z-]+):.*## ", MAKEFILE, re.MULTILINE))
MAKE = re.compile(r"make ([a-z-]+)( ARGS=--[a-z]+)?")


def read(path: Path) -> dict[str, Any]:
    """Return a file's YAML, as text only: to YAML `on` is a truth value."""
    document: dict[str, Any] = yaml.load(path.read_text("utf-8"), Loader=yaml.BaseLoader)  # noqa: S506 - it makes text only
    return document


def steps(path: Path) -> Iterator[dict[str, Any]]:
    """Yield all steps of a workflow."""
    for job in read(path)["jobs"].values():
        yield from job["steps"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_runs_make_targets_and_pinned_actions_only(path: Path) -> None:
    for step in steps(path):
        if "run" in step:
            found = MAKE.fullmatch(step["run"])
            assert found, step["run"]
            assert found[1] in TARGETS
        else:
            assert re.fullmatch(r"[a-z-]+/[a-z-]+@[0-9a-f]{40}", step["uses"])


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_each_pinned_action_names_its_version(path: Path) -> None:
    uses = [line for line in path.read_text("utf-8").splitlines() if "uses:" in line]

    assert uses
    assert all(re.search(r"@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line) for line in uses)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_may_only_read_unless_it_opens_a_pull_request(path: Path) -> None:
    workflow = read(path)
    writing = {
        name for name, job in workflow["jobs"].items() if "write" in str(job.get("permissions"))
    }
    opening = {
        name for name, job in workflow["jobs"].items() if "create-pull-request" in str(job["steps"])
    }

    assert workflow["permissions"] == {"contents": "read"}
    assert writing == opening
    assert "pull_request_target" not in workflow["on"]
    # The text of a stranger's issue or branch never reaches a shell.
    assert not [step for step in steps(path) if "${{" in step.get("run", "")]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_ends_and_keeps_no_credentials(path: Path) -> None:
    for job in read(path)["jobs"].values():
        assert int(job["timeout-minutes"]) <= 60
    for step in steps(path):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"] == {"persist-credentials": "false"}


def test_lint_and_tests_run_on_each_python_of_the_layer_and_a_first_mail_on_macos() -> None:
    jobs = read(GITHUB / "workflows/ci.yml")["jobs"]
    layer = raw()["Resources"]["TaqnyatLayer"]["Properties"]["CompatibleRuntimes"]
    run = {
        name: [step["run"] for step in job["steps"] if "run" in step] for name, job in jobs.items()
    }

    assert [f"python{found}" for found in jobs["test"]["strategy"]["matrix"]["python"]] == layer
    assert run == {
        "test": ["make lint", "make test", "make package"],
        "macos": ["make run ARGS=--once"],
    }
    assert jobs["macos"]["runs-on"].startswith("macos")


def test_requirements_are_tested_before_they_are_proposed() -> None:
    (job,) = read(GITHUB / "workflows/updates.yml")["jobs"].values()
    done = [step.get("run") or step["uses"].partition("@")[0] for step in job["steps"]]
    proposed = job["steps"][-1]["with"]["add-paths"].split()

    assert done[2:] == [
        "make requirements ARGS=--upgrade",
        "make lint",
        "make test",
        "peter-evans/create-pull-request",
    ]
    # What `make requirements` writes, and nothing else.
    written = set(re.findall(r"-o ([a-z/]+\.txt)", MAKEFILE))
    assert written == {
        str(path.relative_to(ROOT)) for pattern in proposed for path in ROOT.glob(pattern)
    }


def test_dependabot_leaves_requirements_alone() -> None:
    (update,) = read(GITHUB / "dependabot.yml")["updates"]

    assert update["package-ecosystem"] == "github-actions"


@pytest.mark.parametrize("name", ["bug", "feature"])
def test_a_form_has_what_github_asks_for(name: str) -> None:
    form = read(GITHUB / f"ISSUE_TEMPLATE/{name}.yml")
    ids = [part["id"] for part in form["body"] if part["type"] != "markdown"]

    assert form["name"]
    assert form["description"]
    assert len(ids) == len(set(ids))
    for part in form["body"]:
        assert part["type"] in {"markdown", "textarea", "input"}
        assert part["attributes"].get("label") or part["type"] == "markdown"


def test_who_reports_is_told_what_to_leave_out_and_where_to_go() -> None:
    form = (GITHUB / "ISSUE_TEMPLATE/bug.yml").read_text("utf-8")

    assert "leave out: tokens, API keys, addresses, subjects and bodies" in form
    assert "SECURITY.md" in form
    assert (ROOT / "SECURITY.md").exists()


def test_an_incident_is_written_to_the_tracked_file_only_when_asked_to() -> None:
    recipe = MAKEFILE.partition("\nincident:")[2].partition("\n\n")[0]

    assert "$(PY) -m tests.incident $(ARGS) >build/incident.md" in recipe
    assert [line for line in recipe.splitlines()[1:] if "docs/" in line] == [
        '\t@$(if $(WRITE),cp build/incident.md docs/incident.md,echo "build/incident.md")'
    ]
