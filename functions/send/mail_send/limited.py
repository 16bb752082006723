"""Accepts mails within a caller's limits: counts them first, then subtracts repeats."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError
from outbox.accepting.limits import DAILY, RATE
from outbox.accepting.submission import IdempotencyBusyError, IdempotencyConflictError
from outbox.mail.mail import MailError
from outbox.storage.ledger import TableBusyError

from mail_send import wire
from mail_send.wire import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from outbox.accepting.limits import Limits
    from outbox.accepting.submission import Accepted, Submission
    from outbox.accepting.usage import UsageRecord

_MESSAGES: Final = {
    RATE: "this API key may send {limit} mails a second; try again after `retry-after` seconds",
    DAILY: "this API key may send {limit} mails a day; try again after `retry-after` seconds",
}
_NOT_ACCEPTED: Final = (
    MailError,
    IdempotencyConflictError,
    IdempotencyBusyError,
    TableBusyError,
)


class Limited:
    """Accepts mails within a caller's limits."""

    def __init__(self, submission: Submission, usage: UsageRecord, limits: Limits) -> None:
        """Make no call yet."""
        self._submission = submission
        self._usage = usage
        self._limits = limits

    def accept(
        self,
        client: str,
        asked: Sequence[tuple[str, str | None]],
        submit: Callable[[], Accepted],
    ) -> tuple[Accepted, dict[str, str]]:
        """Accept mails by `submit`; return its result, and the answer's headers.

        `asked` are the mails' ids, each with the fingerprint of its request. All of them fit into
        the limits, or none is accepted. A repeat of an accepted request gets the same answer, and
        does not count.

        Raises:
            ApiError: 429, with the time to wait.

        """
        decision = self._usage.take(client, self._limits, len(asked))
        headers = wire.rate_headers(decision.standing)
        if decision.refused:
            if not all(self._submission.was_accepted(*mail) for mail in asked):
                message = _MESSAGES[decision.refused].format(limit=decision.standing.limit)
                headers["retry-after"] = str(decision.retry_after)
                raise ApiError(429, decision.refused, message, headers)
            return submit(), headers
        try:
            accepted = submit()
        except (*_NOT_ACCEPTED, ClientError, BotoCoreError):
            # After an error of AWS too: a repeat may find the mail accepted, and then it does not
            # count, which is better than a day that an outage used up.
            with suppress(ClientError, BotoCoreError):
                self._usage.give_back(client, self._limits, len(asked))
            raise
        if accepted.new < len(asked):
            self._usage.give_back(client, self._limits, len(asked) - accepted.new)
        return accepted, headers
