"""Changes that Lambda gave up are told once more: they are read again from the ledger's stream.

What Lambda sends to the queue is where they stand there (shard, first and last sequence number),
not the changes themselves. The stream keeps them for a day.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_INFO: Final = "DDBStreamBatchInfo"
_MAX_PAGES: Final = 100  # of up to 1,000 changes; a page may be empty


class Stretch(NamedTuple):
    """A part of one shard of a stream, from its first change to its last one."""

    stream_arn: str
    shard_id: str
    first: str
    last: str


class UnreadableError(Exception):
    """What is in the queue says no place in a stream, or the stream does not come to its end."""


def stretch_of(body: str) -> Stretch:
    """Read one message.

    Raises:
        UnreadableError: Lambda did not write it.

    """
    try:
        info = json.loads(body)[_INFO]
        names = ("streamArn", "shardId", "startSequenceNumber", "endSequenceNumber")
        return Stretch(*(str(info[name]) for name in names))
    except (ValueError, KeyError, TypeError):
        raise UnreadableError("no place in a stream") from None


def read(streams: Any, stretch: Stretch) -> Iterator[list[Mapping[str, Any]]]:  # noqa: ANN401  botocore's clients have no types
    """Yield the changes, page by page, as Lambda's event has them.

    Also those between them that Lambda had filtered out. Raises botocore's errors, as when the
    stream does not keep them any more.
    """
    answer = streams.get_shard_iterator(
        StreamArn=stretch.stream_arn,
        ShardId=stretch.shard_id,
        ShardIteratorType="AT_SEQUENCE_NUMBER",
        SequenceNumber=stretch.first,
    )
    last = int(stretch.last)
    place = answer["ShardIterator"]
    for _ in range(_MAX_PAGES):
        answer = streams.get_records(ShardIterator=place)
        numbered = [(_number(record), record) for record in answer["Records"]]
        if page := [record for number, record in numbered if number <= last]:
            yield page
        place = answer.get("NextShardIterator")
        if place is None or any(number >= last for number, _ in numbered):
            return
    raise UnreadableError("the stream does not come to the last change")


def _number(record: Mapping[str, Any]) -> int:
    return int(record["dynamodb"]["SequenceNumber"])
