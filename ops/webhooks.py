"""The webhooks of a stack, with the settings of its API."""

from dataclasses import dataclass
from functools import cached_property

from outbox.settings import Settings
from outbox.webhooks.endpoint import Endpoint
from outbox.webhooks.sealing import Seals
from outbox.webhooks.service import Webhooks
from outbox.webhooks.stores import Stores

from ops import watch
from ops.errors import OpsError
from ops.stack import Stack


@dataclass(frozen=True, slots=True)
class Standing:
    """How the endpoints of a stack do, and the queue that wakes them.

    `oldest_seconds` is the age of its oldest message, None where SQS has measured none.
    """

    endpoints: int
    paused: tuple[Endpoint, ...]
    queue: watch.Depth
    oldest_seconds: float | None


class Office:
    """The webhooks for the commands. Raises OpsError if webhooks are turned off."""

    def __init__(self, stack: Stack) -> None:
        """Make no call yet."""
        self._stack = stack

    @cached_property
    def _settings(self) -> Settings:
        answer = self._stack.client("lambda").get_function_configuration(
            FunctionName=self._stack.output("ApiFunction")
        )
        return Settings.from_environ(answer["Environment"]["Variables"])

    @property
    def settings(self) -> Settings:
        """The settings of the API's function, the only one that has them all."""
        if not self._settings.webhooks_table:
            raise OpsError(
                f"webhooks are not turned on in {self._stack}",
                "deploy it with the parameter Webhooks=on",
            )
        return self._settings

    def standing(self) -> Standing | None:
        """Look at all endpoints and at their queue; None where webhooks are turned off."""
        if not self._settings.webhooks_table:
            return None
        places = self.stores.endpoints
        found = [endpoint for client in sorted(places.clients()) for endpoint in places.of(client)]
        url = self.settings.webhook_queue_url
        return Standing(
            endpoints=len(found),
            paused=tuple(endpoint for endpoint in found if endpoint.paused_at),
            queue=watch.depth_of(self._stack, url),
            oldest_seconds=watch.oldest_seconds(self._stack, url),
        )

    @cached_property
    def stores(self) -> Stores:
        """The table's views, and the queue."""
        return Stores.of(
            self._stack.client("dynamodb"),
            self.settings.webhooks_table,
            self._stack.client("sqs"),
            self.settings.webhook_queue_url,
        )

    @cached_property
    def webhooks(self) -> Webhooks:
        """The service for callers, used on their behalf."""
        return Webhooks(
            self.stores,
            Seals(self._stack.client("kms"), self.settings.webhook_key_arn),
            loopback=self.settings.webhook_loopback == "on",
        )

    def endpoint(self, client: str, endpoint_id: str) -> Endpoint:
        """Return an endpoint.

        Raises:
            OpsError: the client has none of this id.

        """
        found = self.webhooks.get(client, endpoint_id)
        if found is None:
            raise OpsError(
                f"{client} has no endpoint of this id", f"`webhooks list {client}` shows them"
            )
        return found
