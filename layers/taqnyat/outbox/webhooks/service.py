"""The actions on endpoints, for a caller or for an operator: each caller has its own."""

from __future__ import annotations

import time
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from outbox.mail.times import iso
from outbox.webhooks.endpoint import Endpoint, EndpointError, read_changes, read_new
from outbox.webhooks.events import trial
from outbox.webhooks.recording import Recorder
from outbox.webhooks.signature import new_secret
from outbox.webhooks.targets import RefusedTargetError, Resolver, read_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from outbox.webhooks.deliveries import Delivery
    from outbox.webhooks.sealing import Seals
    from outbox.webhooks.stores import Stores

# How long the old secret still signs after a rotation.
ROTATION_SECONDS: Final = 86400
MAX_SECRETS: Final = 5  # each is a signature in the headers
_LOOKUP_SECONDS: Final = 3.0


class Webhooks:
    """Endpoints and their events. Raises botocore's errors when AWS does not answer."""

    def __init__(
        self,
        stores: Stores,
        seals: Seals,
        *,
        loopback: bool,
        clock: Callable[[], float] = time.time,
        resolver: Callable[..., Resolver] = Resolver,
    ) -> None:
        """`loopback` allows plain http on this machine: for the local stack."""
        self._stores = stores
        self._seals = seals
        self._loopback = loopback
        self._clock = clock
        self._resolver = resolver

    def list(self, client: str) -> list[Endpoint]:
        """Return a client's endpoints, the oldest first."""
        return self._stores.endpoints.of(client)

    def get(self, client: str, endpoint_id: str) -> Endpoint | None:
        """Return one of a client's endpoints."""
        return self._stores.endpoints.get(client, endpoint_id)

    def create(self, client: str, data: object) -> tuple[Endpoint, str]:
        """Make an endpoint; return it and its secret, which is shown only now.

        Raises:
            EndpointError: the data is not valid, or its client already has the maximum.

        """
        given = read_new(data, loopback=self._loopback)
        self._look_up(given["url"])
        endpoint_id, secret = str(uuid.uuid4()), new_secret()
        sealed = self._seals.seal(secret, client, endpoint_id)
        created = iso(self._clock())
        endpoint = Endpoint(
            id=endpoint_id, client=client, secrets=(sealed,), created=created, **given
        )
        self._stores.endpoints.create(endpoint)
        return endpoint, secret

    def change(self, client: str, endpoint_id: str, data: object) -> Endpoint | None:
        """Change an endpoint; return it as it is then, or None if there is none.

        Raises:
            EndpointError: the data is not valid.

        """
        changes = read_changes(data, endpoint_id, loopback=self._loopback)
        if "url" in changes:
            self._look_up(changes["url"])
        return self._change(client, endpoint_id, **changes)

    def rotate(self, client: str, endpoint_id: str) -> str | None:
        """Give an endpoint a new secret and return it, or None if there is no such endpoint.

        Each old secret also signs for a day from when it was replaced.
        """
        secret, until = new_secret(), int(self._clock()) + ROTATION_SECONDS
        sealed = self._seals.seal(secret, client, endpoint_id)

        def rotated(found: Endpoint) -> Endpoint:
            # A call that is repeated because its answer was lost must not drop the secret in use.
            older = [
                replace(each, until=each.until or until)
                for each in found.secrets[: MAX_SECRETS - 1]
                if not each.until or self._clock() < each.until
            ]
            return replace(found, secrets=(sealed, *older))

        found = self._stores.endpoints.change(client, endpoint_id, rotated)
        return None if found is None else secret

    def remove(self, client: str, endpoint_id: str) -> bool:
        """Remove an endpoint; return whether there was one."""
        return self._stores.endpoints.remove(client, endpoint_id)

    def test(self, endpoint: Endpoint) -> str:
        """Deliver an event without content; return its id."""
        event = trial(self._clock(), uuid.uuid4().hex)
        self._stores.deliveries.keep(endpoint.id, [event])
        self._wake(endpoint, now=True)
        return event.id

    def replay(self, endpoint: Endpoint, deliveries: Iterable[Delivery]) -> None:
        """Deliver events again that are done."""
        self._stores.deliveries.replay(endpoint.id, deliveries)
        self._wake(endpoint, now=True)

    def _change(self, client: str, endpoint_id: str, **changes: Any) -> Endpoint | None:  # noqa: ANN401  of `read_changes`
        found = self._stores.endpoints.change(
            client, endpoint_id, lambda found: replace(found, **changes)
        )
        if found is not None:
            # Whoever gives a new URL, or enables it, expects the events that waited.
            self._wake(found, now="url" in changes or bool(changes.get("enabled")))
        return found

    def _wake(self, endpoint: Endpoint, *, now: bool) -> None:
        Recorder(self._stores).wake(endpoint, now=now)

    def _look_up(self, url: str) -> None:
        target = read_url(url, loopback=self._loopback)
        try:
            self._resolver(loopback=target.loopback)(target.host, target.port, _LOOKUP_SECONDS)
        except RefusedTargetError:
            message = "leads to an address of a private, local or reserved network"
            raise EndpointError("endpoint", message) from None
        except OSError:
            raise EndpointError("endpoint", "names a host that has no address") from None
