"""Clients from npm: each is a small program in node/ that sends and tells what it got."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.clients.matrix import PAYLOADS, Matrix, check_payloads
from tests.e2e.world import World

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(__file__).parent / "node"
# `make clients` installs the packages here.
INSTALLED = ROOT / "build/clients"
ERRORS = {
    "cc": "validation_error",
    "attachments": "invalid_attachment",
    "to": "missing_required_field",
    "from": "invalid_from_address",
    "get": "not_found",
    "large": "validation_error",
    "key": "invalid_api_key",
    "idempotency": "invalid_idempotent_request",
}

pytestmark = [
    pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed"),
    pytest.mark.skipif(not (INSTALLED / "node_modules").exists(), reason="npm is not installed"),
    pytest.mark.timeout(300),
]


def run(world: World, client: str, folder: Path, **settings: str) -> dict[str, Any]:
    """Run a client's program; return what it tells."""
    for program in PROGRAMS.glob("*.mjs"):
        shutil.copy(program, INSTALLED)
    mail = {"from": "متجر Acme <orders@acme.sa>", "to": [world.address()]}
    given = {
        "client": client,
        "description": str(ROOT / "docs/openapi.yaml"),
        "folder": str(folder),
        "key": world.stack.api_key,
        "url": world.stack.api_url,
        "payloads": [
            mail | {name: text for name, text in payload.items() if text} for payload in PAYLOADS
        ],
    }
    (folder / "given.json").write_text(json.dumps(given), "utf-8")
    settings |= {
        "GIVEN": str(folder / "given.json"),
        "RESEND_BASE_URL": world.stack.api_url,
        "RESEND_API_KEY": world.stack.api_key,
        "NO_COLOR": "1",
    }
    done = subprocess.run(
        ["node", str(INSTALLED / f"{client}.mjs")],
        env=os.environ | settings,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


@pytest.mark.parametrize("version", [6, 4, 3])
def test_the_sdk_of_resend(world: World, matrix: Matrix, tmp_path: Path, version: int) -> None:
    told = run(world, f"resend-{version}", tmp_path)

    check_payloads(world, told["payloads"])
    calls, errors = told["calls"], told["errors"]
    for mail_id in calls["batch"]:
        world.until_state(mail_id, "sent")
    assert calls["get"]["last_event"] == "scheduled"
    assert calls["get"]["subject"] == ""
    assert calls.get("canceled", "canceled") == "canceled"
    assert calls.get("list", 2) == 2
    assert errors == {name: ERRORS[name] for name in errors}
    assert len(errors) >= 7
    held = [name for name in ("batch", "get", "list", "update", "cancel") if name in calls]
    keys = ["idempotency"] if calls["idempotent"] else []
    matrix.note(f"resend {version} (Node)", "six payloads", "send", *held, *keys, "errors by name")


def test_nodemailer_with_a_transport(world: World, matrix: Matrix, tmp_path: Path) -> None:
    told = run(world, "nodemailer", tmp_path)

    check_payloads(world, told["payloads"])
    assert "none" not in told["errors"].values()
    matrix.note("nodemailer (Node)", "six payloads", "send", "errors")


def test_the_hook_of_better_auth(world: World, matrix: Matrix, tmp_path: Path) -> None:
    told = run(world, "better-auth", tmp_path)

    check_payloads(world, told["payloads"], PAYLOADS[:1])
    matrix.note("better-auth (Node)", "reset password")


def test_types_from_the_description(world: World, matrix: Matrix, tmp_path: Path) -> None:
    told = run(world, "openapi-typescript", tmp_path)

    check_payloads(world, told["payloads"])
    assert told["errors"] == {"cc": "validation_error"}
    matrix.note("openapi-typescript (Node)", "compiles strictly", "six payloads", "errors by name")


def test_the_lines_that_swap_fetch(world: World, matrix: Matrix, tmp_path: Path) -> None:
    text = (ROOT / "docs/clients.md").read_text("utf-8")
    (lines,) = re.findall(r"```js\n(const theirs = .*?)```", text, re.DOTALL)
    (INSTALLED / "swap.mjs").write_text(lines, "utf-8")

    told = run(world, "hard-coded", tmp_path)

    check_payloads(world, told["payloads"], PAYLOADS[:1])  # one mail of both calls
    matrix.note("a hard-coded client (Node)", "with fetch swapped")
