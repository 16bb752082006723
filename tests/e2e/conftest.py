"""What an end-to-end test may touch of the one local stack (tests/conftest.py).

Tests share it, so each uses recipients of its own domain and leaves the provider as it found it.
"""

from collections.abc import Iterator

import pytest

from local.stack import LocalStack
from tests.e2e.world import World, of_a_test


@pytest.fixture
def world(stack: LocalStack) -> Iterator[World]:
    """Give a test its view of the stack; afterwards the provider is well-behaved again."""
    yield from of_a_test(stack)
