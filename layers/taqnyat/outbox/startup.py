"""The start of a container. An entry imports this first, and calls `preload` at its end.

What a start imports and makes stays for good. Until then no garbage is looked for among it, and
later not again.
"""

from __future__ import annotations

import gc
import os
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

gc.disable()


def preload(
    make: Callable[[], object], environ: Mapping[str, str], *, threads: bool = False
) -> None:
    """Make the container now if Lambda is starting it; elsewhere the first call does.

    Lambda lends a start a whole CPU, and a call only its memory's share of one. `make` must read
    and open nothing: a snapshot of what it made may start many containers, long after.
    `threads` says that calls run many threads: in Lambda they are then kept on one core.
    """
    if "AWS_LAMBDA_INITIALIZATION_TYPE" in environ:
        if threads:
            _keep_to_one_core()
        make()
    gc.freeze()
    gc.enable()


def _keep_to_one_core() -> None:
    """Run this thread, and those that it starts, on one core.

    Python's threads take turns anyway; where there is a second core, handing the turn across costs
    a quarter of a batch's CPU (docs/performance.md), and CPU is what a small function waits for.
    """
    # Not on every system, nor in every sandbox: then it is only slower.
    with suppress(AttributeError, OSError):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
