"""Every boundary of the webhooks' way struck with every fault that applies to it.

The boundaries are those of the events function (the stream, the table, the queue) and of the
function that calls (the table, the queue, the key, the POST). The endpoint answers in the end: so
each event of each mail must have been taken at least once, under one id, and be in the log.
"""

import json
import os
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import pytest
from outbox.webhooks.endpoint import MAIL_EVENTS

from tests.faults.accounts import START, StuckError
from tests.faults.boundary import Call, kinds
from tests.faults.conftest import Publish
from tests.faults.webhook_world import URL, WebhookWorld, with_webhooks

Plan = Mapping[int, str]
OURS: Final = {"events", "webhooks"}
ALL: Final = os.environ.get("FAULTS") == "all"
PAIRS: Final = 400 if ALL else 12
pytestmark = pytest.mark.timeout(3600 if ALL else 180)
# Of these a third of the kinds is drawn, unless all.
LONG: Final = {"many", "dead"}
HOUR: Final = 3600
STATE_OF: Final = {
    "email.sent": "sent",
    "email.failed": "failed",
    "email.delivery_delayed": "unknown",
    "email.scheduled": "scheduled",
    "email.canceled": "canceled",
}


@pytest.fixture(autouse=True, scope="module")
def _webhooks(_world: None) -> Iterator[None]:
    with with_webhooks():
        yield


def _sent(world: WebhookWorld) -> None:
    world.post("mail 0")


def _many(world: WebhookWorld) -> None:
    world.post_batch([f"mail {number}" for number in range(12)])


def _ended(world: WebhookWorld) -> None:
    world.taqnyat.script = ["code_15", "hang"]
    world.post("mail 0")
    world.post("mail 1")
    world.cancel(world.post("mail 2", scheduled_at=START + HOUR))


def _refusing(world: WebhookWorld) -> None:
    world.receivers[URL].answer = lambda number: 200 if number > 2 else 503
    world.receivers[URL].retry_after = "30"
    world.post("mail 0")


def _half(world: WebhookWorld) -> None:
    world.receivers[URL].answer = lambda number: 200 if number % 2 else 500
    world.post_batch([f"mail {number}" for number in range(4)])


def _dead(world: WebhookWorld) -> None:
    world.receivers[URL].answer = lambda number: 200 if number > 14 else 500
    world.post_batch([f"mail {number}" for number in range(12)])


WAYS: Final[Mapping[str, Callable[[WebhookWorld], None]]] = {
    "sent": _sent,
    "many": _many,
    "ended": _ended,
    "refusing": _refusing,
    "half": _half,
    "dead": _dead,
}


def run(way: str, plan: Plan | None = None) -> WebhookWorld:
    """Run a way until all is told, with the faults of a plan."""
    world = WebhookWorld(plan=plan)
    world.hook(events=list(MAIL_EVENTS))
    WAYS[way](world)
    world.run_until_told()
    return world


def faults(world: WebhookWorld) -> list[str]:
    """Return what is wrong when all is told."""
    found = []
    happened = {
        (write.after["pk"]["S"], write.after["state"]["S"])
        for write in world.writes
        if write.after["state"]["S"] in STATE_OF.values()
    }
    ids: dict[tuple[str, str, int], set[str]] = defaultdict(set)
    for receipt in world.receivers[URL].receipts:
        data = receipt.body["data"]
        state = STATE_OF[receipt.body["type"]]
        ids[data["email_id"], state, data["taqnyat"]["attempt_count"]].add(receipt.event_id)
    told = {(mail, state) for mail, state, _ in ids}
    found += [f"{state} of a mail was never told" for _, state in happened - told]
    found += [f"{state} was told and never was" for _, state in told - happened]
    found += ["one event has two ids" for each in ids.values() if len(each) != 1]
    logged = {item["sk"]["S"].removeprefix("log/") for item in world.log()}
    delivered = {item["outcome"]["S"] for item in world.log()}
    found += ["an event is not in the log" for each in ids.values() if not each <= logged]
    found += [f"the log says {outcome}" for outcome in delivered - {"delivered"}]
    found += [f"{len(world.held)} events wait for ever"] if world.held else []
    found += ["messages are left"] if world.hook_queue.messages else []
    return found


@dataclass(slots=True)
class Counts:
    """What was done, for the summary."""

    runs: int = 0
    events: int = 0
    calls: int = 0
    repeats: int = 0
    struck: Counter[str] = field(default_factory=Counter)
    boundaries: set[tuple[str, str]] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)

    def summary(self) -> dict[str, object]:
        """Return what is printed."""
        counts = {
            "runs": self.runs,
            "events": self.events,
            "calls": self.calls,
            "taken again": self.repeats,
            "faults of the books": len(self.faults),
        }
        boundaries = sorted(f"{process} {name}" for process, name in self.boundaries)
        return {"counts": counts, "boundaries": boundaries, "struck": dict(self.struck)}

    def add(self, way: str, plan: Plan) -> None:
        """Run a way with a plan, and close its books."""
        self.runs += 1
        try:
            world = run(way, plan)
        except StuckError as error:
            self.faults.append(f"{way} {dict(plan)}: {error}")
            return
        receipts = world.receivers[URL].receipts
        different = len({receipt.event_id for receipt in receipts})
        self.events += different
        self.calls += len(world.receivers[URL].calls)
        self.repeats += len(receipts) - different
        self.struck.update(world.struck)
        self.boundaries.update(
            (call.process, call.name) for call in world.calls if call.process in OURS
        )
        self.faults += [f"{way} {dict(plan)}: {fault}" for fault in faults(world)]


def chosen(calls: list[Call]) -> list[int]:
    """Return the calls to strike: of each kind the first and the last one, unless all."""
    places: dict[tuple[str, str], list[int]] = defaultdict(list)
    for number, call in enumerate(calls):
        if call.process in OURS:
            places[call.process, call.name].append(number)
    if ALL:
        return sorted(number for found in places.values() for number in found)
    return sorted({found[place] for found in places.values() for place in (0, len(found) - 1)})


@pytest.mark.parametrize("way", WAYS)
def test_no_single_fault_loses_an_event(way: str, publish: Publish) -> None:
    counts = Counts()
    calls = run(way).calls
    step = 3 if way in LONG and not ALL else 1
    for number in chosen(calls):
        for kind in kinds(calls[number])[number % step :: step]:
            counts.add(way, {number: kind})
    publish("webhooks, one fault", counts)

    assert counts.faults == []


@pytest.mark.parametrize("way", WAYS)
def test_no_two_faults_lose_an_event(way: str, publish: Publish) -> None:
    counts = Counts()
    draw = random.Random(f"{way}")  # noqa: S311 - a test's choice
    calls = run(way).calls
    ours = [number for number, call in enumerate(calls) if call.process in OURS]
    for _ in range(PAIRS):
        first = draw.choice(ours)
        plan = {first: draw.choice(kinds(calls[first]))}
        try:
            later = run(way, plan).calls
        except StuckError:  # told when it was run alone
            continue
        after = [number for number in range(first + 1, len(later)) if later[number].process in OURS]
        if after:
            second = draw.choice(after)
            counts.add(way, {**plan, second: draw.choice(kinds(later[second]))})
    publish("webhooks, two faults (drawn)", counts)

    assert counts.faults == []


@pytest.mark.parametrize(
    ("broken", "how"),
    [
        ("outbox.webhooks.turns.Turns.wake", lambda *_: False),
        ("outbox.webhooks.deliveries.Deliveries.wait", lambda *_: None),
    ],
)
def test_the_books_see_what_is_lost(
    broken: str, how: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broken, how)
    try:
        found = faults(run("refusing"))
    except StuckError:
        return
    assert found
    assert json.dumps(found)
