"""What the console asks of the deployed gateway: its ledger, its queues, and its API."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from local.api import Api

_MOST_WRITES = 25  # of one BatchWriteItem
_DRAIN_SECONDS = 10.0
_LOST = {"ExpiredIteratorException", "TrimmedDataAccessException", "ResourceNotFoundException"}
_NUMBERS = {
    "visible": "ApproximateNumberOfMessages",
    "in_flight": "ApproximateNumberOfMessagesNotVisible",
    "delayed": "ApproximateNumberOfMessagesDelayed",
}


@dataclass
class Gateway:
    """The gateway of the local stack. Its methods raise botocore's errors, `post` OSError.

    `client` makes boto3 clients; `outputs` are the stack's.
    """

    client: Callable[[str], Any]
    outputs: Mapping[str, str]
    api: Api
    _iterators: dict[str, str | None] = field(default_factory=dict, init=False)  # by shard

    def changes(self) -> Iterator[dict[str, Any]]:
        """Yield the items of the ledger's table that are new since the last call; all at first.

        The special ones (`#pause`) are among them. Of one that is gone, `pk` is all that is left.
        """
        try:
            yield from self._news()
        except ClientError as error:
            if error.response["Error"]["Code"] not in _LOST:
                raise
            self._iterators = {}  # we were away for too long
        if not self._iterators:
            yield from self._all()

    def _news(self) -> Iterator[dict[str, Any]]:
        streams = self.client("dynamodbstreams")
        for shard, iterator in self._iterators.items():
            while iterator:
                answer = streams.get_records(ShardIterator=iterator)
                iterator = self._iterators[shard] = answer.get("NextShardIterator")  # noqa: PLW2901
                for change in (record["dynamodb"] for record in answer["Records"]):
                    yield item(change.get("NewImage", change["Keys"]))
                if not answer["Records"]:
                    break

    def _all(self) -> Iterator[dict[str, Any]]:
        table = self.outputs["LedgerTable"]
        dynamodb, streams = self.client("dynamodb"), self.client("dynamodbstreams")
        latest: dict[str, str | None] = {}
        if arn := dynamodb.describe_table(TableName=table)["Table"].get("LatestStreamArn"):
            new = {"StreamArn": arn, "ShardIteratorType": "LATEST"}
            for shard in streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]:
                answer = streams.get_shard_iterator(ShardId=shard["ShardId"], **new)
                latest[shard["ShardId"]] = answer["ShardIterator"]
        for page in dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True):
            yield from map(item, page["Items"])
        self._iterators = latest  # only now: a scan that fails is made again

    def queue(self) -> dict[str, int]:
        """Count the messages of both lanes, and those of the bulk lane alone."""
        normal, bulk = self._count("MailQueueUrl"), self._count("BulkQueueUrl")
        both = {name: count + bulk[name] for name, count in normal.items()}
        return both | {"bulk": bulk["visible"] + bulk["in_flight"]}

    def failed_queue(self) -> int:
        """Count the failed queue's messages, those that a person is looking at included."""
        return sum(self._count("FailedQueueUrl").values())

    def intake(self) -> str:
        """Look the worker's mappings up; one that is not as the other is shown."""
        found = self.client("lambda").list_event_source_mappings(
            FunctionName=self.outputs["WorkerFunction"]
        )["EventSourceMappings"]
        states = sorted(str(mapping["State"]) for mapping in found)
        return next((state for state in states if state != "Enabled"), (states or ["Missing"])[0])

    def post(self, body: bytes) -> tuple[int, bytes]:
        """Send a mail with the stack's own key, which never reaches the page."""
        answer = self.api.call("POST", "/emails", body)
        return answer.status, answer.data

    def store_token(self, token: str) -> None:
        """Put a new version into Secrets Manager."""
        self.client("secretsmanager").put_secret_value(
            SecretId=self.outputs["TokenSecretArn"], SecretString=token
        )

    def reset(self) -> None:
        """Empty the queues, wait for what is being sent, and empty the table."""
        sqs = self.client("sqs")
        for queue in [url for name, url in self.outputs.items() if name.endswith("QueueUrl")]:
            sqs.purge_queue(QueueUrl=queue)
        end = time.monotonic() + _DRAIN_SECONDS
        while self.queue()["in_flight"] and time.monotonic() < end:
            time.sleep(0.05)
        dynamodb, table = self.client("dynamodb"), self.outputs["LedgerTable"]
        pages = dynamodb.get_paginator("scan").paginate(TableName=table, ProjectionExpression="pk")
        keys = [found["pk"] for page in pages for found in page["Items"]]
        for start in range(0, len(keys), _MOST_WRITES):
            part = keys[start : start + _MOST_WRITES]
            gone = [{"DeleteRequest": {"Key": {"pk": key}}} for key in part]
            dynamodb.batch_write_item(RequestItems={table: gone})
        functions = self.client("lambda")
        for mapping in functions.list_event_source_mappings()["EventSourceMappings"]:
            if mapping["State"] != "Enabled":
                functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)

    def _count(self, output: str) -> dict[str, int]:
        answer = self.client("sqs").get_queue_attributes(
            QueueUrl=self.outputs[output], AttributeNames=list(_NUMBERS.values())
        )
        return {name: int(answer["Attributes"][key]) for name, key in _NUMBERS.items()}


def item(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return an item of DynamoDB as JSON would have it."""
    return {name: plain(value) for name, value in attributes.items()}


def plain(value: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any attribute
    """Return the value of a DynamoDB attribute as JSON would have it."""
    [(kind, inner)] = value.items()
    if kind == "L":
        return [plain(part) for part in inner]
    if kind == "M":
        return item(inner)
    if kind == "N":
        return float(inner) if "." in inner else int(inner)
    return None if kind == "NULL" else inner
