"""The report of one processed message: what metrics and logs are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from taqnyat import Outcome

NO_RECORD: Final = "no_record"  # the reason of a mail that had a row, and has none any more


class Report(NamedTuple):
    """The result of processing one message.

    `retry_in` None: done, delete the message; else the seconds until it may be received again.

    `outcome` is the call's, None when none was made; `state` the row's; `seconds` the call's time;
    `waited` the seconds from acceptance to here; `resend` whether an earlier call may have sent the
    mail already; `refused_alone` whether it was refused while others went through.
    """

    mail_id: str
    retry_in: int | None = None
    state: str = ""
    outcome: Outcome | None = None
    reason: str = ""
    seconds: float = 0.0
    waited: float = 0.0
    resend: bool = False
    refused_alone: bool = False
