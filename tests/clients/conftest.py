"""Clients as callers use them, against the local stack; those of npm and Java in `make clients`."""

import os
from collections.abc import Iterator

import pytest

from local.stack import LocalStack
from tests.clients.matrix import Matrix
from tests.e2e.world import World, of_a_test

collect_ignore = [] if os.environ.get("CLIENTS") else ["test_node.py", "test_generators.py"]
_MATRIX = pytest.StashKey[Matrix]()


def pytest_configure(config: pytest.Config) -> None:
    """Begin an empty matrix."""
    config.stash[_MATRIX] = Matrix()


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print the matrix."""
    lines = config.stash[_MATRIX].lines() if _MATRIX in config.stash else []
    if os.environ.get("CLIENTS") and lines:
        terminalreporter.section("clients, and what was held of each")
        for line in lines:
            terminalreporter.write_line(line)


@pytest.fixture
def matrix(pytestconfig: pytest.Config) -> Matrix:
    """Give what the printed matrix is made of."""
    return pytestconfig.stash.setdefault(_MATRIX, Matrix())


@pytest.fixture
def world(stack: LocalStack) -> Iterator[World]:
    """Give a test its view of the stack; afterwards the provider is well-behaved again."""
    yield from of_a_test(stack)
