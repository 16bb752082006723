"""The model of the two lanes under a limited rate: whose turn is next, and how long a mail waits.

Two clocks tell who sends next, as `outbox/sending/turns.py` keeps them in the control record: a
lane's next turn begins where its clock stands, and a turn moves it on. Normal's turns move bulk's
clock on too, and are longer while bulk waits, which leaves a part to bulk. Here that part is a
quarter, not a tenth, so that every state can be visited. A mail may come in any lane at any moment;
time goes on when no lane can take a turn, since a lane's pollers never rest.

One mail is watched. Nobody starves when none waits longer than those before it in its lane take.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

# In units of time; beside bulk, which then has a quarter, normal's turns are longer.
_TURN: Final = 3
_SHARED_TURN: Final = 4
_AHEAD: Final = 6  # how far ahead turns are taken
_RECENT: Final = 9  # bulk counts as waiting so long after its last turn
_WAITING: Final = 2  # mails of a lane that wait; more of them change nothing
# A turn of each mail before it and its own; bulk's comes after three of normal's each.
MOST: Final = {"normal": _SHARED_TURN * _WAITING, "bulk": 4 * _SHARED_TURN * (_WAITING + 1)}
# Turns above the limit, ever: what both lanes may have taken ahead, while bulk counted as idle.
_EXCESS: Final = 3 * (_AHEAD // _TURN + 1)
LANES: Final = ("normal", "bulk")


@dataclass(frozen=True, slots=True)
class Design:
    """The design, and what can be broken about it; as it stands, nothing is."""

    normal_first: bool = True  # else bulk is
    leaves_a_part: bool = True  # else the lane that goes first leaves the other nothing
    one_rate: bool = True  # else each lane has the rate for itself
    pushes_always: bool = True  # else only while bulk's next turn is still to come
    two_queues: bool = True  # else one, of which SQS gives out whatever it likes


class State(NamedTuple):
    """All there is. Clocks are units from now.

    `before` mails of its lane are before the watched one, which has waited for `age` units; -1
    when it has not come yet, or is gone. `excess` is by how many units the turns are ahead of the
    limit.
    """

    normal: int = 0
    bulk: int = 0
    clock: int = 0
    bulk_clock: int = -_RECENT
    before: int = -1
    age: int = 0
    excess: int = 0


class LanesModel:
    """Two lanes under a design; a mail of the lane `watched` is watched, or with "" the limit."""

    def __init__(self, design: Design, watched: str) -> None:
        self._design = design
        self._watched = watched

    def starts(self) -> list[State]:
        """Return a stack where nothing waits."""
        return [State()]

    def wrongs(self, state: State) -> Iterator[str]:
        if self._watched and state.age > MOST[self._watched]:
            yield f"a {self._watched} mail starves"
        if state.excess > _EXCESS * _TURN:
            yield "more is sent than the limit"

    def is_end(self, state: State) -> bool:
        return not state.normal and not state.bulk

    def steps(self, state: State) -> Iterator[tuple[str, State]]:
        if any(self.wrongs(state)):
            return
        for lane in LANES:
            waiting = getattr(state, lane)
            if waiting < _WAITING:
                after = state._replace(**{lane: waiting + 1})
                yield f"a {lane} mail comes", after
                if lane == self._watched and state.before < 0:
                    yield "the watched mail comes", after._replace(before=waiting, age=0)
        turns = list(self._turns(state))
        yield from turns
        if not turns:
            yield "time goes on", self._later(state)

    def _turns(self, state: State) -> Iterator[tuple[str, State]]:
        first = "normal" if self._design.normal_first else "bulk"
        for lane in LANES:
            if not getattr(state, lane):
                continue
            goes_first = lane == first or not self._design.two_queues
            after = self._first(state) if goes_first else self._second(state)
            if after is not None:
                yield f"{lane} takes a turn", self._sent(after, lane)

    def _first(self, state: State) -> State | None:
        """Take a turn of the lane that goes first; None if there is none soon enough."""
        begins = max(state.clock, 0)
        if begins > _AHEAD:
            return None
        shares = self._design.leaves_a_part and state.bulk_clock > -_RECENT
        since = -_RECENT if self._design.pushes_always else 0
        pushes = self._design.one_rate and state.bulk_clock > since
        return self._taken(state)._replace(
            clock=begins + (_SHARED_TURN if shares else _TURN),
            bulk_clock=state.bulk_clock + (_TURN if pushes else 0),
        )

    def _second(self, state: State) -> State | None:
        begins = max(state.bulk_clock, 0)
        if begins > _AHEAD:
            return None
        return self._taken(state)._replace(bulk_clock=begins + _TURN)

    def _taken(self, state: State) -> State:
        return state if self._watched else state._replace(excess=state.excess + _TURN)

    def _sent(self, state: State, lane: str) -> State:
        after = state._replace(**{lane: getattr(state, lane) - 1})
        if lane != self._watched or state.before < 0:
            return after
        if not state.before:
            return after._replace(before=-1, age=0)
        return after._replace(before=state.before - 1)

    def _later(self, state: State) -> State:
        return state._replace(
            clock=max(state.clock - 1, 0),
            bulk_clock=max(state.bulk_clock - 1, -_RECENT),
            age=state.age + (state.before >= 0),
            excess=max(state.excess - 1, 0),
        )
