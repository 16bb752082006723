"""The operator at the command line, for a mail's history.

The names of sessions and of users are often e-mail addresses, so only their hash is kept.
"""

import hashlib
import re
from functools import cache
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from ops.errors import OpsError

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}")
_ARN: Final = re.compile(r"arn:[\w-]+:(?:iam|sts)::\d*:(?P<kind>[\w-]+)(?:/(?P<name>.+))?")


def who(given: str | None, sts: Any) -> str:  # noqa: ANN401  boto3's clients have no common type
    """Return the name of `--as`, else what AWS says, such as "MailOperator#1f3870be".

    Raises:
        OpsError: the given name cannot stand in a record.

    """
    if given is not None:
        if not _NAME.fullmatch(given):
            raise OpsError("--as takes up to 64 letters, digits, spaces and . _ -")
        return given
    try:
        return by_arn(str(sts().get_caller_identity().get("Arn", "")))
    except (ClientError, BotoCoreError):
        return "not known"  # the command must work without it too


@cache
def by_arn(arn: str) -> str:
    """Return role and hash of session, or kind of user and hash of name."""
    found = _ARN.fullmatch(arn)
    if found is None:
        return "not known"
    name = found["name"] or ""
    role, _, session = name.partition("/")
    if found["kind"] == "assumed-role" and _NAME.fullmatch(role):
        return f"{role}#{_short(session)}"
    return f"{found['kind']}#{_short(name)}" if name else found["kind"]


def _short(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:8]
