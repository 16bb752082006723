"""Runs a campaign: checks every row, accepts the mails at a limited rate, and reports."""

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
    """A campaign's rows: valid mails, and the others."""

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


def check(campaign: Campaign) -> Checked:
    """Make every row's mail, and accept none.

    Raises:
        OpsError: the campaign cannot be sent at all.

    """
    checked = Checked()
    for entry in campaign.lines():
        if isinstance(entry, Line):
            checked.lines.append(entry)
        elif isinstance(entry, Fault):
            checked.faults.append(entry)
        else:
            checked.repeats.append(entry)
    return checked


def begin(checked: Checked, past: Past, *, again: bool) -> dict[int, Result]:
    """Return the result of each row before anything is sent, by row number."""
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
    """Return the lines that must be sent.

    These include lines that were accepted before but not received by a worker: the message may be
    missing, and a second one does no harm. `again` includes lines whose address got the campaign
    before with another text.
    """
    return [
        line
        for line in checked.lines
        if _is_unseen(past.row(line), line, past) and (again or line.id not in past.again)
    ]


def run(
    campaign: Campaign, stack: Stack, lines: Sequence[Line], rate: float, stop: Stop
) -> Iterator[Result]:
    """Accept each line's mail, at most `rate` a second; yield the results.

    Raises:
        OpsError: AWS refuses several in a row.

    """
    _ = stack.submission  # make the clients here, because eight threads at once must not
    in_a_row = 0
    work = paced(lines, rate, stop.wait)
    for _, result in side_by_side(work, lambda line: _accept(campaign, stack, line), stop):
        yield result
        in_a_row = in_a_row + 1 if result.result == "error" else 0
        if in_a_row >= _ERRORS_IN_A_ROW:
            raise OpsError(result.error, "when that is fixed, run the campaign again for the rest")


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
    """Return the results with the present state of each mail."""
    given = list(results)
    rows = rows_of(stack, [result.id for result in given if _has_row(result)], stop)
    return [_outcome(result, rows.get(result.id)) for result in given]


def is_settled(result: Result) -> bool:
    """Return whether the result of a row is final."""
    return result.state in sending.SETTLED or not _has_row(result)


def _is_unseen(row: Row | None, line: Line, past: Past) -> bool:
    if row is None:
        return True
    waits = row.state is State.QUEUED and row.attempt_count == 0
    # Only the same mail can be queued again with its id.
    return waits and row.id == line.id and line.id not in past.changed


def _accept(campaign: Campaign, stack: Stack, line: Line) -> Result:
    made = Result(row=line.number, id=line.id, result="accepted")
    try:
        mail = campaign.mail(line.row, line.id)
        is_new = sending.accept(stack, mail)
    except OpsError as error:
        return replace(made, result="invalid", error=str(error))
    except IdempotencyConflictError:
        # Without a key the text is the same, but the address or the sender is written differently.
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
