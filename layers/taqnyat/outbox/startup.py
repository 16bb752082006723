"""The start of a container. An entry imports this first, and calls `ready` at its end.

What a start imports and makes stays for good. Until then no garbage is looked for among it, and
later not again.
"""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

gc.disable()


def ready(make: Callable[[], object], environ: Mapping[str, str]) -> None:
    """Make the container now if Lambda is starting it; elsewhere the first call does.

    Lambda lends a start a whole CPU, and a call only its memory's share of one. `make` must read
    and open nothing: a snapshot of what it made may start many containers, long after.
    """
    if "AWS_LAMBDA_INITIALIZATION_TYPE" in environ:
        make()
    gc.freeze()
    gc.enable()
