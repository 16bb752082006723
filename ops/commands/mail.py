"""`mail show` and `mail erase`."""

from collections.abc import Mapping, Sequence
from typing import Any

import click
from outbox.mail.states import State
from outbox.storage.row import Row
from rich.console import Group, RenderableType
from taqnyat.explanations import explain

from ops.commands.frame import on_a_stack, yes_option
from ops.commands.queues import failed_queue
from ops.commands.suggesting import SuggestingGroup
from ops.erasure import Traces
from ops.errors import OpsError
from ops.screen import Screen, clock, facts, table
from ops.stack import Stack


@click.group("mail", cls=SuggestingGroup)
def group() -> None:
    """See what is known of a mail; erase a person."""


@group.command("show")
@click.argument("mail_id", metavar="ID")
@on_a_stack
def show(stack: Stack, screen: Screen, mail_id: str) -> None:
    """Show a mail's whole history."""
    row = stack.ledger.get(mail_id)
    if row is None:
        raise OpsError(
            "there is no record of this mail",
            f"records are kept for {stack.settings.record_days} days; "
            "a mail put straight on the queue has one from its first try on",
        )
    screen.show(summary(row), history(row))


@group.command("erase")
@click.argument("address")
@yes_option
@on_a_stack
def erase(stack: Stack, screen: Screen, address: str, *, yes: bool) -> bool:
    """Erase what the stack keeps of an ADDRESS; exit code 1 while a mail of it may still wait."""
    traces = Traces(stack.client("dynamodb"), stack.output("LedgerTable"), address)
    rows = list(traces.find())
    with failed_queue(stack).look() as held:
        messages = [parked for parked in held if traces.names(parked)]
        if rows or messages:
            screen.confirm(
                f"Erase it from {len(rows)} record(s), which may be other people's of the same "
                f"mask too, and delete {len(messages)} mail(s) of the failed queue for good, "
                f"in {stack}?",
                yes=yes,
            )
        for parked in messages:
            failed_queue(stack).drop(parked)
    erased = [found.id for found in rows if found.settled and traces.erase(found)]
    left = [found.id for found in rows if found.id not in erased]
    screen.show(
        {"records": erased, "failed_mails": len(messages), "still_waiting": left},
        facts(
            {
                "records erased": len(erased),
                "mails deleted": len(messages),
                "still on their way": ", ".join(left) or "none",
            }
        ),
    )
    if left:
        screen.note("Run it again when these are settled (`mail show`), or cancel them first.")
    screen.note("Backups of the ledger keep up to 35 days; see docs/operations.md, Data kept.")
    return bool(left)


def summary(row: Row) -> dict[str, Any]:
    """Return all that a row may show, ready for JSON."""
    hidden = {"fingerprint", "request", "claim_token"}
    shown = {key: value for key, value in row._asdict().items() if key not in hidden}
    return shown | _explained(row)


def history(row: Row) -> RenderableType:
    """Draw a row and its attempts."""
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
    return Group(facts({key: value for key, value in told.items() if value is not None}), attempts)


def _pairs(entries: Sequence[Mapping[str, str]]) -> str | None:
    return ", ".join(f"{entry['name']}={entry['value']}" for entry in entries) or None


def _explained(row: Row) -> dict[str, str]:
    explanation = explain(row.reason or "")
    if explanation is None or row.state in {State.SENT, State.CANCELED}:
        return {}
    return {"meaning": explanation.meaning.en, "remedy": explanation.remedy.en}
