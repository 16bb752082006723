"""The fixture `taqnyat_gateway`: one local stack for the session, started if none is up."""

from collections.abc import Iterator

import pytest

from taqnyat_mail_testing import Gateway
from taqnyat_mail_testing.starting import GatewayError, gateway


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the configuration say where the gateway's repository is."""
    parser.addini("taqnyat_gateway", "A clone of the Taqnyat mail gateway's repository.")


@pytest.fixture(scope="session")
def taqnyat_gateway(pytestconfig: pytest.Config) -> Iterator[Gateway]:
    """Give the stack. Call its `reset()` where a test must not see the mails of another."""
    clone = pytestconfig.getini("taqnyat_gateway")
    place = pytestconfig.rootpath / clone if clone else None
    try:
        with gateway(place) as running:
            yield running
    except GatewayError as error:
        pytest.fail(str(error), pytrace=False)
