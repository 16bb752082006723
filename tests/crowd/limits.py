"""Simulated: limits that the gateway is not told, in the time of a clock that nobody waits for."""

import random
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from local.simulator.limits import Limit
from tests.crowd.scenarios import KINDS, Kind, Row, Run
from tests.crowd.timeline import CrowdWorld
from tests.faults.accounts import MAIL_QUEUE, START
from tests.faults.installation import installed

Scenario = Callable[[Run], list[Row]]
_DRAWS: Final = 5
_BATCHES: Final = (10, 20)
_ANSWER_SECONDS: Final = 0.1
_LOWEST, _HIGHEST = 7, 60


class Sent(NamedTuple):
    """How many mails were sent in how many seconds, and what it took.

    `refused` is a share of the calls, `receives` a mail's average.
    """

    mails: int
    seconds: float
    refused: float
    receives: float
    paused: bool


def send_against(
    kind: Kind, rates: Sequence[int], mails: int, offset: float, batches: int = 2
) -> Sent:
    """Send mails under one limit after the other, each for its share of the mails.

    `rates` are mails a second. It begins `offset` seconds into a window. So many `batches` are sent
    at the same time.
    """
    part = mails / len(rates)
    with installed():
        world = CrowdWorld(batches)
        world.now += offset
        world.taqnyat.seconds = _ANSWER_SECONDS
        world.fill("mail", mails, "news", queue=MAIL_QUEUE)
        world.open()
        last = START + 5 * sum(part / rate for rate in rates) + 60
        for number, rate in enumerate(rates):
            world.taqnyat.limit = Limit(rate, kind.window)
            _send(world, round(part * (number + 1)), last)
    taken = sorted(accepted[0].at for accepted in world.taqnyat.accepted.values())
    receives = sum(len(notes.reports) for notes in world.notes)
    return Sent(
        len(taken),
        taken[-1] - taken[0],
        world.taqnyat.limited / len(world.taqnyat.calls),
        receives / mails,
        bool(world.pause.since),
    )


def _send(world: CrowdWorld, count: int, last: float) -> None:
    world.timeline.run(lambda: len(world.taqnyat.accepted) >= count or world.now > last)


def limits(run: Run) -> list[Row]:
    """Draw limits of each kind, and pairs of them that follow each other in one run."""
    luck = random.Random(run.seed)  # noqa: S311 - a test's choice
    return [
        *(_row(kind, run, luck, 1) for kind in KINDS.values()),
        _row(KINDS["limit"], run, luck, 2),
    ]


def _row(kind: Kind, run: Run, luck: random.Random, count: int) -> Row:
    mails, said, good = run.mails(2000), [], True
    for _ in range(_DRAWS):
        rates = [luck.randint(_LOWEST, _HIGHEST) for _ in range(count)]
        sent = send_against(kind, rates, mails, luck.uniform(0, 10))
        factor = sent.seconds / sum(mails / count / rate for rate in rates)
        named = " then ".join(map(str, rates))
        said.append(f"{named}/s {factor:.2f} x, {sent.refused:.1%}, {sent.receives:.1f} receives")
        good &= sent.mails == mails and factor <= 1.25 and sent.refused <= kind.refused
        good &= sent.receives <= 3 and not sent.paused
    return Row(
        f"{mails} mails, {_DRAWS} times {'a limit' if count == 1 else 'two limits'}, "
        f"{kind} (simulated)",
        "62 of 400 in 12 minutes (20/s)",
        f"1.25 x, refused {kind.refused:.0%}, no pause, 3 receives a mail",
        "; ".join(said),
        good,
    )


def batches(run: Run) -> list[Row]:
    """Let many containers share a limit; the first calls of all of them meet it at once."""
    luck = random.Random(run.seed)  # noqa: S311 - a test's choice
    mails, said, good = run.mails(2000), [], True
    for count in _BATCHES:
        for kind in KINDS.values():
            rate = luck.randint(_LOWEST, _HIGHEST)
            sent = send_against(kind, [rate], mails, luck.uniform(0, 10), count)
            factor = sent.seconds * rate / mails
            said.append(
                f"{count} batches, {rate}/s, {kind}: {factor:.2f} x, {sent.refused:.1%}, "
                f"{sent.receives:.1f} receives"
            )
            good &= sent.mails == mails and factor <= 1.25 and not sent.paused
    return [
        Row(
            f"{mails} mails, many batches at the same time (simulated)",
            "-",
            "1.25 x, no pause",
            "; ".join(said),
            good,
        )
    ]


LIMITS: Final[dict[str, Scenario]] = {"limits": limits, "batches": batches}
