"""Taqnyat's mail API: one client, one classification, one token.

Knows HTTP and Secrets Manager, nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from taqnyat.outcome import Fault, Outcome, Scope, Verdict

if TYPE_CHECKING:
    from taqnyat.classification import classify
    from taqnyat.client import Letter, SystemStatus, TaqnyatClient
    from taqnyat.credentials import (
        BearerToken,
        CredentialsError,
        MalformedSecretError,
        SecretUnavailableError,
        TokenNotSetError,
    )
    from taqnyat.transport import Transport

__all__ = [
    "BearerToken",
    "CredentialsError",
    "Fault",
    "Letter",
    "MalformedSecretError",
    "Outcome",
    "Scope",
    "SecretUnavailableError",
    "SystemStatus",
    "TaqnyatClient",
    "TokenNotSetError",
    "Transport",
    "Verdict",
    "classify",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401  a module's attribute
    """Import the modules that make calls at their first use: accepting mails needs none."""
    if name not in __all__:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    from taqnyat import classification, client, credentials, transport  # noqa: PLC0415

    modules = (classification, client, credentials, transport)
    return next(vars(module)[name] for module in modules if name in vars(module))
