"""The account's balance, in words and for programs."""

from datetime import UTC, datetime
from typing import Any, Final

from outbox.mail.times import iso
from outbox.sending.forecast import Proof, expires_soon
from outbox.settings import Settings
from outbox.storage.money import Money

from ops.screen import clock

TOP_UP: Final = "top the account up; this takes Taqnyat up to two hours"
_NOT_READ: Final = (
    "this alone stops no mail; if the token is good, ask Taqnyat whether it may read the balance, "
    "or deploy with BalanceCheckMinutes=0"
)


def summary(money: Money) -> dict[str, Any]:
    """Return it for programs; hours are None if they are not proven, or nothing was spent."""
    last = money.last
    proven = money.proof == Proof.AGREES and money.minutes_left is not None
    return {
        "balance": None if last is None else float(last.balance),
        "currency": money.currency or None,
        "read_at": None if last is None else iso(last.at),
        "trouble": money.trouble or None,
        "proof": money.proof,
        "fell": float(money.fell),
        "spent": float(money.spent),
        "mails": money.mails,
        "minutes": money.minutes,
        "hours_left": round((money.minutes_left or 0) / 60, 1) if proven else None,
        "expires": money.expires or None,
    }


def sentence(money: Money, settings: Settings) -> str:
    """Return the balance in words, and how long it lasts, or why that is not known."""
    if not settings.balance_check_minutes:
        return "not asked for (BalanceCheckMinutes is 0)"
    if money.last is None:
        asked = f"not told by Taqnyat: {money.trouble}, asked {clock(money.checked_at)}"
        return asked if money.trouble else "not asked for yet"
    found = f"{money.last.balance.normalize():f} {money.currency}".strip()
    found += f", read {clock(money.last.at)}"
    if money.trouble:
        found += f", not told since: {money.trouble}"
    return f"{found}; {_proof(money)}"


def _proof(money: Money) -> str:
    if money.proof == Proof.OPEN:
        return (
            f"whether it pays for mails is not known yet ({money.mails} mails in "
            f"{money.minutes} min; it takes 20 and an hour)"
        )
    if money.proof == Proof.DIFFERS:
        return (
            f"how long it lasts is not known: it fell by {money.fell:.2f} while mails cost "
            f"{money.spent:.2f} (another channel, or another balance)"
        )
    if money.minutes_left is None:
        return "nothing was spent in the last hour"
    return f"{money.minutes_left / 60:.1f} hours left at the present rate"


def balance_trouble(money: Money, settings: Settings) -> str:
    """Return what to do about the balance; empty when there is nothing to do."""
    if not settings.balance_check_minutes:
        return ""
    if money.trouble:
        return _NOT_READ
    left = money.minutes_left if money.proof == Proof.AGREES else None
    gone = money.last is not None and money.last.balance <= 0
    if gone or (left is not None and left < settings.balance_warn_hours * 60):
        return TOP_UP
    return "" if money.checked_at else "wait for the status check"


def expiry(money: Money, now: float) -> tuple[str, bool]:
    """Return when the account expires, and whether that is soon."""
    if not money.expires:
        return "not told by Taqnyat", False
    soon = expires_soon(money.expires, datetime.fromtimestamp(now, UTC).date())
    return f"expires on {money.expires}", soon
