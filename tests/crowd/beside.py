"""Simulated: normal mails beside bulk ones, and a quiet caller beside a noisy one of its lane."""

from collections.abc import Callable
from typing import Final, NamedTuple

from local.simulator.limits import Limit
from tests.crowd.scenarios import Row, Run
from tests.crowd.stand import share
from tests.crowd.timeline import CrowdWorld
from tests.faults.accounts import MAIL_QUEUE, START
from tests.faults.installation import installed

Scenario = Callable[[Run], list[Row]]
_ANSWER_SECONDS: Final = 0.3
_GAP_SECONDS: Final = 1.0
_PATIENCE_SECONDS: Final = 600.0


class Case(NamedTuple):
    """A provider's limit (mails a second), and what the operators said of it; None and 0: nothing.

    `normal` mails come one a second, while bulk ones wait.
    """

    limit: int | None
    most: int
    normal: int

    def __str__(self) -> str:
        if self.limit is None:
            return "300 ms"
        return f"300 ms, {self.limit}/s, MaxSendRate {self.most}"


_CASES: Final = (Case(None, 0, 150), Case(20, 20, 400), Case(20, 0, 400))


def beside(run: Run) -> list[Row]:
    """Let normal mails come one by one while bulk ones wait, without a limit and with one."""
    return [_beside(run, case) for case in _CASES]


def _beside(run: Run, case: Case) -> Row:
    bulk, normal = run.mails(10_000), run.mails(case.normal)
    with installed():
        idle = _world(case)
        _send(idle, normal)
        crowd = _world(case)
        crowd.fill("bulk", bulk, "news")
        _send(crowd, normal)
    alone, waits = share(idle.waits("normal"), 0.95), crowd.waits("normal")
    p95, seconds = share(waits, 0.95), crowd.now - START
    sent = sum(mail.startswith("bulk") for mail in crowd.taqnyat.accepted)
    total = (sent + len(waits)) / seconds
    least = 0.0 if case.limit is None else case.limit
    return Row(
        f"normal mails beside {bulk:,} bulk ones, {case} (simulated)",
        "55 s behind 3,000",
        "p95 at most 1.5 x idle; bulk a tenth, total 85% of the limit",
        f"{len(waits)} sent, p95 {p95:.2f} s (idle {alone:.2f} s), bulk {sent / seconds:.1f}/s, "
        f"total {total:.1f}/s, {crowd.taqnyat.limited} refused",
        len(waits) == normal
        and p95 <= 1.5 * alone
        and sent / seconds >= least / 10
        and total >= 0.85 * least,
    )


def fair(run: Run) -> list[Row]:
    """Let one caller of a lane queue thousands of mails, and another a mail now and then."""
    many = run.mails(3000)
    waits = {}
    with installed():
        for group in ("news", ""):
            # 4 batches: AWS finds nobody noisy among fewer than 30 of its messages in flight.
            world = _world(_CASES[0], pollers=4)
            world.fill("noisy", many, group or "shop", queue=MAIL_QUEUE)
            _send(world, run.mails(100))
            waits[group] = share(world.waits("normal"), 0.95)
    return [
        Row(
            f"a caller beside {many} mails of another, 300 ms (simulated)",
            "10 to 55 s behind 3,000",
            "-",
            f"p95 {waits['news']:.1f} s; as one group {waits['']:.1f} s",
        )
    ]


BESIDE: Final[dict[str, Scenario]] = {"beside": beside, "fair": fair}


def _world(case: Case, pollers: int = 2) -> CrowdWorld:
    world = CrowdWorld(pollers, case.most)
    world.taqnyat.seconds = _ANSWER_SECONDS
    if case.limit is not None:
        world.taqnyat.limit = Limit(case.limit)
    return world


def _send(world: CrowdWorld, count: int) -> None:
    """Let normal mails come one by one, until Taqnyat has all of them."""
    world.open()
    world.post_each([f"normal {number}" for number in range(count)], _GAP_SECONDS)
    last = START + count * _GAP_SECONDS + _PATIENCE_SECONDS
    world.timeline.run(lambda: world.has("normal") >= count or world.now > last)
