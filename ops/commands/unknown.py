"""`unknown resolve`: a person found out what became of a mail that Taqnyat may have sent."""

import time

import click
from outbox.mail.states import State
from outbox.mail.times import iso
from taqnyat import Scope, Verdict

from ops.commands.frame import on_a_stack, yes_option
from ops.commands.queues import failed_queue
from ops.commands.suggesting import SuggestingGroup
from ops.errors import OpsError
from ops.failed import Choice, Fate, carry_out, only, plan
from ops.screen import Screen
from ops.stack import Stack


@click.group("unknown", cls=SuggestingGroup)
def group() -> None:
    """Settle mails of which Taqnyat did not say whether it sent them."""


@group.command("resolve")
@click.argument("mail_id", metavar="ID")
@click.option("--sent", "answer", flag_value="sent", help="It arrived: note it as sent.")
@click.option("--resend", "answer", flag_value="resend", help="It did not arrive: send it again.")
@yes_option
@on_a_stack
def resolve(stack: Stack, screen: Screen, mail_id: str, *, answer: str | None, yes: bool) -> None:
    """Settle a mail whose outcome is unknown, after asking its recipient or Taqnyat."""
    if answer is None:
        raise click.UsageError("give --sent or --resend")
    row = stack.ledger.get(mail_id)
    if row is None or row.state is not State.UNKNOWN:
        state = f"is {row.state}" if row else "has no record"
        raise OpsError(f"this mail {state}, not unknown", "see `mail show` and `failed list`")
    if answer == "sent":
        screen.confirm(f"Note in {stack} that the mail was sent?", yes=yes)
        _note_sent(stack, mail_id)
        screen.show({"id": mail_id, "state": "sent"}, "Noted as sent.")
        return
    with failed_queue(stack).look() as held:
        steps = plan([only(held, mail_id)], Choice(), stack.ledger.get)
        if steps[0].fate is not Fate.MOVE:
            raise OpsError(f"cannot be sent again: {steps[0].why}")
        screen.confirm(f"Send it again by {stack}? It may arrive twice.", yes=yes)
        carry_out(steps, failed_queue(stack))
    screen.show(
        {"id": mail_id, "state": "queued"}, f"On its way; follow it with `mail show {mail_id}`."
    )


def _note_sent(stack: Stack, mail_id: str) -> None:
    attempt = {
        "at": iso(time.time()),
        "ms": 0,
        "verdict": Verdict.SENT,
        "scope": Scope.MAIL,
        "reason": "resolved_by_operator",
    }
    standing = stack.ledger.resolve_sent(mail_id, attempt)
    if standing is not None:
        raise OpsError(f"this mail is {standing.state} by now", "see `mail show`")
    queue = failed_queue(stack)
    with queue.look() as held:  # its message has nothing left to do
        for parked in held:
            if parked.mail_id == mail_id and parked.state == "unknown":
                queue.drop(parked)
