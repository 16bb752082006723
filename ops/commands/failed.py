"""`failed list`, `failed show`, `failed redrive`."""

import time
from collections.abc import Callable
from typing import Any

import click

from ops.commands.frame import on_a_stack, yes_option
from ops.commands.mail import history, summary
from ops.commands.queues import failed_queue
from ops.commands.suggesting import SuggestingGroup
from ops.failed import Choice, Fate, carry_out, only, plan
from ops.moment import moment
from ops.screen import Screen, facts, table
from ops.stack import Stack

_COLUMNS = ("id", "state", "reason", "code", "from", "since")


def chosen(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options by which messages are chosen."""
    for option in (
        click.option("--id", "mail_id", help="The mail of this id."),
        click.option("--from", "sender", help="Sender, or a part of it such as @acme.sa."),
        click.option("--since", help="Parked since then: 2026-11-23, 2026-11-23T08:00Z, or 2h."),
        click.option("--code", type=int, help="Taqnyat's ErrorCode."),
        click.option("--reason", help="The reason, as `failed list` shows it."),
    ):
        function = option(function)
    return function


@click.group("failed", cls=SuggestingGroup)
def group() -> None:
    """Look after the mails that failed or whose outcome is unknown."""


@group.command("list")
@click.option("--state", type=click.Choice(["failed", "unknown", "invalid"]))
@chosen
@on_a_stack
def list_(stack: Stack, screen: Screen, *, state: str | None, **given: Any) -> None:  # noqa: ANN401  the options of `chosen`
    """List the mails of the failed queue, oldest first."""
    choice = _choice({state} if state else None, given)
    with failed_queue(stack).look() as held:
        found = [parked.summary() for parked in held if choice.takes(parked)]
    screen.show(
        found,
        table(_COLUMNS, ([entry[column] for column in _COLUMNS] for entry in found)),
        f"{len(found)} mail(s)",
    )


@group.command("show")
@click.argument("mail_id", metavar="ID")
@on_a_stack
def show(stack: Stack, screen: Screen, mail_id: str) -> None:
    """Show one mail of the failed queue and its history; never its subject or body."""
    with failed_queue(stack).look() as held:
        parked = only(held, mail_id)
    row = stack.ledger.get(mail_id)
    screen.show(
        {**parked.summary(), "bytes": len(parked.message.body.encode())}
        | {"record": summary(row) if row else None},
        facts(parked.summary()),
        history(row) if row else "There is no record of it.",
    )


@group.command("redrive")
@click.option(
    "--state",
    "states",
    type=click.Choice(["failed", "unknown", "invalid"]),
    multiple=True,
    default=["failed"],
    show_default=True,
    help="Repeatable. An unknown mail may have been sent already: it may arrive twice.",
)
@chosen
@click.option("--dry-run", is_flag=True, help="Show what would be done, and do nothing.")
@yes_option
@on_a_stack
def redrive(
    stack: Stack,
    screen: Screen,
    *,
    states: tuple[str, ...],
    dry_run: bool,
    yes: bool,
    **given: Any,  # noqa: ANN401  the options of `chosen`
) -> None:
    """Move mails back to the mail queue, each for one more try; the ledger is asked first."""
    queue = failed_queue(stack)
    # What SQS itself moved here says no state, and was never settled: it goes with the failed.
    wanted = {*states, ""} if "failed" in states else set(states)
    with queue.look() as held:
        steps = plan(held, _choice(wanted, given), stack.ledger.get)
        counts = {fate: sum(step.fate is fate for step in steps) for fate in Fate}
        columns = ("id", "state", "reason", "code", "action", "why")
        lines = [step.summary() for step in steps]
        sentence = (
            f"{counts[Fate.MOVE]} to send again, {counts[Fate.REMOVE]} to remove, "
            f"{counts[Fate.LEAVE]} left alone"
        )
        data = {"dry_run": dry_run, "mails": lines, **{str(key): n for key, n in counts.items()}}
        view = table(columns, ([line[column] for column in columns] for line in lines))
        if dry_run or not (counts[Fate.MOVE] or counts[Fate.REMOVE]):
            screen.show(data, view, f"{sentence}{' (dry run: nothing done)' if dry_run else ''}")
            return
        if not screen.as_json:
            screen.console.print(view)
        doubtful = sum(s.fate is Fate.MOVE and s.parked.state == "unknown" for s in steps)
        warning = f" {doubtful} of them may arrive twice." if doubtful else ""
        screen.confirm(f"{sentence}, in {stack}.{warning} Go on?", yes=yes)
        carry_out(steps, queue)
    screen.show(data, f"Done: {sentence}")


def _choice(states: set[str] | None, given: dict[str, Any]) -> Choice:
    since = given.pop("since")
    return Choice(
        states=None if states is None else frozenset(states),
        since=None if since is None else moment(since, time.time()),
        **given,
    )
