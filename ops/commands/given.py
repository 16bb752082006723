"""Input that must not be an argument, because other users and the shell's history see arguments."""

import math
import sys
from typing import Final

import click

from ops.errors import OpsError

_MOST: int = 2 * 1024 * 1024


class Amount(click.FloatRange):
    """A number within bounds: `nan`, which is within any, is none."""

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Read it."""
        found: float = super().convert(value, param, ctx)
        if math.isnan(found):
            self.fail("nan is not a number.", param, ctx)
        return found


class Word(click.ParamType):
    """A text of 1 to `most` characters: an empty one is mostly a shell's unset variable."""

    name = "text"

    def __init__(self, most: int) -> None:
        self._most = most

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        """Read it."""
        if not 1 <= len(str(value)) <= self._most:
            self.fail(f"it must have 1 to {self._most} characters.", param, ctx)
        return str(value)


MAIL_ID: Final = Word(128)
CLIENT: Final = Word(64)


def from_input(word: str | None, name: str, *, lines: bool = False) -> str:
    """Return an argument; for None or `-` ask for it, or read it from standard input.

    `lines` reads all of it, else a line.

    Raises:
        OpsError: the input is empty.

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
