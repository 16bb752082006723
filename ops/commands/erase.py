"""`mail erase`: erases a person's data; exit code 1 while anything of it may be left."""

from typing import Any

import click
from outbox.accepting.updater import TooLateError
from outbox.mail.states import State

from ops import watch
from ops.commands.frame import on_a_stack, yes_option
from ops.commands.given import from_input
from ops.commands.queues import failed_queue, looking
from ops.dead_letters import DeadLetter
from ops.erasure import Found, Traces
from ops.failed_queue import FailedQueue, Look
from ops.interrupt import stoppable
from ops.rows import chunks
from ops.screen import Screen, facts
from ops.stack import Stack

_TEN = 10
_CANCELABLE = {State.SCHEDULED, State.QUEUED}


@click.command("erase")
@click.argument("address", required=False)
@click.option("--cancel", is_flag=True, help="Also cancel the person's mails that wait.")
@yes_option
@on_a_stack
def command(stack: Stack, screen: Screen, address: str | None, *, cancel: bool, yes: bool) -> bool:
    """Erase the data of an ADDRESS. Without an address, or with -, the command asks for it.

    Exit code 1 while anything may be left: a mail that waits, or a part of the failed queue that
    could not be seen.
    """
    given = from_input(address, "Address")
    traces = Traces(stack.client("dynamodb"), stack.output("LedgerTable"), given)
    theirs, crowds = set[str](), set[str]()

    def notice(letter: DeadLetter, raw: Any) -> None:  # noqa: ANN401  boto3's answer
        if not letter.foreign and traces.names(raw["Body"]):
            (crowds if letter.crowd else theirs).add(letter.message_id)

    queue = failed_queue(stack)
    rows = list(traces.find())
    waiting = [found for found in rows if not found.settled]
    with stoppable() as stop, looking(screen, queue, stop, notice) as look:
        if stop.asked:
            raise KeyboardInterrupt
        messages = [letter for letter in look.letters.values() if letter.message_id in theirs]
        if waiting:
            screen.note(f"Waiting or being sent: {_words(waiting)}")
        if rows or messages:
            with stop.thinking():
                screen.confirm(_question(stack, rows, messages, waiting, cancel=cancel), yes=yes)
        deleted = _delete(queue, look, messages)
    gone = _cancel(stack, waiting) if cancel else set()
    rows = list(traces.find()) if gone else rows
    erased = [found.id for found in rows if found.settled and traces.erase(found)]
    left = [found for found in rows if found.id not in erased]
    unseen = 0 if look.is_whole else look.total - look.seen
    queued = watch.depth(stack, "MailQueueUrl").total
    _show(screen, erased, deleted, left, gone, look, unseen, queued)
    if crowds:
        screen.warn(
            f"{len(crowds):,} message(s) of the failed queue hold many mails, also other people's. "
            "Run `failed redrive`, and this again."
        )
    return bool(left or unseen or queued or crowds or deleted < len(messages))


def _question(
    stack: Stack,
    rows: list[Found],
    messages: list[DeadLetter],
    waiting: list[Found],
    *,
    cancel: bool,
) -> str:
    count = sum(found.state in _CANCELABLE for found in waiting) if cancel else 0
    canceling = f", cancel {count:,} that wait," if count else ""
    return (
        f"Erase it from {len(rows):,} record(s), which may be other people's of the same mask "
        f"too{canceling} and delete {len(messages):,} mail(s) of the failed queue for good, "
        f"in {stack}?"
    )


def _delete(queue: FailedQueue, look: Look, messages: list[DeadLetter]) -> int:
    return sum(len(queue.delete(look, some)) for some in chunks(messages, _TEN))


def _cancel(stack: Stack, waiting: list[Found]) -> set[str]:
    """Cancel the mails that wait; return the ids of those that were canceled."""
    canceled = set()
    for found in waiting:
        row = stack.ledger.get(found.id)
        if row is None or row.state not in _CANCELABLE:
            continue
        try:
            stack.updater.cancel(row)
        except TooLateError:
            continue
        canceled.add(found.id)
    return canceled


def _show(  # noqa: PLR0917  the results
    screen: Screen,
    erased: list[str],
    deleted: int,
    left: list[Found],
    canceled: set[str],
    look: Look,
    unseen: int,
    queued: int,
) -> None:
    screen.show(
        {
            "records": erased,
            "failed_mails": deleted,
            "canceled": sorted(canceled),
            "still_waiting": [found.id for found in left],
            "not_seen": unseen,
            "in_mail_queue": queued,
        },
        facts(
            {
                "records erased": len(erased),
                "mails deleted": deleted,
                "canceled": ", ".join(sorted(canceled)) or "none",
                "still waiting": _words(left) or "none",
            }
        ),
    )
    if left:
        screen.note(
            "Run it again when these are settled (`mail show`), or with --cancel; one that is "
            "being sent cannot be canceled."
        )
    if unseen:
        screen.warn(f"Not all of the failed queue was seen: {look.sentence()}. Run it again.")
    if queued:
        screen.warn(
            f"{queued:,} message(s) are in the mail queue: a canceled mail stays there until the "
            "worker deletes it, and one put there straight has no record yet. Run it again when "
            "`status` shows none."
        )
    screen.note("Backups of the ledger keep up to 35 days; see docs/operations.md, Data kept.")


def _words(found: list[Found]) -> str:
    return ", ".join(f"{entry.id} ({entry.state})" for entry in found)
