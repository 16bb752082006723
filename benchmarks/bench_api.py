"""POST /emails in one warm process, beside a handler that only puts the message on the queue.

    python -m benchmarks.bench_api [calls]

AWS answers at once, in the process: what is left is what the code costs, the SDK's part included.
The two take turns, so that what else the machine does falls on both alike.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "layers/taqnyat"), str(ROOT / "functions/send")]
QUEUE = "https://sqs.us-east-1.amazonaws.com/123456789012/mail"
os.environ |= {
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "LEDGER_TABLE": "ledger",
    "MAIL_QUEUE_URL": QUEUE,
    "MAIL_QUEUE_ARN": "arn:aws:sqs:us-east-1:123456789012:mail",
}

from botocore.awsrequest import AWSResponse  # noqa: E402  the environment comes first
from botocore.compat import HTTPHeaders  # noqa: E402
from mail_send import api  # noqa: E402
from outbox import aws  # noqa: E402

MAIL = {
    "from": "Acme <orders@acme.sa>",
    "to": ["nora@example.com"],
    "subject": "تم استلام طلبك رقم 1042",
    "html": '<p dir="rtl">شكراً لك</p>' * 50,
}
EVENT: dict[str, Any] = {
    "httpMethod": "POST",
    "resource": "/emails",
    "path": "/emails",
    "headers": {"Content-Type": "application/json"},
    "body": json.dumps(MAIL, ensure_ascii=False),
    "isBase64Encoded": False,
    "requestContext": {
        "authorizer": {"client": "shop", "from": '["*@acme.sa"]', "scopes": "read send"}
    },
}


class Raw:
    """An answer's body, as botocore's response wants it."""

    def stream(self, *_: object, **__: object) -> list[bytes]:
        """Give it in one piece."""
        return [b"{}"]


def answer_at_once(service: str) -> None:
    """Let each call of a service succeed before it reaches the network."""
    headers = HTTPHeaders()
    headers["Content-Type"] = "application/x-amz-json-1.0"
    aws.client(service).meta.events.register(
        f"before-send.{service}", lambda **_: AWSResponse("", 200, headers, Raw())
    )


def whole() -> None:
    """Accept a mail: validate it, write its row, queue its message, answer, log, measure."""
    if api.handler(EVENT, None)["statusCode"] != 202:  # noqa: PLR2004
        raise RuntimeError("the mail was not accepted")


def least() -> None:
    """Put the body on the queue as it came."""
    aws.client("sqs").send_message(QueueUrl=QUEUE, MessageBody=EVENT["body"])


def milliseconds(run: Callable[[], None]) -> float:
    """Return the time of one call."""
    begin = time.perf_counter()
    run()
    return (time.perf_counter() - begin) * 1000


def main(calls: int) -> str:
    """Measure, and return the table."""
    answer_at_once("dynamodb")
    answer_at_once("sqs")
    found: dict[Callable[[], None], list[float]] = {whole: [], least: []}
    for number in range(calls + 100):
        for run, times in found.items():
            taken = milliseconds(run)
            if number >= 100:  # noqa: PLR2004  the first ones warm up
                times.append(taken)
    rows = {run: statistics.quantiles(times, n=100) for run, times in found.items()}
    lines = [f"{'':24}{'p50':>8}{'p99':>8}"]
    for run, name in ((whole, "POST /emails"), (least, "message on the queue")):
        lines.append(f"{name:24}{rows[run][49]:7.2f} {rows[run][98]:7.2f}  ms")
    ratios = [rows[whole][at] / rows[least][at] for at in (49, 98)]
    lines.append(f"{'ratio':24}{ratios[0]:7.2f} {ratios[1]:7.2f}")
    return "\n".join(lines)


if __name__ == "__main__":
    log, sys.stdout = sys.stdout, open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    table = main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
    sys.stdout = log
    print(table)
