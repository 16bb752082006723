"""The simulated account at Taqnyat: its token, its balance, its switches; and its refusals.

All amounts are in the account's currency; the price is that of one recipient.
"""

import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Any

from pydantic import Field

from local.simulator.call import Call, is_address
from local.simulator.fields import Amount, Flag, Given, Text, read
from local.simulator.limits import Limit

NO_CODE = 0
# Of a domain that nobody can own: no account has it, so `taqnyat-mail verify` can be tried here.
NEVER_APPROVED = "not-approved@example.com"
_ENDLESS = Decimal(1_000_000)
_DATE = "%d-%m-%Y"


def _in_a_year() -> str:
    return (datetime.now(UTC) + timedelta(days=365)).strftime(_DATE)


class Settings(Given):
    """What can be changed. `balance` None: no limit; `senders` None: any is accepted.

    `limit` is a hard rate limit (None: there is none). `shown_balance` is what /account/balance
    says in place of the truth; `expires`, as 31-12-2027, and `status` stand beside it there.
    """

    token: Text = Field(default_factory=lambda: secrets.token_hex(16))
    balance: Amount | None = None
    price: Amount = Decimal(1)
    enabled: Flag = True
    ip_allowed: Flag = True
    senders: tuple[Text, ...] | None = None
    limit: Limit | None = None
    shown_balance: Amount | None = None
    expires: Text = Field(default_factory=_in_a_year)
    status: Text = "active"


class Account(Settings):
    """The account: its settings, and what was spent."""

    spent: Decimal = Decimal(0)

    def show(self) -> dict[str, Any]:
        """Return the state as JSON; the token is not shown."""
        shown = self.model_dump(mode="json", exclude={"token"})
        for name in ("balance", "shown_balance"):
            shown[name] = None if shown[name] is None else float(shown[name])
        return {**shown, "price": plain(self.price), "spent": plain(self.spent)}

    @property
    def said_balance(self) -> Decimal:
        """What /account/balance says that is left."""
        if self.shown_balance is not None:
            return self.shown_balance
        return _ENDLESS - self.spent if self.balance is None else self.balance

    def kept(self) -> dict[str, Any]:
        """Return the fields with which `changed` makes this account again, with the token."""
        return self.model_dump(mode="json", exclude={"spent"})

    def changed(self, change: object) -> "Account":
        """Return the account with the given fields changed.

        Raises:
            FieldError: a field is unknown or its value is wrong.

        """
        given = read(Settings, change)
        return self.model_copy(
            update={name: getattr(given, name) for name in given.model_fields_set}
        )

    def cost(self, call: Call) -> Decimal:
        """Return what this mail costs."""
        return self.price * len(call.recipients)

    def charged(self, call: Call) -> "Account":
        """Return the account after this mail was paid."""
        cost = self.cost(call)
        left = None if self.balance is None else self.balance - cost
        return self.model_copy(update={"balance": left, "spent": self.spent + cost})

    def refusal(self, call: Call) -> int | None:
        """Return the ErrorCode with which the guide refuses this mail, None if it is accepted.

        The guide has no code for a missing campaign name; it gives `NO_CODE`.
        """
        return next((code for code, applies in _REFUSALS if applies(self, call)), None)

    def may_send_from(self, sender: str) -> bool:
        """Return whether this is a bare address that the account has registered."""
        if not is_address(sender) or sender.lower() == NEVER_APPROVED:
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
