"""Words that are better not arguments: other users and the shell's history see those."""

import sys

import click

from ops.errors import OpsError

_MOST: int = 2 * 1024 * 1024


def from_input(word: str | None, name: str, *, lines: bool = False) -> str:
    """Return an argument; for None or `-` ask for it, or read it from standard input.

    `lines` reads all of it, else a line.

    Raises:
        OpsError: there is nothing to read.

    """
    if word not in {None, "-"}:
        return str(word)
    if sys.stdin.isatty() and not lines:
        return str(click.prompt(name, err=True))
    try:
        text = sys.stdin.read(_MOST) if lines else sys.stdin.readline(_MOST).strip()
    except UnicodeDecodeError:
        raise OpsError(f"{name}: standard input is not text in UTF-8") from None
    if not text:
        raise OpsError(f"{name} is missing", "give it as an argument, or on standard input")
    return text
