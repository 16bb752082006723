"""`mail show` and `mail list`; `cancel` and `erase` have modules of their own."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import click
from outbox.mail.states import State
from outbox.mail.times import iso
from outbox.storage.row import Row
from rich.console import Group as Together
from rich.console import RenderableType
from taqnyat.explanations import explain

from ops import mails
from ops.commands import cancel, erase
from ops.commands.frame import on_a_stack
from ops.commands.given import CLIENT, MAIL_ID
from ops.commands.queues import failed_queue, looking
from ops.commands.suggesting import SuggestingGroup
from ops.errors import OpsError
from ops.interrupt import STOPPED, stoppable
from ops.moment import moment
from ops.screen import Screen, clock, facts, table
from ops.stack import Stack

_LISTED = ("id", "state", "reason", "code", "client", "sender", "created")
_HEADS = ("id", "state", "reason", "code", "client", "from", "accepted")


@click.group("mail", cls=SuggestingGroup)
def group() -> None:
    """Show, list and cancel mails; erase a person."""


group.add_command(cancel.command)
group.add_command(erase.command)


@group.command("show")
@click.argument("mail_id", type=MAIL_ID, metavar="ID")
@on_a_stack
def show(stack: Stack, screen: Screen, mail_id: str) -> int:
    """Show a mail's whole history."""
    row = stack.ledger.get(mail_id)
    if row is not None:
        screen.show(summary(row), history(row))
        return 0
    # A mail that is not valid has no record, only its message.
    with stoppable() as stop, looking(screen, failed_queue(stack), stop) as look:
        found = [letter for letter in look.letters.values() if letter.mail_id == mail_id]
    if stop.asked and not found:
        screen.warn(f"Stopped: {look.seen:,} of about {look.total:,} failed mails seen.")
        return STOPPED
    if not found:
        raise OpsError(
            "there is no record of this mail",
            f"records are kept for {stack.settings.record_days} days; "
            "a mail that was sent to the queue directly gets one at its first try",
        )
    letter = found[-1]
    wrong = letter.reason.removeprefix("invalid:") if letter.state == "invalid" else None
    told = letter.summary() | {"bytes": letter.size, "wrong field": wrong}
    remedy = "correct it at its producer and send it again; then `failed discard`"
    screen.show(told | {"record": None}, facts(told), f"It has no record: {remedy}.")
    return 0


@group.command("list")
@click.option("--client", type=CLIENT, help="The caller: the name of an API key, or operator.")
@click.option("--state", "states", type=click.Choice(list(State)), multiple=True)
@click.option("--since", help="Accepted since then: 2026-11-23, 2026-11-23T08:00Z, or 2h.")
@click.option("--after", type=MAIL_ID, metavar="ID", help="Go on after this mail of a page.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@on_a_stack
def list_(
    stack: Stack,
    screen: Screen,
    *,
    client: str | None,
    states: tuple[str, ...],
    since: str | None,
    after: str | None,
    limit: int,
) -> None:
    """List mails, newest first; without --client the whole ledger is read."""
    begin = "" if since is None else iso(moment(since, time.time()))
    last = None if after is None else stack.ledger.get(after)
    if after is not None and last is None:
        raise OpsError("there is no record of the mail of --after")
    wanted = mails.Wanted(client, frozenset(states), begin, last)
    rows = mails.newest(stack, wanted, limit + 1)
    shown = rows[:limit]
    lines = ([getattr(row, name) for name in _LISTED] for row in shown)
    parts: list[RenderableType] = [table(_HEADS, lines), f"{len(shown):,} mail(s)"]
    if len(rows) > limit:
        parts.append(f"There are more: --after {shown[-1].id}")
    screen.show([summary(row) for row in shown], *parts)


def summary(row: Row) -> dict[str, Any]:
    """Return the fields of a row that may be shown, ready for JSON."""
    hidden = {"fingerprint", "request", "claim_token"}
    shown = {key: value for key, value in row._asdict().items() if key not in hidden}
    return shown | _explained(row)


def history(row: Row) -> RenderableType:
    """Print a row and its attempts."""
    told = {
        "id": row.id,
        "state": row.state,
        "reason": row.reason,
        **_explained(row),
        "code": row.code,
        "from": row.sender,
        "to": ", ".join(row.to),
        "campaign": row.campaign,
        "client": row.client,
        "created": row.created,
        "updated": row.updated,
        "scheduled": row.scheduled_at and clock(row.scheduled_at),
        "expires": row.expires_at and clock(row.expires_at),
        "msgId": row.msg_id,
        "price": row.price,
        "resends": row.resends or None,
        "tags": _pairs(row.tags),
        "headers": _pairs(row.headers),
        "not carried": ", ".join(row.not_carried) or None,
    }
    columns = ("at", "verdict", "scope", "reason", "status", "code", "ms", "resend")
    attempts = table(
        columns,
        ([attempt.get(column) for column in columns] for attempt in row.attempts),
        title=f"\n{row.attempt_count} attempt(s)",
    )
    done = table(("at", "by", "did", "why"), map(_done, row.actions), title="\noperators")
    more = [done] if row.actions else []
    return Together(
        facts({key: value for key, value in told.items() if value is not None}), attempts, *more
    )


def _done(action: Mapping[str, Any]) -> list[Any]:
    return [action.get(key) for key in ("at", "by", "did", "why")]


def _pairs(entries: Sequence[Mapping[str, str]]) -> str | None:
    return ", ".join(f"{entry['name']}={entry['value']}" for entry in entries) or None


def _explained(row: Row) -> dict[str, str]:
    explanation = explain(row.reason or "")
    if explanation is None or row.state in {State.SENT, State.CANCELED}:
        return {}
    return {"meaning": explanation.meaning.en, "remedy": explanation.remedy.en}
