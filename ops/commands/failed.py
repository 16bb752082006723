"""`failed`: the workbench for failed mails: causes, mails, and actions on many at once."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import click
from click.shell_completion import CompletionItem
from rich.console import RenderableType

from ops.commands.frame import as_option, on_a_stack, yes_option
from ops.commands.given import MAIL_ID, from_input
from ops.commands.mail import history, summary
from ops.commands.queues import INCOMPLETE, failed_queue, looking
from ops.commands.selecting import STATES, choice, selectors
from ops.commands.suggesting import SuggestingGroup
from ops.dead_letters import Action, Choice, DeadLetter, Group, Step, Task, groups
from ops.errors import OpsError
from ops.failed_queue import Look
from ops.history import History
from ops.interrupt import STOPPED, Stop, stoppable
from ops.operator import who
from ops.screen import Screen, facts, progress, table
from ops.stack import Stack
from ops.workbench import Done, Workbench

_MAILS = ("id", "state", "reason", "code", "from", "client", "since")
_GROUPS = ("count", "state", "reason", "code", "from", "client", "since", "last")
_SHOWN = 20
_DONE = {
    Task.REDRIVE: "moved",
    Task.REDRIVE_WITHOUT_RECORD: "moved",
    Task.RESEND: "moved",
    Task.SENT: "noted as sent",
    Task.DISCARD: "discarded",
}
_DOES = {
    Task.REDRIVE: "send again",
    Task.REDRIVE_WITHOUT_RECORD: "send again",
    Task.RESEND: "send again",
    Task.SENT: "note as sent",
    Task.DISCARD: "discard for good",
}


class _ListByDefault(SuggestingGroup):
    """`failed` alone is `failed list`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Insert the command if none is named, unless that word is being completed."""
        options = args[:1] and args[0].startswith("-") and args[0] not in {"-h", "--help"}
        if options or not (args or ctx.resilient_parsing):
            args = ["list", *args]
        return super().parse_args(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete the commands, and the options of `list`."""
        if not incomplete.startswith("-"):
            return super().shell_complete(ctx, incomplete)
        listing = self.commands["list"]
        inner = click.Context(listing, parent=ctx, info_name="list", resilient_parsing=True)
        return listing.shell_complete(inner, incomplete)


@click.group("failed", cls=_ListByDefault)
def group() -> None:
    """Handle mails that failed or whose outcome is unknown. Without a command: list them.

    All commands select mails by id, state, reason, code, sender, caller and time.
    """


@group.command("list")
@click.option("--state", "states", type=click.Choice(STATES), multiple=True, help="Repeatable.")
@click.option("--all", "everything", is_flag=True, help=f"Not only the first {_SHOWN} mails.")
@selectors
@on_a_stack
def list_(
    stack: Stack,
    screen: Screen,
    *,
    states: tuple[str, ...],
    everything: bool,
    **given: Any,  # noqa: ANN401  the selectors
) -> int:
    """List the failed queue: its groups by cause, then its mails, oldest first.

    Exit code 3 if not all of it could be seen.
    """
    wanted = choice(set(states) or None, given)
    with stoppable() as stop, looking(screen, failed_queue(stack), stop) as look:
        letters = _chosen(look, wanted)
    shown = letters if everything else letters[:_SHOWN]
    parts: list[RenderableType] = [_group_table(groups(letters))] if letters else []
    if letters:
        parts.append(table(_MAILS, (_cells(x.summary(), _MAILS) for x in shown), title="\nmails"))
    if len(shown) < len(letters):
        parts.append(f"and {len(letters) - len(shown):,} more: --all shows them")
    screen.show(letters, *parts, f"{len(letters):,} mail(s)")
    return _exit_code(screen, look, stop)


@group.command("groups")
@click.option("--state", "states", type=click.Choice(STATES), multiple=True, help="Repeatable.")
@selectors
@on_a_stack
def groups_(
    stack: Stack,
    screen: Screen,
    *,
    states: tuple[str, ...],
    **given: Any,  # noqa: ANN401  the selectors
) -> int:
    """Show only the causes: how many mails of each, and since when."""
    wanted = choice(set(states) or None, given)
    with stoppable() as stop, looking(screen, failed_queue(stack), stop) as look:
        letters = _chosen(look, wanted)
    found = groups(letters)
    screen.show(found, _group_table(found), f"{len(letters):,} mail(s)")
    return _exit_code(screen, look, stop)


@group.command("show")
@click.argument("mail_id", type=MAIL_ID, metavar="ID")
@on_a_stack
def show(stack: Stack, screen: Screen, mail_id: str) -> int:
    """Show one mail of the failed queue and its history; never its subject or body."""
    with stoppable() as stop, looking(screen, failed_queue(stack), stop) as look:
        letters = _chosen(look, Choice(ids=frozenset({mail_id})))
    if not letters:
        code = _exit_code(screen, look, stop)
        if stop.asked:
            return code
        raise OpsError(
            "no message of this mail is in the failed queue"
            if not code
            else "no message of this mail was seen in the failed queue",
            "it is kept there for 14 days; `mail show` has its record",
        )
    letter, row = letters[-1], stack.ledger.get(letters[-1].mail_id)
    screen.show(
        {**letter.summary(), "bytes": letter.size, "record": summary(row) if row else None},
        facts(letter.summary() | {"bytes": letter.size}),
        history(row) if row else "There is no record of it.",
    )
    return 0


_ACTING = (
    yes_option,
    as_option,
    click.option("--limit", type=click.IntRange(1), help="Change at most this many mails."),
    click.option("--dry-run", is_flag=True, help="Show what would be done; do nothing."),
    selectors,
)


def acting(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add what every command has that changes mails."""
    for option in _ACTING:
        function = option(function)
    return function


def _states(default: Sequence[str], text: str = "Repeatable.") -> Callable[..., Any]:
    return click.option(
        "--state",
        "states",
        type=click.Choice(STATES),
        multiple=True,
        default=default,
        show_default=True,
        help=text,
    )


# The same selector as elsewhere; mails that are not unknown are shown, and left alone.
only_unknown = _states(["unknown"])


@group.command("redrive")
@_states(["failed"], "Repeatable. An unknown mail may have been sent: it may arrive twice.")
@click.option(
    "--without-record",
    is_flag=True,
    help="Also failed mails whose record is gone, as after a restore: they may arrive twice.",
)
@acting
@on_a_stack
def redrive(
    stack: Stack,
    screen: Screen,
    *,
    states: tuple[str, ...],
    without_record: bool,
    **given: Any,  # noqa: ANN401  the options of `acting`
) -> int:
    """Move mails back to the mail queue, each for one more try; the ledger is checked first."""
    task = Task.REDRIVE_WITHOUT_RECORD if without_record else Task.REDRIVE
    return act(stack, screen, task, states, given)


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
    """Settle mails whose outcome is unknown, after asking their recipients or Taqnyat."""
    return act(stack, screen, resolution(answer), states, given)


@group.command("discard")
@_states(["failed", "unknown", "invalid"])
@click.option("--why", help="For the record: up to 80 letters, digits, spaces and . _ : , -")
@acting
@on_a_stack
def discard(
    stack: Stack,
    screen: Screen,
    *,
    states: tuple[str, ...],
    why: str | None,
    **given: Any,  # noqa: ANN401  the options of `acting`
) -> int:
    """Discard mails for good: they are recorded as canceled, with who and why, and never sent."""
    if not given["dry_run"]:
        why = from_input(why, "Why (for the record)") if why is None and not given["yes"] else why
        if why is None:
            raise OpsError("--why is missing", "say in a few words why they are discarded")
        if not _is_plain(why):
            raise OpsError("--why takes up to 80 letters, digits, spaces and . _ : , -")
    return act(stack, screen, Task.DISCARD, states, given, why or "")


def resolution(answer: str | None) -> Task:
    """Return the task of an answer."""
    if answer is None:
        raise click.UsageError("give --sent or --resend")
    return Task.SENT if answer == "sent" else Task.RESEND


def act(
    stack: Stack,
    screen: Screen,
    task: Task,
    states: Sequence[str],
    given: dict[str, Any],
    why: str = "",
) -> int:
    """Select the mails, show what would be done, ask, and do it."""
    dry_run, limit, yes = given.pop("dry_run"), given.pop("limit"), given.pop("yes")
    name = given.pop("acting_as")
    # A message that SQS itself moved has no state and was never settled: it counts as failed.
    wanted = choice({*states, ""} if "failed" in states else set(states), given)
    queue = failed_queue(stack)
    by = "" if dry_run else who(name, lambda: stack.client("sts"))
    bench = Workbench(stack, queue, History(stack.table, by), task, why)
    with stoppable() as stop, looking(screen, queue, stop) as look:
        steps = bench.plan(look, wanted, limit, stop)
        if stop.asked:
            screen.note("Stopped; nothing was done.")
            return STOPPED
        _show_plan(screen, task, steps, look)
        found = Counter(step.action for step in steps)
        todo = len(steps) - found[Action.LEAVE]
        data = {"dry_run": dry_run, "mails": steps} | {str(a): found[a] for a in Action}
        if dry_run or not todo:
            screen.show(data, "Nothing was done." if todo else "There is nothing to do.")
            return 0 if look.is_whole else INCOMPLETE
        with stop.thinking():
            screen.confirm(_question(stack, task, steps), yes=yes)
        done = _carry_out(screen, bench, look, steps, todo, stop)
    return _report(screen, task, data, done, todo, look, stop)


def _carry_out(
    screen: Screen, bench: Workbench, look: Look, steps: list[Step], todo: int, stop: Stop
) -> Done:
    done = Done()
    with progress(screen) as bar:
        line = bar.add_task("working", total=todo)
        for done in bench.carry_out(look, steps, stop):
            bar.update(line, completed=done.total)
    return done


def _report(
    screen: Screen,
    task: Task,
    data: dict[str, Any],
    done: Done,
    todo: int,
    look: Look,
    stop: Stop,
) -> int:
    verb = _DONE[task]
    changed = done.moved + done.noted
    left = todo - done.total
    data |= {"done": changed, "removed": done.removed, "changed": done.changed, "left": left}
    parts = [f"{verb} {changed:,} of {todo:,}"]
    if done.removed:
        parts.append(f"{done.removed:,} removed that needed nothing more")
    if done.changed:
        parts.append(f"{done.changed:,} not touched: they have changed")
    if left:
        parts.append(f"{left:,} left: run it again for the rest")
    screen.show(data, f"{'Stopped: ' if stop.asked else 'Done: '}{'; '.join(parts)}.")
    if stop.asked:
        return STOPPED
    if not look.is_whole:
        screen.note(f"Not all was seen: {look.sentence()}.")
        return INCOMPLETE
    return int(left > 0)


def _question(stack: Stack, task: Task, steps: Sequence[Step]) -> str:
    found = Counter(step.action for step in steps)
    moved = found[Action.MOVE] + found[Action.NOTE]
    doubtful = sum(step.is_doubtful for step in steps)
    warning = f" {doubtful:,} of them may arrive twice." if doubtful else ""
    removed = (
        f", remove {found[Action.REMOVE]:,} that need nothing more" if found[Action.REMOVE] else ""
    )
    return f"{_DOES[task].capitalize()} {moved:,}{removed}, in {stack}?{warning}"


def _show_plan(screen: Screen, task: Task, steps: Sequence[Step], look: Look) -> None:
    if screen.as_json:
        return
    if not look.is_whole:
        screen.note(f"{look.sentence()}.")
    acted = [step.letter for step in steps if step.action is not Action.LEAVE]
    if acted:
        screen.notes.print(_group_table(groups(acted)))
    by_why = Counter((step.action, step.why) for step in steps)
    lines = ((count, _named(action, task), why) for (action, why), count in by_why.most_common())
    if steps:
        screen.notes.print(table(("count", "what", "why"), lines, title="\nto do"))


def _named(action: Action, task: Task) -> str:
    return _DOES[task] if action in {Action.MOVE, Action.NOTE} else str(action)


def _chosen(look: Look, wanted: Choice) -> list[DeadLetter]:
    letters = [letter for letter in look.letters.values() if wanted.takes(letter)]
    return sorted(letters, key=lambda letter: letter.sent_at)


def _group_table(found: Sequence[Group]) -> RenderableType:
    return table(_GROUPS, (_cells(entry.summary(), _GROUPS) for entry in found), title="groups")


def _cells(values: dict[str, Any], columns: Sequence[str]) -> list[Any]:
    return [values[column] for column in columns]


def _exit_code(screen: Screen, look: Look, stop: Stop) -> int:
    if stop.asked:
        screen.warn(f"Stopped: {look.seen:,} of about {look.total:,} seen.")
        return STOPPED
    if look.is_whole:
        return 0
    screen.warn(f"Not all was seen: {look.sentence()}.")
    return INCOMPLETE


def _is_plain(text: str) -> bool:
    return 0 < len(text) <= 80 and all(c.isalnum() or c in " ._:,-" for c in text)  # noqa: PLR2004  as it says
