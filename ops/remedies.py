"""What an operator does about each problem of the account, by its stable reason."""

from types import MappingProxyType
from typing import Final

_TOKEN: Final = "store the token of Taqnyat's account with `token set`"  # noqa: S105  a sentence

REMEDIES: Final = MappingProxyType(
    {
        "balance_empty": "top the account up at Taqnyat (takes up to two hours), then `resume`",
        "balance_too_low": "top the account up at Taqnyat (takes up to two hours), then `resume`",
        "api_disabled": "switch sending through the API on in Taqnyat's account settings",
        "ip_refused": (
            "allow the address at Taqnyat, or lift the limit there; "
            "for an address that stays the same deploy network.yaml"
        ),
        "token_refused": _TOKEN,
        "token_not_set": _TOKEN,
        "token_malformed": _TOKEN,
        "secret_unavailable": (
            "Secrets Manager does not give the token: see AWS's health page and the worker's log"
        ),
        "wrong_endpoint": "correct the stack's parameter TaqnyatUrl and deploy",
    }
)
# Of mails in the failed queue.
_CORRECTED: Final = "the application corrects the mail and sends a new one; then `failed discard`"
_GONE: Final = "when the cause is gone `failed redrive`, else `failed discard`"
FAILED_REMEDIES: Final = MappingProxyType(
    {
        "sender_refused": "have Taqnyat approve the sender, then `failed redrive`",
        "recipients_refused": _CORRECTED,
        "subject_refused": _CORRECTED,
        "message_refused": _CORRECTED,
        "expired": _GONE,
        "retry_window_ended": _GONE,
    }
)
# Not the remedy for one mail: while sending is paused, all mails wait.
_PROVIDER: Final = (
    "Taqnyat fails, not the account: mails wait and sending is tried again by itself; "
    "nothing to do here, ask Taqnyat if it lasts"
)


def remedy(reason: str) -> str:
    """Return what to do about the reason of a pause, with the command that does it if there is."""
    return REMEDIES.get(reason, _PROVIDER)
