"""POST /emails in one warm container, beside a handler that only makes the two calls.

python -m benchmarks.inside.api <rounds>
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

import botocore.session
from mail_send import api
from outbox import aws

from benchmarks.inside.common import Context, call, document
from benchmarks.rounds import interleaved

CALLS = 20
CONTEXT = Context()


def recorded(client: Any, name: str) -> dict[str, Any]:  # noqa: ANN401
    """Return the arguments with which one POST /emails makes a call."""
    seen: list[dict[str, Any]] = []
    real = getattr(client, name)

    def note(**arguments: Any) -> Any:  # noqa: ANN401
        seen.append(arguments)
        return real(**arguments)

    setattr(client, name, note)
    try:
        api.handler(call("POST", "/emails", document()), CONTEXT)
    finally:
        delattr(client, name)
    return seen[0]


def main(rounds: int) -> dict[str, list[float]]:
    """Seconds of one call each."""
    dynamo, sqs = aws.client("dynamodb"), aws.client("sqs")
    put, message = recorded(dynamo, "put_item"), recorded(sqs, "send_message")
    session: Any = botocore.session.get_session()
    dynamo, sqs = session.create_client("dynamodb"), session.create_client("sqs")

    def whole() -> float:
        events = [call("POST", "/emails", document()) for _ in range(CALLS)]
        started = time.perf_counter()
        for event in events:
            answer = api.handler(event, CONTEXT)
            if answer["statusCode"] != 200:  # noqa: PLR2004
                raise RuntimeError(answer)
        return (time.perf_counter() - started) / CALLS

    def least() -> float:
        started = time.perf_counter()
        for _ in range(CALLS):
            dynamo.put_item(**put)
            sqs.send_message(**message)
            json.dumps({"statusCode": 200, "body": json.dumps({"id": os.environ["_HANDLER"]})})
        return (time.perf_counter() - started) / CALLS

    return interleaved({"post": whole, "least": least}, rounds, warmup=2)


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]))))
