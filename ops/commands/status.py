"""`status`: one screen with the state of everything."""

import contextlib
import time
from typing import Any

import click
from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from ops import watch
from ops.commands.frame import on_a_stack
from ops.commands.given import Amount
from ops.screen import Screen, ago, facts
from ops.stack import Stack
from ops.webhooks import Office


@click.command("status")
@click.option("--watch", "again", is_flag=True, help="Refresh it until Ctrl-C.")
@click.option(
    "--every",
    type=Amount(0.2),
    default=2.0,
    show_default=True,
    help="Seconds between two refreshes.",
)
@click.option(
    "--minutes",
    type=click.IntRange(1, 1440),
    default=60,
    show_default=True,
    help="Count the mails of this many minutes.",
)
@on_a_stack
def command(stack: Stack, screen: Screen, *, again: bool, every: float, minutes: int) -> None:
    """Show sending, queues, Taqnyat, alarms and counts on one screen."""
    if not again:
        found = snapshot(stack, minutes)
        screen.show(found, picture(found))
        return
    with contextlib.suppress(KeyboardInterrupt):
        if screen.as_json:
            while True:  # one line a look
                screen.show(snapshot(stack, minutes))
                time.sleep(every)
        with Live(console=screen.console, auto_refresh=False) as live:
            while True:
                live.update(picture(snapshot(stack, minutes)), refresh=True)
                time.sleep(every)


def snapshot(stack: Stack, minutes: int) -> dict[str, Any]:
    """Return the whole picture, ready for JSON; `webhooks` is null where they are turned off."""
    found = Office(stack).standing()
    webhooks = None
    if found is not None:
        paused = [
            {"client": one.client, "id": one.id, "paused_at": one.paused_at} for one in found.paused
        ]
        queue = watch.as_dict(found.queue) | {"oldest_seconds": found.oldest_seconds}
        webhooks = {"endpoints": found.endpoints, "paused": paused, "queue": queue}
    return watch.snapshot(stack, minutes) | {"webhooks": webhooks}


def picture(found: dict[str, Any]) -> RenderableType:
    """Print a snapshot."""
    sending, queue, failed = found["sending"], found["mail_queue"], found["failed_queue"]
    provider = found["provider"]
    paused = Text("active", style="bold green")
    if sending["paused"]:
        detail = f" ({sending['detail']})" if sending["detail"] else ""
        paused = Text(f"PAUSED: {sending['reason']}{detail}", style="bold red")
        paused.append(f", by {sending['by']} since {sending['since']}", style="not bold")
        if sending["next_probe"]:
            paused.append(f", next try {sending['next_probe']}", style="not bold")
    bulk = found["bulk_queue"]
    counts = {name.removeprefix("Mail").lower(): value for name, value in found["counts"].items()}
    in_failed = sum(failed[key] for key in ("waiting", "in_flight", "delayed"))
    return Group(
        Text(f"{found['stack']}  {found['at']}", style="bold"),
        facts(
            {
                "sending": paused,
                "mail queue": _queue(queue),
                "bulk lane": None if bulk is None else _queue(bulk),
                "failed queue": Text(str(in_failed), style="yellow" if in_failed else ""),
                "webhooks": _webhooks(found["webhooks"]),
                "Taqnyat": _provider(provider),
                "balance": found["balance"]["text"],
                "mapping": ", ".join(found["mapping"]),
                "alarms": Text(", ".join(found["alarms"]) or "none", style=_red(found["alarms"])),
                f"last {found['last_minutes']} min": ", ".join(
                    f"{value} {name}" for name, value in counts.items()
                ),
            }
        ),
    )


def _queue(queue: dict[str, Any]) -> str:
    oldest = queue["oldest_seconds"]  # SQS reports it a little later
    is_empty = not (queue["waiting"] or queue["in_flight"] or queue["delayed"])
    waited = "" if oldest is None or is_empty else f", the oldest for {ago(oldest)}"
    counts = f"{queue['waiting']} waiting, {queue['in_flight']} in flight"
    return f"{counts}, {queue['delayed']} delayed{waited}"


def _webhooks(found: dict[str, Any] | None) -> Text | None:
    if found is None:
        return None
    text = Text(f"{found['endpoints']} endpoint(s)")
    if found["paused"]:
        text.append(f", {len(found['paused'])} PAUSED", style="bold red")
    return text.append(f"; {_queue(found['queue'])}")


def _provider(provider: dict[str, Any]) -> Text:
    if provider["up"] is None:
        return Text("not asked yet")
    text = f"{'up' if provider['up'] else 'DOWN'}, {provider['milliseconds']} ms"
    return Text(f"{text}, asked {provider['checked_at']}", style=_red(not provider["up"]))


def _red(trouble: object) -> str:
    return "bold red" if trouble else ""
