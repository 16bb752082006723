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
    """One behaviour: its label and a line of help, its changes of the account, and its rule."""

    label: str
    help: str
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
    return next((name for name, mode in BY_NAME.items() if mode.state == now), None)


def _state(account: Mapping[str, Any], rules: list[dict[str, Any]]) -> tuple[object, ...]:
    balance = account["balance"]
    money = "endless" if balance is None else "gone" if balance <= 0 else "drains"
    told = [account[name] for name in ("enabled", "ip_allowed", "limit", "shown_balance")]
    return (money, told, rules)


def _rule(label: str, told: str, answer: str, **rule: Any) -> Mode:  # noqa: ANN401 - JSON
    return Mode(label, told, rule={"answer": answer, **rule})


_WINDOWS = {"per_second": 5, "window": 10, "retry_after": True}
# By the heading under which they stand, and their names.
GROUPS: dict[str, dict[str, Mode]] = {
    "": {OPERATIONAL: Mode("Operational", "Accepts every mail.")},
    "Account": {
        "balance_empty": Mode("Balance empty", "Code 2: sending pauses.", {"balance": 0}),
        "ip_refused": Mode("IP refused", "Code 102: sending pauses.", {"ip_allowed": False}),
        TOKEN_ROTATED: Mode("Token rotated", "Code 104: sending pauses."),
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
BY_NAME = {name: mode for modes in GROUPS.values() for name, mode in modes.items()}
