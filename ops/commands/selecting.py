"""The options by which messages of the failed queue are chosen, the same for every command."""

import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import click

from ops.dead_letters import Choice
from ops.errors import OpsError
from ops.moment import moment

STATES = ("failed", "unknown", "invalid")
_MOST_BYTES = 32 * 1024 * 1024


def selectors(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options; the command gets them as keywords for `choice`."""
    for option in (
        click.option("--until", help="Came here before then, as --since."),
        click.option("--since", help="Came here since then: 2026-11-23, 2026-11-23T08:00Z, or 2h."),
        click.option("--client", help="The caller: the name of an API key."),
        click.option("--from", "sender", help="Sender, or a part of it such as @acme.sa."),
        click.option("--code", type=int, help="Taqnyat's ErrorCode."),
        click.option("--reason", help="The reason, as `failed list` shows it."),
        click.option("--id", "more_ids", multiple=True, help="As an argument; repeatable."),
        click.argument("ids", nargs=-1, metavar="[ID]..."),
    ):
        function = option(function)
    return function


def choice(states: set[str] | None, given: dict[str, Any]) -> Choice:
    """Make the choice of the options' values; an id of `-` reads ids from standard input.

    Raises:
        OpsError: a time or an id cannot be read.

    """
    now = time.time()
    since, until = given.pop("since"), given.pop("until")
    ids = ids_of([*given.pop("ids"), *given.pop("more_ids")])
    return Choice(
        states=None if states is None else frozenset(states),
        ids=frozenset(ids) if ids else None,
        since=None if since is None else moment(since, now),
        until=None if until is None else moment(until, now),
        **given,
    )


def ids_of(words: Sequence[str]) -> list[str]:
    """Return ids as they were given; `-` stands for those on standard input."""
    if "-" not in words:
        return list(words)
    return [*(word for word in words if word != "-"), *_typed()]


def _typed() -> list[str]:
    try:
        found = sys.stdin.read(_MOST_BYTES).split()
    except UnicodeDecodeError:
        found = []
    if not found:
        raise OpsError("no id came on standard input", "give one a line")
    return found
