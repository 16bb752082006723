"""The switches: how the simulated Taqnyat behaves, one way at a time."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from local.simulator import Simulator

OPERATIONAL = "operational"
TOKEN_ROTATED = "token_rotated"  # noqa: S105 - the name of a mode
_CUSTOM = "custom"
_WELL = {"balance": None, "enabled": True, "ip_allowed": True}


@dataclass(frozen=True, slots=True)
class Mode:
    """One way to behave: what it changes in the account, and the rule that it puts in force.

    The rule is written as the simulator shows it, so that the mode can be told from the state.
    """

    name: str
    label: str
    help: str
    account: Mapping[str, Any] = field(default_factory=dict)
    rule: Mapping[str, Any] | None = None

    @property
    def state(self) -> tuple[bool, bool, bool, list[dict[str, Any]]]:
        """What the simulator shows in this mode: enabled, address allowed, balance gone, rules."""
        rules = [] if self.rule is None else [{"to": None, "times": None, **self.rule}]
        allowed = self.account.get("ip_allowed", True)
        return True, allowed, self.account.get("balance") == 0, rules


MODES = (
    Mode(OPERATIONAL, "Operational", "Takes every mail."),
    Mode("balance_empty", "Balance empty", "Code 2: sending pauses.", {"balance": 0}),
    Mode(
        "ip_refused",
        "IP refused",
        "Code 102: sending pauses.",
        {"ip_allowed": False},
    ),
    Mode(TOKEN_ROTATED, "Token rotated", "Code 104: sending pauses."),
    Mode(
        "slow",
        "Slow",
        "Takes a mail in 3 seconds.",
        rule={"answer": "success", "delay": 3.0},
    ),
    Mode(
        "rate_limited",
        "Rate limited",
        "429: mails are tried again.",
        rule={"answer": "status:429", "retry_after": "2"},
    ),
    Mode(
        "server_error",
        "Server error",
        "500: mails become unknown.",
        rule={"answer": "status:500"},
    ),
    Mode(
        "accept_then_hang",
        "Accept, then hang",
        "Takes it, says nothing: unknown.",
        rule={"answer": "hang", "accept": True},
    ),
)
_BY_NAME = {mode.name: mode for mode in MODES}


class Behaviour:
    """The switches of one simulator."""

    def __init__(self, simulator: Simulator, store_token: Callable[[str], None]) -> None:
        """`store_token` puts a token where the gateway reads it."""
        self._simulator = simulator
        self._store_token = store_token
        self._stored = simulator.token

    def switch(self, name: str) -> None:
        """Behave in the named way from now on; a rotated token is stored when this is left.

        Raises:
            KeyError: there is no such way.

        """
        mode = _BY_NAME[name]
        if name == TOKEN_ROTATED:
            self._simulator.account(token=secrets.token_hex(16))
        elif self._simulator.token != self._stored:
            self._store_token(self._simulator.token)
            self._stored = self._simulator.token
        self._simulator.clear_script()
        self._simulator.account(**(_WELL | dict(mode.account)))
        if mode.rule is not None:
            self._simulator.script(dict(mode.rule))

    def top_up(self, amount: int) -> None:
        """Add to the balance; without one there is nothing to add to."""
        balance = self._simulator.provider.account.balance
        if balance is not None:
            self._simulator.account(balance=str(balance + amount))

    def show(self) -> dict[str, Any]:
        """Return the switches, which of them is on, and the account."""
        return {
            "mode": self._mode(),
            "modes": [
                {"name": mode.name, "label": mode.label, "help": mode.help} for mode in MODES
            ],
            "account": self._simulator.provider.account.show(),
            "rules": self._simulator.provider.script.show(),
        }

    def _mode(self) -> str:
        if self._simulator.token != self._stored:
            return TOKEN_ROTATED
        account = self._simulator.provider.account
        empty = account.balance is not None and account.balance <= 0
        now = (account.enabled, account.ip_allowed, empty, self._simulator.provider.script.show())
        return next((mode.name for mode in MODES if mode.state == now), _CUSTOM)
