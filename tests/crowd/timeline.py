"""A world in which things happen side by side: real threads, one at a time, on one made-up clock.

Whoever waits lets the others run until its time has come. So thousands of mails, hours of them, are
one thread's work, and each run is like the last.
"""

import heapq
import itertools
import json
import threading
from collections.abc import Callable, Iterable
from contextvars import copy_context
from typing import TypeVar

from tests.faults.accounts import BULK_QUEUE, START
from tests.faults.lockstep import Serial
from tests.faults.standins.fairness import Queue
from tests.faults.standins.others import Mapping
from tests.faults.world import World

T = TypeVar("T")
R = TypeVar("R")

TICK = 0.001
POLL_SECONDS = 0.05


class Timeline(Serial):
    """The clock, and the threads that wait for it. Takes the place of an executor too."""

    def __init__(self) -> None:
        self.now = START
        self._waiting: list[tuple[float, int, _Runner]] = []
        self._numbers = itertools.count()
        self._local = threading.local()

    def begin(self, run: Callable[[], None]) -> "_Runner":
        """Let something begin now, beside all others."""
        runner = _Runner(self._local, run)
        self._wake(runner, 0.0)
        return runner

    def wait(self, seconds: float) -> None:
        """Let the calling thread wait."""
        self._wake(self._local.runner, seconds)
        self._local.runner.pass_on()

    def step(self) -> None:
        """Wait as little as there is: for a lock that another thread holds."""
        self.wait(TICK)

    def map(self, function: Callable[[T], R], items: Iterable[T]) -> list[R]:
        """Do something for each item, side by side."""
        given = list(items)
        results: dict[int, R] = {}
        mine = self._local.runner

        def one(number: int) -> None:
            results[number] = function(given[number])
            if len(results) == len(given):
                self._wake(mine, 0.0)

        for number in range(len(given)):
            self.begin(lambda number=number: one(number))  # type: ignore[misc]
        if given:
            mine.pass_on()
        return [results[number] for number in range(len(given))]

    def run(self, over: Callable[[], bool]) -> None:
        """Let time pass until it is over."""
        while self._waiting and not over():
            at, _, runner = heapq.heappop(self._waiting)
            self.now = max(self.now, at)
            runner.go_on()
            if runner.error is not None:
                raise runner.error

    def _wake(self, runner: "_Runner", seconds: float) -> None:
        heapq.heappush(self._waiting, (self.now + seconds, next(self._numbers), runner))


class _Runner:
    """One thread, which runs only in its turn."""

    def __init__(self, local: threading.local, run: Callable[[], None]) -> None:
        self.error: BaseException | None = None
        self._local = local
        self._run = run
        self._context = copy_context()
        self._mine = threading.Semaphore(0)
        self._back = threading.Semaphore(0)
        self._thread = threading.Thread(target=self._go, daemon=True)
        self._begun = False

    def go_on(self) -> None:
        """Give it its turn, and wait until it has passed it on."""
        if not self._begun:
            self._begun = True
            self._thread.start()
        self._mine.release()
        self._back.acquire()

    def pass_on(self) -> None:
        """End its turn, and wait for the next."""
        self._back.release()
        self._mine.acquire()

    def _go(self) -> None:
        self._mine.acquire()
        self._local.runner = self
        try:
            self._context.run(self._run)
        except BaseException as error:  # noqa: BLE001 - raised where the time is kept
            self.error = error
        self._back.release()


class CrowdWorld(World):
    """The world with Lambda's pollers side by side, so many for each lane."""

    def __init__(self, pollers: int = 2, most: int = 0) -> None:
        self.timeline = Timeline()
        self._pollers = pollers
        self._posted: dict[str, float] = {}
        super().__init__("hold", MAX_SEND_RATE=str(most))
        self.executor = self.timeline

    @property
    def now(self) -> float:
        """The time."""
        return self.timeline.now

    @now.setter
    def now(self, value: float) -> None:
        self.timeline.now = value

    def wait(self, seconds: float) -> None:
        """Let the thread wait that runs."""
        self.timeline.wait(seconds)

    def open(self) -> None:
        """Let the pollers and the schedule of the status check begin."""
        for lane, (mapping, queue) in enumerate(
            ((self.mapping, self.mail), (self.bulk_mapping, self.bulk))
        ):
            for number in range(self._pollers):
                slot = lane * self._pollers + number
                self.timeline.begin(lambda given=(mapping, queue, slot): self._feed(*given))  # type: ignore[misc]
        self.timeline.begin(self._check_each_minute)

    def post_each(self, subjects: Iterable[str], gap: float) -> None:
        """Let an application post mails, one after a gap from the other."""

        def post() -> None:
            for subject in subjects:
                self._posted[subject] = self.now
                self.post(subject)
                self.wait(gap)

        self.timeline.begin(post)

    def fill(self, prefix: str, count: int, group: str, queue: str = BULK_QUEUE) -> None:
        """Put mails straight onto a queue, as another producer does."""
        mail = {"from": "news@acme.sa", "to": ["a@example.com"], "text": "Hello"}
        for number in range(count):
            body = json.dumps(mail | {"subject": f"{prefix} {number}"})
            self.sqs.send_message(QueueUrl=queue, MessageBody=body, MessageGroupId=group)

    def has(self, prefix: str) -> int:
        """Count the mails of a prefix that Taqnyat took."""
        return sum(bool(self.taqnyat.accepted.get(s)) for s in self._posted if s.startswith(prefix))

    def waits(self, prefix: str) -> list[float]:
        """Return the seconds from the call to Taqnyat's answer, of the mails that it took."""
        return sorted(
            self.taqnyat.accepted[subject][0].at + self.taqnyat.seconds - posted
            for subject, posted in self._posted.items()
            if subject.startswith(prefix) and self.taqnyat.accepted.get(subject)
        )

    def _feed(self, mapping: Mapping, queue: Queue, slot: int) -> None:
        while True:
            messages = self.sqs.take(queue, self.batch_size) if mapping.feeds else []
            if messages:
                self.work(messages, slot)
            else:
                self.wait(POLL_SECONDS)

    def _check_each_minute(self) -> None:
        while True:
            self.wait(60.0)
            self.check()
