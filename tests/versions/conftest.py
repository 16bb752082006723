"""What the tests of two versions share: 0.1.0's functions, and a world that can run them."""

from collections.abc import Iterator

import pytest

from tests.faults.installation import Version, installed
from tests.faults.versions import V0_1_0, checked_out, load
from tests.faults.world import World


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Version:
    """Give 0.1.0, from the repository's history."""
    return load(checked_out(V0_1_0, tmp_path_factory.mktemp("v0.1.0")))


@pytest.fixture
def world(old: Version) -> Iterator[World]:
    """Give a world with both versions installed, under `resend`."""
    with installed(old):
        yield World("resend")
