"""`keys add`, `change`, `list`, `rotate`, `revoke`: the callers' API keys."""

from collections.abc import Callable
from typing import Any

import click

from ops import keys
from ops.commands.frame import on_a_stack, yes_option
from ops.commands.suggesting import SuggestingGroup
from ops.screen import Screen, table
from ops.secret import Secret
from ops.stack import Stack

_SOON = "within a minute, or the stack's KeyCacheSeconds if that is longer"


def _choices(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of what a key may choose."""
    for option in reversed(
        (
            click.option(
                "--unsupported",
                type=click.Choice(keys.POLICIES),
                help="What happens to reply_to and headers; without it, what the stack says.",
            ),
            click.option(
                "--duplicates",
                type=click.Choice(keys.DUPLICATES),
                help="join: equal calls without an idempotency key are one; bulk never.",
            ),
            click.option(
                "--within",
                type=click.IntRange(1, keys.MAX_JOIN_SECONDS),
                help="Seconds within which they are one; 300 without it.",
            ),
        )
    ):
        command = option(command)
    return command


@click.group("keys", cls=SuggestingGroup)
def group() -> None:
    """Manage the callers' API keys. A key is shown once; the stack keeps its SHA-256 only."""


@group.command("list")
@on_a_stack
def list_(stack: Stack, screen: Screen) -> None:
    """List the clients and what they may."""
    document = keys.load(_secret(stack).read()[0])
    found = [
        {
            "client": client,
            "keys": len(keys.hashes(rules)),
            "from": rules.get("from") or [],
            "scopes": rules.get("scopes") or [],
        }
        for client, rules in sorted(document.items())
    ]
    lines = (
        (entry["client"], entry["keys"], _words(entry["from"]), _words(entry["scopes"]))
        for entry in found
    )
    screen.show(found, table(("client", "keys", "may send from", "scopes"), lines))


@group.command("add")
@click.argument("client")
@click.option(
    "--from", "senders", multiple=True, required=True, help="Address or *@acme.sa; repeatable."
)
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(keys.SCOPES),
    default=keys.USUAL_SCOPES,
    show_default=True,
)
@_choices
@on_a_stack
def add(
    stack: Stack,
    screen: Screen,
    client: str,
    senders: tuple[str, ...],
    scopes: tuple[str, ...],
    **choices: Any,  # noqa: ANN401  what the options give
) -> None:
    """Give a new CLIENT a key."""
    secret, key = _secret(stack), keys.new_key()
    text, seen = secret.read()
    document = keys.load(text)
    changed = keys.add(document, client, senders, scopes, key, **choices)
    secret.write(keys.dump(changed), seen)
    _show_key(screen, client, key)


@group.command("change")
@click.argument("client")
@_choices
@on_a_stack
def change(stack: Stack, screen: Screen, client: str, **choices: Any) -> None:  # noqa: ANN401  what the options give
    """Change what a CLIENT's keys choose; what is not named stays."""
    secret = _secret(stack)
    text, seen = secret.read()
    secret.write(keys.dump(keys.change(keys.load(text), client, **choices)), seen)
    screen.show({"client": client}, f"Changed; it counts {_SOON}.")


@group.command("rotate")
@click.argument("client")
@click.option("--finish", is_flag=True, help="The client uses the new key: drop the older ones.")
@on_a_stack
def rotate(stack: Stack, screen: Screen, client: str, *, finish: bool) -> None:
    """Give a CLIENT a second key; with --finish leave it only the newest."""
    secret, key = _secret(stack), keys.new_key()
    text, seen = secret.read()
    document = keys.load(text)
    if finish:
        secret.write(keys.dump(keys.finish(document, client)), seen)
        screen.show({"client": client}, f"Older keys stop working {_SOON}.")
        return
    secret.write(keys.dump(keys.rotate(document, client, key)), seen)
    _show_key(screen, client, key)
    screen.note(f"The older key works on until `keys rotate {client} --finish`.")


@group.command("revoke")
@click.argument("client")
@yes_option
@on_a_stack
def revoke(stack: Stack, screen: Screen, client: str, *, yes: bool) -> None:
    """Take a CLIENT's keys away."""
    secret = _secret(stack)
    text, seen = secret.read()
    changed = keys.revoke(keys.load(text), client)
    screen.confirm(f"Take all keys of {client} away in {stack}?", yes=yes)
    secret.write(keys.dump(changed), seen)
    screen.show({"client": client}, f"Revoked; its keys stop working {_SOON}.")


def _words(found: Any) -> str:  # noqa: ANN401  as it stands in the secret
    return " ".join(map(str, found))


def _show_key(screen: Screen, client: str, key: str) -> None:
    screen.show({"client": client, "key": key}, key)
    screen.note("This is the only time that the key is shown. It works at once.")


def _secret(stack: Stack) -> Secret:
    return Secret(stack.client("secretsmanager"), stack.output("ApiKeysSecretArn"))
