"""The model of one mail: its row, the copies of its message, two workers, a human who re-drives.

All that may go wrong is a step of its own, at any moment: a crash, a message delivered again, a
write whose effect or whose answer is lost. Time is left out but for one thing that it guarantees: a
lease does not end while the process that holds it lives.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

# Where the exploration ends. Of like copies two stand for many.
MAX_ATTEMPTS: Final = 3
MAX_RESENDS: Final = 2
MAX_REDRIVES: Final = 1
MAX_COPIES: Final = 2

# What a call can come to: (verdict, whether Taqnyat took the mail).
OUTCOMES: Final = (
    ("sent", True),
    ("unknown", True),
    ("unknown", False),
    ("retry", False),
    ("terminal", False),
)


@dataclass(frozen=True, slots=True)
class Design:
    """The design, and what can be broken about it; as it stands, nothing is."""

    resend: bool = False
    claims: bool = True
    claims_after_sending: bool = False
    leases: bool = True
    lease_ends: bool = True
    keeps_record_on_error: bool = True
    settles_if_ours: bool = True
    redrive_asks_ledger: bool = True
    redrive_counts: bool = True
    acks_before_settling: bool = False
    acks_before_parking: bool = False
    unknown_is_unknown: bool = True
    remembers_maybe: bool = True
    marks_before_sending: bool = True
    holds_stale: bool = True


class Row(NamedTuple):
    """A ledger row. The number of an attempt is its claim; `leased` until its process is gone."""

    state: str
    maybe: bool = False
    attempts: int = 0
    resends: int = 0
    leased: bool = False


class Worker(NamedTuple):
    """A process: what it does next, for which copy (0, or the attempt that parked it)."""

    at: str = "idle"
    copy: int = 0
    claim: int = 0
    maybe: bool = False
    outcome: str = ""


class State(NamedTuple):
    """All there is. `accepted` is Taqnyat's count, `allowed` what a human's re-drives allow."""

    row: Row | None
    queue: tuple[int, ...]
    failed: tuple[int, ...] = ()
    workers: tuple[Worker, Worker] = (Worker(), Worker())
    accepted: int = 0
    redrives: int = 0


IDLE: Final = Worker()


class MailModel:
    """One mail under a design, `resend` or not."""

    def __init__(self, design: Design) -> None:
        self._design = design

    def starts(self) -> list[State]:
        """Return a direct producer's mail, an accepted one, one queued twice, a scheduled one."""
        return [
            State(None, (0,)),
            State(Row("queued"), (0,)),
            State(Row("queued"), (0, 0)),
            State(Row("scheduled"), (0,)),
        ]

    # ---- What is wrong -------------------------------------------------------------------------

    def wrongs(self, state: State) -> Iterator[str]:
        row = state.row
        ended = row is not None and row.state in {"sent", "canceled"}
        if not ended and not state.queue and not state.failed:
            yield "is lost"
        resends = row.resends if row else 0
        if state.accepted > 1 + resends:
            yield "is doubled in silence"
        if not self._design.resend and state.accepted > 1 + state.redrives:
            yield "is doubled under hold"
        if row and row.state == "failed" and state.accepted and not _busy(state):
            yield "is called failed, but was sent"
        if row and row.state == "sent" and not state.accepted:
            yield "is called sent, but was not"
        # With the mark it says: given up by an operator, and possibly sent before.
        if row and row.state == "canceled" and state.accepted and not row.maybe:
            yield "is called canceled, but was sent"

    def is_end(self, state: State) -> bool:
        row = state.row
        if state.queue or _busy(state) or row is None:
            return self._is_cut(state)
        if row.state in {"failed", "unknown"}:
            return bool(state.failed)
        return row.state in {"sent", "canceled"}

    def _is_cut(self, state: State) -> bool:
        """Whether the bound of the exploration is all that keeps the mail from going on."""
        rows = (self._taken(state.row, Worker("has", copy)) for copy in state.queue)
        return any(row is not None and row.attempts > MAX_ATTEMPTS for row in rows)

    # ---- Steps ---------------------------------------------------------------------------------

    def steps(self, state: State) -> Iterator[tuple[str, State]]:
        for number, worker in enumerate(state.workers):
            name = "a worker"
            if worker.at == "idle":
                for copy in sorted(set(state.queue)):
                    # Whether or not another has it in hand: at least once is no more.
                    yield f"{name} receives", _with(state, number, Worker("has", copy))
            else:
                yield f"{name} crashes", _with(state, number, IDLE)
                for label, after in self._works(state, number, worker):
                    yield f"{name} {label}", after
        yield from self._outside(state)

    def _outside(self, state: State) -> Iterator[tuple[str, State]]:
        row = state.row
        held = {worker.claim for worker in state.workers if worker.at != "idle"}
        if row and row.leased and self._design.lease_ends and row.attempts not in held:
            yield "the lease ends", state._replace(row=row._replace(leased=False))
        if state.failed and state.redrives < MAX_REDRIVES:
            queue = _copies(*state.queue, *state.failed)
            more = state.redrives + 1
            yield "a human re-drives", state._replace(queue=queue, failed=(), redrives=more)
        if row and row.state in {"queued", "scheduled"} and not row.maybe:
            yield "its owner cancels", state._replace(row=row._replace(state="canceled"))
        if row and row.state == "unknown" and state.accepted:
            yield "a human finds it sent", state._replace(row=row._replace(state="sent"))
        if row and row.state in {"failed", "unknown"} and state.failed:
            # Its copies stay where they are: none of them is sent any more.
            yield "a human discards it", state._replace(row=row._replace(state="canceled"))

    def _works(self, state: State, number: int, worker: Worker) -> Iterator[tuple[str, State]]:
        match worker.at:
            case "has":
                yield from self._claim(state, number, worker)
            case "claimed":
                yield from self._post(state, number, worker)
            case "answered":
                yield from self._settle(state, number, worker)
            case "ended":
                after = state._replace(failed=_copies(*state.failed, worker.claim))
                yield "parks", _with(after, number, worker._replace(at="parked"))
                # The answer is lost: it has been parked, and will be again.
                yield "parks and does not learn it", _with(after, number, IDLE)
            case "parked":
                yield "acknowledges", _without(_with(state, number, IDLE), worker.copy)

    def _claim(self, state: State, number: int, worker: Worker) -> Iterator[tuple[str, State]]:
        design, row = self._design, state.row
        if not design.claims or design.claims_after_sending:
            sent = row is not None and row.state in {"sent", "canceled"}
            if sent:
                yield "passes over", _without(_with(state, number, IDLE), worker.copy)
            else:
                yield "goes on", _with(state, number, worker._replace(at="claimed"))
            return
        taken = self._taken(row, worker)
        if taken is not None:
            if taken.attempts > MAX_ATTEMPTS:
                return
            after = state._replace(row=taken)
            claimed = Worker("claimed", worker.copy, taken.attempts, taken.maybe)
            yield "claims", _with(after, number, claimed)
            yield "claims and does not learn it", _with(after, number, IDLE)
            return
        if row is None:
            return
        if row.state in {"sent", "canceled"}:
            yield "passes over", _without(_with(state, number, IDLE), worker.copy)
        elif row.state in {"failed", "unknown"}:
            yield (
                "parks again",
                _with(state, number, worker._replace(at="ended", claim=row.attempts)),
            )
        elif row.state == "sending" and not row.leased:
            dead = Worker("answered", worker.copy, row.attempts, row.maybe, "unknown")
            yield "finds a dead claim", _with(state, number, dead)
        else:
            yield "puts back", _with(state, number, IDLE)

    def _taken(self, row: Row | None, worker: Worker) -> Row | None:
        """Return the row as a claim leaves it; None where it may not be claimed."""
        design = self._design
        if row is None:
            return Row("sending", attempts=1, leased=True)
        stale = row.state == "sending" and not row.leased and self._may_resend(row)
        parked = row.state in {"failed", "unknown"} and worker.copy > 0
        counted = worker.copy == row.attempts or not design.redrive_counts
        free = row.state in {"queued", "scheduled"} or (parked and counted)
        if not design.leases:
            free = free or row.state == "sending"
        if not design.redrive_asks_ledger and worker.copy > 0:
            free = True
        if not (free or stale):
            return None
        maybe = (row.maybe or stale) and design.remembers_maybe
        more = (maybe and design.marks_before_sending) or (stale and design.marks_before_sending)
        return Row("sending", maybe, row.attempts + 1, row.resends + more, leased=True)

    def _may_resend(self, row: Row) -> bool:
        if not self._design.holds_stale:
            return True
        return self._design.resend and row.resends < MAX_RESENDS

    def _post(self, state: State, number: int, worker: Worker) -> Iterator[tuple[str, State]]:
        for verdict, accepted in OUTCOMES:
            after = state._replace(accepted=min(state.accepted + accepted, MAX_ATTEMPTS + 1))
            answered = worker._replace(at="answered", outcome=verdict)
            label = f"sends: {verdict}{', and Taqnyat took it' if accepted else ''}"
            yield label, _with(after, number, answered)

    def _settle(self, state: State, number: int, worker: Worker) -> Iterator[tuple[str, State]]:
        design, row = self._design, state.row
        if design.acks_before_settling:
            state = _without(state, worker.copy)
        if row is None or not design.claims or design.claims_after_sending:
            row = row or Row("sending")
            if row.attempts >= MAX_ATTEMPTS:
                return
            row = row._replace(state="sending", attempts=row.attempts + 1)
            worker = worker._replace(claim=row.attempts)
            ours = True
        else:
            ours = row.state == "sending" and row.attempts == worker.claim
        if not (ours or not design.settles_if_ours):
            yield "finds its claim gone", _with(state, number, IDLE)
            return
        settled = self._settled(row, worker)
        after = state._replace(row=settled)
        label = f"settles as {settled.state}"
        if settled.state == "queued":
            yield label, _with(after, number, IDLE)
        elif settled.state == "sent":
            yield label, _with(after, number, worker._replace(at="parked"))
        else:
            at = "ended"
            if design.acks_before_parking:
                after = _without(after, worker.copy)
            yield label, _with(after, number, worker._replace(at=at, claim=settled.attempts))
        yield f"{label} and does not learn it", _with(after, number, IDLE)
        yield "cannot settle", _with(self._erased(state), number, IDLE)

    def _erased(self, state: State) -> State:
        if self._design.keeps_record_on_error:
            return state
        return state._replace(row=None)

    def _settled(self, row: Row, worker: Worker) -> Row:
        design = self._design
        outcome = worker.outcome
        if outcome == "unknown" and not design.unknown_is_unknown:
            outcome = "retry"
        settled = row._replace(leased=False)
        if not design.marks_before_sending:
            settled = settled._replace(resends=settled.resends + worker.maybe)
        ended = "unknown" if settled.maybe else "failed"
        if outcome == "sent":
            return settled._replace(state="sent")
        if outcome == "terminal":
            return settled._replace(state=ended)
        if outcome == "unknown":
            again = design.resend and settled.resends < MAX_RESENDS
            maybe = design.remembers_maybe
            return settled._replace(state="queued" if again else "unknown", maybe=maybe)
        # Known not sent: queued, or its retry window has ended; the model takes the number for it.
        return settled._replace(state=ended if settled.attempts >= MAX_ATTEMPTS else "queued")


def _copies(*copies: int) -> tuple[int, ...]:
    return tuple(
        copy for copy in sorted(set(copies)) for _ in range(min(copies.count(copy), MAX_COPIES))
    )


def _busy(state: State) -> bool:
    return any(worker.at != "idle" for worker in state.workers)


def _with(state: State, number: int, worker: Worker) -> State:
    # Which of the two is which makes no difference: half of the states are enough.
    other = state.workers[1 - number]
    return state._replace(workers=(worker, other) if worker <= other else (other, worker))


def _without(state: State, copy: int) -> State:
    queue = list(state.queue)
    if copy in queue:
        queue.remove(copy)
    return state._replace(queue=tuple(queue))
