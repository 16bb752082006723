"""The switches: how the simulated Taqnyat behaves, one way at a time."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from local.simulator import Simulator
from local.simulator.account import Account

OPERATIONAL = "operational"
_TOKEN_ROTATED = "token_rotated"  # noqa: S105 - the name of a mode
_CUSTOM = "custom"
_FIELDS = ("balance", "enabled", "ip_allowed", "limit", "shown_balance")  # of the account
_WELL = Account().model_dump(include=set(_FIELDS))


@dataclass(frozen=True, slots=True)
class Mode:
    """One behaviour: its label and a line of help, its changes of the account, and its rules."""

    label: str
    help: str
    account: dict[str, Any] = field(default_factory=dict)
    rules: tuple[dict[str, Any], ...] = ()

    @property
    def state(self) -> tuple[object, ...]:
        """The simulator's state in this mode."""
        rules = [{"to": None, "times": None, **rule} for rule in self.rules]
        return _state(Account().changed(self.account).show(), rules)


def _state(account: Mapping[str, Any], rules: list[dict[str, Any]]) -> tuple[object, ...]:
    balance, *others = (account[name] for name in _FIELDS)
    money = "endless" if balance is None else "gone" if balance <= 0 else "drains"
    return (money, others, rules)


def _rule(label: str, told: str, answer: str, **rule: Any) -> Mode:  # noqa: ANN401 - JSON
    return Mode(label, told, rules=({"answer": answer, **rule},))


_WINDOWS = {"per_second": 5, "window": 10, "retry_after": True}
# By the heading under which they stand, and their names.
_GROUPS: dict[str, dict[str, Mode]] = {
    "": {OPERATIONAL: Mode("Operational", "Accepts every mail.")},
    "Account": {
        "balance_empty": Mode("Balance empty", "Code 2: sending pauses.", {"balance": 0}),
        "ip_refused": Mode("IP refused", "Code 102: sending pauses.", {"ip_allowed": False}),
        _TOKEN_ROTATED: Mode("Token rotated", "Code 104: sending pauses."),
    },
    "Rate and failures": {
        "slow": _rule("Slow", "Answers after 3 seconds.", "success", delay=3.0),
        "rate_limited": _rule(
            "Rate limited", "429 for every mail, for now.", "status:429", retry_after="2"
        ),
        "limit": Mode(
            "Five mails a second",
            "429 above that, without Retry-After.",
            {"limit": {"per_second": 5}},
        ),
        "limit_in_windows": Mode(
            "Fifty in ten seconds", "429 above that, with Retry-After.", {"limit": _WINDOWS}
        ),
        "server_error": _rule("Server error", "500: mails become unknown.", "status:500"),
        "accept_then_hang": _rule(
            "Accept, then hang", "Accepts the mail and never answers: unknown.", "hang", accept=True
        ),
        "every_other_hangs": _rule(
            "Every other call hangs", "Half of the calls get no answer: unknown.", "hang", every=2
        ),
    },
    "One mail among others": {
        "word_refused": _rule(
            "A word is refused",
            "403 for a body with the word casino.",
            "status:403",
            word="casino",
        ),
        "large_too_dear": _rule(
            "Many recipients cost too much",
            "Code 3 for a mail to more than 3.",
            "code:3",
            more_than=3,
        ),
        "one_always_429": _rule(
            "One mail is always too early",
            "429 for each mail whose subject has the word later.",
            "status:429",
            subject="*later*",
        ),
        "sender_not_found": _rule(
            "One sender is not found",
            "404 for mails from news@ any domain.",
            "status:404",
            **{"from": "news@*"},
        ),
    },
    "Balance": {
        "balance_drains": Mode(
            "Balance falls", "60, minus 1 for each recipient: code 3, then 2.", {"balance": 60}
        ),
        "balance_lies": Mode(
            "Balance is wrong", "/account/balance always answers 2044.", {"shown_balance": 2044}
        ),
        "balance_refused": _rule(
            "Balance is refused", "/account/balance answers 403.", "status:403", target="balance"
        ),
    },
}
_BY_NAME = {name: mode for modes in _GROUPS.values() for name, mode in modes.items()}


class Behaviour:
    """The switches of one simulator."""

    def __init__(self, simulator: Simulator, store_token: Callable[[str], None]) -> None:
        """`store_token` puts a token where the gateway reads it."""
        self.simulator = simulator
        self._store_token = store_token
        self._stored = simulator.token

    def switch(self, name: str) -> None:
        """Behave in the named way from now on; a rotated token is stored when this is left.

        Raises:
            KeyError: there is no such way.

        """
        mode = _BY_NAME[name]
        if name == _TOKEN_ROTATED:
            self.simulator.account(token=secrets.token_hex(16))
        elif self.simulator.token != self._stored:
            self._store_token(self.simulator.token)
            self._stored = self.simulator.token
        self.simulator.clear_script()
        self.simulator.account(**(_WELL | mode.account))
        self.simulator.script(*mode.rules)

    def top_up(self, amount: int) -> None:
        """Add to the balance; without one there is nothing to add to."""
        balance = self.simulator.provider.account.balance
        if balance is not None:
            self.simulator.account(balance=str(balance + amount))

    def show(self) -> dict[str, Any]:
        """Return the switches, which of them is on, and the account."""
        return {
            "mode": self._mode(),
            "modes": [
                {"name": name, "label": mode.label, "help": mode.help, "group": group}
                for group, modes in _GROUPS.items()
                for name, mode in modes.items()
            ],
            "account": self.simulator.provider.account.show(),
            "rules": self.simulator.provider.script.show(),
        }

    def _mode(self) -> str:
        if self.simulator.token != self._stored:
            return _TOKEN_ROTATED
        provider = self.simulator.provider
        now = _state(provider.account.show(), provider.script.show())
        return next((name for name, mode in _BY_NAME.items() if mode.state == now), _CUSTOM)
