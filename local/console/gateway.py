"""What the console asks of the deployed gateway: its ledger, its queues, and its API."""

import time
from collections.abc import Callable, Iterator, Mapping
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


class Gateway:
    """The gateway of the local stack. Its methods raise botocore's errors, `post` OSError."""

    def __init__(self, client: Callable[[str], Any], outputs: Mapping[str, str], api: Api) -> None:
        """`client` makes boto3 clients; `outputs` are the stack's."""
        self._client = client
        self._outputs = outputs
        self._api = api
        self._iterators: dict[str, str | None] = {}

    def changes(self) -> Iterator[dict[str, Any]]:
        """Yield the items of the ledger's table that are new since the last call; all at first.

        The special ones (`#pause`) are among them. Of one that is gone, `pk` is all that is left.
        """
        if not self._iterators:
            yield from self._all()
            return
        for shard, iterator in self._iterators.items():
            while iterator:
                answer = self._records(iterator)
                if answer is None:  # we were away for too long
                    self._iterators = {}
                    yield from self._all()
                    return
                iterator = self._iterators[shard] = answer.get("NextShardIterator")  # noqa: PLW2901
                for change in (record["dynamodb"] for record in answer["Records"]):
                    yield item(change.get("NewImage", change["Keys"]))
                if not answer["Records"]:
                    break

    def _all(self) -> Iterator[dict[str, Any]]:
        table = self._outputs["LedgerTable"]
        described = self._client("dynamodb").describe_table(TableName=table)["Table"]
        streams = self._client("dynamodbstreams")
        if arn := described.get("LatestStreamArn"):
            shards = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
            latest = {"StreamArn": arn, "ShardIteratorType": "LATEST"}
            self._iterators = {
                shard["ShardId"]: streams.get_shard_iterator(ShardId=shard["ShardId"], **latest)[
                    "ShardIterator"
                ]
                for shard in shards
            }
        pages = self._client("dynamodb").get_paginator("scan")
        for page in pages.paginate(TableName=table, ConsistentRead=True):
            yield from map(item, page["Items"])

    def _records(self, iterator: str) -> Any:  # noqa: ANN401 - an answer of AWS
        try:
            return self._client("dynamodbstreams").get_records(ShardIterator=iterator)
        except ClientError as error:
            if error.response["Error"]["Code"] in _LOST:
                return None
            raise

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
        found = self._client("lambda").list_event_source_mappings(
            FunctionName=self._outputs["WorkerFunction"]
        )["EventSourceMappings"]
        states = sorted(str(mapping["State"]) for mapping in found)
        return next((state for state in states if state != "Enabled"), (states or ["Missing"])[0])

    def post(self, body: bytes) -> tuple[int, bytes]:
        """Send a mail with the stack's own key, which never reaches the page."""
        answer = self._api.call("POST", "/emails", body)
        return answer.status, answer.data

    def store_token(self, token: str) -> None:
        """Put a new version into Secrets Manager."""
        self._client("secretsmanager").put_secret_value(
            SecretId=self._outputs["TokenSecretArn"], SecretString=token
        )

    def reset(self) -> None:
        """Empty the queues, wait for what is being sent, and empty the table."""
        sqs = self._client("sqs")
        for queue in [url for name, url in self._outputs.items() if name.endswith("QueueUrl")]:
            sqs.purge_queue(QueueUrl=queue)
        end = time.monotonic() + _DRAIN_SECONDS
        while self.queue()["in_flight"] and time.monotonic() < end:
            time.sleep(0.05)
        dynamodb, table = self._client("dynamodb"), self._outputs["LedgerTable"]
        pages = dynamodb.get_paginator("scan").paginate(TableName=table, ProjectionExpression="pk")
        keys = [found["pk"] for page in pages for found in page["Items"]]
        for start in range(0, len(keys), _MOST_WRITES):
            part = keys[start : start + _MOST_WRITES]
            gone = [{"DeleteRequest": {"Key": {"pk": key}}} for key in part]
            dynamodb.batch_write_item(RequestItems={table: gone})
        functions = self._client("lambda")
        for mapping in functions.list_event_source_mappings()["EventSourceMappings"]:
            if mapping["State"] != "Enabled":
                functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)

    def _count(self, output: str) -> dict[str, int]:
        answer = self._client("sqs").get_queue_attributes(
            QueueUrl=self._outputs[output], AttributeNames=list(_NUMBERS.values())
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
