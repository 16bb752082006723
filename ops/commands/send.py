"""`send`: one mail, followed to its end."""

from pathlib import Path

import click
from outbox.mail.states import State

from ops import sending
from ops.commands.frame import on_a_stack, yes_option
from ops.commands.mail import history, summary
from ops.errors import OpsError
from ops.screen import Screen
from ops.stack import Stack

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("send")
@click.option("--from", "sender", required=True, help="Sender, one that Taqnyat has approved.")
@click.option("--to", "recipients", required=True, multiple=True, help="Recipient; repeatable.")
@click.option("--subject", required=True)
@click.option("--text", help="The message, as plain text.")
@click.option("--html", "html_file", type=_FILE, help="The message, as a file of HTML.")
@click.option("--campaign-name", help="Taqnyat's campaign name.")
@click.option(
    "--wait",
    type=click.FloatRange(0),
    default=60.0,
    show_default=True,
    help="Follow the mail for this many seconds.",
)
@yes_option
@on_a_stack
def command(  # noqa: PLR0913, PLR0917  one for each option
    stack: Stack,
    screen: Screen,
    sender: str,
    recipients: tuple[str, ...],
    subject: str,
    text: str | None,
    html_file: Path | None,
    campaign_name: str | None,
    *,
    wait: float,
    yes: bool,
) -> bool:
    """Send one mail; exit code 1 unless it was sent within --wait."""
    if (text is None) == (html_file is None):
        raise click.UsageError("give one of --text and --html")
    try:
        html = html_file.read_text("utf-8") if html_file else None
    except UnicodeDecodeError:
        raise OpsError("the file of --html is not text in UTF-8") from None
    mail = sending.read(
        stack,
        {
            "from": sender,
            "to": list(recipients),
            "subject": subject,
            "text": text,
            "html": html,
            "campaign_name": campaign_name,
        },
    )
    screen.confirm(f"Send this mail to {len(mail.recipients)} recipient(s) by {stack}?", yes=yes)
    sending.accept(stack, mail)
    screen.note(f"accepted as {mail.id}")
    row = sending.follow(stack.ledger, mail.id, wait)
    if row is None:
        raise OpsError("the mail has no record", "see `status`")
    screen.show(summary(row), history(row))
    return wait > 0 and row.state is not State.SENT
