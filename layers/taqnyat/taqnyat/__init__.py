"""Taqnyat's mail API: one client, one classification, one token.

Knows HTTP and Secrets Manager, nothing else.
"""

from taqnyat.classification import Fault, Outcome, Scope, Verdict, classify
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
