"""A world in memory, for contracts that are held by the functions themselves."""

from collections.abc import Iterator

import pytest

from tests.faults.installation import installed
from tests.faults.world import World


@pytest.fixture
def world() -> Iterator[World]:
    """Give a world with the functions' own wiring in it."""
    with installed():
        yield World()
