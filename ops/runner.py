"""Running a campaign: every row checked first, then accepted at a bounded rate, then reported."""

import csv
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError
from outbox.accepting.submission import IdempotencyConflictError
from outbox.storage.row import Row

from ops import sending
from ops.campaign import Campaign, Line
from ops.errors import OpsError, explain
from ops.stack import Stack

_WORKERS: Final = 8
_COLUMNS: Final = ("row", "id", "result", "state", "reason", "code", "msg_id", "price", "error")


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of one row; holds no address.

    `result` is accepted, before (accepted by an earlier run), changed (accepted by an earlier run
    with another text: not sent again), invalid, or error (run the campaign again).
    """

    row: int
    id: str
    result: str
    state: str = ""
    reason: str = ""
    code: int | None = None
    msg_id: str = ""
    price: str = ""
    error: str = ""


def check(campaign: Campaign, stack: Stack) -> tuple[int, list[Result]]:
    """Make every row's mail and accept none; return how many rows there are, and the bad ones."""
    count, wrong = 0, []
    for line in campaign.lines():
        count += 1
        try:
            campaign.mail(stack, line)
        except OpsError as error:
            wrong.append(_invalid(line, error))
    return count, wrong


def run(
    campaign: Campaign,
    stack: Stack,
    rate: float,
    done: Callable[[Result], None],
    wait: Callable[[float], None] = time.sleep,
) -> list[Result]:
    """Accept each row's mail, at most `rate` a second; `done` is called from other threads."""

    def one(line: Line) -> Result:
        result = _accept(campaign, stack, line)
        done(result)
        return result

    _ = stack.submission  # makes its clients here: eight threads at once must not
    with ThreadPoolExecutor(_WORKERS, thread_name_prefix="campaign") as pool:
        futures = [pool.submit(one, line) for line in paced(campaign.lines(), rate, wait)]
        return [future.result() for future in futures]


def paced(
    lines: Iterable[Line], rate: float, wait: Callable[[float], None] = time.sleep
) -> Iterator[Line]:
    """Yield the lines, at most `rate` of them a second."""
    begin = time.monotonic()
    for index, line in enumerate(lines):
        early = begin + index / rate - time.monotonic()
        if early > 0:
            wait(early)
        yield line


def outcomes(results: Iterable[Result], row_of: Callable[[str], Row | None]) -> list[Result]:
    """Return the results with what the ledger says of each mail by now."""
    with ThreadPoolExecutor(_WORKERS, thread_name_prefix="report") as pool:
        futures: list[Future[Result]] = [
            pool.submit(_outcome, result, row_of) for result in results
        ]
        return [future.result() for future in futures]


def is_settled(result: Result) -> bool:
    """Whether nothing more will come of a row by itself."""
    return result.state in sending.SETTLED or result.result in {"invalid", "error"}


def report(results: Iterable[Result], path: Path) -> None:
    """Write the results as CSV, all or nothing."""
    draft = path.with_suffix(f"{path.suffix}.tmp")
    with draft.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, _COLUMNS)
        writer.writeheader()
        writer.writerows(asdict(result) for result in results)
    draft.replace(path)


def _accept(campaign: Campaign, stack: Stack, line: Line) -> Result:
    try:
        mail = campaign.mail(stack, line)
        standing = stack.ledger.get(line.id)
        sending.accept(stack, mail)
    except OpsError as error:
        return _invalid(line, error)
    except IdempotencyConflictError:
        return Result(row=line.number, id=line.id, result="changed")
    except (ClientError, BotoCoreError) as error:
        return Result(row=line.number, id=line.id, result="error", error=str(explain(error)))
    return Result(row=line.number, id=line.id, result="before" if standing else "accepted")


def _outcome(result: Result, row_of: Callable[[str], Row | None]) -> Result:
    row = None if result.result in {"invalid", "error"} else row_of(result.id)
    if row is None:
        return result
    return Result(
        row=result.row,
        id=result.id,
        result=result.result,
        state=row.state,
        reason=row.reason or "",
        code=row.code,
        msg_id=row.msg_id or "",
        price=row.price or "",
    )


def _invalid(line: Line, error: OpsError) -> Result:
    return Result(row=line.number, id=line.id, result="invalid", error=str(error))
