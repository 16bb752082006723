"""A command on a failed queue as full as SQS lets anybody see it, with nothing kept but numbers.

`python -m benchmarks.full_queue 120000 failed list` runs the command in this process, with
receipt handles as long as AWS's, and says on standard error how many megabytes it took at most.
What the messages hold is made when they are received, so it is the command that is measured.
"""

import base64
import hashlib
import json
import sys
import threading
import time
import uuid
from collections import deque
from pathlib import Path
from typing import Any

import boto3
from outbox.mail.times import iso
from outbox.settings import Settings
from outbox.storage.expressions import pack_item

from ops import stack as stacks
from ops.cli import main as run
from ops.stack import Stack

_OUTPUTS = {
    "LedgerTable": "ledger",
    "MailQueueUrl": "mail",
    "MailQueueArn": "arn:mail",
    "FailedQueueUrl": "failed",
}
_KILOBYTES = 2
_HANDLE_BYTES = 309  # 412 letters, as AWS's are


class Sqs:
    """The failed queue of so many messages, and a mail queue that takes them."""

    def __init__(self, count: int) -> None:
        self._waiting = deque(range(count))
        self._hidden = bytearray(count)
        self._lock = threading.Lock()

    def receive_message(self, **given: Any) -> Any:  # noqa: ANN401  as boto3's
        """Give messages that are not hidden."""
        with self._lock:
            most = min(given["MaxNumberOfMessages"], len(self._waiting))
            numbers = [self._waiting.popleft() for _ in range(most)]
            for number in numbers:
                self._hidden[number] = 1
        return {"Messages": [_message(number) for number in numbers]} if numbers else {}

    def change_message_visibility_batch(self, **given: Any) -> Any:  # noqa: ANN401  the same
        """Let messages go, or hold them longer."""
        with self._lock:
            for entry in given["Entries"]:
                number = _number(entry["ReceiptHandle"])
                if entry["VisibilityTimeout"] == 0 and self._hidden[number] == 1:
                    self._hidden[number] = 0
                    self._waiting.append(number)
        return {}

    def delete_message_batch(self, **given: Any) -> Any:  # noqa: ANN401  the same
        """Delete messages."""
        with self._lock:
            for entry in given["Entries"]:
                self._hidden[_number(entry["ReceiptHandle"])] = 2
        return {"Successful": [{"Id": entry["Id"]} for entry in given["Entries"]]}

    def send_message_batch(self, **given: Any) -> Any:  # noqa: ANN401  the same
        """Take mails."""
        return {"Successful": [{"Id": entry["Id"]} for entry in given["Entries"]]}

    def get_queue_attributes(self, **_: Any) -> Any:  # noqa: ANN401  the same
        """Count."""
        waiting, hidden = len(self._waiting), self._hidden.count(1)
        names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        return {"Attributes": dict(zip(names, map(str, (waiting, hidden)), strict=True))}


class Dynamo:
    """The rows of the failed mails, made when they are read."""

    def batch_get_item(self, **given: Any) -> Any:  # noqa: ANN401  as boto3's
        """Read rows."""
        ((table, request),) = given["RequestItems"].items()
        return {"Responses": {table: [_row(key["pk"]["S"]) for key in request["Keys"]]}}

    def transact_write_items(self, **_: Any) -> Any:  # noqa: ANN401  the same
        """Write rows."""
        return {}


class Sts:
    """Says who we are."""

    def get_caller_identity(self) -> dict[str, str]:
        """Name a user."""
        return {"Arn": "arn:aws:iam::123456789012:user/bench"}


def main() -> None:
    """Run a command, and say what it took."""
    count, words = int(sys.argv[1]), sys.argv[2:]
    session = boto3.session.Session("a", "b", region_name="us-east-1")
    for service in ("sqs", "dynamodb", "sts"):
        session.client(service)  # a command has these: their models are part of what it takes
    clients: dict[str, Any] = {"sqs": Sqs(count), "dynamodb": Dynamo(), "sts": Sts()}
    stack = Stack("taqnyat-mail", clients.__getitem__, "nowhere")
    outputs = [{"OutputKey": key, "OutputValue": value} for key, value in _OUTPUTS.items()]
    stack.__dict__["described"] = {"Outputs": outputs}
    stack.__dict__["settings"] = Settings(
        ledger_table="ledger", mail_queue_url="mail", mail_queue_arn="arn:mail"
    )
    stacks.find = lambda *_: stack
    try:
        run(words)
    finally:
        say_most()


def say_most() -> None:
    """Write to standard error how many megabytes this process took at most.

    By Linux's own count: `ru_maxrss` begins with what the process had that started this one.
    """
    status = Path("/proc/self/status").read_text("utf-8")
    kilobytes = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    sys.stderr.write(f"\n{int(kilobytes) / 1024:.0f}\n")


def _message(number: int) -> dict[str, Any]:
    mail_id = str(uuid.UUID(int=number, version=4))
    body = {"version": 1, "id": mail_id, "from": "shop@acme.sa", "to": ["n@example.com"]}
    body |= {"subject": "Hi", "html": "x" * _KILOBYTES * 1024, "client": "shop"}
    texts = {"id": mail_id, "state": "failed", "reason": "sender_refused"}
    attributes = {key: {"DataType": "String", "StringValue": text} for key, text in texts.items()}
    numbers = {"attempt": "1", "code": "14"}
    attributes |= {k: {"DataType": "Number", "StringValue": text} for k, text in numbers.items()}
    return {
        "MessageId": str(uuid.UUID(int=2**100 + number)),
        "ReceiptHandle": _handle(number),
        "Body": json.dumps(body),
        "Attributes": {"SentTimestamp": str(int(time.time() * 1000) - number)},
        "MessageAttributes": attributes,
    }


def _handle(number: int) -> str:
    begin = number.to_bytes(4)
    filling = hashlib.shake_128(begin).digest(_HANDLE_BYTES - len(begin))
    return base64.b64encode(begin + filling).decode()


def _number(handle: str) -> int:
    return int.from_bytes(base64.b64decode(handle[:8])[:4])


def _row(mail_id: str) -> Any:  # noqa: ANN401  DynamoDB's form
    values = {"pk": mail_id, "state": "failed", "attempt_count": 1, "reason": "sender_refused"}
    now = time.time()
    more = {"created": iso(now), "updated": iso(now), "client": "shop", "ttl": int(now) + 10**6}
    return pack_item(values | more)


if __name__ == "__main__":
    main()
