"""Rules that hold for every test."""

from pathlib import Path

import pytest

TESTS = Path(__file__).parent
ON_THE_LOOPBACK = ("integration", "e2e")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Open the loopback for the folders that talk to a server; all other tests get no socket."""
    for item in items:
        folder = item.path.relative_to(TESTS).parts[0]
        if folder in ON_THE_LOOPBACK:
            item.add_marker(pytest.mark.allow_hosts(["127.0.0.1", "::1"]))
        if folder == "e2e":
            item.add_marker(pytest.mark.e2e)
