"""A world in memory with one caller, for tests of the API's edges."""

from collections.abc import Iterator

import pytest

from tests.faults.installation import installed
from tests.faults.world import World
from tests.unit.api.caller import Caller


@pytest.fixture
def world() -> Iterator[World]:
    """Give a world with the functions' own wiring in it."""
    with installed():
        yield World()


@pytest.fixture
def shop(world: World) -> Caller:
    """Give a caller that may send from acme.sa, and read."""
    return Caller(world)
