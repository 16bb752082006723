"""The account's balance and forecast: one item in the table, written by the status check."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from outbox.storage.expressions import pack_item, unpack_item

if TYPE_CHECKING:
    from outbox.ports import DynamoClient

_KEY: Final = {"pk": "#money"}


@dataclass(frozen=True, slots=True)
class Reading:
    """The balance that Taqnyat reported at a time (epoch seconds)."""

    at: int
    balance: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """The readings of the balance, and the forecast from them.

    `checked_at` is the time of the last check (epoch seconds, 0: never). `trouble` is why that
    check got no balance, and `failures` how many checks in a row failed. `proof` is a Proof;
    `fell`, `spent` (in the account's currency), `mails` and `minutes` are its basis. `minutes_left`
    is None if it is not known. The operators have had a notice of `told_trouble` and `told_expiry`.
    """

    checked_at: int = 0
    trouble: str = ""
    failures: int = 0
    currency: str = ""
    status: str = ""
    expires: str = ""
    readings: tuple[Reading, ...] = ()
    proof: str = "open"
    fell: Decimal = Decimal(0)
    spent: Decimal = Decimal(0)
    mails: int = 0
    minutes: int = 0
    minutes_left: int | None = None
    told_trouble: bool = False
    told_expiry: str = ""

    @property
    def last(self) -> Reading | None:
        """The newest reading."""
        return self.readings[-1] if self.readings else None


class MoneyTable:
    """The item. Methods raise botocore's errors when DynamoDB does not answer."""

    def __init__(self, dynamo: DynamoClient, table: str) -> None:
        self._dynamo = dynamo
        self._table = table

    def read(self) -> Money:
        """Read it; empty before the first check."""
        answer = self._dynamo.get_item(TableName=self._table, Key=pack_item(_KEY))
        found = unpack_item(answer.get("Item") or {})
        return Money(**{key: _unpacked(key, found[key]) for key in _NAMES if key in found})

    def write(self, money: Money) -> None:
        """Replace the item."""
        values = {name: _packed(getattr(money, name)) for name in _NAMES}
        self._dynamo.put_item(TableName=self._table, Item=pack_item({**_KEY, **values}))


_NAMES: Final = tuple(field.name for field in fields(Money))
_AMOUNTS: Final = {"fell", "spent"}


def _packed(value: Any) -> Any:  # noqa: ANN401  any of the fields
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, tuple):
        return [f"{reading.at} {reading.balance}" for reading in value]
    return value


def _unpacked(name: str, value: Any) -> Any:  # noqa: ANN401  any of the fields
    if name in _AMOUNTS:
        return Decimal(value)
    if name == "readings":
        pairs = (text.split() for text in value)
        return tuple(Reading(int(at), Decimal(balance)) for at, balance in pairs)
    return value


def with_reading(money: Money, reading: Reading) -> Money:
    """Add a reading, and drop readings that are too old.

    Of readings that follow each other closely only the newest is kept, so that the item stays
    small even with frequent checks.
    """
    kept = [old for old in money.readings if reading.at - old.at <= _KEEP_SECONDS]
    if len(kept) > 1 and kept[-1].at - kept[-2].at < _APART_SECONDS:
        kept.pop()
    return replace(money, readings=(*kept, reading))


# CloudWatch answers with at most 1,440 minutes.
_KEEP_SECONDS: Final = 23 * 3600
_APART_SECONDS: Final = 600
