"""A company's day, simulated: 720 good mails in 6 hours, and some that Taqnyat always refuses."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from local.simulator.content import Content
from tests.crowd.scenarios import Row, Run, Scenario
from tests.crowd.stand import share
from tests.faults.accounts import MINUTE, START
from tests.faults.installation import installed
from tests.faults.provider import Rule
from tests.faults.standins.fairness import Message
from tests.faults.world import World

_HOURS: Final = 6
_EVERY: Final = 30.0
_STEP: Final = 5.0
_SENDERS: Final = ("shop@acme.sa", "news@acme.sa", "billing@acme.sa")
# AWS gives no order; one that received a message three times may find it at the back.
_ORDERS: Final[dict[str, Callable[[list[Message], random.Random], None]]] = {
    "oldest first": lambda messages, _: messages.sort(key=lambda one: one.sent_at),
    "random": lambda messages, luck: luck.shuffle(messages),
    "often received last": lambda messages, _: messages.sort(key=lambda one: one.receive_count > 2),
}


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is among the good mails: `again` is the minutes after which as many come anew."""

    what: str
    before: str
    reply: str
    mails: int = 1
    policy: str = "hold"
    again: int = 0
    p95: float = 120.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the good mails: how many were sent, and the sorted waits in seconds."""

    mails: int
    waits: list[float]
    paused: float


TROUBLES: Final = {
    "company-3": Trouble("one answered code 3", "720 of 720 never sent", "code_3"),
    "company-403": Trouble("one answered 403", "the same", "status_403"),
    "company-404": Trouble("one answered 404", "the same", "status_404"),
    "company-302": Trouble("one answered 302", "the same", "status_302"),
    "company-429": Trouble("one answered 429", "-", "status_429"),
    "company-ten": Trouble("ten answered code 3", "-", "code_3", mails=10, p95=300.0),
    "company-500-resend": Trouble(
        "ten answered 500 under resend", "paused for all 6 h", "status_500", 10, "resend"
    ),
    "company-500-hold": Trouble(
        "ten answered 500 every 10 minutes", "-", "status_500", mails=10, again=10
    ),
}


def live_through(trouble: Trouble, order: str, seed: int) -> Outcome:
    """Let six hours pass with the messages given out in an order."""
    luck = random.Random(seed)  # noqa: S311 - an order of messages
    with installed():
        world = World(trouble.policy)
        world.taqnyat.rules = [Rule(trouble.reply, Content(subject="poison*"))]
        end = START + _HOURS * 3600
        posted: dict[str, float] = {}
        next_good, next_check, next_poison, poisons, paused = START + 1, START, START, 0, 0.0
        while world.now < end:
            began = world.now
            if world.now >= next_poison:
                for _ in range(trouble.mails):
                    world.drop(f"poison {(poisons := poisons + 1)}")
                next_poison = world.now + trouble.again * MINUTE if trouble.again else end + 1
            if world.now >= next_check:
                world.check()
                next_check += MINUTE
            if world.now >= next_good:
                subject = f"good {len(posted)}"
                world.drop(subject, **{"from": _SENDERS[len(posted) % len(_SENDERS)]})
                posted[subject] = world.now
                next_good += _EVERY
            for _ in range(50):
                _ORDERS[order](world.mail.messages, luck)
                if not world.poll():
                    break
            until = min(next_good, next_check, next_poison, world.now + _STEP)
            world.wait(max(0.5, until - world.now))
            paused += (world.now - began) * world.paused
        accepted = world.taqnyat.accepted
        waits = sorted(
            accepted[name][0].at - at for name, at in posted.items() if accepted.get(name)
        )
        return Outcome(len(posted), waits, paused / (_HOURS * 3600))


def _scenario(trouble: Trouble) -> Scenario:
    def run(given: Run) -> list[Row]:
        found = {order: live_through(trouble, order, given.seed) for order in _ORDERS}
        said = [
            f"{len(one.waits)} of {one.mails}, p95 {share(one.waits, 0.95):.0f} s, "
            f"paused {one.paused:.0%}"
            for one in found.values()
        ]
        return [
            Row(
                f"720 good mails in 6 simulated hours, {trouble.what}; {', '.join(_ORDERS)}",
                trouble.before,
                f"all sent, p95 {trouble.p95:.0f} s",
                "; ".join(said),
                all(
                    len(one.waits) >= one.mails - 1 and share(one.waits, 0.95) <= trouble.p95
                    for one in found.values()
                ),
            )
        ]

    return run


COMPANIES: dict[str, Scenario] = {name: _scenario(trouble) for name, trouble in TROUBLES.items()}
