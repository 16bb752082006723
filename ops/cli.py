"""`taqnyat-mail`: all commands."""

import click

from ops import version
from ops.commands import campaign, doctor, failed, keys, mail, pausing, send, status, token, unknown


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(version.VERSION, message="%(prog)s %(version)s")
def main() -> None:
    """Operate the Taqnyat mail gateway. In trouble, begin with `doctor`."""


for _command in (
    doctor.command,
    status.command,
    send.command,
    campaign.command,
    mail.group,
    failed.group,
    unknown.group,
    pausing.pause,
    pausing.resume,
    keys.group,
    token.group,
):
    main.add_command(_command)
