"""`leftover`: the messages in bulk queues that the stack no longer has."""

import click

from ops import leftover
from ops.commands.frame import on_a_stack, yes_option
from ops.screen import Screen, table
from ops.stack import Stack


@click.command("leftover")
@click.option("--move", is_flag=True, help="Move their messages to this stack's queue.")
@yes_option
@on_a_stack
def command(stack: Stack, screen: Screen, *, move: bool, yes: bool) -> bool:
    """Show bulk queues that an update left over; with --move, move their messages to this stack.

    Exit code 1 if messages are left that do not belong to this stack's mails.
    """
    found = leftover.find(stack)
    view = table(("queue", "messages"), ((each.url, each.depth.total) for each in found))
    full = [each for each in found if each.depth.total]
    if not (move and full):
        sentence = f"{len(full)} of {len(found)} left-over queue(s) hold messages."
        advice = " `leftover --move` queues them again." if full else ""
        screen.show([each.summary() for each in found], view, f"{sentence}{advice}")
        return False
    screen.note("\n".join(f"{each.url}: about {each.depth.total}" for each in full))
    screen.confirm(f"Move their messages to {stack}?", yes=yes)
    done = {each.url: leftover.move(stack, each) for each in full}
    moved, left = (sum(counts[key] for counts in done.values()) for key in ("moved", "left"))
    screen.show(
        {"moved": moved, "left": left},
        f"{moved} message(s) queued again, {left} left: their mails have no record in this stack."
        if left
        else f"{moved} message(s) queued again. An empty queue can be deleted.",
    )
    return left > 0
