"""Expected errors for the user: a sentence, and what to do about it."""

from typing import Final

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConfigParseError,
    CredentialRetrievalError,
    EndpointConnectionError,
    InvalidConfigError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)

_DENIED: Final = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}
_EXPIRED: Final = {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}
_UNKNOWN_KEY: Final = {
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "SignatureDoesNotMatch",
    "InvalidAccessKeyId",
}
_NOT_ASKED: Final = (
    (
        (NoCredentialsError, PartialCredentialsError),
        "no AWS credentials were found",
        "run `aws configure` or give --profile",
    ),
    (NoRegionError, "no AWS region is set", "give --region or set AWS_REGION"),
    (
        (CredentialRetrievalError, SSOError, TokenRetrievalError),
        "the AWS credentials cannot be had",
        "log in again (`aws sso login`) or give --profile",
    ),
    (
        (ConfigParseError, InvalidConfigError),
        "the AWS settings of this machine cannot be read",
        "look at ~/.aws/config and ~/.aws/credentials, or at AWS_CONFIG_FILE",
    ),
    (ProfileNotFound, "there is no such AWS profile", "see `aws configure list-profiles`"),
    (
        EndpointConnectionError,
        "AWS cannot be reached",
        "look at this machine's network, and at --region",
    ),
)


class OpsError(Exception):
    """An expected failure; `remedy` is one sentence on what to do, or empty."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy


def explain(error: ClientError | BotoCoreError) -> OpsError:
    """Return an error of AWS as a sentence, without its own text, which may repeat a value."""
    if isinstance(error, ClientError):
        code = str(error.response.get("Error", {}).get("Code", "?"))
        return _explain_refusal(code, error.operation_name)
    for kinds, message, remedy in _NOT_ASKED:
        if isinstance(error, kinds):
            return OpsError(message, remedy)
    return OpsError(f"AWS did not answer ({type(error).__name__})", "try again")


def _explain_refusal(code: str, operation: str) -> OpsError:
    if code in _DENIED:
        return OpsError(
            f"these AWS credentials may not do {operation}",
            "use a role that may; docs/operations.md lists what the command line needs",
        )
    if code in _EXPIRED:
        return OpsError("the AWS session has expired", "log in again")
    if code in _UNKNOWN_KEY:
        return OpsError("AWS does not know these credentials", "log in again or give --profile")
    return OpsError(f"AWS answered {code} to {operation}", "try again")
