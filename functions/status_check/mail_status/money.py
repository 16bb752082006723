"""The look at the account's money, every so many minutes. It warns; it never pauses or resumes."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError
from outbox.sending.forecast import HOUR, Proof, Spent, expires_soon, forecast
from outbox.storage.money import Money, Reading, with_reading
from outbox.telemetry import BALANCE, BALANCE_HOURS_LEFT, MAIL_PRICE
from taqnyat.account import REFUSED

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from outbox.sending.control import PauseState
    from outbox.sending.pause import Pause
    from outbox.settings import Settings
    from outbox.storage.money import MoneyTable
    from outbox.telemetry import Telemetry
    from taqnyat import TaqnyatClient
    from taqnyat.account import AccountBalance

_ASK_SECONDS: Final = 5
_JITTER_SECONDS: Final = 30
_MINUTE: Final = 60
# One unreadable answer may be the network's fault; after three in a row there is a notice.
_UNREADABLE_TOLD: Final = 3
_MONEY_REASONS: Final = {"balance_empty", "balance_too_low"}
_SEE: Final = 'See docs/operations.md, "The balance".'

Datum = tuple[str, float]


class MoneyCheck:
    """Reads the balance when it is due, forecasts how long it lasts, and notifies the operators."""

    def __init__(
        self,
        *,
        taqnyat: TaqnyatClient,
        table: MoneyTable,
        cloudwatch: Any,  # noqa: ANN401  botocore's clients have no types
        pause: Pause,
        topic: Callable[[], Any],
        telemetry: Telemetry,
        settings: Settings,
    ) -> None:
        self._taqnyat = taqnyat
        self._table = table
        self._cloudwatch = cloudwatch
        self._pause = pause
        self._topic = topic
        self._telemetry = telemetry
        self._settings = settings
        self._seconds = settings.balance_check_minutes * _MINUTE
        self._known: Money | None = None

    def run(self, state: PauseState, deadline: float) -> list[Datum]:
        """Check if a check is due and there is time until `deadline` (epoch seconds).

        Return the metrics. Errors of AWS are only logged: they must not affect sending.
        """
        if not self._seconds:
            return []
        now = time.time()
        try:
            if self._known is None:
                self._known = self._table.read()
            if deadline - now >= _ASK_SECONDS and self._due(self._known, state, now):
                self._known = self._look(self._known, state, now)
        except (ClientError, BotoCoreError) as error:
            self._telemetry.error("aws_failed", error)
        return _measures(self._known, now, self._seconds) if self._known else []

    def _due(self, known: Money, state: PauseState, now: float) -> bool:
        """Return whether a check is due; a pause for money needs a reading at its begin."""
        late = now - known.checked_at >= self._seconds - _JITTER_SECONDS
        return late or (_paused_for_money(state) and known.checked_at < state.since)

    def _look(self, known: Money, state: PauseState, now: float) -> Money:
        answer = self._taqnyat.account_balance(now + _ASK_SECONDS)
        found = replace(known, checked_at=int(now))
        if answer.balance is None:
            found = replace(found, trouble=answer.trouble, failures=known.failures + 1)
        else:
            found = self._read(found, answer, Reading(int(now), answer.balance))
        found = self._notified(found, now)
        self._table.write(found)
        if found.last and known.last and found.last.balance > known.last.balance:
            self._risen(state)
        return found

    def _read(self, known: Money, answer: AccountBalance, reading: Reading) -> Money:
        found = with_reading(known, reading)
        spent = self._spent(found.readings[0].at, reading.at)
        result = forecast(found.readings, spent, reading.at)
        return replace(
            found,
            trouble="",
            failures=0,
            told_trouble=False,
            currency=answer.currency,
            status=answer.status,
            expires=answer.expires.isoformat() if answer.expires else "",
            proof=str(result.proof),
            fell=result.fell,
            spent=result.spent,
            mails=result.mails,
            minutes=result.seconds // _MINUTE,
            minutes_left=None if result.seconds_left is None else result.seconds_left // _MINUTE,
        )

    def _spent(self, begin: int, end: int) -> Sequence[Spent]:
        """Return the cost of the mails by minute, from the worker's metrics; [] after an error."""
        if end - begin < HOUR:
            return []
        try:
            answer = self._cloudwatch.get_metric_statistics(
                Namespace=self._settings.metrics_namespace,
                MetricName=MAIL_PRICE,
                StartTime=datetime.fromtimestamp(begin - begin % _MINUTE, UTC),
                EndTime=datetime.fromtimestamp(end, UTC),
                Period=_MINUTE,
                Statistics=["Sum", "SampleCount"],
            )
        except (ClientError, BotoCoreError) as error:
            self._telemetry.error("aws_failed", error)
            return []
        return [
            Spent(
                int(point["Timestamp"].timestamp()),
                Decimal(str(point["Sum"])),
                int(point["SampleCount"]),
            )
            for point in answer["Datapoints"]
        ]

    def _notified(self, found: Money, now: float) -> Money:
        """Send the notices that are due: once, or twice if the record cannot be written."""
        enough = 1 if found.trouble == REFUSED else _UNREADABLE_TOLD
        if found.failures >= enough and not found.told_trouble:
            self._notify(
                "balance cannot be read",
                f"Taqnyat did not give the account's balance: {found.trouble}. "
                "This alone stops no mail, but nobody is warned before the money ends.",
            )
            found = replace(found, told_trouble=True)
        today = datetime.fromtimestamp(now, UTC).date()
        if expires_soon(found.expires, today) and found.told_expiry != found.expires:
            message = f"The account at Taqnyat expires on {found.expires}."
            self._notify("the account expires", message)
            found = replace(found, told_expiry=found.expires)
        return found

    def _notify(self, subject: str, message: str) -> None:
        self._telemetry.event(subject)
        if self._settings.alarm_topic_arn:
            self._topic().publish(
                TopicArn=self._settings.alarm_topic_arn,
                Subject=f"Taqnyat mail gateway: {subject}",
                Message=f"{message}\nRun: ./taqnyat-mail doctor\n{_SEE}",
            )

    def _risen(self, state: PauseState) -> None:
        if _paused_for_money(state) and self._pause.bring_probe_forward(state):
            self._telemetry.event("balance has risen: the next probe is due", reason=state.reason)


def _paused_for_money(state: PauseState) -> bool:
    return state.paused and state.by == "system" and state.reason in _MONEY_REASONS


def _measures(known: Money, now: float, every: int) -> list[Datum]:
    """Return the balance, and the hours left if they are proven; nothing if they are old."""
    if known.last is None or now - known.last.at > _UNREADABLE_TOLD * max(every, HOUR / 2):
        return []
    found = [(BALANCE, float(known.last.balance))]
    if known.proof == Proof.AGREES and known.minutes_left is not None:
        found.append((BALANCE_HOURS_LEFT, known.minutes_left / 60))
    return found
