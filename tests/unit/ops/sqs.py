"""SQS for many threads, with the batch calls, long polling and counts that operators' commands use.

Batches may be taken in part; only so many messages may be hidden; counts may lag, as SQS's do.
"""

import threading
import time
from collections.abc import Callable
from typing import Any

from tests.faults.standins.errors import client_error
from tests.faults.standins.sqs import Sqs

_POLL_SCALE = 0.03  # of the seconds that a long poll waits


class BatchSqs(Sqs):
    """The queues. `refuses_entry` tells what of a batch is not taken; `most_hidden` bounds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Make no queue yet."""
        super().__init__(clock)
        self.now = clock
        self.calls: list[str] = []
        self.refuses_entry: Callable[[str, dict[str, Any]], bool] = lambda *_: False
        self.most_hidden = 120_000
        self.lag = 0
        self._lock = threading.RLock()

    def send_message(self, **arguments: Any) -> Any:
        with self._lock:
            return super().send_message(**arguments)

    def receive_message(self, **arguments: Any) -> Any:
        self.calls.append("ReceiveMessage")
        end = time.monotonic() + arguments.get("WaitTimeSeconds", 0) * _POLL_SCALE
        while True:
            with self._lock:
                if self._hidden(arguments["QueueUrl"]) >= self.most_hidden:
                    raise client_error("ReceiveMessage", "OverLimit")
                # The other stand-in's clock stands still while it polls.
                answer = super().receive_message(**arguments | {"WaitTimeSeconds": 0})
            if answer or time.monotonic() >= end:
                return answer
            time.sleep(0.003)

    def send_message_batch(self, **arguments: Any) -> Any:
        assert 1 <= len(arguments["Entries"]) <= 10

        def one(entry: dict[str, Any]) -> None:
            values = {key: entry[key] for key in entry if key != "Id"}
            super(BatchSqs, self).send_message(QueueUrl=arguments["QueueUrl"], **values)

        return self._batch("SendMessageBatch", arguments["Entries"], one)

    def delete_message_batch(self, **arguments: Any) -> Any:
        def one(entry: dict[str, Any]) -> None:
            super(BatchSqs, self).delete_message(
                QueueUrl=arguments["QueueUrl"], ReceiptHandle=entry["ReceiptHandle"]
            )

        return self._batch("DeleteMessageBatch", arguments["Entries"], one)

    def change_message_visibility_batch(self, **arguments: Any) -> Any:
        def one(entry: dict[str, Any]) -> None:
            super(BatchSqs, self).change_message_visibility(
                QueueUrl=arguments["QueueUrl"],
                ReceiptHandle=entry["ReceiptHandle"],
                VisibilityTimeout=entry["VisibilityTimeout"],
            )

        return self._batch("ChangeMessageVisibilityBatch", arguments["Entries"], one)

    def get_queue_attributes(self, **arguments: Any) -> Any:
        self.calls.append("GetQueueAttributes")
        with self._lock:
            hidden = self._hidden(arguments["QueueUrl"])
            messages = len(self.queues[arguments["QueueUrl"]].messages)
        return {
            "Attributes": {
                "ApproximateNumberOfMessages": str(messages - hidden + self.lag),
                "ApproximateNumberOfMessagesNotVisible": str(hidden),
                "ApproximateNumberOfMessagesDelayed": "0",
            }
        }

    def _hidden(self, url: str) -> int:
        now = self.now()
        return sum(message.visible_at > now for message in self.queues[url].messages)

    def _batch(
        self, name: str, entries: list[dict[str, Any]], one: Callable[[dict[str, Any]], None]
    ) -> Any:
        self.calls.append(name)
        done, failed = [], []
        with self._lock:
            for entry in entries:
                if self.refuses_entry(name, entry):
                    failed.append(
                        {"Id": entry["Id"], "Code": "InternalError", "SenderFault": False}
                    )
                    continue
                try:
                    one(entry)
                except Exception:  # noqa: BLE001  an entry's own failure
                    failed.append({"Id": entry["Id"], "Code": "ReceiptHandleIsInvalid"})
                    continue
                done.append({"Id": entry["Id"]})
        return {"Successful": done, "Failed": failed}
