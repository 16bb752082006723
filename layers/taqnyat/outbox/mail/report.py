"""The report of one processed message, for metrics and logs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from taqnyat import Outcome

NO_RECORD: Final = "no_record"  # the reason of a mail whose row is gone


class Report(NamedTuple):
    """The result of processing one message.

    `retry_in` None: done, delete the message; else the seconds until it may be received again.

    `outcome` is the call's, or None without a call; `state` is the row's; `seconds` is the time of
    the call; `waited` the seconds since the mail was accepted; `resend` whether an earlier call may
    have sent the mail; `refused_alone` whether it was refused while others were sent.
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
