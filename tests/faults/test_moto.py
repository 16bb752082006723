"""The handlers in process against moto: the main ways of a mail, on tables and queues of others."""

import json
import time
from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest
from moto import mock_aws

from tests.faults.accounts import BULK_QUEUE, FAILED_QUEUE, MAIL_QUEUE, TABLE, Order
from tests.faults.world import World
from tests.ledger_table import definition

REGION = "us-east-1"


class _Queues:
    """Moto's SQS under the URLs that the world gives its functions."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.urls = {
            url: client.create_queue(QueueName=name)["QueueUrl"]
            for url, name in (
                (MAIL_QUEUE, "mail"),
                (BULK_QUEUE, "bulk"),
                (FAILED_QUEUE, "failed"),
            )
        }

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)
        return lambda **given: method(**{**given, "QueueUrl": self.urls[given["QueueUrl"]]})


class MotoWorld(World):
    """The world with moto's table and queues in place of the stand-ins."""

    def __init__(self) -> None:
        """Make the table and the queues; call it within `mock_aws`."""
        super().__init__()
        self.now = time.time()  # moto's clock
        session = botocore.session.get_session()
        dynamodb: Any = session.create_client("dynamodb", region_name=REGION)
        queues: Any = session.create_client("sqs", region_name=REGION)
        self.table = dynamodb
        dynamodb.create_table(**definition(TABLE))
        self.queues = _Queues(queues)
        self.services = {**self.services, "dynamodb": dynamodb, "sqs": self.queues}

    def deliver(self) -> int:
        """Give the worker all that the queue has; return how many messages that were."""
        answer = self.queues.receive_message(
            QueueUrl=MAIL_QUEUE,
            MaxNumberOfMessages=10,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
        )
        records = [self._record(message) for message in answer.get("Messages", [])]
        said = self.ask_worker({"Records": records})
        again = {entry["itemIdentifier"] for entry in said["batchItemFailures"]}
        for record in records:
            if record["messageId"] not in again:
                self.queues.delete_message(
                    QueueUrl=MAIL_QUEUE, ReceiptHandle=record["receiptHandle"]
                )
        return len(records)

    def _record(self, message: dict[str, Any]) -> dict[str, Any]:
        return {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message["Attributes"],
            "messageAttributes": {
                name: {"stringValue": value["StringValue"], "dataType": value["DataType"]}
                for name, value in message.get("MessageAttributes", {}).items()
            },
        }

    def item(self, order: Order) -> dict[str, Any]:
        """Return the row of an order."""
        key = {"pk": {"S": order.mail_id}}
        found = self.table.get_item(TableName=TABLE, Key=key)["Item"]
        return {name: value.get("S", value.get("N")) for name, value in found.items()}

    def take_failed(self) -> list[dict[str, Any]]:
        """Take all of the failed queue."""
        answer = self.queues.receive_message(
            QueueUrl=FAILED_QUEUE, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        )
        for message in answer.get("Messages", []):
            self.queues.delete_message(
                QueueUrl=FAILED_QUEUE, ReceiptHandle=message["ReceiptHandle"]
            )
        return list(answer.get("Messages", []))

    def put_back(self, messages: list[dict[str, Any]]) -> None:
        """Send messages of the failed queue to the mail queue, attributes and all."""
        for message in messages:
            self.queues.send_message(
                QueueUrl=MAIL_QUEUE,
                MessageBody=message["Body"],
                MessageAttributes=message["MessageAttributes"],
            )


@pytest.fixture
def world() -> Iterator[MotoWorld]:
    with mock_aws():
        yield MotoWorld()


def test_a_mail_is_accepted_sent_and_never_again(world: MotoWorld) -> None:
    order = world.post("one")
    again = world.post("one")
    assert order.mail_id == again.mail_id
    while world.deliver():
        pass
    assert world.item(order)["state"] == "sent"
    assert len(world.taqnyat.accepted["one"]) == 1


def test_a_batch_is_accepted_and_spread(world: MotoWorld) -> None:
    world.post_batch([f"mail {number}" for number in range(25)])
    while world.deliver():
        pass
    assert {len(taken) for taken in world.taqnyat.accepted.values()} == {1}
    assert len(world.taqnyat.accepted) == 25
    assert {world.item(order)["state"] for order in world.orders.values()} == {"sent"}


@pytest.mark.parametrize("reply", ["code_15", "hang_but_accepted"])
def test_a_mail_is_dead_lettered_and_re_driven(world: MotoWorld, reply: str) -> None:
    world.taqnyat.script = [reply]
    order = world.post("one")
    world.deliver()
    state = "failed" if reply == "code_15" else "unknown"
    assert world.item(order)["state"] == state
    failed = world.take_failed()
    assert failed[0]["MessageAttributes"]["state"]["StringValue"] == state
    world.put_back(failed)
    world.put_back(failed)
    while world.deliver():
        pass
    assert world.item(order)["state"] == "sent"
    assert world.item(order)["resends"] == ("0" if state == "failed" else "1")


def test_a_mail_waits_for_another_try_and_can_be_canceled(world: MotoWorld) -> None:
    world.taqnyat.script = ["status_503"]
    order = world.post("one")
    world.deliver()
    assert world.item(order)["state"] == "queued"
    world.cancel(order)
    assert world.item(order)["state"] == "canceled"


def test_a_pause_is_begun_and_ended_by_a_probe(world: MotoWorld) -> None:
    world.taqnyat.refusing = "code_2"
    order = world.post("one")
    world.deliver()
    other = world.post("two")
    world.taqnyat.refusing = None
    world.wait(400)
    world.check()
    for _ in range(3):
        world.wait(60)
        world.check()
    assert world.item(other)["state"] == "sent"
    assert len(world.taqnyat.accepted["two"]) == 1
    assert world.item(order)["state"] == "queued"
    assert [notice["Subject"].rpartition(" ")[2] for notice in world.sns.notices] == ["resumed"]


def test_a_client_sees_its_mails(world: MotoWorld) -> None:
    for number in range(3):
        world.post(f"mail {number}")
    event = {
        "httpMethod": "GET",
        "resource": "/emails",
        "queryStringParameters": {"limit": "2"},
        "headers": {},
        "requestContext": {"authorizer": {"client": "shop", "from": '["*"]', "scopes": "read"}},
    }
    answer = json.loads(world.ask(event)["body"])
    assert (len(answer["data"]), answer["has_more"]) == (2, True)
