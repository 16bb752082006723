"""The ways a mail can go: what the enumeration strikes, each from acceptance until all is quiet."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tests.faults.accounts import START
from tests.faults.world import World

# So that a pause takes minutes, of which each is a check.
SHORT: Final[dict[str, Any]] = {"FAILURE_RUN": "2", "PROBE_DELAYS_SECONDS": "90,150"}
UNTIL: Final = 200.0
# Where the balance is asked for as well; elsewhere that would only repeat the same faults.
_ASKING: Final = frozenset({"accepted_by_api", "no_balance"})
HOUR: Final = 3600

Way = Callable[[World, int], None]


@dataclass(frozen=True, slots=True)
class Case:
    """One way, under one policy, with so many mails in one batch, run in step or not."""

    way: str
    policy: str
    mails: int = 1
    lockstep: bool = False

    def run(self, plan: Mapping[int, str] | None = None) -> World:
        """Run it with the faults of a plan."""
        settings = SHORT if self.way in _ASKING else SHORT | {"BALANCE_CHECK_MINUTES": "0"}
        world = World(policy=self.policy, lockstep=self.lockstep, plan=plan, **settings)
        WAYS[self.way](world, self.mails)
        return world

    def __str__(self) -> str:
        """Name it, as a test's id."""
        return f"{self.way}-{self.policy}-{self.mails}{'-in-step' if self.lockstep else ''}"


def _posted(world: World, mails: int) -> None:
    for number in range(mails):
        world.post(f"mail {number}")


def _accepted_by_api(world: World, mails: int) -> None:
    world.check()
    _posted(world, mails)
    world.run_until_quiet()


def _batch(world: World, mails: int) -> None:
    world.post_batch([f"mail {number}" for number in range(mails)])
    world.run_until_quiet()


def _scheduled(world: World, mails: int) -> None:
    for number in range(mails):
        world.post(f"mail {number}", scheduled_at=START + HOUR)
    world.run_until_quiet(schedules=True)


def _moved(world: World, mails: int) -> None:
    for number in range(mails):
        world.move(world.post(f"mail {number}", scheduled_at=START + HOUR), int(START + 2 * HOUR))
    world.run_until_quiet(schedules=True)


def _canceled(world: World, mails: int) -> None:
    for number in range(mails):
        world.cancel(world.post(f"mail {number}", scheduled_at=START + HOUR))
    world.run_until_quiet(schedules=True)


def _direct(world: World, mails: int) -> None:
    for number in range(mails):
        world.drop(f"mail {number}")
    world.run_until_quiet()


def _retried(world: World, mails: int) -> None:
    world.taqnyat.script = ["status_503_at_a_date"] * mails
    _posted(world, mails)
    world.run_until_quiet()


def _doubtful(world: World, mails: int) -> None:
    world.taqnyat.script = ["hang_but_accepted"] * mails
    _posted(world, mails)
    world.run_until_quiet()
    world.redrive()
    world.run_until_quiet()


def _refused(world: World, mails: int) -> None:
    world.taqnyat.script = ["code_15"] * mails
    for number in range(mails):
        world.drop(f"mail {number}")
    world.run_until_quiet()
    world.redrive()
    world.run_until_quiet()


def _no_balance(world: World, mails: int) -> None:
    world.taqnyat.refusing = "code_2"
    world.at(UNTIL, lambda: setattr(world.taqnyat, "refusing", None))
    _posted(world, mails)
    world.run_until_quiet()


def _rotated(world: World, mails: int) -> None:
    world.taqnyat.tokens = {"another"}
    world.at(UNTIL, lambda: world.secrets.values.append("another"))
    _posted(world, mails)
    world.run_until_quiet()


def _provider_down(world: World, mails: int) -> None:
    world.taqnyat.refusing = "status_503"
    world.at(UNTIL, lambda: setattr(world.taqnyat, "refusing", None))
    _posted(world, mails)
    world.run_until_quiet()


def _bulk(world: World, mails: int) -> None:
    """Let bulk mails end in doubt, and go back by SQS's own redrive, which knows no lanes."""
    world.taqnyat.script = ["hang_but_accepted"] * mails
    for number in range(mails):
        world.post(f"mail {number}", priority="bulk")
    world.run_until_quiet()
    world.redrive()
    world.run_until_quiet()


WAYS: Final[Mapping[str, Way]] = {
    "accepted_by_api": _accepted_by_api,
    "batch": _batch,
    "scheduled": _scheduled,
    "moved": _moved,
    "canceled": _canceled,
    "direct": _direct,
    "retried": _retried,
    "doubtful": _doubtful,
    "refused": _refused,
    "no_balance": _no_balance,
    "rotated": _rotated,
    "provider_down": _provider_down,
    "bulk": _bulk,
}
POLICIES: Final = ("hold", "resend")
