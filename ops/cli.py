"""`taqnyat-mail`: all commands, each loaded when it is used."""

from importlib import import_module
from typing import Final

import click

from ops import version
from ops.commands.suggesting import SuggestingGroup

# Each command's module, and what it is called there.
_COMMANDS: Final = {
    "doctor": ("doctor", "command"),
    "status": ("status", "command"),
    "send": ("send", "command"),
    "verify": ("verify", "command"),
    "campaign": ("campaign", "command"),
    "mail": ("mail", "group"),
    "failed": ("failed", "group"),
    "unknown": ("unknown", "group"),
    "leftover": ("leftover", "command"),
    "pause": ("pausing", "pause"),
    "resume": ("pausing", "resume"),
    "keys": ("keys", "group"),
    "webhooks": ("webhooks", "group"),
    "token": ("token", "group"),
    "local": ("local", "group"),
}


class _Lazy(SuggestingGroup):
    """Loads only the command that is used: all together take half of the time to start."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names, as they are listed."""
        del ctx
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a command."""
        del ctx
        if cmd_name not in _COMMANDS:
            return None
        module, name = _COMMANDS[cmd_name]
        found: click.Command = getattr(import_module(f"ops.commands.{module}"), name)
        return found


@click.group(
    cls=_Lazy,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(version.VERSION, message="%(prog)s %(version)s")
def main() -> None:
    """Operate the Taqnyat mail gateway. If there is trouble, begin with `doctor`."""
