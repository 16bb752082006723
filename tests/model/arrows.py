"""The arrows of the model's row, and those of the real ledger, in the same terms.

An arrow is the state before and after, whether an earlier call may have sent the mail before and
after, and by how much the attempts and the resends rose.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

from tests.model.explore import Found, explore
from tests.model.mail import Design, MailModel, Row, State


class Arrow(NamedTuple):
    """One write to a row."""

    before: str
    after: str
    maybe_before: bool
    maybe_after: bool
    attempts: int
    resends: int


# What is no part of the model: a row that is made before its message, and a schedule that is moved.
BESIDE = frozenset(
    {
        Arrow("", "queued", False, False, 0, 0),  # noqa: FBT003 - two flags of an arrow
        Arrow("", "scheduled", False, False, 0, 0),  # noqa: FBT003
        Arrow("scheduled", "scheduled", False, False, 0, 0),  # noqa: FBT003
    }
)


@cache
def explored(*, resend: bool) -> tuple[Found[State], frozenset[Arrow]]:
    """Explore the design under one policy; return what was found, and the arrows."""
    arrows: set[Arrow] = set()

    def observe(before: State, after: State) -> None:
        if after.row is not None and after.row != before.row:
            arrow = _of_model(before.row or Row(""), after.row)
            if arrow.before != arrow.after or arrow.attempts:  # but the end of a lease
                arrows.add(arrow)

    found = explore(MailModel(Design(resend=resend)), observe=observe)
    return found, frozenset(arrows)


def _of_model(before: Row, after: Row) -> Arrow:
    return Arrow(
        before.state,
        after.state,
        before.maybe,
        after.maybe,
        after.attempts - before.attempts,
        after.resends - before.resends,
    )


def of_items(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> Arrow:
    """Return the arrow of a write to the table."""
    before = before or {}
    return Arrow(
        before.get("state", {}).get("S", ""),
        after["state"]["S"],
        _number(before, "maybe") > 0,
        _number(after, "maybe") > 0,
        _number(after, "attempt_count") - _number(before, "attempt_count"),
        _number(after, "resends") - _number(before, "resends"),
    )


def _number(item: Mapping[str, Any], name: str) -> int:
    return int(item.get(name, {}).get("N", "0"))
