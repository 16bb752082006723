"""Play the story: `make demo`, or `python -m local.demo`. Exit code 0 if the books balance."""

import argparse
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from rich.console import Console

from local.console import Gateway
from local.console.watch import Watch
from local.demo import books
from local.demo.screen import Screen
from local.demo.story import ACTS, World
from local.ending import stopping
from local.errors import LocalStackError
from local.stack import LocalStack

_PACE_SECONDS = 10.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Play the story; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m local.demo", description=__doc__)
    parser.add_argument("--picture", type=Path, metavar="FILE", help="write the terminal as SVG")
    parser.add_argument(
        "--pace",
        type=float,
        metavar="SECONDS",
        help=f"time to read each act; {_PACE_SECONDS} on a terminal, none elsewhere",
    )
    given = parser.parse_args(arguments)
    if given.picture is None:
        console = Console()
    else:
        console = Console(record=True, width=100, force_terminal=True)
    pace = given.pace
    if pace is None:
        pace = _PACE_SECONDS if console.is_terminal and not console.record else 0.0
    # The addresses have secret parts: they are not in the picture.
    say: Callable[[str], object]
    say = print if console.record else partial(console.print, style="dim", soft_wrap=True)
    stack = LocalStack(tell=lambda step, detail: say(f"  {step:<10} {detail}"))
    code = 130  # the exit code after Ctrl-C
    with stopping(stack):
        print("Starting the local stack.")
        stack.start()
        code = _play(stack, console, pace, given.picture)
    return code  # noqa: RET504 - a signal ends the block earlier


def _play(stack: LocalStack, console: Console, pace: float, picture: Path | None) -> int:
    if stack.simulator is None:
        raise LocalStackError("the story needs the simulator")
    gateway = Gateway(stack.client, stack.outputs, stack.api)
    watch = Watch(gateway, stack.simulator)
    screen = Screen(console)
    with screen.live():
        world = World(stack, stack.simulator, watch, screen, [], pace)
        for act in ACTS:
            act(world)
        world.read()
        watch.latest(fresh=True)
        result = books.close(world.accepted, watch.ledger.rows, stack.simulator.inbox())
        screen.close(result)
        if picture is not None:
            screen.save(picture)
    return 1 if result.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
