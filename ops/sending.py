"""Sending from the command line: accepts a mail as the API does, then waits for its outcome."""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from outbox.mail.mail import Mail, MailError
from outbox.mail.states import State
from outbox.mail.validation import REQUEST_FIELDS, read_mail
from outbox.queues.message import encode
from outbox.storage.ledger import Ledger, TableBusyError
from outbox.storage.row import Row

from ops.errors import OpsError
from ops.stack import Stack

CLIENT: Final = "operator"
SETTLED: Final = frozenset({State.SENT, State.FAILED, State.UNKNOWN, State.CANCELED})
_LOOK_SECONDS: Final = 0.5


def read(fields: Mapping[str, Any], *, campaign: str, mail_id: str, now: float) -> Mail:
    """Make a valid mail from the API's fields; `campaign` is the name to use without one.

    Raises:
        OpsError: it is not valid; the message names the field.

    """
    try:
        mail = read_mail(
            dict(fields),
            allowed=REQUEST_FIELDS,
            now=now,
            campaign=campaign,
            mail_id=mail_id,
            client=CLIENT,
        )
        encode(mail)  # a mail that is too large for the queue is not valid either
    except MailError as error:
        raise OpsError(str(error)) from None
    return mail


def accept(stack: Stack, mail: Mail) -> bool:
    """Accept a mail: its row, then its message; return whether it is new.

    Raises botocore's errors.
    """
    try:
        return stack.submission.submit(mail, mail.fingerprint)
    except TableBusyError as error:
        raise error.__cause__ or error from None  # AWS's own answer is the sentence for a person


def follow(
    ledger: Ledger, mail_id: str, seconds: float, wait: Callable[[float], None] = time.sleep
) -> Row | None:
    """Return a mail's row as soon as it is settled, or as it is after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        row = ledger.get(mail_id)
        if row is None or row.state in SETTLED or time.monotonic() >= end:
            return row
        wait(_LOOK_SECONDS)
