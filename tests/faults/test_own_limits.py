"""A limit that is one sender's own: its mails do not use up the turns of all others."""

import json

import pytest

from local.simulator.content import Content
from tests.faults.accounts import MINUTE, START
from tests.faults.provider import Rule
from tests.faults.standins.fairness import Message
from tests.faults.world import World

NEWS = "news@acme.sa"


def oldest_first(world: World) -> None:
    world.mail.messages.sort(key=lambda message: message.sent_at)


def sender(message: Message) -> str:
    return str(json.loads(message.body)["from"])


@pytest.mark.parametrize("mails", [40, 300])
def test_mails_of_a_sender_that_is_always_refused_do_not_hold_up_those_of_others(
    mails: int,
) -> None:
    world = World()
    world.taqnyat.rules = [Rule("status_429", Content(sender=NEWS))]
    for number in range(mails):
        world.drop(f"news {number}", **{"from": NEWS})
    world.wait(1)
    posted: dict[str, float] = {}
    next_check = world.now
    while world.now < START + 30 * MINUTE:
        if len(posted) < (world.now - START) / 10:
            world.drop(subject := f"shop {len(posted)}")
            posted[subject] = world.now
        if world.now >= next_check:
            world.check()
            next_check += MINUTE
        oldest_first(world)
        if not world.poll():
            world.wait(1)

    accepted = world.taqnyat.accepted
    waits = sorted(accepted[mail][0].at - at for mail, at in posted.items() if mail in accepted)
    assert len(waits) >= len(posted) - 2  # the last ones may be on their way
    assert waits[int(0.95 * len(waits))] < 60
    assert not world.paused
    assert [sender(message) for message in world.waiting].count(NEWS) == mails
    assert all(len(taken) == 1 for taken in accepted.values())
