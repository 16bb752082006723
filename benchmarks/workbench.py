"""The failed-mail workbench beside the same calls made one by one: a message a call, one thread.

`python -m benchmarks.workbench --count 10000` on the local stack, with sending paused. Prints
times, ratios and the most memory that a command took; for a queue as full as SQS shows it, on
stand-ins (full_queue.py): the emulator looks at each message with every call.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from outbox.mail.times import iso
from outbox.storage.expressions import pack_item

from local.stack import LocalStack, Options
from ops import stack as stacks

ROOT = Path(__file__).parents[1]
MOST_HIDDEN = 120_000  # of one queue, by SQS
MEASURED = """
import sys
from benchmarks.full_queue import say_most
from ops.cli import main
try:
    main(sys.argv[1:])
finally:
    say_most()
"""


def main() -> None:
    """Fill the failed queue twice, and list and re-drive it both ways."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--kilobytes", type=int, default=2, help="of each mail's body")
    parser.add_argument(
        "--sample", type=int, help="do only so many one by one, and reckon the rest"
    )
    given = parser.parse_args()
    sample = min(given.sample or given.count, given.count)
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalStack(Options(root=Path(folder), tick=3600.0)) as running,
    ):
        at = running.folder.stack_json
        stack = stacks.find_local(at)
        _command(at, "pause", "--yes")
        fill(stack, given.count, given.kilobytes)
        one_list = _timed(lambda: list(one_by_one_list(stack, sample))) * given.count / sample
        many_list, memory_list = _command(at, "failed", "list")
        many_move, memory_move = _command(at, "failed", "redrive", "--yes")
        stack.client("sqs").purge_queue(QueueUrl=stack.output("MailQueueUrl"))
        # What a call takes here falls with the queue: on average it is as with half of it.
        fill(stack, (given.count + sample) // 2, given.kilobytes)
        one_move = _timed(lambda: one_by_one_redrive(stack, sample)) * given.count / sample
        print(f"{given.count:,} mails of {given.kilobytes} KB; one by one {sample:,} of them")
        for name, one, many in (("list", one_list, many_list), ("redrive", one_move, many_move)):
            print(f"{name}: {one:.1f} s one by one, {many:.1f} s: x {many / one:.3f}")
        print(f"memory: {memory_list:.0f} MB list, {memory_move:.0f} MB redrive")
    for words in (("list",), ("list", "--json"), ("redrive", "--yes")):
        most = _memory("-m", "benchmarks.full_queue", str(MOST_HIDDEN), "failed", *words)
        print(f"{MOST_HIDDEN:,} mails, failed {' '.join(words)}: {most:.0f} MB")


def fill(stack: stacks.Stack, count: int, kilobytes: int) -> None:
    """Put failed mails into ledger and failed queue."""
    sqs, dynamo = stack.client("sqs"), stack.client("dynamodb")
    url, table = stack.output("FailedQueueUrl"), stack.output("LedgerTable")

    def some(ids: tuple[str, ...]) -> None:
        rows: list[Any] = []
        entries: list[Any] = []
        for number, mail_id in enumerate(ids):
            row: dict[str, Any] = {
                "pk": mail_id,
                "state": "failed",
                "attempt_count": 1,
                "reason": "sender_refused",
            }
            row |= {"created": iso(time.time()), "updated": iso(time.time()), "client": "shop"}
            row |= {"ttl": int(time.time()) + 10**6}
            rows.append({"PutRequest": {"Item": pack_item(row)}})
            body = {"version": 1, "id": mail_id, "from": "shop@acme.sa", "to": ["n@example.com"]}
            body |= {"subject": "Hi", "html": "x" * kilobytes * 1024, "client": "shop"}
            texts = {"id": mail_id, "state": "failed", "reason": "sender_refused"}
            attributes = {k: {"DataType": "String", "StringValue": v} for k, v in texts.items()}
            numbers = {"attempt": "1", "code": "14"}
            attributes |= {k: {"DataType": "Number", "StringValue": v} for k, v in numbers.items()}
            entry: dict[str, Any] = {"Id": str(number), "MessageBody": json.dumps(body)}
            entries.append(entry | {"MessageAttributes": attributes})
        dynamo.batch_write_item(RequestItems={table: rows})
        sqs.send_message_batch(QueueUrl=url, Entries=entries)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(some, _tens([str(uuid.uuid4()) for _ in range(count)])))


def one_by_one_list(stack: stacks.Stack, most: int) -> Iterator[dict[str, Any]]:
    """Look as one call a message does, and let each go again."""
    sqs, url = stack.client("sqs"), stack.output("FailedQueueUrl")
    held: list[Any] = []
    while len(held) < most:
        answer = sqs.receive_message(
            QueueUrl=url, VisibilityTimeout=1200, MessageAttributeNames=["All"]
        )
        if not answer.get("Messages"):
            break
        held += answer["Messages"]
    for message in held:
        sqs.change_message_visibility(
            QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
        )
        yield message


def one_by_one_redrive(stack: stacks.Stack, count: int) -> None:
    """Read the row, note what is done, send and delete: for one message after another."""
    sqs, url = stack.client("sqs"), stack.output("FailedQueueUrl")
    dynamo, table = stack.client("dynamodb"), stack.output("LedgerTable")
    for _ in range(count):
        (message,) = sqs.receive_message(
            QueueUrl=url, VisibilityTimeout=1200, MessageAttributeNames=["All"]
        )["Messages"]
        attributes = message["MessageAttributes"]
        key = {"pk": {"S": attributes["id"]["StringValue"]}}
        dynamo.get_item(TableName=table, Key=key, ConsistentRead=True)
        dynamo.update_item(
            TableName=table,
            Key=key,
            UpdateExpression="SET actions = list_append(if_not_exists(actions, :e), :a)",
            ExpressionAttributeValues={":e": {"L": []}, ":a": {"L": [{"S": "redrive"}]}},
        )
        sqs.send_message(
            QueueUrl=stack.output("MailQueueUrl"),
            MessageBody=message["Body"],
            MessageAttributes=attributes,
        )
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def _command(stack_json: Path, *words: str) -> tuple[float, float]:
    """Run a command in a process of its own; return its seconds and its most megabytes."""
    begun = time.monotonic()
    most = _memory("-c", MEASURED, *words, "--stack-json", str(stack_json))
    return time.monotonic() - begun, most


def _memory(*arguments: str) -> float:
    done = subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'layers/taqnyat'}"},
        capture_output=True,
        text=True,
        check=False,
    )
    print(f"  exit {done.returncode}: {done.stdout.strip().splitlines()[-1:]}"[:120])
    return float(done.stderr.split()[-1])


def _timed(work: Any) -> float:  # noqa: ANN401  any callable
    begun = time.monotonic()
    work()
    return time.monotonic() - begun


def _tens(ids: list[str]) -> Iterator[tuple[str, ...]]:
    yield from (tuple(ids[start : start + 10]) for start in range(0, len(ids), 10))


if __name__ == "__main__":
    main()
