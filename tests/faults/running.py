"""What AWS does of itself: polls, deletes what was seen through, calls the status check."""

from collections.abc import Mapping, Sequence
from typing import Any

from mail_send import worker

from tests.faults import boundary
from tests.faults.accounts import (
    BULK_QUEUE,
    BULK_QUEUE_ARN,
    FAILED_QUEUE,
    FAILED_QUEUE_ARN,
    MAIL_QUEUE,
    MAIL_QUEUE_ARN,
    MAX_ROUNDS,
    MINUTE,
    WORKER_SECONDS,
    Accounts,
    StuckError,
)
from tests.faults.containers import Context, Process
from tests.faults.standins import sqs
from tests.faults.standins.fairness import Message, Queue
from tests.faults.standins.others import Mapping as SourceMapping


class Running(Accounts):
    """The accounts, with all that happens there by itself."""

    def poll(self) -> bool:
        """Let Lambda poll the queue once; False when there is nothing for it."""
        self.scheduler.fire()
        queues = {MAIL_QUEUE_ARN: self.mail, BULK_QUEUE_ARN: self.bulk}
        lanes = [(mapping, queues[mapping.queue_arn]) for mapping in self.functions.mappings]
        found = [self._poll(mapping, queue) for mapping, queue in lanes]  # both, in any case
        return any(found)

    def _poll(self, mapping: SourceMapping, queue: Queue) -> bool:
        messages = self.sqs.take(queue, self.batch_size) if mapping.feeds else []
        if messages:
            self._polls += 1
            self.work(messages, self._polls % 2)
        return bool(messages)

    def work(self, messages: Sequence[Message], slot: int = 0) -> None:
        """Give messages to one container of the worker, and do with its answer what AWS does."""
        module = self.worker_modules[slot % len(self.worker_modules)]
        container = self._container("worker", slot)
        container.process = Process("worker", self.now + WORKER_SECONDS, tuple(messages))
        is_bulk = any(message in self.bulk.messages for message in messages)
        url, arn = (BULK_QUEUE, BULK_QUEUE_ARN) if is_bulk else (MAIL_QUEUE, MAIL_QUEUE_ARN)
        event = {"Records": [sqs.record(message, arn) for message in messages]}
        handles = {message.id: message.handle for message in messages}

        def run() -> None:
            answer = module.handler(event, Context(self, container.process))
            self.call(container, "response.worker", lambda: self.acknowledge(handles, answer, url))

        self._run(container, run)

    def ask_worker(self, event: dict[str, Any], seconds: float = WORKER_SECONDS) -> Any:
        """Give the worker an event of Lambda's, return its answer, and do nothing with that."""
        container = self._container("worker", 0)
        container.process = Process("worker", self.now + seconds)
        context = Context(self, container.process)
        return self._run(container, lambda: worker.handler(event, context))

    def acknowledge(self, handles: Mapping[str, str], answer: Any, url: str = MAIL_QUEUE) -> None:
        """Delete what was seen through; an id that is unknown returns the whole batch."""
        again = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
        if again <= handles.keys():
            for message_id in handles.keys() - again:
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=handles[message_id])

    def poll_side_by_side(self, workers: int = 2) -> bool:
        """Let Lambda run so many batches at once; False when there is nothing for them."""
        if not self.mapping.feeds:
            return False
        batches = [self.sqs.take(self.mail, self.batch_size) for _ in range(workers)]
        slots = [slot for slot, messages in enumerate(batches) if messages]
        self.executor.map(lambda slot: self.work(batches[slot], slot), slots)
        return bool(slots)

    def deliver_twice(self, messages: Sequence[Message]) -> None:
        """Give messages that are in hand to another container too: at least once is no more."""
        queued = [message for message in messages if message in self.waiting]
        if queued:
            for message in queued:
                self.sqs.deliver_again(message)
            self.work(queued, slot=2)

    def check(self, slot: int = 0) -> None:
        """Let the schedule call the status check."""
        container = self._container("status", slot)
        container.process = Process("status", self.now + WORKER_SECONDS)
        context = Context(self, container.process)
        self._run(container, lambda: self.status_module.handler({}, context))

    def deploy(self, *, bulk: bool) -> None:
        """Deploy a version with the bulk lane, or without it: its queue is kept, and unread."""
        for name, value in (("BULK_QUEUE_URL", BULK_QUEUE), ("BULK_QUEUE_ARN", BULK_QUEUE_ARN)):
            self.environment[name] = value if bulk else ""
        self.functions.mappings = (self.mapping, *((self.bulk_mapping,) if bulk else ()))
        self.replace_containers()

    def replace_containers(self) -> None:
        """Let every function start anew, as a deployment does."""
        self._containers = {}

    def redrive(self) -> None:
        """Press SQS's own button: all of the failed queue goes back to the mail queue."""
        self._count_redriven()
        self.sqs.start_message_move_task(SourceArn=FAILED_QUEUE_ARN, DestinationArn=MAIL_QUEUE_ARN)

    def redrive_by_hand(self) -> None:
        """Re-drive as a command line does: receive, send with the attributes, delete."""
        self._count_redriven()
        for message in self.sqs.take(self.failed, len(self.failed.messages)):
            is_bulk = message.attributes.get("lane", {}).get("StringValue") == "bulk"
            self.sqs.send_message(
                QueueUrl=BULK_QUEUE if is_bulk else MAIL_QUEUE,
                MessageBody=message.body,
                MessageAttributes=message.attributes,
                **({"MessageGroupId": message.group} if message.group else {}),
            )
            self.sqs.delete_message(QueueUrl=FAILED_QUEUE, ReceiptHandle=message.handle)

    def run_until_quiet(self, rounds: int = MAX_ROUNDS, *, schedules: bool = False) -> None:
        """Poll, check and let time pass until no message is left in the mail queue.

        With `schedules`, until none of those is left either.
        """
        for _ in range(rounds):
            while self.poll():
                pass
            if self.paused or self._mappings != {"Enabled"} or not self.pause.announced:
                self.check()
            waits = bool(self.waiting or (schedules and self.scheduler.schedules))
            if not waits and (self.paused or self._mappings == {"Enabled"}):
                return
            self.wait(self._until_something())
        raise StuckError("the world does not come to rest")

    def _until_something(self) -> float:
        due = [message.visible_at for message in self.waiting]
        due += [schedule.at for schedule in self.scheduler.schedules.values()]
        if self._mappings == {"Disabled"} and self.pause.announced:
            due = [max(self.pause.next_probe, self.now + MINUTE)]  # no check before does anything
        elif self.paused or self._mappings != {"Enabled"}:
            due = [self.now + MINUTE]
        moments = [moment for moment in due if moment > self.now]
        return max(min(moments, default=self.now + MINUTE) - self.now, boundary.CALL_SECONDS)

    def _count_redriven(self) -> None:
        for order in self.orders.values():
            order.redriven += bool(self.parked(order))
