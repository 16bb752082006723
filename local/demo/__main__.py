"""Play the story: `make demo`, or `python -m local.demo`. Exit code 0 if the books balance."""

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from rich.console import Console

from local.console import Gateway
from local.console.watch import Watch
from local.demo import books
from local.demo.screen import Screen, sheet
from local.demo.story import ACTS, World, campaign
from local.errors import LocalStackError
from local.stack import LocalStack

_ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PACE_SECONDS = 10.0


class _Stopped(BaseException):
    """A signal asked the process to end; no `except Exception` may catch it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Play the story; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m local.demo", description=__doc__)
    parser.add_argument("--pictures", type=Path, metavar="FOLDER", help="write the terminal as SVG")
    parser.add_argument(
        "--pace",
        type=float,
        metavar="SECONDS",
        help=f"time to read each act; {_PACE_SECONDS} on a terminal, none elsewhere",
    )
    given = parser.parse_args(arguments)
    for number in _ENDS:
        signal.signal(number, _stop)
    console = Console()
    pace = given.pace
    if pace is None:
        pace = _PACE_SECONDS if console.is_terminal else 0.0
    stack = LocalStack(
        tell=lambda step, detail: console.print(f"  {step:<10} {detail}", style="dim")
    )
    try:
        console.print("Starting the local stack.")
        stack.start()
        return _play(stack, console, pace, given.pictures)
    except _Stopped:
        console.print("Stopped.")
    except LocalStackError as error:
        console.print(f"Error: {error}", style="red")
    finally:
        for number in _ENDS:
            signal.signal(number, signal.SIG_IGN)
        stack.stop()
    return 1


def _play(stack: LocalStack, console: Console, pace: float, pictures: Path | None) -> int:
    if stack.simulator is None:
        raise LocalStackError("the story needs the simulator")
    gateway = Gateway(stack.client, stack.outputs, stack.api)
    watch = Watch(gateway, stack.simulator, None)
    with Screen(console) as screen:
        world = World(stack, stack.simulator, gateway, watch, screen, [], pace)
        for act in ACTS:
            act(world)
            if pictures is not None and act is campaign:
                screen.picture(pictures / "demo-paused.svg")
        world.read()
        watch.latest(fresh=True)
        result = books.close(world.accepted, watch.ledger.rows, stack.simulator.inbox())
        if pictures is not None:
            screen.picture(pictures / "demo.svg", sheet(result))
        screen.close(result)
    return 1 if result.wrong else 0


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise _Stopped


if __name__ == "__main__":
    sys.exit(main())
