"""The start of a container. An entry imports this first, and calls `preload` at its end.

A container keeps everything that its start imports and makes. So the garbage collector is off
during the start, and later leaves these objects out.
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
    """Make the container now if Lambda is starting it; elsewhere the first call makes it.

    Lambda gives a start a whole CPU, and a call only its memory's share of one. `make` must read
    and open nothing: a snapshot of its result may start many containers, much later.
    `threads` says that calls run many threads: Lambda then keeps them on one core.
    """
    if "AWS_LAMBDA_INITIALIZATION_TYPE" in environ:
        if threads:
            _keep_to_one_core()
        make()
    gc.freeze()
    gc.enable()


def _keep_to_one_core() -> None:
    """Run this thread, and those that it starts, on one core.

    Python's threads take turns anyway. With a second core, passing the turn to it costs a quarter
    of a batch's CPU (docs/performance.md), and a small function waits for CPU.
    """
    # Some systems and sandboxes do not allow it; the function is then only slower.
    with suppress(AttributeError, OSError):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
