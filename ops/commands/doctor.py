"""`doctor`: checks every part of the stack, and says what to do."""

import click
from rich.text import Text

from ops.commands.frame import on_a_stack
from ops.doctor import Check, Doctor
from ops.findings import Level
from ops.screen import Screen
from ops.stack import Stack

_MARKS = {
    Level.GOOD: Text("ok     ", style="green"),
    Level.WARNING: Text("look   ", style="yellow"),
    Level.BAD: Text("FAILED ", style="bold red"),
}


@click.command("doctor")
@click.option(
    "--ask-taqnyat/--no-ask-taqnyat",
    default=True,
    show_default=True,
    help="Ask Taqnyat whether it accepts the token and the address, by a mail without a "
    "recipient, which cannot be sent.",
)
@on_a_stack
def command(stack: Stack, screen: Screen, *, ask_taqnyat: bool) -> bool:
    """Check every part of the stack; exit code 1 if one has failed."""
    checks = []
    for check in Doctor(stack, ask_taqnyat=ask_taqnyat).look():
        checks.append(check)
        if not screen.as_json:
            _show(screen, check)
    unwell = any(check.level is Level.BAD for check in checks)
    result = {"stack": stack.name, "ok": not unwell, "checks": [c.summary() for c in checks]}
    screen.show(result, _verdict(stack, checks))
    return unwell


def _show(screen: Screen, check: Check) -> None:
    line = Text.assemble(_MARKS[check.level], (f"{check.name:<21} ", "bold"), check.found)
    screen.console.print(line)
    if check.remedy:
        screen.console.print(Text(f"       -> {check.remedy}"))


def _verdict(stack: Stack, checks: list[Check]) -> Text:
    failed = sum(check.level is Level.BAD for check in checks)
    if failed:
        return Text(f"\n{stack}: {failed} of {len(checks)} checks failed", style="bold red")
    return Text(f"\n{stack}: well", style="bold green")
