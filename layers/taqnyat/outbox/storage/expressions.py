"""DynamoDB's attribute values and expressions, as far as the ledger and the pause need them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from botocore.exceptions import ClientError

Item = dict[str, Any]


class Expression:
    """The names and values of one conditional write.

    Every name is a placeholder, because many are reserved words of DynamoDB.
    """

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.values: dict[str, Any] = {}

    def name(self, attribute: str) -> str:
        """Return the placeholder of an attribute."""
        self.names[f"#{attribute}"] = attribute
        return f"#{attribute}"

    def value(self, value: object) -> str:
        """Return the placeholder of a value."""
        placeholder = f":v{len(self.values)}"
        self.values[placeholder] = pack(value)
        return placeholder

    def set(self, **attributes: object) -> list[str]:
        """Assign the attributes that are not None."""
        return [
            f"{self.name(key)} = {self.value(value)}"
            for key, value in attributes.items()
            if value is not None
        ]

    def set_once(self, **attributes: object) -> list[str]:
        """Assign the attributes that are not None where the item has none yet."""
        return [
            f"{self.name(key)} = if_not_exists({self.name(key)}, {self.value(value)})"
            for key, value in attributes.items()
            if value is not None
        ]

    def add(self, attribute: str, amount: str) -> str:
        """Add the operand `amount` to a number; a missing number counts as 0."""
        name = self.name(attribute)
        return f"{name} = if_not_exists({name}, {self.value(0)}) + {amount}"

    def append(self, attribute: str, entry: object) -> str:
        """Append one entry to a list; a missing list counts as empty."""
        name, empty, entries = self.name(attribute), self.value([]), self.value([entry])
        return f"{name} = list_append(if_not_exists({name}, {empty}), {entries})"


def existing_item(error: ClientError) -> Item | None:
    """Return the item that made a conditional write fail (None if there is no item).

    Raise any other error.
    """
    if error.response.get("Error", {}).get("Code") != "ConditionalCheckFailedException":
        raise error
    return error.response.get("Item")  # type: ignore[return-value]  # not in botocore's types


def pack(value: object) -> dict[str, Any]:
    """Make an attribute value of text, a bool, a whole number, a list or a dict."""
    if isinstance(value, str):
        return {"S": str(value)}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, int):
        return {"N": str(value)}
    if isinstance(value, (list, tuple)):
        return {"L": [pack(item) for item in value]}
    if isinstance(value, dict):
        return {"M": pack_item(value)}
    message = f"cannot keep a {type(value).__name__}"
    raise TypeError(message)


def pack_item(values: dict[str, Any]) -> Item:
    """Make an item, or the inside of a map; fields that are None are left out."""
    return {key: pack(value) for key, value in values.items() if value is not None}


def unpack(value: dict[str, Any]) -> Any:  # noqa: ANN401
    """Make plain Python of an attribute value."""
    ((kind, inside),) = value.items()
    if kind == "N":
        number = Decimal(inside)
        return int(number) if number == number.to_integral_value() else float(number)
    if kind == "L":
        return [unpack(item) for item in inside]
    if kind == "M":
        return unpack_item(inside)
    return inside


def unpack_item(item: Item) -> dict[str, Any]:
    """Make a plain dict of an item."""
    return {key: unpack(value) for key, value in item.items()}
