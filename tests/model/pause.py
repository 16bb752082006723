"""The model of a pause: the item, two workers, two status checks that may overlap, an operator.

The account is refused from the first, until somebody tops it up. There is always mail. Moments are
counted by resumes: a call knows after how many of them it began. The operator pauses once, and may
resume at any time.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Design:
    """The design, and what can be broken about it; as it stands, nothing is."""

    reads_the_pause: bool = True
    stops_itself: bool = True
    probes_before_resuming: bool = True
    probes_one_at_a_time: bool = True
    resumes_if_same: bool = True
    knows_old_answers: bool = True
    check_switches_mapping: bool = True


class Worker(NamedTuple):
    """A container: what it does, after how many resumes its call began, whether it is closed."""

    at: str = "idle"
    began: int = 0
    closed: bool = False


class Check(NamedTuple):
    """A status check: what it does, and which pause it read."""

    at: str = "idle"
    read: int = 0
    refused: bool = False


class State(NamedTuple):
    """All there is. `pause` is the number of the standing pause, `probing` of the one probed."""

    pause: int = 0
    by_hand: bool = False
    operated: bool = False
    pauses: int = 0
    resumes: int = 0
    probing: int = 0
    feeds: bool = True
    topped_up: bool = False
    wrong: str = ""
    workers: tuple[Worker, Worker] = (Worker(), Worker())
    checks: tuple[Check, Check] = (Check(), Check())


class PauseModel:
    """Pause and resume under a design."""

    def __init__(self, design: Design) -> None:
        self._design = design

    def starts(self) -> list[State]:
        """Return an account that is refused, with nothing noticed yet."""
        return [State()]

    def wrongs(self, state: State) -> Iterator[str]:
        if state.wrong:
            yield state.wrong
        first, second = state.checks
        if (first.at, second.at) == ("calls", "calls") and first.read == second.read:
            yield "two probes of one pause at once"

    def is_end(self, state: State) -> bool:
        return state.topped_up and not state.pause and state.feeds

    def steps(self, state: State) -> Iterator[tuple[str, State]]:
        if state.wrong:
            return
        if not state.topped_up:
            yield "the account is topped up", state._replace(topped_up=True)
        if not state.operated:
            paused = state._replace(pause=state.pauses + 1, pauses=state.pauses + 1, by_hand=True)
            yield "the operator pauses", paused._replace(operated=True)
        if state.by_hand:
            resumed = state._replace(pause=0, by_hand=False, resumes=state.resumes + 1)
            yield "the operator resumes", resumed
        for number, worker in enumerate(state.workers):
            for label, after in self._works(state, number, worker):
                yield f"worker {label}", after
        for number, check in enumerate(state.checks):
            for label, after in self._checks(state, number, check):
                yield f"check {label}", after

    # ---- A worker ------------------------------------------------------------------------------

    def _works(self, state: State, number: int, worker: Worker) -> Iterator[tuple[str, State]]:
        match worker.at:
            case "idle":
                if state.feeds:
                    yield from self._begin(state, number)
            case "open":
                yield "ends its batch", _with_worker(state, number, Worker())
                if worker.closed and self._design.stops_itself:
                    return
                calls = Worker("calls", state.resumes, worker.closed)
                after = _with_worker(state, number, calls)
                if worker.closed:
                    after = after._replace(wrong="calls on after it was refused")
                yield "calls", after
            case "calls":
                yield "crashes", _with_worker(state, number, Worker())
                if not state.topped_up:
                    refused = Worker("refused", worker.began, closed=True)
                    yield "is refused", _with_worker(state, number, refused)
                else:
                    yield "sends", _with_worker(state, number, Worker("open", 0, worker.closed))
            case "refused":
                yield "crashes", _with_worker(state, number, Worker())
                after = _with_worker(state, number, Worker("open", 0, closed=True))
                yield "pauses", self._paused(after, worker)
                yield "cannot write the pause", after

    def _begin(self, state: State, number: int) -> Iterator[tuple[str, State]]:
        if state.pause and self._design.reads_the_pause:
            yield "finds the pause", state._replace(feeds=False)
            return
        after = _with_worker(state, number, Worker("open"))
        if state.pause:
            after = after._replace(wrong="starts a batch in a pause")
        yield "starts a batch", after

    def _paused(self, state: State, worker: Worker) -> State:
        old = worker.began < state.resumes
        if state.pause or (old and self._design.knows_old_answers):
            return state
        pause = state.pauses + 1
        wrong = "an answer from before the resume pauses again" if old else ""
        return state._replace(pause=pause, pauses=pause, feeds=False, wrong=wrong)

    # ---- A status check ------------------------------------------------------------------------

    def _checks(self, state: State, number: int, check: Check) -> Iterator[tuple[str, State]]:
        match check.at:
            case "idle":
                if state.pause:
                    yield "reads", _with_check(state, number, Check("read", state.pause))
                elif not state.feeds and self._design.check_switches_mapping:
                    yield "switches the mapping on", state._replace(feeds=True)
            case "read":
                yield "crashes", _with_check(state, number, Check())
                yield from self._probe(state, number, check)
            case "calls":
                # Its lease on the probe ends some time after it has.
                yield "crashes", _with_check(_released(state, check), number, Check())
                answered = Check("answered", check.read, refused=not state.topped_up)
                yield "is answered", _with_check(state, number, answered)
            case "answered":
                yield "crashes", _with_check(_released(state, check), number, Check())
                after = _with_check(_released(state, check), number, Check())
                if check.refused:
                    yield "waits for the next probe", after
                else:
                    yield "resumes", self._resumed(after, check)

    def _probe(self, state: State, number: int, check: Check) -> Iterator[tuple[str, State]]:
        if not self._design.probes_before_resuming:
            yield "resumes", self._resumed(_with_check(state, number, Check()), check)
            return
        same = state.pause == check.read and not state.by_hand
        if same and not (state.probing == check.read and self._design.probes_one_at_a_time):
            calls = state._replace(probing=check.read)
            yield "probes", _with_check(calls, number, Check("calls", check.read))
        else:
            yield "leaves it", _with_check(state, number, Check())

    def _resumed(self, state: State, check: Check) -> State:
        same = state.pause == check.read and not state.by_hand
        if not state.pause or (not same and self._design.resumes_if_same):
            return state
        wrong = ""
        if state.by_hand:
            wrong = "an operator's pause is ended by a probe"
        elif not state.topped_up:
            wrong = "resumes while the account is refused"
        return state._replace(pause=0, by_hand=False, resumes=state.resumes + 1, wrong=wrong)


def _released(state: State, check: Check) -> State:
    return state._replace(probing=0) if state.probing == check.read else state


def _with_worker(state: State, number: int, worker: Worker) -> State:
    other = state.workers[1 - number]
    return state._replace(workers=(worker, other) if worker <= other else (other, worker))


def _with_check(state: State, number: int, check: Check) -> State:
    other = state.checks[1 - number]
    return state._replace(checks=(check, other) if check <= other else (other, check))
