"""Who may import whom (docs/decisions.md): inward only, and nothing deployed knows what is not."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Folder of each package of ours, and what it may import beside itself and the standard library.
FOLDERS = {
    "taqnyat": "layers/taqnyat/taqnyat",
    "outbox": "layers/taqnyat/outbox",
    "mail_send": "functions/send/mail_send",
    "mail_authorize": "functions/authorize/mail_authorize",
    "mail_status": "functions/status_check/mail_status",
    "mail_events": "functions/events/mail_events",
    "mail_webhooks": "functions/webhooks/mail_webhooks",
    "local": "local",
    "ops": "ops",
    "taqnyat_mail_testing": "testing/taqnyat_mail_testing",
}
NOT_DEPLOYED = {"local", "ops", "taqnyat_mail_testing"}
_LAYER = {"taqnyat", "outbox", "aws_lambda_powertools", "botocore"}
MAY_IMPORT = {
    "taqnyat": {"urllib3", "botocore"},
    "outbox": {"taqnyat", "aws_lambda_powertools", "botocore", "email_validator", "idna"},
    "mail_send": _LAYER,
    "mail_authorize": _LAYER,
    "mail_status": _LAYER,
    "mail_events": _LAYER,
    "mail_webhooks": _LAYER,
    "ops": {
        "taqnyat",
        "outbox",
        "botocore",
        "charset_normalizer",
        "click",
        "idna",
        "jinja2",
        "rich",
        "samcli",  # reads a template's short intrinsics, for what of it outlives the stack
    },
    "taqnyat_mail_testing": {"pytest"},
    # The simulator stands in for Taqnyat: were it to import our client, both could be wrong alike.
    "local": {
        *("boto3", "botocore", "click", "jinja2", "rich", "samcli", "urllib3"),
        *("h11", "hypercorn", "ministack", "pydantic", "starlette"),
    },
}
# Of AWS, the provider's package knows Secrets Manager only, and so in one module.
KNOWS_AWS = {"credentials"}


def imports(source: str) -> Iterator[str]:
    """Yield each module that a source imports, at any depth and under any condition."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "" if node.level == 0 else "." * node.level
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(
            ("import_module", "__import__")
        ):
            named = ast.unparse(node.args[0]) if node.args else "?"
            yield named.removeprefix("f").strip("'\"") if named[-1:] in "'\"" else named


def forbidden(package: str, source: str) -> set[str]:
    """Return what a module of a package imports and may not."""
    allowed = MAY_IMPORT[package] | {package} | set(sys.stdlib_module_names)
    return {name for name in imports(source) if name.partition(".")[0] not in allowed}


def modules() -> Iterator[tuple[str, Path]]:
    """Yield each module of ours with its package."""
    for package, folder in FOLDERS.items():
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield package, path


@pytest.mark.parametrize(
    ("package", "path"), list(modules()), ids=lambda value: str(value).removeprefix(f"{ROOT}/")
)
def test_a_module_imports_only_what_its_place_allows(package: str, path: Path) -> None:
    assert not forbidden(package, path.read_text("utf-8"))


def test_each_deployed_package_is_known_here() -> None:
    deployed = {
        str(path.parent.relative_to(ROOT))
        for pattern in ("layers/*/*/__init__.py", "functions/*/*/__init__.py")
        for path in ROOT.glob(pattern)
    }

    assert deployed == {
        folder for package, folder in FOLDERS.items() if package not in NOT_DEPLOYED
    }


def test_the_provider_knows_botocore_in_one_module_only() -> None:
    knowing = {
        path.stem
        for package, path in modules()
        if package == "taqnyat"
        and any(name.startswith("botocore") for name in imports(path.read_text("utf-8")))
    }

    assert knowing <= KNOWS_AWS


def test_only_entries_read_the_environment() -> None:
    entries = {"api", "worker", "handler"}
    reading = {
        str(path.relative_to(ROOT))
        for package, path in modules()
        if package not in NOT_DEPLOYED
        and path.stem not in entries
        and any(
            isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"}
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
        )
    }

    assert not reading


@pytest.mark.parametrize(
    ("package", "source", "expected"),
    [
        ("taqnyat", "import outbox", {"outbox"}),
        ("taqnyat", "from outbox.mail.mail import Mail", {"outbox.mail.mail"}),
        ("taqnyat", "from aws_lambda_powertools import Logger", {"aws_lambda_powertools"}),
        ("outbox", "import mail_send.api", {"mail_send.api"}),
        ("outbox", "def f():\n    import boto3", {"boto3"}),
        ("mail_send", "from mail_status import check", {"mail_status"}),
        ("mail_send", "if TYPE_CHECKING:\n    import local.simulator", {"local.simulator"}),
        ("mail_status", "import importlib\nimportlib.import_module('tests.x')", {"tests.x"}),
        ("local", "from taqnyat import classify", {"taqnyat"}),
        ("outbox", "from . import mail", {"."}),
        ("outbox", "from taqnyat import Letter\nimport json\nimport outbox.mail.mail", set()),
    ],
)
def test_the_check_sees(package: str, source: str, expected: set[str]) -> None:
    assert forbidden(package, source) == expected
