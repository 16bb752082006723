"""A standard queue of SQS, and the order in which it gives messages out: fair queues.

As AWS describes it ("How Amazon SQS fair queues work", SQS Developer Guide): messages of one group
are one tenant's, a message without a group is a tenant of its own. A tenant is noisy while it has
more than a tenth of the messages in flight and at least 30 of them, or more than a tenth of the
consumers' recent time. Quiet tenants' messages go first; among noisy tenants those of the one with
the fewest in flight. A noisy tenant is quiet again when nothing of it waits, or it has sent nothing
for five minutes. What AWS does not say is chosen here: "recent" is five minutes too.
"""

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

SHARE = 0.1
MIN_IN_FLIGHT = 30
RECENT_SECONDS = 300.0
SILENT_SECONDS = 300.0


@dataclass(slots=True, eq=False)
class Message:
    """A message in a queue. Times are epoch seconds."""

    id: str
    body: str
    attributes: dict[str, Any]
    sent_at: float
    visible_at: float
    receive_count: int = 0
    handle: str = ""
    group: str = ""
    taken_at: float = 0.0
    came_from: "Queue | None" = None  # of a dead letter that a redrive policy moved

    @property
    def tenant(self) -> str:
        """Whose it counts as."""
        return self.group or self.id


@dataclass(slots=True)
class Queue:
    """A standard queue."""

    visibility_seconds: int
    retention_seconds: int
    dead_letters: "Queue | None" = None
    max_receives: int = 0
    arn: str = ""
    wait_seconds: float = 0  # of a receive that does not say itself
    messages: list[Message] = field(default_factory=list)
    left_polls: list[tuple[float, float]] = field(default_factory=list)  # from and until when
    noisy: set[str] = field(default_factory=set)
    last_sent: dict[str, float] = field(default_factory=dict)
    spent: deque[tuple[float, str, float]] = field(default_factory=deque)

    def add(self, message: Message) -> None:
        """Take a new message."""
        self.messages.append(message)
        if message.group:
            self.last_sent[message.group] = message.sent_at

    def remove(self, handle: str, now: float) -> None:
        """Delete the message of a receipt handle, if it is there."""
        for place, message in enumerate(self.messages):
            if message.handle == handle:
                self.processed(message, now)
                del self.messages[place]
                return

    def processed(self, message: Message, now: float) -> None:
        """Note the time that a consumer had a message."""
        self.spent.append((now, message.tenant, max(now - message.taken_at, 0.0)))

    def in_flight(self, now: float) -> int:
        """Count the messages that are out, or put back for later."""
        return sum(_is_in_flight(message, now) for message in self.messages)


def choose(queue: Queue, number: int, now: float) -> list[Message]:
    """Choose up to `number` messages to give out."""
    waiting = [message for message in queue.messages if message.visible_at <= now]
    if len(waiting) <= number:
        return waiting
    if len({message.tenant for message in waiting}) == 1:
        return waiting[:number]
    out = Counter(message.tenant for message in queue.messages if _is_in_flight(message, now))
    _judge(queue, out, {message.tenant for message in waiting}, now)
    chosen = [message for message in waiting if message.tenant not in queue.noisy][:number]
    backlogs: dict[str, deque[Message]] = {}
    for message in waiting:
        if message.tenant in queue.noisy:
            backlogs.setdefault(message.tenant, deque()).append(message)
    while backlogs and len(chosen) < number:
        tenant = min(backlogs, key=lambda name: out[name])
        chosen.append(backlogs[tenant].popleft())
        out[tenant] += 1
        if not backlogs[tenant]:
            del backlogs[tenant]
    return chosen


def _judge(queue: Queue, out: Counter[str], waiting: set[str], now: float) -> None:
    while queue.spent and queue.spent[0][0] < now - RECENT_SECONDS:
        queue.spent.popleft()
    times: Counter[str] = Counter()
    for _, tenant, seconds in queue.spent:
        times[tenant] += seconds  # type: ignore[assignment]  # seconds are no whole numbers
    everything, all_seconds = sum(out.values()), sum(times.values())
    still = {
        tenant
        for tenant in queue.noisy & waiting
        if now - queue.last_sent.get(tenant, 0.0) < SILENT_SECONDS
    }
    crowding = {
        tenant
        for tenant, count in out.items()
        if count >= MIN_IN_FLIGHT and count > SHARE * everything
    }
    slow = {tenant for tenant, seconds in times.items() if seconds > SHARE * all_seconds > 0}
    queue.noisy = still | crowding | slow


def _is_in_flight(message: Message, now: float) -> bool:
    return bool(message.handle) and message.visible_at > now
