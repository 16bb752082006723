"""`webhooks add`, `list`, `test`, `rotate`, `remove`, `log`, `replay`: the callers' endpoints."""

import time
from collections.abc import Iterator
from typing import Any, Final

import click
from outbox.webhooks.deliveries import DELIVERED, FAILED, Delivery
from outbox.webhooks.endpoint import EVENT_TYPES, MAIL_EVENTS, Endpoint, EndpointError

from ops.commands.frame import on_a_stack, yes_option
from ops.errors import OpsError
from ops.moment import moment
from ops.screen import Screen, facts, table
from ops.stack import Stack
from ops.webhooks import Office

_TEST_SECONDS: Final = 30.0
_LOOK_SECONDS: Final = 0.3
_PAGE: Final = 100
_COLUMNS: Final = ("client", "id", "status", "events", "endpoint")
_LOG: Final = ("event", "type", "outcome", "tries", "at", "status", "ms")


@click.group("webhooks")
def group() -> None:
    """Manage the endpoints of callers, and their events."""


def _of(function: Any) -> Any:  # noqa: ANN401  a command
    """Add the two arguments that name an endpoint."""
    return click.argument("client")(click.argument("endpoint_id", metavar="ID")(function))


@group.command("add")
@click.argument("client")
@click.argument("url")
@click.option(
    "--event",
    "events",
    multiple=True,
    type=click.Choice(EVENT_TYPES),
    default=MAIL_EVENTS,
    show_default=True,
)
@click.option("--include-tags", is_flag=True, help="Include the tags of a mail in its events.")
@on_a_stack
def add(
    stack: Stack,
    screen: Screen,
    client: str,
    url: str,
    *,
    events: tuple[str, ...],
    include_tags: bool,
) -> None:
    """Make an endpoint of CLIENT at URL; the signing secret is shown once."""
    data = {"endpoint": url, "events": list(events), "include_tags": include_tags}
    try:
        endpoint, secret = Office(stack).webhooks.create(client, data)
    except EndpointError as error:
        raise OpsError(str(error)) from None
    _show_secret(screen, endpoint.id, secret)


@group.command("list")
@click.argument("client", required=False)
@on_a_stack
def list_(stack: Stack, screen: Screen, client: str | None) -> None:
    """List the endpoints of CLIENT, or of all."""
    office = Office(stack)
    clients = [client] if client else office.stores.endpoints.clients()
    found = [
        _shown(endpoint) for name in sorted(clients) for endpoint in office.webhooks.list(name)
    ]
    lines = ([_text(entry[column]) for column in _COLUMNS] for entry in found)
    screen.show(found, table(_COLUMNS, lines))


@group.command("test")
@_of
@on_a_stack
def test(stack: Stack, screen: Screen, client: str, endpoint_id: str) -> bool:
    """Send a test event and wait for the result; exit code 1 if it fails."""
    office = Office(stack)
    endpoint = office.endpoint(client, endpoint_id)
    if not endpoint.live:
        raise OpsError("this endpoint is disabled or paused", "enable it with `PATCH /webhooks`")
    event_id = office.webhooks.test(endpoint)
    end = time.monotonic() + _TEST_SECONDS
    while time.monotonic() < end:
        done = office.stores.deliveries.get(endpoint.id, event_id)
        waiting = office.stores.deliveries.waiting(endpoint.id, _PAGE)
        tried = [each for each in waiting if each.event.id == event_id and each.attempts]
        if done or tried:
            found = _line(done or tried[0])
            screen.show(found, facts({key: _text(value) for key, value in found.items()}))
            return done is None or done.outcome != DELIVERED
        time.sleep(_LOOK_SECONDS)
    raise OpsError(
        f"no call was made within {_TEST_SECONDS:.0f} seconds",
        "earlier events may come first: see `webhooks log`",
    )


@group.command("rotate")
@_of
@on_a_stack
def rotate(stack: Stack, screen: Screen, client: str, endpoint_id: str) -> None:
    """Give an endpoint a new signing secret; for a day the old one also signs."""
    office = Office(stack)
    office.endpoint(client, endpoint_id)
    secret = office.webhooks.rotate(client, endpoint_id)
    _show_secret(screen, endpoint_id, secret or "")
    screen.note("For a day each call is also signed with the old secret.")


@group.command("remove")
@_of
@yes_option
@on_a_stack
def remove(stack: Stack, screen: Screen, client: str, endpoint_id: str, *, yes: bool) -> None:
    """Remove an endpoint; its waiting events are not delivered."""
    office = Office(stack)
    office.endpoint(client, endpoint_id)
    screen.confirm(f"Remove this endpoint of {client} in {stack}?", yes=yes)
    office.webhooks.remove(client, endpoint_id)
    screen.show({"id": endpoint_id, "deleted": True}, "Removed.")


@group.command("log")
@_of
@click.option("--since", default="14d", show_default=True, help="2026-11-25, or 2h.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@on_a_stack
def log(
    stack: Stack, screen: Screen, client: str, endpoint_id: str, *, since: str, limit: int
) -> None:
    """Show the waiting events of an endpoint, then those that are done, newest first."""
    office = Office(stack)
    endpoint = office.endpoint(client, endpoint_id)
    waiting = office.stores.deliveries.waiting(endpoint.id, limit)
    begin = moment(since, time.time())
    done = office.stores.deliveries.log(endpoint.id, limit, since=begin)
    found = [_line(each) for each in (*waiting, *done)]
    lines = ([_text(entry[column]) for column in _LOG] for entry in found)
    screen.show(found, table(_LOG, lines), f"{len(waiting)} waiting, {len(done)} done")


@group.command("replay")
@_of
@click.option("--since", help="Events from then on: 2026-11-25, 2026-11-25T08:00Z, or 2h.")
@click.option("--event", "event_id", help="The event of this id.")
@click.option("--all", "everything", is_flag=True, help="Also those that were delivered.")
@yes_option
@on_a_stack
def replay(
    stack: Stack,
    screen: Screen,
    client: str,
    endpoint_id: str,
    *,
    since: str | None,
    event_id: str | None,
    everything: bool,
    yes: bool,
) -> None:
    """Deliver events again: the failed ones since a time, or one event."""
    if (since is None) == (event_id is None):
        raise OpsError("give --since or --event")
    office = Office(stack)
    endpoint = office.endpoint(client, endpoint_id)
    if event_id is not None:
        done = office.stores.deliveries.get(endpoint.id, event_id)
        if done is None:
            raise OpsError("there is no such event in the log", "it keeps 14 days")
        chosen = [done]
    else:
        begin = moment(since or "", time.time())
        chosen = [
            each for each in _all(office, endpoint, begin) if everything or each.outcome == FAILED
        ]
    if chosen:
        screen.confirm(f"Deliver {len(chosen)} event(s) to it again, in {stack}?", yes=yes)
        office.webhooks.replay(endpoint, chosen)
    ids = [each.event.id for each in chosen]
    screen.show({"replayed": ids}, f"{len(ids)} event(s) will be delivered again.")


def _all(office: Office, endpoint: Endpoint, since: float) -> Iterator[Delivery]:
    before = "~"
    while page := office.stores.deliveries.log(endpoint.id, _PAGE, since=since, before=before):
        yield from page
        before = page[-1].event.id


def _shown(endpoint: Endpoint) -> dict[str, Any]:
    status = "enabled" if endpoint.live else "disabled"
    return {
        "client": endpoint.client,
        "id": endpoint.id,
        "status": f"paused since {endpoint.paused_at}" if endpoint.paused_at else status,
        "events": list(endpoint.events),
        "endpoint": endpoint.url,
        "include_tags": endpoint.include_tags,
        "created": endpoint.created,
    }


def _line(delivery: Delivery) -> dict[str, Any]:
    last = delivery.attempts[-1] if delivery.attempts else {}
    return {
        "event": delivery.event.id,
        "type": delivery.event.kind,
        "outcome": delivery.outcome or "waiting",
        "tries": len(delivery.attempts),
        "at": last.get("at"),
        "status": last.get("status") or last.get("reason"),
        "ms": last.get("ms"),
        "attempts": [dict(each) for each in delivery.attempts],
    }


def _text(value: object) -> str:
    if isinstance(value, list):
        return " ".join(str(each) for each in value)
    return "" if value is None else str(value)


def _show_secret(screen: Screen, endpoint_id: str, secret: str) -> None:
    screen.show({"id": endpoint_id, "signing_secret": secret}, f"{endpoint_id}\n{secret}")
    screen.note("This is the only time that the secret is shown.")
