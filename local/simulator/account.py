"""The simulated account at Taqnyat: its token, its balance, its switches; and what it refuses.

All amounts are in the account's currency; the price is that of one recipient.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Any

from local.simulator import fields, limits
from local.simulator.call import Call, is_address
from local.simulator.fields import FieldError
from local.simulator.limits import Limit

NO_CODE = 0
_ENDLESS = Decimal(1_000_000)
_DATE = "%d-%m-%Y"


def _new_token() -> str:
    return secrets.token_hex(16)


def _in_a_year() -> str:
    return (datetime.now(UTC) + timedelta(days=365)).strftime(_DATE)


@dataclass(frozen=True, slots=True)
class Account:
    """State of the account. `balance` None: it never runs out; `senders` None: any is accepted.

    `limit` is a hard rate limit (None: there is none). `shown_balance` is what /account/balance
    says in place of the truth; `expires`, as 31-12-2027, and `status` stand beside it there.
    """

    token: str = field(default_factory=_new_token)
    balance: Decimal | None = None
    price: Decimal = Decimal(1)
    enabled: bool = True
    ip_allowed: bool = True
    senders: tuple[str, ...] | None = None
    limit: Limit | None = None
    shown_balance: Decimal | None = None
    expires: str = field(default_factory=_in_a_year)
    status: str = "active"
    spent: Decimal = Decimal(0)

    def show(self) -> dict[str, Any]:
        """Return the state as JSON; the token is not shown."""
        return {
            "balance": None if self.balance is None else float(self.balance),
            "price": plain(self.price),
            "enabled": self.enabled,
            "ip_allowed": self.ip_allowed,
            "senders": None if self.senders is None else list(self.senders),
            "limit": None if self.limit is None else self.limit.show(),
            "shown_balance": None if self.shown_balance is None else float(self.shown_balance),
            "expires": self.expires,
            "status": self.status,
            "spent": plain(self.spent),
        }

    @property
    def said_balance(self) -> Decimal:
        """What /account/balance says that is left."""
        if self.shown_balance is not None:
            return self.shown_balance
        return _ENDLESS - self.spent if self.balance is None else self.balance

    def kept(self) -> dict[str, Any]:
        """Return what `changed` makes this account of again; the token is in it."""
        shown = {name: value for name, value in self.show().items() if name in _READERS}
        return {**shown, "token": self.token}

    def changed(self, change: object) -> "Account":
        """Return the account with the given fields changed.

        Raises:
            FieldError: a field is unknown or its value is wrong.

        """
        given = fields.obj(change, "body", _READERS)
        return replace(self, **{name: _READERS[name](value, name) for name, value in given.items()})

    def cost(self, call: Call) -> Decimal:
        """Return what this mail costs."""
        return self.price * len(call.recipients)

    def charged(self, call: Call) -> "Account":
        """Return the account after this mail was paid."""
        cost = self.cost(call)
        left = None if self.balance is None else self.balance - cost
        return replace(self, balance=left, spent=self.spent + cost)

    def refusal(self, call: Call) -> int | None:
        """Return the ErrorCode with which the guide refuses this mail, None if it is accepted.

        The guide has no code for a missing campaign name; it gives `NO_CODE`.
        """
        return next((code for code, applies in _REFUSALS if applies(self, call)), None)

    def may_send_from(self, sender: str) -> bool:
        """Tell whether this is a bare address that the account has registered."""
        if not is_address(sender):
            return False
        return self.senders is None or any(
            fnmatchcase(sender.lower(), pattern.lower()) for pattern in self.senders
        )


_REFUSALS: tuple[tuple[int, Callable[[Account, Call], bool]], ...] = (
    (104, lambda account, call: not call.has_token(account.token)),
    (101, lambda account, _: not account.enabled),
    (102, lambda account, _: not account.ip_allowed),
    (14, lambda account, call: not account.may_send_from(call.text("from") or "")),
    (15, lambda _, call: not call.recipients or not all(map(is_address, call.recipients))),
    (16, lambda _, call: call.text("subject") is None),
    (17, lambda _, call: call.text("msg") is None),
    (NO_CODE, lambda _, call: call.text("campaignName") is None),
    (2, lambda account, _: account.balance is not None and account.balance <= 0),
    (3, lambda account, call: account.balance is not None and account.balance < account.cost(call)),
)


def plain(value: Decimal) -> str:
    """Return an amount without exponent or trailing zeros, as in `0.05`."""
    return f"{value.normalize():f}"


def _balance(value: object, name: str) -> Decimal | None:
    return None if value is None else fields.amount(value, name)


def _senders(value: object, name: str) -> tuple[str, ...] | None:
    if value is None:
        return None
    if not isinstance(value, list):
        raise FieldError(name, "must be a list of patterns, or null")
    return tuple(fields.text(item, f"{name}[{at}]") for at, item in enumerate(value))


_READERS: dict[str, Callable[[object, str], Any]] = {
    "token": fields.text,
    "balance": _balance,
    "price": fields.amount,
    "enabled": fields.flag,
    "ip_allowed": fields.flag,
    "senders": _senders,
    "limit": limits.read,
    "shown_balance": _balance,
    "expires": fields.text,
    "status": fields.text,
}
