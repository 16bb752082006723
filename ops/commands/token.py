"""`token set`: stores Taqnyat's bearer token from a hidden prompt or a pipe, never an argument."""

import sys

import click
from taqnyat.credentials import CredentialsError, token_in

from ops.commands.frame import on_a_stack
from ops.commands.suggesting import SuggestingGroup
from ops.errors import OpsError
from ops.screen import Screen
from ops.secret import Secret
from ops.stack import Stack


@click.group("token", cls=SuggestingGroup)
def group() -> None:
    """Store Taqnyat's bearer token."""


@group.command("set")
@on_a_stack
def set_(stack: Stack, screen: Screen) -> None:
    """Store the token, from a prompt or from standard input."""
    if sys.stdin.isatty():
        text = click.prompt("Taqnyat's bearer token", hide_input=True, err=True)
    else:
        text = sys.stdin.read()
    try:
        token = token_in(text)
    except CredentialsError as error:
        raise OpsError(str(error), "copy it again from Taqnyat's account") from None
    secret = Secret(stack.client("secretsmanager"), stack.output("TokenSecretArn"))
    _, seen = secret.read()
    secret.write(token, seen)
    state = stack.pause.read()
    screen.show({"stored": True, "paused": state.paused}, "Stored.")
    if state.paused:
        screen.note(f"Sending is paused ({state.reason}); `resume` tries it at once.")
    else:
        screen.note("`doctor` shows whether Taqnyat accepts it.")
