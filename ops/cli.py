"""`taqnyat-mail`: all commands."""

import click

from ops import version
from ops.commands import (
    campaign,
    cancel,
    doctor,
    erase,
    failed,
    keys,
    leftover,
    local,
    mail,
    pausing,
    send,
    status,
    token,
    unknown,
    verify,
    webhooks,
)
from ops.commands.suggesting import SuggestingGroup


@click.group(
    cls=SuggestingGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(version.VERSION, message="%(prog)s %(version)s")
def main() -> None:
    """Operate the Taqnyat mail gateway. If there is trouble, begin with `doctor`."""


_COMMANDS: tuple[click.Command, ...] = (
    doctor.command,
    status.command,
    send.command,
    verify.command,
    campaign.command,
    mail.group,
    failed.group,
    unknown.group,
    leftover.command,
    pausing.pause,
    pausing.resume,
    keys.group,
    webhooks.group,
    token.group,
    local.group,
)
mail.group.add_command(cancel.command)
mail.group.add_command(erase.command)
for _command in _COMMANDS:
    main.add_command(_command)
