"""The endpoints in the table: ten places for each client, each taken by a conditional write."""

from __future__ import annotations

from dataclasses import asdict, fields, replace
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from outbox.storage.expressions import Item, existing_item, pack, pack_item, unpack_item
from outbox.webhooks.endpoint import MAX_ENDPOINTS, Endpoint, EndpointError, Sealed

if TYPE_CHECKING:
    from collections.abc import Callable

    from outbox.ports import TableClient

_CLIENTS: Final = "clients"
_TRIES: Final = 5


class Endpoints:
    """All endpoints. Methods raise botocore's errors when DynamoDB does not answer."""

    def __init__(self, dynamo: TableClient, table: str) -> None:
        """Make no call yet."""
        self._dynamo = dynamo
        self._table = table

    def of(self, client: str) -> list[Endpoint]:
        """Return a client's endpoints, the oldest first."""
        found = [endpoint for _, endpoint in self._places(client)]
        return sorted(found, key=lambda endpoint: (endpoint.created, endpoint.id))

    def get(self, client: str, endpoint_id: str) -> Endpoint | None:
        """Return one endpoint of a client."""
        found = [endpoint for endpoint in self.of(client) if endpoint.id == endpoint_id]
        return found[0] if found else None

    def clients(self) -> list[str]:
        """Return all clients that have, or had, an endpoint."""
        return [str(item["sk"]["S"]) for item in self._query(_CLIENTS)]

    def create(self, endpoint: Endpoint) -> None:
        """Keep a new endpoint.

        Raises:
            EndpointError: its client already has the maximum.

        """
        # List the client first: a listed client without an endpoint does no harm.
        self._put({"pk": _CLIENTS, "sk": endpoint.client})
        taken = {place for place, _ in self._places(endpoint.client)}
        for place in (str(number) for number in range(MAX_ENDPOINTS)):
            if place not in taken and self._write(place, endpoint, None):
                return
        raise EndpointError("endpoint", f"is one more than the {MAX_ENDPOINTS} that a key may have")

    def change(
        self, client: str, endpoint_id: str, changed: Callable[[Endpoint], Endpoint]
    ) -> Endpoint | None:
        """Change an endpoint, and return it as it is then; None if there is none.

        Raises:
            EndpointError: others changed it at the same time, again and again.

        """
        for _ in range(_TRIES):
            found = [(at, found) for at, found in self._places(client) if found.id == endpoint_id]
            if not found:
                return None
            ((place, before),) = found
            after = replace(changed(before), revision=before.revision + 1)
            if self._write(place, after, before):
                return after
        raise EndpointError("endpoint", "is being changed by others; try again")

    def remove(self, client: str, endpoint_id: str) -> bool:
        """Remove an endpoint; return whether there was one."""
        for place, endpoint in self._places(client):
            if endpoint.id == endpoint_id:
                try:
                    self._dynamo.delete_item(
                        TableName=self._table,
                        Key=_key(client, place),
                        ConditionExpression="#id = :id",
                        ExpressionAttributeNames={"#id": "id"},
                        ExpressionAttributeValues={":id": pack(endpoint_id)},
                    )
                except ClientError as error:
                    existing_item(error)  # another call has just removed it
                return True
        return False

    def _places(self, client: str) -> list[tuple[str, Endpoint]]:
        items = self._query(_partition(client))
        return [(item["sk"]["S"], _endpoint(item, client)) for item in items]

    def _query(self, partition: str) -> list[Item]:
        found: list[Item] = []
        start: dict[str, Any] = {}
        while True:
            answer = self._dynamo.query(
                TableName=self._table,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": pack(partition)},
                ConsistentRead=True,
                **start,
            )
            found += answer["Items"]
            if not answer.get("LastEvaluatedKey"):
                return found
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def _write(self, place: str, endpoint: Endpoint, before: Endpoint | None) -> bool:
        kept = {
            **asdict(endpoint),
            "secrets": [asdict(sealed) for sealed in endpoint.secrets],
            "pk": _partition(endpoint.client),
            "sk": place,
        }
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(pk)"}
        if before is not None:
            condition = {
                "ConditionExpression": "#id = :id AND #revision = :revision",
                "ExpressionAttributeNames": {"#id": "id", "#revision": "revision"},
                "ExpressionAttributeValues": {
                    ":id": pack(before.id),
                    ":revision": pack(before.revision),
                },
            }
        condition["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        try:
            self._put(kept, **condition)
        except ClientError as error:
            item = existing_item(error)
            # Our own write: its answer was lost, and the SDK repeated it.
            return bool(item) and _endpoint(item or {}, endpoint.client) == endpoint
        return True

    def _put(self, values: dict[str, Any], **more: Any) -> None:  # noqa: ANN401  botocore's
        self._dynamo.put_item(TableName=self._table, Item=pack_item(values), **more)


def _partition(client: str) -> str:
    return f"endpoints/{client}"


def _key(client: str, place: str) -> Item:
    return pack_item({"pk": _partition(client), "sk": place})


def _endpoint(item: Item, client: str) -> Endpoint:
    values = unpack_item(item)
    known = {field.name: values[field.name] for field in fields(Endpoint) if field.name in values}
    secrets = tuple(Sealed(**sealed) for sealed in known["secrets"])
    return Endpoint(
        **{**known, "client": client, "events": tuple(known["events"]), "secrets": secrets}
    )
