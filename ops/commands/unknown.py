"""`unknown resolve`: settles mails that Taqnyat may have sent, after a person has checked."""

from typing import Any

import click

from ops.commands.failed import act, acting, only_unknown, resolution
from ops.commands.frame import on_a_stack
from ops.commands.suggesting import SuggestingGroup
from ops.errors import OpsError
from ops.screen import Screen
from ops.stack import Stack


@click.group("unknown", cls=SuggestingGroup)
def group() -> None:
    """Settle mails that Taqnyat may have sent."""


@group.command("resolve")
@click.option("--sent", "answer", flag_value="sent", help="They arrived: note them as sent.")
@click.option("--resend", "answer", flag_value="resend", help="They did not: send them again.")
@only_unknown
@acting
@on_a_stack
def resolve(
    stack: Stack,
    screen: Screen,
    *,
    answer: str | None,
    states: tuple[str, ...],
    **given: Any,  # noqa: ANN401  the options of `acting`
) -> int:
    """Settle mails whose outcome is unknown, as `failed resolve`."""
    task = resolution(answer)
    for mail_id in (*given["ids"], *given["more_ids"]):
        row = None if mail_id == "-" else stack.ledger.get(mail_id)
        if mail_id != "-" and (row is None or row.state != "unknown"):
            state = f"is {row.state}" if row else "has no record"
            raise OpsError(f"this mail {state}, not unknown", "see `mail show` and `failed list`")
    return act(stack, screen, task, states, given)
