"""`send`: sends one mail and waits for its outcome."""

import time
import uuid
from pathlib import Path

import click
from outbox.mail.lanes import LANES, Lane
from outbox.mail.states import State

from ops import sending
from ops.commands.frame import on_a_stack, yes_option
from ops.commands.given import Amount, from_input
from ops.commands.mail import history, summary
from ops.direction import as_html, has_right_to_left
from ops.errors import OpsError
from ops.screen import Screen
from ops.stack import Stack

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("send")
@click.option("--from", "sender", required=True, help="Sender, one that Taqnyat has approved.")
@click.option(
    "--to",
    "recipients",
    multiple=True,
    help="Recipient; repeatable. Without it, or with -, the command asks.",
)
@click.option("--subject", required=True)
@click.option("--text", help="The message, as plain text; - reads standard input.")
@click.option("--html", "html_file", type=_FILE, help="The message, as a file of HTML.")
@click.option("--campaign-name", help="Taqnyat's campaign name.")
@click.option("--priority", type=click.Choice(LANES), default=Lane.NORMAL, show_default=True)
@click.option(
    "--wait",
    type=Amount(0),
    default=60.0,
    show_default=True,
    help="Wait this many seconds for the outcome.",
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
    priority: str,
    wait: float,
    yes: bool,
) -> bool:
    """Send one mail; exit code 1 unless it was sent within --wait."""
    if (text is None) == (html_file is None):
        raise click.UsageError("give one of --text and --html")
    if text == "-" and "-" in recipients:
        raise click.UsageError("only one of --text and --to can come from standard input")
    if text == "-":
        text = from_input(text, "--text", lines=True)
    page = as_html(text) if text and has_right_to_left(text) else None
    try:
        html = html_file.read_text("utf-8-sig") if html_file else page
    except UnicodeDecodeError:
        raise OpsError("the file of --html is not text in UTF-8") from None
    except OSError as error:
        raise OpsError(f"the file of --html cannot be read: {error.strerror}") from None
    mail = sending.read(
        {
            "from": sender,
            "to": _addresses(recipients),
            "subject": subject,
            "text": None if page else text,
            "html": html,
            "campaign_name": campaign_name,
            "priority": priority,
        },
        campaign=stack.settings.default_campaign,
        mail_id=str(uuid.uuid4()),
        now=time.time(),
    )
    screen.confirm(f"Send this mail to {len(mail.recipients)} recipient(s) by {stack}?", yes=yes)
    sending.accept(stack, mail)
    screen.note(f"accepted as {mail.id}")
    row = sending.follow(stack.ledger, mail.id, wait)
    if row is None:
        raise OpsError("the mail has no record", "see `status`")
    screen.show(summary(row), history(row))
    return wait > 0 and row.state is not State.SENT


def _addresses(given: tuple[str, ...]) -> list[str]:
    found = []
    for word in given or ("-",):
        found += from_input(word, "To").split() if word == "-" else [word]
    return found
