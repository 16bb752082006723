"""What is asked of a real account, in order, and what is expected of each answer.

The expectations are the guide's and our classification's (docs/provider.md). Where nobody knows, as
of a name in `from`, nothing is expected: any answer is then new information, and not a difference.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from taqnyat import Scope, Verdict
from taqnyat.classification import CODES, STATUSES

from ops.verification.shape import Kind

MOST_MAILS: Final = 5
# Of a domain that nobody can own; the simulator refuses it, too.
NOT_APPROVED: Final = "not-approved@example.com"
NOT_AN_ADDRESS: Final = "not-an-address"

STATUS: Final = "status"
BALANCE: Final = "balance"
WRONG_METHOD: Final = "wrong_method"
WRONG_TOKEN: Final = "wrong_token"  # noqa: S105  a call's name
NO_RECIPIENT: Final = "no_recipient"
NO_RECIPIENT_JSON: Final = "no_recipient_json"
NO_RECIPIENT_NAMED: Final = "no_recipient_named"
EMPTY_SUBJECT: Final = "empty_subject"
UNAPPROVED_SENDER: Final = "unapproved_sender"
HTML_TWO_RECIPIENTS: Final = "html_two_recipients"
ONE_INVALID_RECIPIENT: Final = "one_invalid_recipient"
TEXT_JSON: Final = "text_json"

# The result of a call that is not a mail.
OPERATIONAL: Final = "operational"
AFFECTED: Final = "affected"
BALANCE_READ: Final = "balance_read"

_FAILED: Final = MappingProxyType(
    {
        "status": Kind.NUMBER,
        "ResponseStatus": Kind.STRING,
        "Data": Kind.NULL,
        "Error": Kind.OBJECT,
        "Error.ErrorCode": Kind.NUMBER,
        "Error.MessageAr": Kind.STRING,
        "Error.MessageEn": Kind.STRING,
    }
)
_SUCCEEDED: Final = MappingProxyType(
    {
        "status": Kind.NUMBER,
        "ResponseStatus": Kind.STRING,
        "Data": Kind.OBJECT,
        "Data.msgId": Kind.NUMBER,
        "Data.result": Kind.NUMBER,
        "Data.MessageAr": Kind.STRING,
        "Data.MessageEn": Kind.STRING,
        "Data.price": Kind.NUMBER_STRING,
        "Error": Kind.NULL,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What an answer should be: HTTP status, ErrorCode, fields, and what the gateway makes of it.

    `verdict` and `scope` are empty for a call that is no mail. `why` says where it is from, if that
    is not the guide for mail.
    """

    status: int
    reason: str
    fields: Mapping[str, Kind]
    code: int | None = None
    verdict: str = ""
    scope: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """One call: its name, what it does in words, and what is expected; None if nobody knows."""

    name: str
    does: str
    expected: Expected | None


def _refused(code: int) -> Expected:
    verdict, scope, reason = CODES[code]
    return Expected(
        status=400, reason=reason, fields=_FAILED, code=code, verdict=verdict, scope=scope
    )


_SENT: Final = Expected(
    status=201, reason="sent", fields=_SUCCEEDED, verdict=Verdict.SENT, scope=Scope.MAIL
)
_OPERATIONAL: Final = Expected(
    status=200,
    reason=OPERATIONAL,
    fields={
        "statusCode": Kind.NUMBER,
        "status": Kind.OBJECT,
        "status.service": Kind.STRING,
        "status.description": Kind.STRING,
    },
)
_BALANCE: Final = Expected(
    status=200,
    reason=BALANCE_READ,
    fields={
        "statusCode": Kind.NUMBER,
        "accountStatus": Kind.STRING,
        "accountExpiryDate": Kind.DATE_STRING,
        "balance": Kind.NUMBER_STRING,
        "currency": Kind.STRING,
    },
    why="documented for Taqnyat's other channels",
)
_NO_METHOD: Final = Expected(
    status=405,
    reason=STATUSES[405][2],
    fields={"statusCode": Kind.NUMBER, "message": Kind.STRING},
    verdict=STATUSES[405][0],
    scope=STATUSES[405][1],
)

# These cannot be sent: they are no mails, or have no recipient.
HARMLESS: Final = (
    Call(STATUS, "GET /system/status", _OPERATIONAL),
    Call(BALANCE, "GET /account/balance", _BALANCE),
    Call(WRONG_METHOD, "POST to /system/status", _NO_METHOD),
    Call(WRONG_TOKEN, "a made-up token, no recipient", _refused(104)),
    Call(NO_RECIPIENT, "no recipient", _refused(15)),
    Call(NO_RECIPIENT_JSON, "no recipient, as JSON", _refused(15)),
    Call(NO_RECIPIENT_NAMED, "no recipient, a name in `from`", None),
)
# Each of these could send.
MAILS: Final = (
    Call(EMPTY_SUBJECT, "an empty subject", _refused(16)),
    Call(UNAPPROVED_SENDER, "a sender that is not approved", _refused(14)),
    Call(HTML_TWO_RECIPIENTS, "Arabic HTML to two addresses, a name in `from`", _SENT),
    Call(ONE_INVALID_RECIPIENT, "a valid and an invalid recipient", _refused(15)),
    Call(TEXT_JSON, "a text with line breaks, as JSON", _SENT),
)
CALLS: Final = MappingProxyType({call.name: call for call in (*HARMLESS, *MAILS)})
