"""The webhooks of a stack, as its API has them."""

from functools import cached_property

from outbox.settings import Settings
from outbox.webhooks.endpoint import Endpoint
from outbox.webhooks.sealing import Seals
from outbox.webhooks.service import Webhooks
from outbox.webhooks.stores import Stores

from ops.errors import OpsError
from ops.stack import Stack


class Office:
    """What the commands use. Raises OpsError where webhooks are turned off."""

    def __init__(self, stack: Stack) -> None:
        """Make no call yet."""
        self._stack = stack

    @cached_property
    def settings(self) -> Settings:
        """The settings of the API's function, which alone has them all."""
        answer = self._stack.client("lambda").get_function_configuration(
            FunctionName=self._stack.output("ApiFunction")
        )
        found = Settings.from_environ(answer["Environment"]["Variables"])
        if not found.webhooks_table:
            raise OpsError(
                f"webhooks are not turned on in {self._stack}",
                "deploy it with the parameter Webhooks=on",
            )
        return found

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
        """What callers may do, done for them."""
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
