"""`mail cancel`: cancels mails that wait, by id, or all of a caller whose key leaked."""

import time
from collections import Counter

import click
from outbox.accepting.updater import TooLateError
from outbox.mail.states import State
from outbox.mail.times import iso
from outbox.storage.row import Row

from ops.commands.frame import as_option, on_a_stack, yes_option
from ops.commands.given import CLIENT, MAIL_ID
from ops.commands.selecting import ids_of
from ops.errors import OpsError
from ops.history import History
from ops.interrupt import STOPPED, Stop, stoppable
from ops.mails import of_client
from ops.moment import moment
from ops.operator import who
from ops.rows import rows_of
from ops.screen import Screen, progress, table
from ops.side_by_side import side_by_side
from ops.stack import Stack

_WAITING = {State.SCHEDULED, State.QUEUED}


@click.command("cancel")
@click.argument("ids", nargs=-1, type=MAIL_ID, metavar="[ID]...")
@click.option("--client", type=CLIENT, help="All that wait of this caller: an API key's name.")
@click.option("--since", help="With --client: only mails accepted since then, such as 2h.")
@click.option("--dry-run", is_flag=True, help="Show what would be canceled; do nothing.")
@as_option
@yes_option
@on_a_stack
def command(
    stack: Stack,
    screen: Screen,
    *,
    ids: tuple[str, ...],
    client: str | None,
    since: str | None,
    dry_run: bool,
    acting_as: str | None,
    yes: bool,
) -> int:
    """Cancel mails that are scheduled or wait: by ID (- reads standard input), or --client.

    Exit code 1 if one of them can no longer be canceled.
    """
    if bool(ids) == (client is not None):
        raise click.UsageError("give ids, or --client")
    named = ids_of(ids)
    with stoppable() as stop:
        rows = _rows(stack, named, client, since, stop)
        if stop.asked:
            return STOPPED
    by_state = Counter(str(row.state) for row in rows)
    waiting = [row for row in rows if row.state in _WAITING]
    unknown = len(set(named) - {row.id for row in rows})
    if not screen.as_json:
        screen.notes.print(table(("state", "mails"), sorted(by_state.items())))
        if unknown:
            screen.note(f"{unknown} id(s) have no record.")
    if dry_run or not waiting:
        data = {"dry_run": dry_run, "waiting": [row.id for row in waiting], "states": by_state}
        screen.show(data, f"{len(waiting):,} wait. Nothing was done.")
        return int(not dry_run and client is None)
    screen.confirm(f"Cancel {len(waiting):,} mail(s) for good, in {stack}?", yes=yes)
    by = who(acting_as, lambda: stack.client("sts"))
    with stoppable() as stop:
        canceled, late = _cancel(stack, screen, waiting, History(stack.table, by), stop)
    left = len(waiting) - len(canceled) - len(late)
    screen.show(
        {"canceled": canceled, "too_late": late, "left": left},
        f"Canceled {len(canceled):,} of {len(waiting):,}; {len(late):,} were past it"
        + (f"; {left:,} left: run it again for the rest" if left else ""),
    )
    return STOPPED if stop.asked else int(bool(late) or unknown > 0)


def _rows(
    stack: Stack, ids: list[str], client: str | None, since: str | None, stop: Stop
) -> list[Row]:
    if client is None:
        if since is not None:
            raise OpsError("--since goes with --client")
        return list(rows_of(stack, ids, stop).values())
    begin = "" if since is None else iso(moment(since, time.time()))
    found = []
    for row in of_client(stack, client):
        if row.created < begin or stop.asked:
            break
        found.append(row)
    return found


def _cancel(
    stack: Stack, screen: Screen, rows: list[Row], history: History, stop: Stop
) -> tuple[list[str], list[str]]:
    _ = stack.updater  # make the clients here, because eight threads at once must not

    def cancel(row: Row) -> bool:
        try:
            stack.updater.cancel(row)
        except TooLateError:
            return False
        history.write(history.canceled(row._replace(state=State.CANCELED)))
        return True

    canceled: list[str] = []
    late: list[str] = []
    with progress(screen) as bar:
        line = bar.add_task("canceling", total=len(rows))
        for row, done in side_by_side(rows, cancel, stop):
            (canceled if done else late).append(row.id)
            bar.advance(line)
    return canceled, late
