"""Rules that hold for every test."""

from pathlib import Path

import pytest

TESTS = Path(__file__).parent
ON_THE_LOOPBACK = ("browser", "integration", "e2e")
WITH_THE_STACK = ("browser", "e2e")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Open the loopback for the folders that talk to a server; all other tests get no socket.

    The local stack serves from threads of this process: what runs while it is up needs sockets too.
    """
    items.sort(key=lambda item: item.path.relative_to(TESTS).parts[0] in WITH_THE_STACK)
    for item in items:
        folder = item.path.relative_to(TESTS).parts[0]
        if folder in ON_THE_LOOPBACK:
            item.add_marker(pytest.mark.allow_hosts(["127.0.0.1", "::1"]))
        if folder == "e2e":
            item.add_marker(pytest.mark.e2e)
