"""Does an operator's task on messages of the failed queue, in parallel."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from outbox.storage.row import Row

from ops.dead_letters import Action, Choice, DeadLetter, Step, Task, decide
from ops.failed_queue import FailedQueue, Look
from ops.history import History, Note
from ops.interrupt import Stop
from ops.rows import AT_ONCE, chunks, read_rows
from ops.side_by_side import side_by_side
from ops.stack import Stack

_TEN: Final = 10  # messages of one call to SQS
_MAX_BYTES: Final = 1_000_000  # of bodies that are moved in one go
_LAST_SECONDS: Final = 6.0  # of looking for messages that another poll took
_OTHERS_SECONDS: Final = 2


@dataclass(slots=True)
class Done:
    """The progress, in messages; `changed` were not as they were when they were selected."""

    moved: int = 0
    noted: int = 0
    removed: int = 0
    changed: int = 0
    seen: set[str] = field(default_factory=set)

    @property
    def total(self) -> int:
        """Messages that need nothing more."""
        return self.moved + self.noted + self.removed + self.changed


class Workbench:
    """One operator's task on one stack."""

    def __init__(
        self, stack: Stack, queue: FailedQueue, history: History, task: Task, why: str = ""
    ) -> None:
        """`why` is for the records of discarded mails."""
        self._dynamo = stack.client("dynamodb")
        self._table = stack.output("LedgerTable")
        self._queue = queue
        self._history = history
        self._task = task
        self._why = why

    def plan(self, look: Look, choice: Choice, limit: int | None, stop: Stop) -> list[Step]:
        """Decide on each selected message, oldest first; `limit` is how many may change."""
        letters = [letter for letter in look.letters.values() if choice.takes(letter)]
        letters.sort(key=lambda letter: letter.sent_at)
        letters += self._without_message(choice, letters)
        decided = side_by_side(chunks(letters, AT_ONCE), self._decided, stop)
        steps = [step for _, some in decided for step in some]
        steps.sort(key=lambda step: step.letter.sent_at)
        if limit is None:
            return steps
        kept, changing = [], 0
        for step in steps:
            changing += step.action is not Action.LEAVE
            if changing > limit:
                break
            kept.append(step)
        return kept

    def carry_out(self, look: Look, steps: Sequence[Step], stop: Stop) -> Iterator[Done]:
        """Do it; yield the progress. A message is deleted only when its mail is settled.

        A moved message is on the mail queue before it is deleted here. An interruption between the
        two leaves two copies, of which one is sent.
        """
        done = Done()
        here = [step for step in steps if step.action in {Action.NOTE, Action.REMOVE}]
        for _, some in side_by_side(chunks(here, _TEN), lambda s: self._settle(look, s), stop):
            done.noted += some.noted
            done.removed += some.removed
            done.changed += some.changed
            yield done
        chosen = [step.letter for step in steps if step.action is Action.MOVE]
        left = {letter.message_id for letter in chosen}

        def move(some: Sequence[DeadLetter]) -> Done:
            self._queue.release(look, some)
            return self._move(look, left, len(some), 0)

        for _, some_moved in side_by_side(_by_size(chosen), move, stop):
            _add(done, some_moved, left)
            yield done
        end = time.monotonic() + _LAST_SECONDS
        # Messages that SQS did not take stay held: another run moves them.
        while any(key not in look.letters for key in left) and time.monotonic() < end:
            if stop.asked:
                break
            some_moved = self._move(look, left, min(_TEN, len(left)), 1)
            _add(done, some_moved, left)
            yield done
            if some_moved.seen:
                end = time.monotonic() + _LAST_SECONDS

    def _decided(self, letters: Sequence[DeadLetter]) -> list[Step]:
        rows = self._rows(letters)
        return [
            Step(letter, *decide(self._task, letter, rows.get(letter.mail_id)))
            for letter in letters
        ]

    def _without_message(self, choice: Choice, letters: Sequence[DeadLetter]) -> list[DeadLetter]:
        """Represent named mails whose message is gone: they can still be settled as sent."""
        if self._task is not Task.SENT or not choice.ids:
            return []
        missing = sorted(choice.ids - {letter.mail_id for letter in letters})
        found = [
            DeadLetter.of_row(row)
            for some in chunks(missing, AT_ONCE)
            for row in read_rows(self._dynamo, self._table, some)
        ]
        return [letter for letter in found if choice.takes(letter)]

    def _rows(self, letters: Sequence[DeadLetter]) -> dict[str, Row]:
        ids = [letter.mail_id for letter in letters]
        return {row.id: row for row in read_rows(self._dynamo, self._table, ids)}

    def _settle(self, look: Look, steps: Sequence[Step]) -> Done:
        done = Done()
        rows = self._rows([step.letter for step in steps])
        decided = [(step.letter, *self._again(step.letter, rows)) for step in steps]
        noted = self._history.write_all(
            [self._note(row) for _, action, row in decided if row and action is Action.NOTE]
        )
        going = []
        for letter, action, _ in decided:
            is_noted = action is Action.NOTE and letter.mail_id in noted
            done.noted += is_noted
            done.removed += action is Action.REMOVE
            if is_noted or action is Action.REMOVE:
                going.append(letter)
            else:
                done.changed += 1
        if here := [letter for letter in going if letter.handle]:
            self._queue.delete(look, here)
        return done

    def _again(self, letter: DeadLetter, rows: Mapping[str, Row]) -> tuple[Action, Row | None]:
        """Decide once more, by the row as it is now."""
        row = rows.get(letter.mail_id)
        return decide(self._task, letter, row)[0], row

    def _note(self, row: Row) -> Note:
        if self._task is Task.SENT:
            return self._history.sent(row)
        return self._history.discarded(row, self._why)

    def _move(self, look: Look, left: set[str], most: int, wait: int) -> Done:
        done = Done()
        found = self._queue.receive(look, max(1, most), wait)
        ours = [(letter, raw) for letter, raw in found if letter.message_id in left]
        others = [letter for letter, _ in found if letter.message_id not in left]
        if others:
            # New ones, or ones that another terminal released to move them; wait, or we would get
            # them.
            self._queue.release(look, others, _OTHERS_SECONDS)
        rows = self._rows([letter for letter, _ in ours]) if ours else {}
        decided = {letter.message_id: self._again(letter, rows) for letter, _ in ours}
        told = self._history.write_all(
            [
                self._history.redriven(row, possibly_twice=letter.state == "unknown")
                for letter, _ in ours
                for action, row in [decided[letter.message_id]]
                if action is Action.MOVE and row is not None and letter.attempt is not None
            ]
        )
        going: list[tuple[DeadLetter, Any]] = []
        gone: list[DeadLetter] = []
        for letter, raw in ours:
            action, row = decided[letter.message_id]
            # One that was never tried has nothing that it could be told in.
            untold = row is None or letter.attempt is None
            if action is Action.MOVE and (untold or letter.mail_id in told):
                going.append((letter, raw))
            elif action is Action.REMOVE:
                gone.append(letter)
                done.removed += 1
            else:
                done.changed += 1
                done.seen.add(letter.message_id)
        sent = self._queue.send(going) if going else []
        gone += sent
        if gone:
            self._queue.delete(look, gone)
        done.moved += len(sent)
        done.seen |= {letter.message_id for letter in gone}
        return done


def _add(done: Done, some: Done, left: set[str]) -> None:
    done.moved += some.moved
    done.removed += some.removed
    done.changed += some.changed
    left -= some.seen


def _by_size(letters: Sequence[DeadLetter]) -> Iterator[list[DeadLetter]]:
    """Yield the letters in order, up to ten and up to about a megabyte at a time."""
    some: list[DeadLetter] = []
    size = 0
    for letter in letters:
        if some and (len(some) >= _TEN or size + letter.size > _MAX_BYTES):
            yield some
            some, size = [], 0
        some.append(letter)
        size += letter.size
    if some:
        yield some
