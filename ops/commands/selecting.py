"""The options that select messages of the failed queue, the same for every command."""

import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import click

from ops.commands.given import CLIENT, MAIL_ID, Word
from ops.dead_letters import Choice
from ops.errors import OpsError
from ops.moment import moment

STATES = ("failed", "unknown", "invalid")
_NONE = "-"  # as the tables show it
_MOST_ID = 128
_MOST_BYTES = 32 * 1024 * 1024


# The last one is shown first.
_SELECTORS = (
    click.option("--until", help="Failed before this time, written as for --since."),
    click.option("--since", help="Failed since this time: 2026-11-23, 2026-11-23T08:00Z, or 2h."),
    click.option("--client", type=CLIENT, help="The caller: an API key's name; - is none."),
    click.option(
        "--from", "sender", type=Word(320), help="Sender, or a part of it such as @acme.sa."
    ),
    click.option("--code", type=int, help="Taqnyat's ErrorCode."),
    click.option("--reason", type=Word(128), help="As `failed list` shows it; - is none."),
    click.option(
        "--id", "more_ids", type=MAIL_ID, multiple=True, help="As an argument; repeatable."
    ),
    click.argument("ids", nargs=-1, type=MAIL_ID, metavar="[ID]..."),
)


def selectors(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options; the command gets them as keywords for `choice`."""
    for option in _SELECTORS:
        function = option(function)
    return function


def choice(states: set[str] | None, given: dict[str, Any]) -> Choice:
    """Make the selection from the options' values; an id of `-` reads ids from standard input.

    Raises:
        OpsError: a time or an id cannot be read.

    """
    now = time.time()
    since, until = given.pop("since"), given.pop("until")
    ids = ids_of([*given.pop("ids"), *given.pop("more_ids")])
    given |= {key: "" for key in ("client", "reason") if given[key] == _NONE}
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
    if any(len(word) > _MOST_ID for word in found):
        raise OpsError(f"a word on standard input is no id: it is longer than {_MOST_ID}")
    return found
