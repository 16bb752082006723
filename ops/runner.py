"""Running a campaign: every row checked first, then accepted at a bounded rate, then reported."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError
from outbox.accepting.submission import IdempotencyConflictError
from outbox.mail.states import State
from outbox.storage.row import Row

from ops import sending
from ops.campaign import Campaign, Fault, Line, Repeat
from ops.errors import OpsError, explain
from ops.interrupt import Stop
from ops.past import Past
from ops.report import Result
from ops.rows import rows_of
from ops.side_by_side import side_by_side
from ops.stack import Stack

_ERRORS_IN_A_ROW: Final = 20


@dataclass(slots=True)
class Checked:
    """A campaign's rows: those of which a mail can be made, and the others."""

    lines: list[Line] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    repeats: list[Repeat] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.lines) + len(self.faults) + len(self.repeats)

    @property
    def shared(self) -> int:
        """How many lines go to an address that an earlier line goes to as well."""
        addresses = {line.row.to.casefold() for line in self.lines}
        return len(self.lines) - len(addresses)


def check(campaign: Campaign, stop: Stop) -> Checked:
    """Make every row's mail, and accept none.

    Raises:
        OpsError: the campaign cannot be sent at all.

    """
    checked = Checked()
    for entry in campaign.lines():
        if stop.asked:
            raise KeyboardInterrupt
        if isinstance(entry, Line):
            checked.lines.append(entry)
        elif isinstance(entry, Fault):
            checked.faults.append(entry)
        else:
            checked.repeats.append(entry)
    return checked


def begin(checked: Checked, past: Past, *, again: bool) -> dict[int, Result]:
    """Return what each row is before anything is sent, by row number."""
    results = [Result(row=f.number, id="", result="invalid", error=f.error) for f in checked.faults]
    results += [
        Result(row=r.number, id="", result="duplicate", error=f"as row {r.of}")
        for r in checked.repeats
    ]
    for line in checked.lines:
        known = past.row(line)
        mail_id, result = (known.id, "before") if known else (line.id, "not_begun")
        if line.id in past.changed:
            result = "changed"
        elif line.id in past.again and not again:
            mail_id, result = past.again[line.id], "changed"
        results.append(Result(row=line.number, id=mail_id, result=result))
    return {result.row: result for result in results}


def unfinished(checked: Checked, past: Past, *, again: bool) -> list[Line]:
    """Return the lines of which there is something to do.

    Those accepted before whose message no worker has seen are among them: the message may never
    have been queued, and a second one does no harm. `again` takes those too whose address got the
    campaign before with another text.
    """
    return [
        line
        for line in checked.lines
        if _is_unseen(past.row(line), line, past) and (again or line.id not in past.again)
    ]


def run(
    campaign: Campaign, stack: Stack, lines: Sequence[Line], rate: float, stop: Stop
) -> Iterator[Result]:
    """Accept each line's mail, at most `rate` a second; yield what became of each.

    Raises:
        OpsError: AWS refuses one after the other.

    """
    _ = stack.submission  # makes its clients here: eight threads at once must not
    in_a_row = 0
    work = paced(lines, rate, stop.wait)
    for _, result in side_by_side(work, lambda line: _accept(campaign, stack, line), stop):
        yield result
        in_a_row = in_a_row + 1 if result.result == "error" else 0
        if in_a_row >= _ERRORS_IN_A_ROW:
            raise OpsError(result.error, "when that is mended, run the campaign again for the rest")


def paced(
    lines: Iterable[Line], rate: float, wait: Callable[[float], object] = time.sleep
) -> Iterator[Line]:
    """Yield the lines, at most `rate` of them a second."""
    begun = time.monotonic()
    for index, line in enumerate(lines):
        early = begun + index / rate - time.monotonic()
        if early > 0 and wait(early):
            return
        yield line


def outcomes(results: Iterable[Result], stack: Stack, stop: Stop) -> list[Result]:
    """Return the results with what the ledger says of each mail by now."""
    given = list(results)
    rows = rows_of(stack, [result.id for result in given if _has_row(result)], stop)
    return [_outcome(result, rows.get(result.id)) for result in given]


def is_settled(result: Result) -> bool:
    """Whether nothing more will come of a row by itself."""
    return result.state in sending.SETTLED or not _has_row(result)


def _is_unseen(row: Row | None, line: Line, past: Past) -> bool:
    if row is None:
        return True
    waits = row.state is State.QUEUED and row.attempt_count == 0
    # Only the very same mail can be queued again under its id.
    return waits and row.id == line.id and line.id not in past.changed


def _accept(campaign: Campaign, stack: Stack, line: Line) -> Result:
    made = Result(row=line.number, id=line.id, result="accepted")
    try:
        mail = campaign.mail(line.row, line.id)
        is_new = sending.accept(stack, mail)
    except OpsError as error:
        return replace(made, result="invalid", error=str(error))
    except IdempotencyConflictError:
        # Without a key the text is the same: address or sender are written in another way.
        return replace(made, result="changed" if campaign.keyed else "before")
    except (ClientError, BotoCoreError) as error:
        return replace(made, result="error", error=str(explain(error)))
    return made if is_new else replace(made, result="before")


def _outcome(result: Result, row: Row | None) -> Result:
    if row is None or not _has_row(result):
        return result
    return replace(
        result,
        state=row.state,
        reason=row.reason or "",
        code=row.code,
        msg_id=row.msg_id or "",
        price=row.price or "",
    )


def _has_row(result: Result) -> bool:
    return result.result in {"accepted", "before", "changed"}
