"""`keys add`, `change`, `list`, `rotate`, `revoke`: the callers' API keys."""

from collections.abc import Callable
from typing import Any

import click
from outbox.accepting.limits import time_zone
from outbox.mail.lanes import LANES, Lane
from outbox.mail.options import MAX_LIMIT

from ops import keys
from ops.commands.frame import on_a_stack, yes_option
from ops.commands.suggesting import SuggestingGroup
from ops.errors import OpsError
from ops.screen import Screen, table
from ops.secret import Secret
from ops.stack import Stack

_SOON = "within a minute, or the stack's KeyCacheSeconds if that is longer"


_CHOICES = (
    click.option(
        "--unsupported",
        type=click.Choice(keys.POLICIES),
        help="Refuse reply_to and headers, or leave them out.  [default: the stack's]",
    ),
    click.option(
        "--duplicates",
        type=click.Choice(keys.DUPLICATES),
        help="join: equal calls without an idempotency key make one mail; never for bulk.",
    ),
    click.option(
        "--within",
        type=click.IntRange(1, keys.MAX_JOIN_SECONDS),
        help="Seconds within which equal calls are joined.  [default: 300]",
    ),
    click.option("--priority", type=click.Choice(LANES), help="Lane of mails without a priority."),
    click.option("--rate", type=click.IntRange(1, MAX_LIMIT), help="Maximum of mails a second."),
    click.option("--daily", type=click.IntRange(1, MAX_LIMIT), help="Maximum of mails a day."),
)


def _choices(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that a key may have to a command."""
    for option in reversed(_CHOICES):
        command = option(command)
    return command


@click.group("keys", cls=SuggestingGroup)
def group() -> None:
    """Manage the callers' API keys. A key is shown once; the stack keeps only its SHA-256."""


@group.command("list")
@on_a_stack
def list_(stack: Stack, screen: Screen) -> None:
    """List the clients and their rights."""
    document = keys.load(_secret(stack).read()[0])
    found = [
        {
            "client": client,
            "keys": len(keys.hashes(rules)),
            "from": rules.get("from") or [],
            "scopes": rules.get("scopes") or [],
            "priority": rules.get("priority", Lane.NORMAL),
            "rate": rules.get("rate"),
            "daily": rules.get("daily"),
        }
        for client, rules in sorted(document.items())
    ]
    lines = (
        (
            *(entry["client"], entry["keys"], _words(entry["from"]), _words(entry["scopes"])),
            *(entry["priority"], entry["rate"], entry["daily"]),
        )
        for entry in found
    )
    columns = ("client", "keys", "may send from", "scopes", "lane", "a second", "a day")
    screen.show(found, table(columns, lines))


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
    _check(stack, choices)
    secret, key = _secret(stack), keys.new_key()
    text, seen = secret.read()
    document = keys.load(text)
    changed = keys.add(document, client, senders, scopes, key, **choices)
    secret.write(keys.dump(changed), seen)
    _show_key(screen, client, key)


@group.command("change")
@click.argument("client")
@_choices
@click.option("--no-rate", is_flag=True, help="Remove the limit of mails a second.")
@click.option("--no-daily", is_flag=True, help="Remove the limit of mails a day.")
@on_a_stack
def change(
    stack: Stack,
    screen: Screen,
    client: str,
    *,
    no_rate: bool,
    no_daily: bool,
    **choices: Any,  # noqa: ANN401  what the options give
) -> None:
    """Change the options of a CLIENT's keys; an option that is not given stays."""
    _check(stack, choices)
    without = ("rate",) * no_rate + ("daily",) * no_daily
    secret = _secret(stack)
    text, seen = secret.read()
    changed = keys.change(keys.load(text), client, without, **choices)
    secret.write(keys.dump(changed), seen)
    screen.show({"client": client}, f"Changed; it counts {_SOON}.")


@group.command("rotate")
@click.argument("client")
@click.option("--finish", is_flag=True, help="The client uses the new key: delete the older ones.")
@on_a_stack
def rotate(stack: Stack, screen: Screen, client: str, *, finish: bool) -> None:
    """Give a CLIENT a second key; with --finish keep only the newest."""
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
    """Delete all keys of a CLIENT."""
    secret = _secret(stack)
    text, seen = secret.read()
    changed = keys.revoke(keys.load(text), client)
    screen.confirm(f"Delete all keys of {client} away in {stack}?", yes=yes)
    secret.write(keys.dump(changed), seen)
    screen.show({"client": client}, f"Revoked; its keys stop working {_SOON}.")
    screen.note(f"Mails that it sent and that wait still go out; `mail cancel --client {client}`.")


def _check(stack: Stack, choices: dict[str, Any]) -> None:
    """Raise OpsError if the stack's time zone is unknown: a day would end at midnight UTC."""
    zone = stack.settings.quota_time_zone if choices.get("daily") else ""
    if zone and time_zone(zone) is None:
        raise OpsError(
            f"the stack's QuotaTimeZone {zone} is no time zone that is known here",
            "deploy with one such as Asia/Riyadh",
        )


def _words(found: Any) -> str:  # noqa: ANN401  as it stands in the secret
    return " ".join(map(str, found))


def _show_key(screen: Screen, client: str, key: str) -> None:
    screen.show({"client": client, "key": key}, key)
    screen.note(
        "This is the only time that the key is shown. It works within seconds: an earlier call"
        " can be refused, and API Gateway then keeps refusing the key for a minute."
    )


def _secret(stack: Stack) -> Secret:
    return Secret(stack.client("secretsmanager"), stack.output("ApiKeysSecretArn"))
