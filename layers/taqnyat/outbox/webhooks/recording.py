"""From events to endpoints: stores each event for the endpoints that want it, and wakes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from outbox import aws
from outbox.webhooks.events import event_of
from outbox.webhooks.queue import Wakeup

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from outbox.webhooks.endpoint import Endpoint
    from outbox.webhooks.events import Event
    from outbox.webhooks.stores import Stores


class Recorder:
    """Stores events for endpoints. Raises botocore's errors when AWS does not answer; then repeat.

    A repeat stores each event in the same place again.
    """

    def __init__(self, stores: Stores) -> None:
        """Make no call yet."""
        self._stores = stores

    def record_changes(self, changes: Iterable[Mapping[str, Any]]) -> int:
        """Store the events of the ledger's changes, from its stream; return how many.

        Raises:
            ClientError: AWS refused; without its text, because Lambda logs what is raised.

        """
        events = [event for change in changes if (event := event_of(change)) is not None]
        try:
            return self.record(events) if events else 0
        except ClientError as error:
            raise aws.redacted(error) from None

    def record(self, events: Sequence[Event]) -> int:
        """Store events for the endpoints that want them, then wake those; return how many."""
        kept = 0
        clients = {event.client for event in events if event.client is not None}
        if any(event.client is None for event in events):
            clients.update(self._stores.endpoints.clients())
        for client in sorted(clients):
            mine = [event for event in events if event.client in {client, None}]
            for endpoint in self._stores.endpoints.of(client):
                wanted = [event for event in mine if endpoint.wants(event.kind)]
                if wanted:
                    self._stores.deliveries.keep(endpoint.id, wanted)
                    self.wake(endpoint)
                    kept += len(wanted)
        return kept

    def wake(self, endpoint: Endpoint, *, now: bool = False) -> None:
        """Send a message for an endpoint, if it is live and needs one; `now` as in `Wakeup`."""
        if endpoint.live and (now or self._stores.turns.wake(endpoint.id)):
            self._stores.queue.send(Wakeup(endpoint.client, endpoint.id, now=now))
