"""A deployed stack, found by its name or by the local stack's file."""

import json
from pathlib import Path
from typing import Any

import pytest

from ops import stack as stacks
from ops.errors import OpsError
from tests.faults.standins.errors import client_error
from tests.unit.ops.cloud import MORE_OUTPUTS, Cloud, lines

FACTS = {
    "access_key_id": "id",
    "secret_access_key": "secret",
    "region": "here",
    "stack_name": "mine",
    "aws_endpoint_url": "http://127.0.0.1:1",
}


class Session:
    """botocore's session, which notes what it is asked for."""

    def __init__(self, **given: Any) -> None:
        self.given = given
        self.clients: list[tuple[str, dict[str, Any], Any]] = []

    def get_config_variable(self, name: str) -> None:
        assert name == "region"  # the environment has none

    def create_client(self, service: str, *, config: Any, **given: Any) -> object:
        self.clients.append((service, given, config))
        return object()


@pytest.fixture
def sessions(monkeypatch: pytest.MonkeyPatch) -> list[Session]:
    """Give the sessions that are made."""
    made: list[Session] = []

    def make(**given: Any) -> Session:
        made.append(Session(**given))
        return made[-1]

    monkeypatch.setattr("ops.stack.botocore.session.Session", make)
    return made


@pytest.mark.parametrize(
    ("region", "set_region", "used"),
    [
        ("me-central-1", None, "me-central-1"),
        ("me-central-1", "eu-central-1", "me-central-1"),
        (None, "eu-central-1", "eu-central-1"),  # botocore alone would not read it
        (None, "", None),
        (None, None, None),
    ],
)
def test_a_stack_is_found_by_name_region_and_profile(
    sessions: list[Session],
    monkeypatch: pytest.MonkeyPatch,
    region: str | None,
    set_region: str | None,
    used: str | None,
) -> None:
    monkeypatch.delenv("AWS_REGION", raising=False)
    if set_region is not None:
        monkeypatch.setenv("AWS_REGION", set_region)
    found = stacks.find("mail", region, "work")

    [session] = sessions
    shown = f"mail ({used or 'no region'})"
    assert session.given == {"profile": "work"}
    assert str(found) == shown
    assert found.place == {"name": "mail", "region": used, "profile": "work"}
    assert session.clients == []  # nothing is made before it is needed
    assert found.client("sqs") is found.client("sqs")
    [(service, given, config)] = session.clients
    assert (service, given) == ("sqs", {"region_name": used})
    assert (config.connect_timeout, config.read_timeout) == (5, 70)
    assert config.retries in (
        {"mode": "standard", "total_max_attempts": 4},
        {"mode": "standard", "max_attempts": 4},
    )
    assert config.max_pool_connections == 16


def test_the_local_stack_is_found_by_its_file(sessions: list[Session], tmp_path: Path) -> None:
    path = tmp_path / "stack.json"
    path.write_text(json.dumps(FACTS), "utf-8")

    found = stacks.find_local(path)
    found.client("sqs")

    [session] = sessions
    assert found.place == {"path": str(path.resolve())}
    assert str(found) == "mine (local)"
    assert session.clients[0][:2] == (
        "sqs",
        {
            "endpoint_url": "http://127.0.0.1:1",
            "aws_access_key_id": "id",
            "aws_secret_access_key": "secret",
            "region_name": "here",
        },
    )


def test_a_local_stack_that_is_not_up_is_told(tmp_path: Path) -> None:
    with pytest.raises(OpsError, match="the local stack is not up") as error:
        stacks.find_local(tmp_path / "stack.json")

    assert error.value.remedy == "start it with `make run`"


def test_a_stack_that_there_is_not_is_told(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> None:
        raise client_error("DescribeStacks", "ValidationError")

    monkeypatch.setattr(cloud, "describe_stacks", refuse)
    code, _, err = cloud.run("pause", "--yes")
    told = cloud.run("pause", "--yes", "--json")

    error = "there is no stack taqnyat-mail (nowhere)"
    remedy = "give its name with --stack, its region with --region, or --local for `make run`'s"
    assert (code, lines(err)) == (1, [f"Error: {error}", remedy])
    assert told[:2] == (1, "")
    assert json.loads(told[2]) == {"error": error, "remedy": remedy}


def test_another_refusal_of_cloudformation_is_no_missing_stack(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: object) -> None:
        raise client_error("DescribeStacks", "ExpiredToken")

    monkeypatch.setattr(cloud, "describe_stacks", refuse)

    assert lines(cloud.run("pause", "--yes")[2]) == [
        "Error: the AWS session has expired",
        "log in again",
    ]


@pytest.mark.parametrize("name", ["LedgerTable", "ApiKeysSecretArn"])
def test_an_output_that_a_stack_does_not_have_is_told(cloud: Cloud, name: str) -> None:
    cloud.outputs = dict(MORE_OUTPUTS)
    cloud.outputs.pop(name, None)

    with pytest.raises(OpsError) as error:
        cloud.stack().output(name)

    assert str(error.value) == f"the stack taqnyat-mail (nowhere) has no output {name}"
    assert error.value.remedy == (
        "is it this project's, wholly deployed, and of this version? "
        "See `aws cloudformation describe-stacks`"
    )


def test_a_stack_is_described_once_and_its_parts_are_kept(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    describe = cloud.describe_stacks

    def counting(**given: Any) -> Any:
        asked.append(given)
        return describe(**given)

    monkeypatch.setattr(cloud, "describe_stacks", counting)
    stack = cloud.stack()

    for name in ("ledger", "table", "pause", "money", "event_source", "submission", "updater"):
        assert getattr(stack, name) is getattr(stack, name)
    assert asked == [{"StackName": "taqnyat-mail"}]
    assert stack.described_headers == {"date": "Wed, 18 Nov 2026 11:06:40 GMT"}
    assert (stack.table.name, stack.settings) == ("ledger", cloud.settings())
