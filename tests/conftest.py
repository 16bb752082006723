"""Rules that hold for every test."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from local.stack import LocalStack

TESTS = Path(__file__).parent
ON_THE_LOOPBACK = ("browser", "clients", "integration", "e2e")
WITH_THE_STACK = ("browser", "clients", "e2e")


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


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator["LocalStack"]:
    """Give the one stack of the session: the real template on the emulator, and the simulator."""
    from local.stack import LocalStack, Options  # noqa: PLC0415  most tests need none of it

    options = Options(root=tmp_path_factory.mktemp("local"), tick=1.0, alarms=False)
    with LocalStack(options) as running:
        yield running
