"""Exhaustive exploration of a model: every state that can be reached, and what is wrong with it.

A model has its first states, the steps out of a state, what is wrong in a state, and whether a
state is an end. Every state must be able to come to an end: one that cannot is stuck.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

S = TypeVar("S", bound=Hashable)


class Model(Protocol[S]):
    """What is explored. A step is its name and the state after it."""

    def starts(self) -> Iterable[S]: ...

    def steps(self, state: S) -> Iterator[tuple[str, S]]: ...

    def wrongs(self, state: S) -> Iterator[str]: ...

    def is_end(self, state: S) -> bool: ...


@dataclass(slots=True)
class Found(Generic[S]):
    """The states, how many steps join them, and for each kind of wrong the shortest way to one."""

    states: set[S] = field(default_factory=set)
    steps: int = 0
    ends: int = 0
    wrongs: dict[str, list[str]] = field(default_factory=dict)


def explore(
    model: Model[S], *, until: str = "", observe: Callable[[S, S], None] | None = None
) -> Found[S]:
    """Visit every state, breadth first; `until` stops at the first with that wrong.

    `observe` is told of each step: the state before and after.
    """
    found: Found[S] = Found()
    came_from: dict[S, tuple[S, str] | None] = {}
    before: dict[S, list[S]] = defaultdict(list)
    queue: deque[S] = deque()
    for start in model.starts():
        came_from[start] = None
        queue.append(start)
    while queue:
        state = queue.popleft()
        for wrong in model.wrongs(state):
            found.wrongs.setdefault(wrong, _way(came_from, state))
            if until == wrong:
                return found
        for name, after in model.steps(state):
            found.steps += 1
            if observe is not None:
                observe(state, after)
            before[after].append(state)
            if after not in came_from:
                came_from[after] = (state, name)
                queue.append(after)
    found.states = set(came_from)
    alive = _that_reach(before, {state for state in found.states if model.is_end(state)}, found)
    for state in came_from:
        if state not in alive:
            found.wrongs.setdefault("is stuck", _way(came_from, state))
            break
    return found


def _that_reach(before: dict[S, list[S]], ends: set[S], found: Found[S]) -> set[S]:
    found.ends = len(ends)
    reached, queue = set(ends), deque(ends)
    while queue:
        for state in before[queue.popleft()]:
            if state not in reached:
                reached.add(state)
                queue.append(state)
    return reached


def _way(came_from: dict[S, tuple[S, str] | None], state: S) -> list[str]:
    names: list[str] = []
    step = came_from[state]
    while step is not None:
        state, name = step
        names.append(name)
        step = came_from[state]
    return names[::-1]
