"""`leftover`: what is in bulk queues that the stack no longer has."""

import click

from ops import leftover
from ops.commands.frame import on_a_stack, yes_option
from ops.screen import Screen, table
from ops.stack import Stack


@click.command("leftover")
@click.option("--move", is_flag=True, help="Queue again in this stack what they hold.")
@yes_option
@on_a_stack
def command(stack: Stack, screen: Screen, *, move: bool, yes: bool) -> bool:
    """Show bulk queues that an update left over; with --move empty them into this stack.

    Exit code 1 if messages are left that are not of this stack's mails.
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
    screen.confirm(f"Queue what they hold again in {stack}?", yes=yes)
    done = {each.url: leftover.move(stack, each) for each in full}
    moved, left = (sum(counts[key] for counts in done.values()) for key in ("moved", "left"))
    screen.show(
        {"moved": moved, "left": left},
        f"{moved} message(s) queued again, {left} left: their mails have no record in this stack."
        if left
        else f"{moved} message(s) queued again. An empty queue can be deleted.",
    )
    return left > 0
