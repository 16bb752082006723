"""The stand-ins of webhooks behave as AWS does: their own code against three (see the other one).

The sorted table and KMS by the stand-ins, ministack and moto.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from outbox.mail.times import iso
from outbox.storage.expressions import pack_item
from outbox.webhooks.deliveries import Changes, Deliveries, Delivery
from outbox.webhooks.endpoint import MAX_ENDPOINTS, Endpoint, EndpointError
from outbox.webhooks.endpoints import Endpoints
from outbox.webhooks.events import Event, event_id
from outbox.webhooks.health import Health
from outbox.webhooks.sealing import Seals
from outbox.webhooks.turns import Turns

from local.emulator import REGION, Emulator
from tests.faults.standins.dynamo import SortedDynamo
from tests.faults.standins.others import Kms

TABLE = "webhooks"
NOW = 1_800_000_000.0
THREE = ("stand-in", "ministack", "moto")
# As in the other file: what happens instead; such a scenario must fail there.
DEPARTURES: dict[str, dict[str, str]] = {
    "ministack": {"test_a_query_that_dynamodb_refuses[no last]": "takes it"},
    "moto": {
        "test_a_query_that_dynamodb_refuses[the last before the first]": "takes it",
        "test_a_query_that_dynamodb_refuses[no last]": "breaks",
        "test_writes_together_that_dynamodb_refuses[26]": "takes it",
    },
}
ENDPOINT = Endpoint(
    id="e-1",
    client="shop",
    url="https://app.example/hook",
    events=("email.sent",),
    secrets=(),
    created=iso(NOW),
)


@dataclass
class Aws:
    """The clients of one of the three, and its key."""

    dynamodb: Any
    kms: Any
    key: str


def _made(dynamodb: Any, kms: Any) -> Aws:  # noqa: ANN401 - botocore's clients have no types
    dynamodb.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("pk", "sk")],
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
    )
    return Aws(dynamodb, kms, kms.create_key()["KeyMetadata"]["Arn"])


@pytest.fixture(scope="module", params=THREE)
def clients(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Aws]:
    """Make one of the three, once for all scenarios."""
    if request.param == "stand-in":
        yield Aws(SortedDynamo(TABLE), Kms("key"), "key")
    elif request.param == "ministack":
        with Emulator(tmp_path_factory.mktemp("emulator")) as running:
            yield _made(running.client("dynamodb"), running.client("kms"))
    else:
        with mock_aws():
            session = botocore.session.get_session()
            made = (session.create_client(name, region_name=REGION) for name in ("dynamodb", "kms"))
            yield _made(*made)


@pytest.fixture
def aws(clients: Aws, request: pytest.FixtureRequest) -> Aws:
    """Give it; each scenario has partitions of its own."""
    which = request.node.callspec.params["clients"]
    name = request.node.name.replace(f"[{which}-", "[")
    if reason := DEPARTURES.get(which, {}).get(name):
        request.applymarker(pytest.mark.xfail(reason=reason, strict=True))
    return clients


def _event(at: float, name: str) -> Event:
    made = event_id(at, name)
    return Event(id=made, kind="email.sent", created_at=iso(at), client="shop", data={"a": "ب"})


def _code(call: Callable[..., Any], **arguments: Any) -> str:  # noqa: ANN401 - botocore's shape
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    return str(refused.value.response["Error"]["Code"])


def test_events_come_in_the_order_in_which_they_are_due(aws: Aws) -> None:
    deliveries = Deliveries(aws.dynamodb, TABLE, lambda: NOW)
    events = [_event(NOW + second, f"{second}") for second in range(60)]
    deliveries.keep("ordered", [*reversed(events)])
    deliveries.keep("ordered", events)  # again: each is kept once
    deliveries.keep("another", events[:1])

    assert [found.event for found in deliveries.due("ordered", NOW + 9.5, 100)] == events[:10]
    assert [found.event for found in deliveries.due("ordered", NOW + 99, 3)] == events[:3]
    assert deliveries.due("ordered", NOW - 1, 10) == []
    assert deliveries.next_due("ordered") == NOW
    assert len(deliveries.waiting("ordered", 100)) == len(events)
    assert deliveries.next_due("nobody") is None


def test_what_is_done_leaves_its_place_and_is_in_the_log_the_newest_first(aws: Aws) -> None:
    deliveries = Deliveries(aws.dynamodb, TABLE, lambda: NOW)
    events = [_event(NOW + second, f"{second}") for second in range(30)]
    deliveries.keep("done", events)
    changes = Changes()
    for delivery in deliveries.due("done", NOW + 60, 30):
        deliveries.leave(changes, delivery)
        deliveries.done(changes, replace(delivery, tries=1, outcome="delivered"))
    deliveries.write("done", changes)

    assert deliveries.waiting("done", 10) == []
    newest = list(reversed(events))
    assert [found.event for found in deliveries.log("done", 100)] == newest
    page = deliveries.log("done", 4, before=newest[3].id)
    assert [found.event for found in page] == newest[4:8]
    since = deliveries.log("done", 100, since=NOW + 20)
    assert [found.event for found in since] == newest[:10]
    one = deliveries.get("done", events[0].id)
    assert one == Delivery(event=events[0], tries=1, outcome="delivered")
    assert deliveries.get("done", "msg_none") is None


def test_ten_endpoints_each_changed_and_removed_as_it_was_read(aws: Aws) -> None:
    endpoints = Endpoints(aws.dynamodb, TABLE)
    made = [replace(ENDPOINT, id=f"e-{n}", created=iso(NOW + n)) for n in range(MAX_ENDPOINTS)]
    for endpoint in made:
        endpoints.create(endpoint)
    with pytest.raises(EndpointError):
        endpoints.create(replace(ENDPOINT, id="one more"))

    def meanwhile(found: Endpoint) -> Endpoint:
        if found.revision == 0:  # somebody else writes between our read and our write
            endpoints.change("shop", "e-3", lambda other: replace(other, enabled=False))
        return replace(found, include_tags=True)

    # The inner write is of the revision that the outer one has read as well.
    changed = endpoints.change("shop", "e-3", meanwhile)
    assert changed is not None
    assert (changed.enabled, changed.include_tags, changed.revision) == (False, True, 2)
    assert endpoints.of("shop") == [changed if found.id == "e-3" else found for found in made]
    assert endpoints.remove("shop", "e-3")
    assert not endpoints.remove("shop", "e-3")
    assert endpoints.clients() == ["shop"]
    endpoints.create(replace(ENDPOINT, id="in its place"))


def test_a_turn_is_one_s_own_until_it_is_given_back(aws: Aws) -> None:
    turns = Turns(aws.dynamodb, TABLE, 60, lambda: NOW)
    assert turns.wake("turn")
    mine = turns.take("turn", "mine", 0)
    assert mine is not None
    assert turns.take("turn", "other", 0) is None  # which counts as waking
    woken = turns.release("turn", mine, Health(run=2), [])
    assert woken is not None
    assert woken.wakes == mine.wakes + 1
    assert turns.release("turn", woken, Health(run=2), [int(NOW) + 5]) is None
    other = turns.take("turn", "other", 0)
    assert other is not None
    assert (other.health, other.timers) == (Health(run=2), (int(NOW) + 5,))
    assert turns.release("turn", mine, Health(), []) is None  # no longer ours: nothing is changed
    assert turns.take("turn", "third", 0) is None


@pytest.mark.parametrize(
    ("condition", "values"),
    [
        ("pk = :pk AND sk BETWEEN :first AND :last", {":pk": "p", ":first": "b", ":last": "a"}),
        ("pk = :pk AND sk BETWEEN :first", {":pk": "p", ":first": "b"}),
        ("sk = :sk", {":sk": "s"}),
        ("pk = :pk", {":none": "p"}),
    ],
    ids=["the last before the first", "no last", "no partition", "no value"],
)
def test_a_query_that_dynamodb_refuses(aws: Aws, condition: str, values: dict[str, str]) -> None:
    query = {
        "TableName": TABLE,
        "KeyConditionExpression": condition,
        "ExpressionAttributeValues": pack_item(values),
        "ConsistentRead": True,
    }
    assert _code(aws.dynamodb.query, **query) == "ValidationException"


@pytest.mark.parametrize(
    "names", [["a"] * 2, [str(number) for number in range(26)]], ids=["one twice", "26"]
)
def test_writes_together_that_dynamodb_refuses(aws: Aws, names: list[str]) -> None:
    puts = [{"PutRequest": {"Item": pack_item({"pk": "p", "sk": name})}} for name in names]
    assert _code(aws.dynamodb.batch_write_item, RequestItems={TABLE: puts}) == "ValidationException"


def test_a_secret_is_opened_for_its_own_endpoint_alone(aws: Aws) -> None:
    seals = Seals(aws.kms, aws.key)
    sealed = seals.seal("whsec_made-up", "shop", "e-1")
    mine = replace(ENDPOINT, secrets=(sealed,))

    assert "made-up" not in sealed.text
    assert Seals(aws.kms, aws.key).open(mine) == ["whsec_made-up"]
    with pytest.raises(ClientError) as refused:
        seals.open(replace(mine, id="e-2"))
    assert refused.value.response["Error"]["Code"] == "InvalidCiphertextException"
    with pytest.raises(ClientError):
        Seals(aws.kms, "alias/none").seal("whsec_made-up", "shop", "e-1")


def test_the_documentation_lists_where_each_departs() -> None:
    text = (Path(__file__).parents[2] / "docs" / "testing.md").read_text("utf-8")
    table = text.partition("| scenario of webhooks | ")[2].partition("\n\n")[0]
    rows = [line.strip("| ").split(" | ") for line in table.splitlines()[2:]]
    assert sorted(rows) == sorted(
        [f"`{scenario.removeprefix('test_')}`", name, instead]
        for name, departures in DEPARTURES.items()
        for scenario, instead in departures.items()
    )
