"""Releases messages of the failed queue after the command that held them has stopped.

Ctrl-C ends a command within a second; thousands of messages take longer. Without this they would
stay hidden, from the next command too, until the hold ends.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from ops import stack as stacks
from ops.failed_queue import FailedQueue

_ROOT = Path(__file__).parents[1]


def later(place: Mapping[str, str | None], handles: Sequence[str]) -> None:
    """Release messages in a process of its own, which ends by itself; `place` is a Stack's."""
    paths = os.pathsep.join(map(str, (_ROOT, _ROOT / "layers" / "taqnyat")))
    with tempfile.TemporaryFile("w+", encoding="utf-8") as file:
        json.dump({"place": place, "handles": handles}, file)
        file.seek(0)
        subprocess.Popen(
            [sys.executable, "-P", "-m", "ops.let_go"],
            stdin=file,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": paths},
            start_new_session=True,  # the terminal's Ctrl-C and its end are not for this one
        )


def main() -> None:
    """Release what standard input names."""
    given = json.load(sys.stdin)
    stack = stacks.at(given["place"])
    queue = FailedQueue(stack.client("sqs"), stack.output("FailedQueueUrl"))
    queue.let_go(given["handles"])


if __name__ == "__main__":
    main()
