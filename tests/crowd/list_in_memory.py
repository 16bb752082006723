"""A whole list of customers on stand-ins: the commands and the worker are real, AWS is in memory.

Two operators run one campaign at the same time, one of them is interrupted twice; then the worker
gets all that is queued. Each person gets one mail, however many rows there are.
"""

import contextlib
import io
import os
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from ops import stack as stacks
from ops.cli import main
from ops.rows import chunks
from tests.crowd.scenarios import Row, Run
from tests.faults.installation import installed
from tests.faults.standins.fairness import Message
from tests.faults.world import World
from tests.unit.ops.office import BULK, Office

_ROWS: Final = 50_000
_INTERRUPTED: Final = (0.2, 0.6)  # of the rows
_SLICE: Final = 2_000  # messages that the worker's queue has at once: the stand-in reads them all
_STOPPED: Final = 130


def list_in_memory(run: Run) -> list[Row]:
    """Send to each row of a sheet by two operators at once, one of them interrupted twice."""
    rows = run.mails(_ROWS)
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, _at(Office(Path(folder), time.time)) as office:
        lines = (f"p{n}@example.com,Nora {n}\n" for n in range(rows))
        office.sheet("to,name\n" + "".join(lines))
        _interrupt(office, iter([int(share * rows) for share in _INTERRUPTED]))
        second: list[int] = []
        other = threading.Thread(target=lambda: second.extend(_until_done(office, "second.csv")))
        other.start()
        first = _until_done(office, "first.csv")
        other.join()
        accepted, took = len(office.rows()), time.monotonic() - begin
        queued = office.sqs.queues[BULK].messages
        copies = len(queued) - accepted
        got = _deliver(office, queued)
        states = Counter(office.row(mail)["state"] for mail in office.rows())
    twice = sum(number > 1 for number in got.values())
    return [
        Row(
            f"a campaign of {rows:,} rows, two operators at once, two interruptions (in memory)",
            "everybody again after a break",
            "each person once",
            f"exit codes {first} and {second}; {accepted:,} rows of the ledger and {copies:,} "
            f"second messages in {took:.0f} s; {len(got):,} people got it, {twice} twice, "
            f"{states['sent']:,} rows say sent",
            first == [_STOPPED, _STOPPED, 0]
            and second == [0]
            and accepted == len(got) == states["sent"] == rows
            and not twice,
        )
    ]


@contextlib.contextmanager
def _at(office: Office) -> Iterator[Office]:
    """Let commands find the office, whose table forgets nothing meanwhile."""
    found, before = stacks.find, office.dynamo.expire
    stacks.find = lambda *_: office.stack()
    office.dynamo.expire = lambda: None  # type: ignore[method-assign]  # it reads the whole table
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield office
    finally:
        stacks.find = found
        office.dynamo.expire = before  # type: ignore[method-assign]


def _interrupt(office: Office, presses: Iterator[int]) -> None:
    """Press Ctrl-C when so many rows are accepted."""
    put, until = office.sqs.send_message, [next(presses)]
    lock = threading.Lock()

    def pressing(**arguments: Any) -> Any:  # noqa: ANN401  as boto3
        with lock:
            if len(office.dynamo.items) >= until[0]:
                until[0] = next(presses, sys.maxsize)
                os.kill(os.getpid(), signal.SIGINT)
        return put(**arguments)

    office.sqs.send_message = pressing  # type: ignore[method-assign]


def _until_done(office: Office, report: str) -> list[int]:
    """Run the campaign until it is through; return the exit codes."""
    codes: list[int] = []
    words = office.campaign("--yes", "--json", "--report", str(office.folder / report))
    while codes[-1:] in ([], [_STOPPED]):
        try:
            main(words, standalone_mode=False)
        except SystemExit as ended:
            codes.append(int(ended.code or 0))
    return codes


def _deliver(office: Office, queued: list[Message]) -> Counter[str]:
    """Give the worker all messages; return how often Taqnyat took each person's mail."""
    got: Counter[str] = Counter()
    for some in chunks(queued, _SLICE):
        got.update(_delivered(office, list(some)))
    return got


def _delivered(office: Office, some: list[Message]) -> Counter[str]:
    with installed():
        world = World()
        world.now = max(message.sent_at for message in some) + 1
        world.dynamo.items = office.dynamo.items
        world.dynamo.expire = lambda: None  # type: ignore[method-assign]
        world.bulk.messages = some
        while world.bulk.messages:
            if not world.poll():
                world.wait(1)
        return Counter({mail: len(taken) for mail, taken in world.taqnyat.accepted.items()})


LISTS: Final[dict[str, Callable[[Run], list[Row]]]] = {"campaign-in-memory": list_in_memory}
