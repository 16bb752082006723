"""DynamoDB: one table with a partition key `pk`, and perhaps a sort key `sk`, in memory.

Refuses what DynamoDB refuses of the calls that the outbox makes: placeholders without use,
overlapping paths, attributes that are not there, items above 400 KB, empty keys. Items whose `ttl`
has passed are deleted, at once or as late as a test likes: DynamoDB promises neither.
"""

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from tests.faults.standins.errors import client_error, only
from tests.faults.standins.expressions import (
    ExpressionError,
    Item,
    Parsed,
    Scope,
    Value,
    condition,
    update,
)

MAX_ITEM_BYTES = 400 * 1024
_PER_ELEMENT = 1
_PER_DOCUMENT = 3
# The keys of the index: their type is checked with every write.
_INDEX_KEYS = ("client", "created")
_INDEX_ALL = {"pk", *_INDEX_KEYS}
MAX_KEY_BYTES = 2048
MAX_TRANSACTION = 100
MAX_BATCH = 100
MAX_BATCH_WRITE = 25

# The one attribute that grows; sizes are reckoned only where it has.
_NONE: Value = {"L": []}
_MANY = 100

Observer = Callable[[Item | None, Item], None]


class Dynamo:
    """The table. `observer` is told of every write: the item before (None for a new one), after.

    `deletes_after` is how many seconds an item outlives its `ttl`.
    """

    keys: tuple[str, ...] = ("pk",)

    def __init__(
        self,
        table: str,
        observer: Observer | None = None,
        clock: Callable[[], float] = lambda: 0.0,
        deletes_after: float = 0.0,
    ) -> None:
        self.items: dict[str, Item] = {}
        self.deletes_after = deletes_after
        self._clock = clock
        self.answers_at_once = MAX_BATCH
        self._table = table
        self._observer = observer

    def get_item(self, **arguments: Any) -> Any:
        self.expire()
        table, key, _ = only(arguments, "TableName", "Key", "ConsistentRead")
        item = self.items.get(self._key("GetItem", table, key))
        return {} if item is None else {"Item": dict(item)}

    def put_item(self, **arguments: Any) -> Any:
        self.expire()
        table, item, expression, names, values, on_failure = only(
            arguments,
            "TableName",
            "Item",
            "ConditionExpression",
            "ExpressionAttributeNames",
            "ExpressionAttributeValues",
            "ReturnValuesOnConditionCheckFailure",
        )
        key = self._key("PutItem", table, {name: item[name] for name in self.keys})
        parsed = _parsed("PutItem", condition, expression) if expression else None
        self._check("PutItem", key, parsed, None, names, values, on_failure)
        self._write("PutItem", key, dict(item))
        return {}

    def update_item(self, **arguments: Any) -> Any:
        self.expire()
        table, key, change, expression, names, values, returns, on_failure = only(
            arguments,
            "TableName",
            "Key",
            "UpdateExpression",
            "ConditionExpression",
            "ExpressionAttributeNames",
            "ExpressionAttributeValues",
            "ReturnValues",
            "ReturnValuesOnConditionCheckFailure",
        )
        pk = self._key("UpdateItem", table, key)
        test = _parsed("UpdateItem", condition, expression) if expression else None
        parsed = _parsed("UpdateItem", update, change)
        self._check("UpdateItem", pk, test, parsed, names, values, on_failure)
        scope = Scope(self.items.get(pk) or dict(key), names or {}, values or {})
        try:
            item = parsed.apply(scope)
        except ExpressionError as error:
            raise client_error("UpdateItem", "ValidationException", str(error)) from None
        if any(item[name] != key[name] for name in self.keys):
            raise client_error("UpdateItem", "ValidationException", "Cannot update a key")
        self._write("UpdateItem", pk, item)
        return {"Attributes": dict(item)} if returns == "ALL_NEW" else {}

    def transact_write_items(self, **arguments: Any) -> Any:
        """Put items that must not be there yet, or change some: all or none."""
        self.expire()
        (entries,) = only(arguments, "TransactItems")
        operation = "TransactWriteItems"
        writes: dict[str, Item] = {}
        reasons: list[dict[str, Any]] = []
        for entry in entries:
            key, item, reason = self._part(entry)
            if key in writes:
                raise client_error(operation, "ValidationException", "one item twice")
            writes[key] = item
            reasons.append(reason)
        if not 1 <= len(writes) <= MAX_TRANSACTION:
            raise client_error(operation, "ValidationException", "1 to 100 items")
        if any(reason["Code"] != "None" for reason in reasons):
            raise client_error(
                operation, "TransactionCanceledException", CancellationReasons=reasons
            )
        for key, item in writes.items():
            self._write(operation, key, item)
        return {}

    def _part(self, entry: Any) -> tuple[str, Item, dict[str, Any]]:
        """Return the key of a part of a transaction, the item that it makes, and what hinders."""
        operation = "TransactWriteItems"
        ((kind, given),) = entry.items()
        named = ("ExpressionAttributeNames", "ExpressionAttributeValues")
        asked = ("ConditionExpression", *named, "ReturnValuesOnConditionCheckFailure")
        if kind == "Put":
            table, item, test, names, values, shown = only(given, "TableName", "Item", *asked)
            key = self._key(operation, table, {"pk": item["pk"]})
            parsed = _parsed(operation, condition, test)
            return key, dict(item), self._reason(key, parsed, None, names, values, shown)
        if kind != "Update":
            raise client_error(operation, "ValidationException", "only Put and Update")
        table, at, change, test, names, values, shown = only(
            given, "TableName", "Key", "UpdateExpression", *asked
        )
        key = self._key(operation, table, at)
        made, parsed = _parsed(operation, update, change), _parsed(operation, condition, test)
        reason = self._reason(key, parsed, made, names, values, shown)
        item = self.items.get(key) or dict(at)
        if reason["Code"] == "None":
            item = made.apply(Scope(item, names or {}, values or {}))
        return key, item, reason

    def query(self, **arguments: Any) -> Any:
        """Read the keys of one client's items from the index, in the order of `created`."""
        self.expire()
        table, index, expression, names, values, forward, limit, start = only(
            arguments,
            "TableName",
            "IndexName",
            "KeyConditionExpression",
            "ExpressionAttributeNames",
            "ExpressionAttributeValues",
            "ScanIndexForward",
            "Limit",
            "ExclusiveStartKey",
        )
        if (table, index, expression) != (self._table, "by-client", "#client = :client"):
            raise client_error("Query", "ValidationException")
        if names != {"#client": "client"} or (start is not None and set(start) != _INDEX_ALL):
            raise client_error("Query", "ValidationException")
        found = [
            {name: item[name] for name in _INDEX_ALL}
            for item in list(self.items.values())  # other threads write meanwhile
            if item.keys() >= _INDEX_ALL and item["client"] == values[":client"]
        ]
        found.sort(key=_order, reverse=forward is False)
        if start is not None:
            from_there = [
                item
                for item in found
                if (
                    _order(item) < _order(start)
                    if forward is False
                    else _order(item) > _order(start)
                )
            ]
            found = from_there
        return {"Items": found[:limit]}

    def batch_get_item(self, **arguments: Any) -> Any:
        """Read up to `answers_at_once` items, in no order; the other keys are unprocessed."""
        self.expire()
        (requests,) = only(arguments, "RequestItems")
        keys = [
            self._key("BatchGetItem", table, key)
            for table, request in requests.items()
            for key in only(request, "Keys", "ConsistentRead")[0]
        ]
        if not 1 <= len(set(keys)) == len(keys) <= MAX_BATCH:
            raise client_error("BatchGetItem", "ValidationException", "1 to 100 different keys")
        now, later = keys[: self.answers_at_once], keys[self.answers_at_once :]
        items = [dict(self.items[key]) for key in sorted(now) if key in self.items]
        answer: dict[str, Any] = {"Responses": {self._table: items}, "UnprocessedKeys": {}}
        if later:
            answer["UnprocessedKeys"][self._table] = {"Keys": [{"pk": {"S": key}} for key in later]}
        return answer

    def expire(self) -> None:
        """Delete the items whose time has come, as DynamoDB does of itself."""
        past = self._clock() - self.deletes_after
        gone = [
            key for key, item in list(self.items.items()) if "ttl" in item and _ttl(item) < past
        ]
        for key in gone:
            del self.items[key]

    def _reason(
        self,
        key: str,
        test: Parsed | None,
        change: Parsed | None,
        names: Any,
        values: Any,
        on_failure: object,
    ) -> dict[str, Any]:
        try:
            self._check("TransactWriteItems", key, test, change, names, values, on_failure)
        except ClientError as error:
            said: dict[str, Any] = {**error.response}
            if said["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            shown = {"Item": said["Item"]} if "Item" in said else {}
            return {"Code": "ConditionalCheckFailed", **shown}
        return {"Code": "None"}

    def _key(self, operation: str, table: object, key: Any) -> str:
        if table != self._table:
            raise client_error(operation, "ResourceNotFoundException", "no such table")
        known = set(key) == set(self.keys) and all(set(key[name]) == {"S"} for name in self.keys)
        if not known or not all(1 <= len(key[name]["S"].encode()) <= MAX_KEY_BYTES for name in key):
            raise client_error(operation, "ValidationException", "the key does not match")
        return "\0".join(str(key[name]["S"]) for name in self.keys)

    def _check(
        self,
        operation: str,
        key: str,
        test: Parsed | None,
        change: Parsed | None,
        names: Any,
        values: Any,
        on_failure: object,
    ) -> None:
        used = frozenset[str]().union(*(parsed.used for parsed in (test, change) if parsed))
        if unused := {*(names or {}), *(values or {})} - used:
            message = f"unused in expressions: {', '.join(sorted(unused))}"
            raise client_error(operation, "ValidationException", message)
        standing = self.items.get(key)
        try:
            holds = test is None or test.test(Scope(standing or {}, names or {}, values or {}))
        except ExpressionError as error:
            raise client_error(operation, "ValidationException", str(error)) from None
        if not holds:
            shown = standing is not None and on_failure == "ALL_OLD"
            more = {"Item": dict(standing)} if shown and standing is not None else {}
            raise client_error(
                operation,
                "ConditionalCheckFailedException",
                "The conditional request failed",
                **more,
            )

    def _write(self, operation: str, key: str, item: Item) -> None:
        for name in _INDEX_KEYS:
            if name in item and not item[name].get("S"):
                raise client_error(
                    operation, "ValidationException", f"index key {name} is not text"
                )
        if len(item.get("attempts", _NONE)["L"]) > _MANY and _size(item) > MAX_ITEM_BYTES:
            raise client_error(operation, "ValidationException", "Item size exceeds the maximum")
        before = self.items.get(key)
        self.items[key] = item
        if self._observer:
            self._observer(before, item)


class SortedDynamo(Dynamo):
    """The same with a sort key: what is asked of the table of webhooks."""

    keys = ("pk", "sk")

    def query(self, **arguments: Any) -> Any:
        """Read a partition in the order of its sort key, or a part between two of them."""
        table, expression, values, consistent, forward, limit = only(
            arguments,
            "TableName",
            "KeyConditionExpression",
            "ExpressionAttributeValues",
            "ConsistentRead",
            "ScanIndexForward",
            "Limit",
        )
        first, last = "", "\U0010ffff"
        between = expression == "pk = :pk AND sk BETWEEN :first AND :last"
        used = {":pk", ":first", ":last"} if between else {":pk"}
        if values.keys() != used or not (between or expression == "pk = :pk"):
            raise client_error("Query", "ValidationException")
        if between:
            first, last = values[":first"]["S"], values[":last"]["S"]
        if table != self._table or not consistent or first > last:
            raise client_error("Query", "ValidationException")
        found = [
            dict(item)
            for item in list(self.items.values())  # other threads write meanwhile
            if item["pk"] == values[":pk"] and first <= item["sk"]["S"] <= last
        ]
        found.sort(key=lambda item: str(item["sk"]["S"]), reverse=forward is False)
        return {"Items": found[:limit]}

    def delete_item(self, **arguments: Any) -> Any:
        table, key, expression, names, values = only(
            arguments,
            "TableName",
            "Key",
            "ConditionExpression",
            "ExpressionAttributeNames",
            "ExpressionAttributeValues",
        )
        place = self._key("DeleteItem", table, key)
        test = _parsed("DeleteItem", condition, expression) if expression else None
        self._check("DeleteItem", place, test, None, names, values, None)
        self.items.pop(place, None)
        return {}

    def batch_write_item(self, **arguments: Any) -> Any:
        """Put and delete up to `answers_at_once` items; the others are unprocessed."""
        (requests,) = only(arguments, "RequestItems")
        ((table, writes),) = requests.items()
        keys = [
            self._key(
                "BatchWriteItem",
                table,
                write["DeleteRequest"]["Key"]
                if "DeleteRequest" in write
                else {name: write["PutRequest"]["Item"][name] for name in self.keys},
            )
            for write in writes
        ]
        if not 1 <= len(set(keys)) == len(keys) <= MAX_BATCH_WRITE:
            raise client_error("BatchWriteItem", "ValidationException", "1 to 25 different keys")
        for key, write in list(zip(keys, writes, strict=True))[: self.answers_at_once]:
            if "PutRequest" in write:
                self._write("BatchWriteItem", key, dict(write["PutRequest"]["Item"]))
            else:
                self.items.pop(key, None)
        left = writes[self.answers_at_once :]
        return {"UnprocessedItems": {table: left} if left else {}}


def _parsed(operation: str, parse: Callable[[str], Parsed], text: str) -> Parsed:
    try:
        return parse(text)
    except ExpressionError as error:
        raise client_error(operation, "ValidationException", str(error)) from None


def _ttl(item: Item) -> int:
    return int(item["ttl"]["N"])


def _order(item: Item) -> tuple[str, str]:
    return item["created"]["S"], item["pk"]["S"]


def _size(item: Item) -> int:
    return sum(len(name.encode()) + _value_size(value) for name, value in item.items())


def _value_size(value: dict[str, Any]) -> int:
    ((kind, inside),) = value.items()
    if kind == "S":
        return len(inside.encode())
    if kind == "N":
        return len(inside) // 2 + 2
    if kind == "L":
        return _PER_DOCUMENT + sum(_value_size(entry) + _PER_ELEMENT for entry in inside)
    if kind == "M":
        return _PER_DOCUMENT + _size(inside) + _PER_ELEMENT * len(inside)
    return 1
