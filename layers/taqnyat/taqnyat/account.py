"""The account's balance: `GET /account/balance`.

It is documented for Taqnyat's other channels, not for mail. Only its fall shows whether this
balance pays for mails. Reading is tolerant, as for every answer of Taqnyat.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from taqnyat.transport import Answer

REFUSED: Final = "refused"
UNREADABLE: Final = "unreadable"
_DATES: Final = ("%d-%m-%Y", "%Y-%m-%d")
_FIELDS: Final = ("statusCode", "accountStatus", "accountExpiryDate", "balance", "currency")
# For bodies that are not valid JSON, such as most of the guide's samples.
_FIELD: Final = re.compile(
    rf"""["']?({"|".join(_FIELDS)})["']?\s*:\s*(?:"([^"]*)"|'([^']*)'|([^"',}}\s]+))"""
)
_WORD: Final = re.compile(r"[A-Za-z]{1,20}")
_MOST: Final = Decimal(10) ** 15
# A day's readings are kept in one item, so none has thousands of digits.
_AMOUNT: Final = re.compile(r"[+-]?\d{0,20}\.?\d{0,20}(?:[eE]-\d\d)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountBalance:
    """The balance, and the account's currency, status and last day if they are in the answer.

    `balance` is None if it is not known; `trouble` says why: `refused`, `unreadable`, or the reason
    why there is no token.
    """

    balance: Decimal | None = None
    currency: str = ""
    status: str = ""
    expires: date | None = None
    trouble: str = ""


def read_balance(answer: Answer) -> AccountBalance:
    """Read an answer. Never raises."""
    fields = _fields(answer.body.decode("utf-8", errors="replace"))
    statuses = {answer.status, _whole(fields.get("statusCode"))}
    if statuses & {401, 403}:
        return AccountBalance(trouble=REFUSED)
    balance = _amount(fields.get("balance"))
    if answer.fault or not statuses <= {200, None} or balance is None:
        return AccountBalance(trouble=UNREADABLE)
    return AccountBalance(
        balance=balance,
        currency=_word(fields.get("currency")),
        status=_word(fields.get("accountStatus")),
        expires=_day(fields.get("accountExpiryDate")),
    )


def _fields(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return {name: "".join(values) for name, *values in _FIELD.findall(text)}
    return document if isinstance(document, dict) else {}


def _whole(value: object) -> int | None:
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) == 3 else None  # noqa: PLR2004


def _amount(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    text = str(value).strip()
    if not _AMOUNT.fullmatch(text):
        return None
    try:
        amount = Decimal(text)
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and abs(amount) < _MOST else None


def _word(value: object) -> str:
    return value if isinstance(value, str) and _WORD.fullmatch(value) else ""


def _day(value: object) -> date | None:
    for form in _DATES:
        try:
            return datetime.strptime(str(value), form).replace(tzinfo=UTC).date()
        except ValueError:
            continue
    return None
