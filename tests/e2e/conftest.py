"""One local stack for all end-to-end tests: the real template on the emulator, and the simulator.

Tests share it, so each uses recipients of its own domain and leaves the provider as it found it.
"""

from collections.abc import Iterator

import pytest

from local.stack import LocalStack, Options
from tests.e2e.world import World


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """Give the one stack of the session."""
    with LocalStack(Options(root=tmp_path_factory.mktemp("local"), tick=1.0)) as running:
        yield running


@pytest.fixture
def world(stack: LocalStack) -> Iterator[World]:
    """Give a test its view of the stack; afterwards the provider is well-behaved again."""
    simulator = stack.simulator
    assert simulator is not None
    yield World(stack, simulator)
    simulator.clear_script()
    simulator.account(balance=None, enabled=True, ip_allowed=True, senders=None)
