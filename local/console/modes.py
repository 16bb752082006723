"""The behaviours of the simulated Taqnyat, each a switch of the console."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from local.simulator.account import Account

OPERATIONAL = "operational"
TOKEN_ROTATED = "token_rotated"  # noqa: S105 - the name of a mode
WELL: dict[str, Any] = {
    "balance": None,
    "enabled": True,
    "ip_allowed": True,
    "limit": None,
    "shown_balance": None,
}


@dataclass(frozen=True, slots=True)
class Mode:
    """One behaviour: its changes of the account, and its rule."""

    name: str
    label: str
    help: str
    group: str
    account: Mapping[str, Any] = field(default_factory=dict)
    rule: Mapping[str, Any] | None = None

    @property
    def state(self) -> tuple[object, ...]:
        """The simulator's state in this mode."""
        rules = [] if self.rule is None else [{"to": None, "times": None, **self.rule}]
        return _state(Account().changed(WELL | dict(self.account)).show(), rules)


def current(account: Mapping[str, Any], rules: list[dict[str, Any]]) -> str | None:
    """Return the mode of what the simulator shows; None if it is none of these."""
    now = _state(account, rules)
    return next((mode.name for mode in MODES if mode.state == now), None)


def _state(account: Mapping[str, Any], rules: list[dict[str, Any]]) -> tuple[object, ...]:
    balance = account["balance"]
    money = "endless" if balance is None else "gone" if balance <= 0 else "drains"
    told = [account[name] for name in ("enabled", "ip_allowed", "limit", "shown_balance")]
    return (money, told, rules)


_ACCOUNT, _RATE, _ONE, _MONEY = "Account", "Rate and failures", "One mail among others", "Balance"
MODES = (
    Mode(OPERATIONAL, "Operational", "Accepts every mail.", ""),
    Mode("balance_empty", "Balance empty", "Code 2: sending pauses.", _ACCOUNT, {"balance": 0}),
    Mode("ip_refused", "IP refused", "Code 102: sending pauses.", _ACCOUNT, {"ip_allowed": False}),
    Mode(TOKEN_ROTATED, "Token rotated", "Code 104: sending pauses.", _ACCOUNT),
    Mode(
        "slow",
        "Slow",
        "Answers after 3 seconds.",
        _RATE,
        rule={"answer": "success", "delay": 3.0},
    ),
    Mode(
        "rate_limited",
        "Rate limited",
        "429 for every mail, for now.",
        _RATE,
        rule={"answer": "status:429", "retry_after": "2"},
    ),
    Mode(
        "limit",
        "Five mails a second",
        "429 above that, without Retry-After.",
        _RATE,
        {"limit": {"per_second": 5}},
    ),
    Mode(
        "limit_in_windows",
        "Fifty in ten seconds",
        "429 above that, with Retry-After.",
        _RATE,
        {"limit": {"per_second": 5, "window": 10, "retry_after": True}},
    ),
    Mode(
        "server_error",
        "Server error",
        "500: mails become unknown.",
        _RATE,
        rule={"answer": "status:500"},
    ),
    Mode(
        "accept_then_hang",
        "Accept, then hang",
        "Accepts the mail and never answers: unknown.",
        _RATE,
        rule={"answer": "hang", "accept": True},
    ),
    Mode(
        "every_other_hangs",
        "Every other call hangs",
        "Half of the calls get no answer: unknown.",
        _RATE,
        rule={"answer": "hang", "every": 2},
    ),
    Mode(
        "word_refused",
        "A word is refused",
        "403 for a body with the word casino.",
        _ONE,
        rule={"answer": "status:403", "word": "casino"},
    ),
    Mode(
        "large_too_dear",
        "Many recipients cost too much",
        "Code 3 for a mail to more than 3.",
        _ONE,
        rule={"answer": "code:3", "more_than": 3},
    ),
    Mode(
        "one_always_429",
        "One mail is always too early",
        "429 for each mail whose subject has the word later.",
        _ONE,
        rule={"answer": "status:429", "subject": "*later*"},
    ),
    Mode(
        "sender_not_found",
        "One sender is not found",
        "404 for mails from news@ any domain.",
        _ONE,
        rule={"answer": "status:404", "from": "news@*"},
    ),
    Mode(
        "balance_drains",
        "Balance falls",
        "60, minus 1 for each recipient: code 3, then 2.",
        _MONEY,
        {"balance": 60},
    ),
    Mode(
        "balance_lies",
        "Balance is wrong",
        "/account/balance always answers 2044.",
        _MONEY,
        {"shown_balance": 2044},
    ),
    Mode(
        "balance_refused",
        "Balance is refused",
        "/account/balance answers 403.",
        _MONEY,
        rule={"answer": "status:403", "target": "balance"},
    ),
)
BY_NAME = {mode.name: mode for mode in MODES}
