"""The switches: how the simulated Taqnyat behaves, one way at a time."""

import secrets
from collections.abc import Callable
from typing import Any

from local.console.modes import BY_NAME, GROUPS, TOKEN_ROTATED, WELL, current
from local.simulator import Simulator

_CUSTOM = "custom"


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
        mode = BY_NAME[name]
        if name == TOKEN_ROTATED:
            self.simulator.account(token=secrets.token_hex(16))
        elif self.simulator.token != self._stored:
            self._store_token(self.simulator.token)
            self._stored = self.simulator.token
        self.simulator.clear_script()
        self.simulator.account(**(WELL | dict(mode.account)))
        if mode.rule is not None:
            self.simulator.script(dict(mode.rule))

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
                for group, modes in GROUPS.items()
                for name, mode in modes.items()
            ],
            "account": self.simulator.provider.account.show(),
            "rules": self.simulator.provider.script.show(),
        }

    def _mode(self) -> str:
        if self.simulator.token != self._stored:
            return TOKEN_ROTATED
        provider = self.simulator.provider
        return current(provider.account.show(), provider.script.show()) or _CUSTOM
