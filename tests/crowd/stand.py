"""A local stack with production's times, and what a scenario does to it and sees of it."""

import json
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from local.parameters import LOCAL
from local.simulator import Simulator
from local.stack import LocalStack, Options
from tests.incident.night import subscribe
from tests.infrastructure.expansion import raw

MINUTE: Final = 60.0
BATCH: Final = 100
# The API's own throttle is no part of what is looked at here.
_KEPT_LOCAL: Final = {"ApiRateLimit", "ApiBurstLimit"}


def production() -> dict[str, str]:
    """Return the template's own values of all that the local stack sets otherwise."""
    defaults = raw()["Parameters"]
    return {name: str(defaults[name]["Default"]) for name in LOCAL if name not in _KEPT_LOCAL}


@dataclass(slots=True)
class Stand:
    """A running stack; mails are told apart by their subjects. Times are epoch seconds."""

    stack: LocalStack
    simulator: Simulator
    posted: dict[str, float] = field(default_factory=dict)
    pauses: list[tuple[float, str]] = field(default_factory=list)
    paused: bool = False
    _seen: dict[str, float] = field(default_factory=dict)
    _last: int = 0
    _looked: float = 0.0
    _topic: str = ""

    def post(self, subjects: list[str], **fields: object) -> None:
        """Post mails in batches of 100, four at a time."""
        batches = [subjects[at : at + BATCH] for at in range(0, len(subjects), BATCH)]
        with ThreadPoolExecutor(4) as pool:
            for done in [pool.submit(self._post_batch, batch, fields) for batch in batches]:
                done.result()

    def _post_batch(self, subjects: list[str], fields: Mapping[str, object]) -> None:
        mail = {"from": "shop@acme.sa", "to": "a@example.com", "text": "Hello"}
        self.posted |= dict.fromkeys(subjects, time.time())
        self.stack.api.send([{**mail, "subject": subject, **fields} for subject in subjects])

    def sent(self, prefix: str = "") -> dict[str, float]:
        """Return when the simulator took each mail; the first time, if it was twice."""
        found = self.simulator.provider.books.inbox(after=self._last)["mails"]
        for mail in found:
            self._seen.setdefault(mail["fields"]["subject"], _epoch(mail["at"]))
            self._last = mail["n"]
        return {name: at for name, at in self._seen.items() if name.startswith(prefix)}

    def doubled(self) -> int:
        """Return how many mails the simulator took more than once."""
        times = Counter(mail["fields"]["subject"] for mail in self.simulator.inbox())
        return sum(count > 1 for count in times.values())

    def waits(self, prefix: str = "") -> list[float]:
        """Return the seconds from post to acceptance of those that were sent, sorted."""
        return sorted(at - self.posted[name] for name, at in self.sent(prefix).items())

    def look(self) -> None:
        """Note a pause as it begins; once a second is enough."""
        if time.monotonic() - self._looked < 1:
            return
        self._looked = time.monotonic()
        item = self.stack.item("#pause")
        if item.get("paused") and not self.paused:
            self.pauses.append((time.time(), item["reason"]))
        self.paused = bool(item.get("paused"))

    def until(self, condition: Callable[[], bool], seconds: float) -> float | None:
        """Wait, looking for pauses; return the seconds that it took, None if it did not come."""
        begin = time.monotonic()
        while time.monotonic() - begin < seconds:
            self.look()
            if condition():
                return time.monotonic() - begin
            time.sleep(0.1)
        return None

    def until_sent(self, count: int, prefix: str, seconds: float) -> float | None:
        """Wait until so many mails of a prefix were taken."""
        return self.until(lambda: len(self.sent(prefix)) >= count, seconds)

    def states(self) -> Counter[str]:
        """Count the ledger's rows by state."""
        pages = self.stack.client("dynamodb").get_paginator("scan")
        found = pages.paginate(TableName=self.stack.outputs["LedgerTable"])
        return Counter(
            item["state"]["S"] for page in found for item in page["Items"] if "state" in item
        )

    def receives(self) -> int:
        """Count the mails' messages that the worker was given; those of batches are left out."""
        function = self.stack.client("lambda").get_function_configuration(
            FunctionName=self.stack.outputs["WorkerFunction"]
        )
        group = function["LoggingConfig"]["LogGroup"]
        pages = self.stack.client("logs").get_paginator("filter_log_events")
        found = pages.paginate(logGroupName=group, filterPattern='"mail processed"')
        lines = [event["message"] for page in found for event in page["events"]]
        return sum("mail processed" in line and "batch_spread" not in line for line in lines)

    def listen(self) -> None:
        """Have the topic's notices in a queue."""
        self._topic = subscribe(self.stack)

    def notices(self) -> list[str]:
        """Take the subjects of the notices since the last time; the alarms' own are left out."""
        sqs, found = self.stack.client("sqs"), []
        while messages := sqs.receive_message(QueueUrl=self._topic, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            for message in messages:
                found.append(json.loads(message["Body"]).get("Subject") or "")
                sqs.delete_message(QueueUrl=self._topic, ReceiptHandle=message["ReceiptHandle"])
        return [subject for subject in found if not subject.startswith(("ALARM", "OK"))]


@contextmanager
def stand(tick: float = MINUTE, **parameters: str) -> Iterator[Stand]:
    """Give a stack of its own, with the status check each minute as in production."""
    with tempfile.TemporaryDirectory() as folder:
        options = Options(
            root=Path(folder), parameters=production() | parameters, tick=tick, publish=False
        )
        with LocalStack(options) as stack:
            assert stack.simulator is not None
            yield Stand(stack, stack.simulator)


def share(values: list[float], part: float) -> float:
    """Return a percentile of sorted values; 0 of none."""
    return values[min(len(values) - 1, int(part * len(values)))] if values else 0.0


def _epoch(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
