"""A limit that is one sender's or one domain's: such mails do not use up the turns of others."""

import json
from typing import Any

import pytest

from local.simulator.content import Content
from tests.faults.accounts import MINUTE, START
from tests.faults.provider import Rule
from tests.faults.standins.fairness import Message
from tests.faults.world import World

NEWS = "news@acme.sa"


def oldest_first(world: World) -> None:
    world.mail.messages.sort(key=lambda message: message.sent_at)


def subject_of(message: Message) -> str:
    return str(json.loads(message.body)["subject"])


@pytest.mark.parametrize("mails", [40, 300])
@pytest.mark.parametrize("mark", [{"from": NEWS}, {"to": ["a@slow.example"]}])
def test_mails_of_a_sender_or_to_a_domain_that_are_always_refused_do_not_hold_up_others(
    mails: int, mark: dict[str, Any]
) -> None:
    world = World()
    slow = Content(sender=NEWS) if "from" in mark else Content(to="*@slow.example")
    world.taqnyat.rules = [Rule("status_429", slow)]
    for number in range(mails):
        world.drop(f"news {number}", **mark)
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
    assert waits[int(0.95 * len(waits))] < 120
    assert not world.paused
    assert [subject_of(message)[:4] for message in world.waiting].count("news") == mails
    assert all(len(taken) == 1 for taken in accepted.values())
