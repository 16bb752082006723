"""The webhook queue: each message only names an endpoint that has work."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from outbox.ports import SqsClient

MAX_DELAY_SECONDS: Final = 900


@dataclass(frozen=True, slots=True)
class Wakeup:
    """A message: a client's endpoint; `timer` is the time for which it was sent, or 0.

    `now`: somebody says that the endpoint works, so no event waits for its time.
    """

    client: str
    endpoint_id: str
    timer: int = 0
    now: bool = False

    @classmethod
    def read(cls, text: str) -> Wakeup:
        """Read a message's body."""
        values = json.loads(text)
        return cls(
            str(values["client"]),
            str(values["endpoint"]),
            int(values["timer"]),
            now=bool(values.get("now")),
        )

    def __str__(self) -> str:
        """Write it."""
        values: dict[str, object] = {
            "client": self.client,
            "endpoint": self.endpoint_id,
            "timer": self.timer,
        }
        values |= {"now": True} if self.now else {}
        return json.dumps(values, separators=(",", ":"))


class WebhookQueue:
    """Sends wakeups. Raises botocore's errors when SQS does not answer."""

    def __init__(self, sqs: SqsClient, url: str) -> None:
        """Make no call yet."""
        self._sqs = sqs
        self._url = url

    def send(self, wakeup: Wakeup, delay: int = 0) -> None:
        """Send a wakeup that is received after `delay` seconds (up to 900)."""
        self._sqs.send_message(QueueUrl=self._url, MessageBody=str(wakeup), DelaySeconds=delay)
