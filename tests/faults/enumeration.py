"""The enumeration: every boundary on the way of a mail, every fault that can strike it.

The boundaries are those of a run without faults, recorded; the second of a pair strikes any later
boundary of the run as the first fault left it. After each run the books are closed.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import product
from typing import Final

from tests.faults import books
from tests.faults.accounts import StuckError
from tests.faults.boundary import REPLY, Call, kinds
from tests.faults.scenarios import POLICIES, WAYS, Case
from tests.faults.world import World
from tests.model.arrows import BESIDE, Arrow, explored, of_items

Plan = Mapping[int, str]
BATCH: Final = 10
# Ways with more calls than this repeat most of them, minute by minute.
LONG: Final = 30
# One reply of each kind of outcome: what a batch is struck with, as each mail alone meets them all.
_TELLING_REPLIES: Final = frozenset(
    f"{REPLY}{name}"
    for name in (
        "code_2",
        "code_15",
        "code_104",
        "status_302",
        "status_503",
        "hang",
        "hang_but_accepted",
        "cut_in_the_body_but_accepted",
    )
)
# For one mail of ten the same as another: before a call, whatever kept it from being made.
_LIKE_ANOTHER: Final = frozenset({"throttled", "timeout_before", "killed_before"})
# What finds a whole batch half way; all else strikes one mail of it, in step or not.
_WHOLE: Final = frozenset(
    {"crash_before", "crash_after", "killed_before", "killed_after", "twin_before", "twin_after"}
)


# What happens every day: it must come to the same as if it had not happened.
BENIGN: Final = frozenset(
    {"answer_lost", "poll", "schedule", "stale", "stall", "twin_before", "twin_after"}
)


@dataclass(slots=True)
class Counts:
    """What was done, for the summary."""

    runs: int = 0
    struck: Counter[str] = field(default_factory=Counter)
    boundaries: set[tuple[str, str]] = field(default_factory=set)
    mails: int = 0
    accepted: int = 0
    resends: int = 0
    writes: int = 0
    arrows: set[Arrow] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)

    def summary(self) -> dict[str, object]:
        """Return what is printed."""
        counts = {
            "runs": self.runs,
            "mails": self.mails,
            "acceptances": self.accepted,
            "resends on record": self.resends,
            "row writes": self.writes,
            "faults of the books": len(self.faults),
        }
        boundaries = sorted(f"{process} {name}" for process, name in self.boundaries)
        return {"counts": counts, "boundaries": boundaries, "struck": dict(self.struck)}

    def check(self, case: Case) -> None:
        """Hold what was found against the books and the model."""
        strange = self.arrows - explored(resend=case.policy == "resend")[1] - BESIDE
        self.faults += [f"{case}: {arrow} is no arrow of the model" for arrow in strange]
        assert self.faults == []

    def add(self, case: Case, plan: Plan) -> World | None:
        """Run a case with the faults of a plan, close its books, and count."""
        self.runs += 1
        try:
            world = case.run(plan)
        except StuckError as error:
            self.faults.append(f"{case} {dict(plan)}: {error}")
            return None
        self.struck.update(kind.partition(":")[0] for kind in world.struck)
        self.boundaries.update((call.process, call.name) for call in world.calls)
        self.mails += len(world.orders)
        self.accepted += sum(map(len, world.taqnyat.accepted.values()))
        self.writes += len(world.writes)
        self.arrows.update(of_items(write.before, write.after) for write in world.writes)
        rows = [world.row(order) for order in world.orders.values()]
        self.resends += sum(row.resends for row in rows if row)
        found = books.faults(world)
        # Of a doubtful mail the times decide how often it is resent.
        if BENIGN.issuperset(plan.values()) and case.way not in {"doubtful", "bulk"}:
            found += [f"{subject} is told otherwise" for subject in _told_otherwise(case, world)]
        self.faults += [f"{case} {dict(plan)}: {fault}" for fault in found]
        return world


def cases(mails: int, *, lockstep: bool = False) -> list[Case]:
    """Return every way under every policy."""
    return [Case(way, policy, mails, lockstep) for way, policy in product(WAYS, POLICIES)]


def singles(case: Case, *, thorough: bool) -> Iterator[Plan]:
    """Yield every single fault of a case.

    Unless `thorough`, a call that comes up again and again is struck the first time and the last
    time, and in the middle, but with every reply only the first time; a batch the first and the
    last time, where the worker is at it, with fewer kinds and replies, and in step only with what
    stops all of it.
    """
    calls = case.run().calls
    chosen = range(len(calls)) if thorough else sorted(_telling(calls, middle=case.mails == 1))
    met: set[Call] = set()
    for number in chosen:
        call = calls[number]
        if thorough or case.mails == 1 or call.process == "worker":
            for kind in kinds(call):
                if thorough or _tells(case, kind, again=call in met):
                    yield {number: kind}
        met.add(call)


def pairs(case: Case, count: int, seed: int) -> Iterator[Plan]:
    """Yield pairs, drawn evenly: the first fault from the case, the second from what it left."""
    draw = random.Random(seed)  # noqa: S311 - a test's choice
    calls = case.run().calls
    found = 0
    while found < count:
        first = draw.randrange(len(calls))
        plan = {first: draw.choice(kinds(calls[first]))}
        later = _calls_after(case, plan)
        for _ in range(min(5, count - found)):
            second = draw.randrange(first + 1, len(later)) if first + 1 < len(later) else None
            if second is not None:
                yield {**plan, second: draw.choice(kinds(later[second]))}
            found += 1


def all_pairs(case: Case) -> Iterator[Plan]:
    """Yield all pairs of faults of a case; where calls repeat for long, those that tell (above)."""
    thorough = len(case.run().calls) <= LONG
    for plan in singles(case, thorough=thorough):
        [first] = plan
        later = _calls_after(case, plan)
        numbers = range(len(later)) if thorough else sorted(_telling(later, middle=True))
        for second in numbers:
            if second > first:
                for kind in kinds(later[second]):
                    if thorough or not kind.startswith(REPLY) or kind in _TELLING_REPLIES:
                        yield {**plan, second: kind}


def _told_otherwise(case: Case, world: World) -> list[str]:
    ends = usual(case)
    return [subject for subject, end in _ends(world).items() if ends[subject] != end]


@cache
def usual(case: Case) -> Mapping[str, object]:
    """Return how the mails of a case end without faults."""
    return _ends(case.run())


def _ends(world: World) -> dict[str, object]:
    """Return of each mail its state, how often Taqnyat took it, and whether it counts resends."""
    ends: dict[str, object] = {}
    for subject, order in world.orders.items():
        row = world.row(order)
        taken = len(world.taqnyat.accepted.get(subject, ()))
        ends[subject] = row and (row.state, taken, row.resends > 0)
    return ends


def _calls_after(case: Case, plan: Plan) -> list[Call]:
    try:
        return case.run(plan).calls
    except StuckError:  # told when it was run alone
        return []


def _telling(calls: list[Call], *, middle: bool) -> set[int]:
    numbers: dict[tuple[str, str], list[int]] = defaultdict(list)
    for number, call in enumerate(calls):
        numbers[call.process, call.name].append(number)
    return {
        found[position]
        for found in numbers.values()
        for position in {0, len(found) // 2 if middle else 0, len(found) - 1}
    }


def _tells(case: Case, kind: str, *, again: bool) -> bool:
    if case.lockstep:
        return kind in _WHOLE
    if kind.startswith(REPLY):
        return kind in _TELLING_REPLIES or (case.mails == 1 and not again)
    return case.mails == 1 or kind not in _LIKE_ANOTHER
