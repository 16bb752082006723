"""The layout of `outbox`: each floor uses only floors below it, and no module is long."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.test_imports import imports

ROOT = Path(__file__).parents[2]
OUTBOX = ROOT / "layers/taqnyat/outbox"
# From the ground up. What stands beside another on a floor does not use it.
FLOORS = (
    {"settings", "aws", "ports", "startup", "throttling"},
    {"mail"},
    {"queues", "storage", "telemetry"},
    {"accepting", "sending", "wiring"},
    {"webhooks"},
)
# Wiring builds what every entry has; sending's own builds on it.
BESIDE = {("sending", "wiring"), ("wiring", "sending")}
MAX_LINES, MAX_CLASS_LINES = 300, 200
DEPLOYED = sorted(
    path
    for folder in ("layers/taqnyat/taqnyat", "layers/taqnyat/outbox", "functions")
    for path in (ROOT / folder).rglob("*.py")
)


def floor(part: str) -> int:
    """Return the floor of a part of `outbox`."""
    return next(number for number, parts in enumerate(FLOORS) if part in parts)


def uses(path: Path) -> Iterator[tuple[str, str]]:
    """Yield (part, used part) for each import of `outbox` in a module of it."""
    own = path.relative_to(OUTBOX).with_suffix("").parts[0]
    source = path.read_text("utf-8")
    for name in imports(source):
        package, _, rest = name.partition(".")
        if package == "outbox" and rest:
            yield own, rest.partition(".")[0]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module == "outbox":
            yield from ((own, alias.name) for alias in node.names)


@pytest.mark.parametrize("path", sorted(OUTBOX.rglob("*.py")), ids=lambda path: path.stem)
def test_a_floor_uses_only_floors_below(path: Path) -> None:
    wrong = [
        (own, used)
        for own, used in uses(path)
        if own not in ("__init__", used)
        and (own, used) not in BESIDE
        and floor(used) >= floor(own)
        and not (floor(used) == floor(own) == 0)
    ]

    assert not wrong


def test_each_part_has_a_floor() -> None:
    parts = {path.stem for path in OUTBOX.iterdir() if path.suffix == ".py" or path.is_dir()}

    assert parts - {"__init__", "__pycache__"} == set().union(*FLOORS)


@pytest.mark.parametrize("path", DEPLOYED, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_and_no_class_is_long(path: Path) -> None:
    text = path.read_text("utf-8")
    classes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ClassDef)]

    assert len(text.splitlines()) <= MAX_LINES
    assert all((node.end_lineno or 0) - node.lineno < MAX_CLASS_LINES for node in classes)


def test_the_delivery_of_a_mail_is_read_on_one_page() -> None:
    text = (OUTBOX / "sending/delivery.py").read_text("utf-8")

    assert len(text.splitlines()) < 200
