"""Events, a context, and calls without a gateway, for the measures inside one container."""

from __future__ import annotations

import json
import os
import time
import uuid
from typing import Any

import urllib3

# An order's confirmation, as shops send it: about 2 KB.
LINES = "".join(
    f"<tr><td>منتج {number}</td><td>{number}</td><td>{number * 19}.50 ر.س</td></tr>"
    for number in range(1, 26)
)
HTML = (
    '<html dir="rtl" lang="ar"><body><p>شكرا لك، استلمنا طلبك رقم 1042.</p>'
    f"<table>{LINES}</table><p>متجر أكمي، الرياض</p></body></html>"
)
SUBJECT = "تم استلام طلبك رقم 1042"


class Context:
    """As much of Lambda's context as a handler and Powertools use."""

    function_name = "bench"
    function_version = "$LATEST"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:bench"
    aws_request_id = "00000000-0000-0000-0000-000000000001"
    tenant_id = None

    def get_remaining_time_in_millis(self) -> int:
        """Return a whole minute."""
        return 60_000


def document() -> dict[str, Any]:
    """Return a mail as a caller posts it."""
    return {"from": "orders@acme.sa", "to": ["nora@example.com"], "subject": SUBJECT, "html": HTML}


def message(now: float) -> dict[str, Any]:
    """Return a mail as the API queues it."""
    accepted = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + ".000Z"
    mail_id = str(uuid.uuid4())
    return {
        "version": 1,
        "id": mail_id,
        **document(),
        "campaign_name": "orders",
        "client": "shop",
        "accepted_at": accepted,
    }


def batch(size: int, messages: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """Return a batch of fresh mails as SQS gives it to Lambda."""
    now = time.time()
    bodies = messages or [message(now) for _ in range(size)]
    return {
        "Records": [
            {
                "messageId": str(uuid.uuid4()),
                "receiptHandle": "handle",
                "body": json.dumps(body, ensure_ascii=False, separators=(",", ":")),
                "attributes": {
                    "ApproximateReceiveCount": "1",
                    "SentTimestamp": str(int(now * 1000)),
                    "SenderId": "AROAEXAMPLE",
                    "ApproximateFirstReceiveTimestamp": str(int(now * 1000)),
                },
                "messageAttributes": {},
                "md5OfBody": "",
                "eventSource": "aws:sqs",
                "eventSourceARN": os.environ["MAIL_QUEUE_ARN"],
                "awsRegion": "us-east-1",
            }
            for body in bodies
        ]
    }


def call(method: str, path: str, body: object) -> dict[str, Any]:
    """Return a call as API Gateway gives it to Lambda, behind the authorizer."""
    request_id = str(uuid.uuid4())
    return {
        "resource": path,
        "path": path,
        "httpMethod": method,
        "headers": {
            "Accept": "application/json",
            "Content-Type": "application/json",
            "Host": "abcdefghij.execute-api.us-east-1.amazonaws.com",
            "User-Agent": "resend-python:2.52.0",
            "X-Amzn-Trace-Id": "Root=1-00000000-000000000000000000000001",
            "X-Forwarded-For": "203.0.113.7",
            "X-Forwarded-Port": "443",
            "X-Forwarded-Proto": "https",
        },
        "multiValueHeaders": {},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "abcdefghij",
            "authorizer": {
                "client": "shop",
                "from": '["*@acme.sa"]',
                "scopes": "read send",
                "principalId": "shop",
                "integrationLatency": 3,
            },
            "httpMethod": method,
            "identity": {"sourceIp": "203.0.113.7", "userAgent": "resend-python:2.52.0"},
            "path": f"/v1{path}",
            "protocol": "HTTP/1.1",
            "requestId": request_id,
            "requestTimeEpoch": int(time.time() * 1000),
            "resourcePath": path,
            "stage": "v1",
        },
        "body": json.dumps(body, ensure_ascii=False),
        "isBase64Encoded": False,
    }


class Provider:
    """Taqnyat called directly: one keep-alive connection, one POST."""

    def __init__(self) -> None:
        self._url = f"{os.environ['TAQNYAT_URL']}/mailSend.php"
        self._http = urllib3.PoolManager()

    def post(self) -> None:
        """Send one mail, and read the answer."""
        fields = {
            "bearerTokens": "bench-token",
            "campaignName": "orders",
            "subject": SUBJECT,
            "from": "orders@acme.sa",
            "to": "nora@example.com",
            "msg": HTML,
        }
        headers = {"Authorization": "Bearer bench-token"}
        answer = self._http.request_encode_body(
            "POST", self._url, fields, headers, encode_multipart=False
        )
        if answer.status != 201:  # noqa: PLR2004
            raise RuntimeError(answer.status)
