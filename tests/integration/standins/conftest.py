"""The stand-ins of tests/faults behave as AWS documents it: each scenario runs against three.

The other two are ministack, the emulator of the local stack, and moto, which knows SQS and DynamoDB
here. Where one of them departs from what AWS documents is listed in `three.py` and docs/testing.md:
such a scenario must fail there, so that a departure that ends is noticed.
"""

from collections.abc import Iterator

import botocore.session
import pytest
from moto import mock_aws
from moto.core.models import DEFAULT_ACCOUNT_ID as MOTO_ACCOUNT

from local.emulator import REGION, Emulator
from tests.integration.standins.three import (
    DEPARTURES,
    Aws,
    deploy,
    emulated,
    stand_in,
    tables_and_queues,
)


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with Emulator(tmp_path_factory.mktemp("emulator")) as running:
        deploy(running)
        yield running


@pytest.fixture(params=["stand-in", "ministack", "moto"])
def aws(request: pytest.FixtureRequest) -> Iterator[Aws]:
    """Give the clients of one of the three."""
    yield from _clients(request)


@pytest.fixture(params=["stand-in", "ministack"])
def whole(request: pytest.FixtureRequest) -> Iterator[Aws]:
    """Give one that has more than DynamoDB and SQS."""
    yield from _clients(request)


def _clients(request: pytest.FixtureRequest) -> Iterator[Aws]:
    departs = DEPARTURES.get(request.param, {})
    scenario = request.node.name.replace(f"[{request.param}]", "").replace(
        f"[{request.param}-", "["
    )
    reason = departs.get(scenario) or departs.get(request.node.originalname)
    if reason:
        request.applymarker(pytest.mark.xfail(reason=reason, strict=True))
    name = "".join(char if char.isalnum() else "-" for char in request.node.name)[:60]
    if request.param == "stand-in":
        yield stand_in()
    elif request.param == "ministack":
        yield emulated(request.getfixturevalue("emulator"), name)
    else:
        with mock_aws():
            session = botocore.session.get_session()
            dynamodb, queues = (
                session.create_client(service, region_name=REGION)
                for service in ("dynamodb", "sqs")
            )
            yield tables_and_queues(dynamodb, queues, name, MOTO_ACCOUNT)
