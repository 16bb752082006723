"""A world in memory: the gateway's own functions, wired as they wire themselves, amid AWS.

What is real: the three entry points with all that they build, down to the client of Taqnyat and its
classification. What stands in: the AWS clients, Taqnyat's side of the wire, and the clock. What AWS
does of itself is done here, as AWS documents it.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tests.faults.accounts import API_SECONDS, MAIL_QUEUE, MINUTE, START, TABLE, Order, StuckError
from tests.faults.containers import Process
from tests.faults.installation import installed
from tests.faults.running import Running
from tests.faults.standins import gateway

# What most tests take: the world, how it is put in place, its times.
__all__ = ["MAIL_QUEUE", "MINUTE", "START", "TABLE", "Order", "StuckError", "World", "installed"]


class World(Running):
    """One account of AWS and one of Taqnyat's, with the applications that send their mails."""

    def post(self, subject: str, **fields: Any) -> Order:
        """Post a mail to the API, and again with the same key until it is accepted."""
        order = self._order(subject, fields)
        answer = self._insist("POST", "/emails", _mail(subject, fields), key=subject)
        order.mail_id, order.accepted = json.loads(answer["body"])["id"], True
        return order

    def post_batch(self, subjects: Sequence[str], **fields: Any) -> None:
        """Post mails in one call, and again with the same key until they are accepted."""
        orders = [self._order(subject, fields) for subject in subjects]
        mails = [_mail(subject, fields) for subject in subjects]
        answer = self._insist("POST", "/emails/batch", mails, key="batch")
        for order, entry in zip(orders, json.loads(answer["body"])["data"], strict=True):
            order.mail_id, order.accepted = entry["id"], True

    def move(self, order: Order, scheduled_at: int) -> None:
        """Give a scheduled mail another time."""
        body = {"scheduled_at": scheduled_at}
        self._insist("PATCH", "/emails/{id}", body, mail_id=order.mail_id, good=200)

    def cancel(self, order: Order) -> None:
        """Cancel a mail that waits."""
        path = "/emails/{id}/cancel"
        self._insist("POST", path, None, mail_id=order.mail_id, good=200)
        order.canceled = True

    def _order(self, subject: str, fields: Mapping[str, Any]) -> Order:
        order = Order(subject, on_unknown=fields.get("on_unknown"))
        return self.orders.setdefault(subject, order)

    def _insist(
        self,
        method: str,
        route: str,
        body: object,
        *,
        key: str = "",
        mail_id: str = "",
        good: int = 200,
    ) -> Any:
        event = {
            "httpMethod": method,
            "path": route.replace("{id}", mail_id),
            "resource": route,
            "pathParameters": {"id": mail_id} if mail_id else None,
            "headers": {"Idempotency-Key": key} if key else {},
            **gateway.received(None if body is None else json.dumps(body).encode()),
            "requestContext": {
                "authorizer": {"client": "shop", "from": '["*"]', "scopes": "send read"}
            },
        }
        for _ in range(20):
            answer = self.ask(event)
            if answer is not None and answer["statusCode"] in {good, self.accepted_status}:
                return answer
            self.wait(1.0)
        raise StuckError(f"{method} {route} is not answered with {good}")

    def ask(self, event: dict[str, Any]) -> Any:
        """Give the API one event of API Gateway; None when no answer came."""
        container = self._container("api", 0)
        container.process = Process("api", self.now + API_SECONDS)

        def run() -> Any:
            answer = self.api_module.handler(event, None)
            return self.call(container, "response.api", lambda: answer)

        return self._run(container, run)

    def drop(self, subject: str, **fields: Any) -> Order:
        """Put a mail straight onto the queue, as a direct producer does, without an id."""
        text = json.dumps(_mail(subject, fields))
        answer = self.sqs.send_message(QueueUrl=MAIL_QUEUE, MessageBody=text)
        order = self._order(subject, fields)
        order.mail_id, order.accepted = answer["MessageId"], True
        return order


def _mail(subject: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    mail = {"from": "shop@acme.sa", "to": ["a@example.com"], "subject": subject, "text": "Hello"}
    return {**mail, **fields}
