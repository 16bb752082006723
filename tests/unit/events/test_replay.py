"""Events that Lambda gave up: read again from the stream, and told by the same function."""

import json
from datetime import UTC, datetime
from typing import Any
from unittest.mock import Mock

import botocore.session
import pytest
from botocore.exceptions import ClientError
from mail_events import handler as entry
from mail_events.replay import Stretch, UnreadableError, read
from moto import mock_aws
from outbox.storage.expressions import pack_item

ARN = "arn:aws:dynamodb:us-east-1:123456789012:table/ledger/stream/2026-11-26T00:00:00.000"
SHARD = "shardId-00000001800000000000-aaaaaaaa"
FIRST = 10**22  # sequence numbers are longer than 64 bits


class Streams:
    """DynamoDB Streams: one shard of 8 changes, in pages of three and empty ones between them."""

    def __init__(self) -> None:
        self.changes = [change(number) for number in range(8)]
        self.kept_from = 0
        self.ends = True
        self.calls = 0

    def get_shard_iterator(self, **arguments: str) -> dict[str, str]:
        assert arguments.pop("ShardIteratorType") == "AT_SEQUENCE_NUMBER"
        begin = int(arguments.pop("SequenceNumber")) - FIRST
        assert arguments == {"StreamArn": ARN, "ShardId": SHARD}
        if begin < self.kept_from:
            raise ClientError(
                {"Error": {"Code": "TrimmedDataAccessException", "Message": "a value"}},
                "GetShardIterator",
            )
        return {"ShardIterator": f"{begin} full"}

    def get_records(self, **arguments: str) -> dict[str, Any]:
        self.calls += 1
        place, kind = arguments.pop("ShardIterator").split()
        assert arguments == {}
        begin = int(place)
        if kind == "empty":
            return {"Records": [], "NextShardIterator": f"{begin} full"}
        records = self.changes[begin : begin + 3]
        following = {"NextShardIterator": f"{begin + 3} empty"}
        more = not self.ends or begin + 3 < len(self.changes)
        return {"Records": records} | (following if more else {})


def change(number: int) -> dict[str, Any]:
    """Make a change as GetRecords tells it: the first and the last of three are of a sent mail."""
    state = "sending" if number % 3 == 1 else "sent"
    row = {"pk": f"m{number}", "state": state, "updated": "2026-11-23T08:00:00.000Z"}
    return {
        "eventID": f"e{number}",
        "eventName": "MODIFY",
        "dynamodb": {
            "ApproximateCreationDateTime": datetime(2026, 11, 23, tzinfo=UTC),
            "Keys": pack_item({"pk": f"m{number}"}),
            "NewImage": pack_item(row | {"sender": "s@acme.sa", "to": ["n***@example.com"]}),
            "SequenceNumber": str(FIRST + number),
        },
    }


def message(first: int, last: int) -> dict[str, Any]:
    """Make what Lambda sends where a batch was given up, as the queue's mapping hands it on."""
    body = {
        "requestContext": {"condition": "RetryAttemptsExhausted", "approximateInvokeCount": 21},
        "version": "1.0",
        "timestamp": "2026-11-26T00:00:00.000Z",
        "DDBStreamBatchInfo": {
            "shardId": SHARD,
            "startSequenceNumber": str(FIRST + first),
            "endSequenceNumber": str(FIRST + last),
            "approximateArrivalOfFirstRecord": "2026-11-26T00:00:00Z",
            "batchSize": last - first + 1,
            "streamArn": ARN,
        },
    }
    return {"Records": [{"eventSource": "aws:sqs", "messageId": "1", "body": json.dumps(body)}]}


@pytest.fixture
def streams() -> Streams:
    return Streams()


@pytest.fixture
def bus(streams: Streams, monkeypatch: pytest.MonkeyPatch) -> Mock:
    """Give the bus, which takes everything."""
    made = Mock()
    made.put_events.return_value = {"FailedEntryCount": 0}
    clients = {"events": made, "dynamodbstreams": streams}
    monkeypatch.setattr("outbox.aws.client", clients.__getitem__)
    monkeypatch.setenv("EVENT_BUS_NAME", "applications")
    monkeypatch.setattr(entry, "_container", lambda: None)  # no webhooks
    return made


@pytest.fixture
def aws_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give keys, which moto does not look at."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "made-up")


def told(bus: Mock) -> list[str]:
    """Return the ids of the events that the bus was given."""
    calls = bus.put_events.call_args_list
    return [json.loads(e["Detail"])["event_id"] for call in calls for e in call.kwargs["Entries"]]


@pytest.mark.parametrize(
    ("first", "last", "events"),
    [
        (0, 0, ["e0"]),
        (2, 6, ["e2", "e3", "e5", "e6"]),
        (1, 1, []),  # nothing of it tells anything
        (0, 7, ["e0", "e2", "e3", "e5", "e6"]),
    ],
)
def test_what_was_given_up_is_read_again_and_told(
    streams: Streams, bus: Mock, first: int, last: int, events: list[str]
) -> None:
    entry.handler(message(first, last), None)

    assert told(bus) == events
    assert streams.calls <= 6


def test_what_the_bus_does_not_take_comes_again(bus: Mock) -> None:
    bus.put_events.return_value = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "Throttled"}]}

    with pytest.raises(entry.NotToldError):
        entry.handler(message(0, 0), None)


def test_what_the_stream_does_not_keep_any_more_is_an_error_without_aws_s_text(
    streams: Streams, bus: Mock
) -> None:
    streams.kept_from = 5

    with pytest.raises(ClientError, match="TrimmedDataAccessException") as raised:
        entry.handler(message(0, 0), None)

    assert "a value" not in str(raised.value)
    assert told(bus) == []


def test_a_shard_that_never_comes_to_the_last_change_is_an_error(
    streams: Streams, bus: Mock
) -> None:
    streams.ends = False

    with pytest.raises(UnreadableError):
        entry.handler(message(0, 9), None)

    assert streams.calls <= 100
    assert told(bus)[0] == "e0"


@pytest.mark.parametrize("body", ["", "{}", "[]", '{"DDBStreamBatchInfo": {}}', "\x00"])
def test_what_lambda_did_not_write_is_an_error(bus: Mock, body: str) -> None:
    with pytest.raises(UnreadableError):
        entry.handler({"Records": [{"eventSource": "aws:sqs", "body": body}]}, None)

    assert told(bus) == []


@pytest.mark.usefixtures("aws_keys")
def test_another_emulator_s_stream_is_read_the_same_way() -> None:
    with mock_aws():
        session = botocore.session.get_session()
        tables: Any = session.create_client("dynamodb", region_name="us-east-1")
        reader: Any = session.create_client("dynamodbstreams", region_name="us-east-1")
        table = tables.create_table(
            TableName="ledger",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )["TableDescription"]
        for number in range(5):
            tables.put_item(TableName="ledger", Item={"pk": {"S": f"m{number}"}})
        arn = table["LatestStreamArn"]
        [shard] = reader.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
        begin = reader.get_shard_iterator(
            StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )
        whole = reader.get_records(ShardIterator=begin["ShardIterator"])["Records"]
        numbers = [record["dynamodb"]["SequenceNumber"] for record in whole]

        pages = read(reader, Stretch(arn, shard["ShardId"], numbers[1], numbers[3]))

        assert [record for page in pages for record in page] == whole[1:4]
