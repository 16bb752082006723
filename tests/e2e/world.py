"""What an end-to-end test may touch: the API, the queues, the ledger, Taqnyat's simulator."""

import http.client
import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

from local.console.gateway import item
from local.simulator import Simulator
from local.stack import LocalStack

PATIENCE_SECONDS = 40.0


class World:
    """What a test may touch: the API, the queues, the ledger, Taqnyat's simulator."""

    def __init__(self, stack: LocalStack, simulator: Simulator) -> None:
        """Wrap a running stack."""
        self.stack = stack
        self.simulator = simulator
        self.domain = f"{uuid.uuid4().hex[:12]}.example"

    def address(self, name: str = "nora") -> str:
        """Return an address that no other test uses."""
        return f"{name}@{self.domain}"

    def mail(self, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        """Return a valid mail to an address of this test."""
        mail = {
            "from": "shop@acme.sa",
            "to": [self.address()],
            "subject": "Hello",
            "text": "Hello, Nora.",
        }
        return mail | changes

    def call(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, Mapping[str, str], Any]:
        """Call the API with our key; return status, headers (names in lower case) and JSON."""
        given = {"Authorization": f"Bearer {self.stack.api_key}"}
        given |= {"Content-Type": "application/json"} if body is not None else {}
        given |= headers or {}
        url = urlsplit(self.stack.api_url)
        with closing(http.client.HTTPConnection(url.netloc, timeout=PATIENCE_SECONDS)) as line:
            sent = {name: value for name, value in given.items() if value}
            line.request(method, url.path + path, body, sent)
            answer = line.getresponse()
            said = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, said, json.loads(answer.read())

    def post(self, mail: Mapping[str, Any], **headers: str) -> str:
        """Send a mail through the API; return its id."""
        body = json.dumps(mail, ensure_ascii=False).encode()
        status, _, answer = self.call("POST", "/emails", body, headers)
        assert status == 200, answer
        mail_id: str = answer["id"]
        return mail_id

    def put_on_queue(self, mail: Mapping[str, Any], output: str = "MailQueueUrl") -> str:
        """Drop a mail on a queue as a service of AWS would; return SQS's message id."""
        sent = self.stack.client("sqs").send_message(
            QueueUrl=self.stack.outputs[output],
            MessageBody=json.dumps(mail, ensure_ascii=False),
        )
        message_id: str = sent["MessageId"]
        return message_id

    def row(self, mail_id: str) -> dict[str, Any]:
        """Return a mail's row of the ledger, empty if there is none."""
        return self.stack.item(mail_id)

    def rows_of_this_test(self) -> list[dict[str, Any]]:
        """Return the rows of all mails to this test's domain."""
        pages = self.stack.client("dynamodb").get_paginator("scan")
        rows = [
            item(found)
            for page in pages.paginate(TableName=self.stack.outputs["LedgerTable"])
            for found in page["Items"]
        ]
        return [row for row in rows if any(self.domain in to for to in row.get("to", []))]

    def until_state(self, mail_id: str, *states: str) -> dict[str, Any]:
        """Wait until a mail is in one of the states; return its row."""
        row: dict[str, Any] = self.until(
            lambda: row if (row := self.row(mail_id)).get("state") in states else None,
            lambda: f"{mail_id}: {self.row(mail_id)}",
        )
        return row

    def failed_message(self, mail_id: str) -> dict[str, Any]:
        """Take a mail's message out of the failed queue, waiting for it."""
        sqs, url = self.stack.client("sqs"), self.stack.outputs["FailedQueueUrl"]

        def look() -> dict[str, Any] | None:
            received = sqs.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=10,
                MessageAttributeNames=["All"],
                VisibilityTimeout=0,
            )
            for message in received.get("Messages", []):
                attributes = message.get("MessageAttributes", {})
                if attributes.get("id", {}).get("StringValue") == mail_id:
                    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                    found: dict[str, Any] = message
                    return found
            return None

        taken: dict[str, Any] = self.until(
            look, lambda: f"{mail_id} is not in the failed queue: {self.row(mail_id)}"
        )
        return taken

    def until(self, look: Callable[[], Any], tell: Callable[[], str] = str) -> Any:  # noqa: ANN401 - what it finds
        """Wait until `look` finds something, and return that."""
        end = time.monotonic() + PATIENCE_SECONDS
        while not (found := look()):
            assert time.monotonic() < end, tell()
            time.sleep(0.05)
        return found

    def received(self, name: str = "nora") -> list[dict[str, Any]]:
        """Return what Taqnyat's simulator accepted for an address of this test."""
        return self.simulator.inbox(self.address(name))


def of_a_test(stack: LocalStack) -> Iterator[World]:
    """Yield a test's view of the stack; afterwards the provider is well-behaved again."""
    simulator = stack.simulator
    assert simulator is not None
    yield World(stack, simulator)
    simulator.clear_script()
    simulator.account(balance=None, enabled=True, ip_allowed=True, senders=None)
