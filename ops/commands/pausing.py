"""`pause` and `resume`, by hand."""

import re

import click

from ops.commands.frame import on_a_stack, yes_option
from ops.errors import OpsError
from ops.screen import Screen
from ops.stack import Stack

_REASON = re.compile(r"[A-Za-z0-9 ._:,-]{1,80}")


@click.command("pause")
@click.option(
    "--reason", default="paused by an operator", show_default=True, help="Shown to everybody."
)
@yes_option
@on_a_stack
def pause(stack: Stack, screen: Screen, reason: str, *, yes: bool) -> None:
    """Stop sending until `resume`; mails are accepted and wait, for up to 10 days."""
    if not _REASON.fullmatch(reason):
        raise OpsError("--reason takes up to 80 letters, digits, spaces and . _ : , -")
    screen.confirm(f"Pause all sending of {stack}?", yes=yes)
    stack.pause.begin_by_hand(reason)
    switched = stack.event_source.disable()
    screen.show({"paused": True, "reason": reason, "mapping_follows": switched}, "Paused.")


@click.command("resume")
@yes_option
@on_a_stack
def resume(stack: Stack, screen: Screen, *, yes: bool) -> None:
    """Resume sending at once; if the cause is still there, the next answer pauses again."""
    state = stack.pause.read()
    if state.paused:
        if state.by == "system":
            screen.note(
                f"paused by itself: {state.reason}; it does again if the cause is still there"
            )
        screen.confirm(f"Send all waiting mails of {stack}?", yes=yes)
        if not stack.pause.end(state):
            raise OpsError("the pause changed at the same time", "see `status`, and try again")
    if not stack.event_source.enable():
        raise OpsError(
            "resumed, but the event source mapping could not be enabled",
            "the status check tries it again each minute; see `status`",
        )
    screen.show(
        {"paused": False, "was_paused": state.paused},
        "Resumed." if state.paused else "Sending was not paused.",
    )
