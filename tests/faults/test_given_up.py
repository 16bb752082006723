"""Events that Lambda gave up: the stream goes on without them, and they are told all the same."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.faults.standins.errors import client_error
from tests.faults.webhook_world import URL, WebhookWorld, with_webhooks

ARN, SHARD = "arn:aws:dynamodb:us-east-1:123456789012:table/ledger/stream/made-up", "shardId-1"


class Streams:
    """The ledger's stream, read by number as DynamoDB Streams lets it be."""

    def __init__(self, world: WebhookWorld) -> None:
        self._world = world

    def get_shard_iterator(self, **arguments: str) -> dict[str, str]:
        assert (arguments["StreamArn"], arguments["ShardId"]) == (ARN, SHARD)
        return {"ShardIterator": arguments["SequenceNumber"]}

    def get_records(self, **arguments: str) -> dict[str, Any]:
        begin = int(arguments["ShardIterator"])
        return {"Records": self._world.stream[begin:], "NextShardIterator": str(begin)}


@pytest.fixture(autouse=True)
def _webhooks() -> Iterator[None]:
    with with_webhooks():
        yield


def give_up(world: WebhookWorld) -> dict[str, Any]:
    """Let Lambda set all aside that is not told; return what the queue's mapping hands on."""
    first, last = world.told, len(world.stream) - 1
    world.told = len(world.stream)
    info = {"streamArn": ARN, "shardId": SHARD}
    info |= {"startSequenceNumber": str(first), "endSequenceNumber": str(last)}
    return {"eventSource": "aws:sqs", "body": json.dumps({"DDBStreamBatchInfo": info})}


def test_an_event_that_was_given_up_is_told_and_holds_up_no_later_one() -> None:
    world = WebhookWorld()
    services: dict[str, Any] = world.services
    services["dynamodbstreams"] = Streams(world)
    world.hook()
    world.post("first")
    world.run_until_quiet()
    keep = world.hooks.batch_write_item

    def refused(**_: object) -> object:
        raise client_error("BatchWriteItem", "AccessDeniedException")

    world.hooks.batch_write_item = refused  # type: ignore[method-assign]
    world.tell()
    assert world.told == 0
    message = give_up(world)
    assert not world.hand_on(message)  # it comes again, as long as that cannot be told
    world.hooks.batch_write_item = keep  # type: ignore[method-assign]
    world.errors.clear()
    world.post("second")
    world.run_until_told()
    second = [receipt.body["data"]["email_id"] for receipt in world.receivers[URL].receipts]
    assert len(second) == 1

    assert world.hand_on(message)
    world.run_until_told()

    told = [receipt.body["data"]["email_id"] for receipt in world.receivers[URL].receipts]
    assert told == [*second, world.orders["first"].mail_id]
    assert world.errors == []
