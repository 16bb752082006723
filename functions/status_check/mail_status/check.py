"""One status check.

It reads Taqnyat's own status, probes a pause, notifies the operators, checks the balance, and
writes the metrics.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from outbox.telemetry import PROVIDER_LATENCY, PROVIDER_UP, SENDING_PAUSED

from mail_status import notices

if TYPE_CHECKING:
    from collections.abc import Callable

    from outbox.queues.event_source import EventSource
    from outbox.sending.control import ControlRecord
    from outbox.sending.pause import Pause
    from outbox.sending.probe import Probe
    from outbox.settings import Settings
    from outbox.telemetry import Telemetry
    from taqnyat import TaqnyatClient

    from mail_status.money import MoneyCheck

_STATUS_SECONDS: Final = 10


class StatusCheck:
    """The work of the scheduled function."""

    def __init__(  # noqa: PLR0913  one for each part
        self,
        *,
        taqnyat: TaqnyatClient,
        pause: Pause,
        event_source: EventSource,
        probe: Probe,
        money: MoneyCheck,
        cloudwatch: Any,  # noqa: ANN401  botocore's clients have no types
        topic: Callable[[], Any],
        telemetry: Telemetry,
        settings: Settings,
    ) -> None:
        self._taqnyat = taqnyat
        self._pause = pause
        self._event_source = event_source
        self._probe = probe
        self._money = money
        self._cloudwatch = cloudwatch
        self._topic = topic
        self._telemetry = telemetry
        self._settings = settings

    def run(self, deadline: float) -> dict[str, Any]:
        """Check once, ending by `deadline` (epoch seconds); return the result.

        Raises botocore's errors, after it has written the metrics.
        """
        now = time.time()
        status = self._taqnyat.system_status(self._status_deadline(now, deadline))
        data = [_datum(PROVIDER_UP, float(status.up), "None")]
        data.append(_datum(PROVIDER_LATENCY, status.seconds * 1000, "Milliseconds"))
        record: ControlRecord | None = None
        try:
            self._pause.note_provider(up=status.up, milliseconds=round(status.seconds * 1000))
            record = self._pause.record()
            record = self._tend(record, now, deadline)
            self._notify(record, time.time())
            data += [
                _datum(name, value, "None")
                for name, value in self._money.run(record.pause, deadline)
            ]
        finally:
            if record is not None:
                data.append(_datum(SENDING_PAUSED, float(record.pause.paused), "None"))
            self._cloudwatch.put_metric_data(
                Namespace=self._settings.metrics_namespace,
                MetricData=data,
            )
        return {"provider_up": status.up, "sending_paused": record.pause.paused}

    def _status_deadline(self, now: float, deadline: float) -> float:
        """Return the status call's deadline; it leaves time for a probe and half of the rest."""
        spare = deadline - now - self._settings.send_timeout_seconds
        return min(now + min(max(spare / 2, 0.0), _STATUS_SECONDS), deadline)

    def ask_account(self, deadline: float) -> dict[str, Any]:
        """Ask Taqnyat whether it takes the token, and calls from this function's address."""
        outcome = self._taqnyat.ask_account(deadline)
        return {
            "verdict": outcome.verdict,
            "scope": outcome.scope,
            "reason": outcome.reason,
            "status": outcome.status,
            "code": outcome.code,
            "ip": outcome.ip,
        }

    def _tend(self, record: ControlRecord, now: float, deadline: float) -> ControlRecord:
        if record.pause.paused:
            self._event_source.disable()
            for report in self._probe.probe(record.pause, now, deadline):
                self._telemetry.processed(report)
            record = self._pause.record()
        if not record.pause.paused:
            self._event_source.enable()
        return record

    def _notify(self, record: ControlRecord, now: float) -> None:
        """Send the operators a notice if there is one: maybe twice, but never not at all."""
        delay = self._settings.probe_delays_seconds[0]
        if notice := notices.of_pause(record.pause, now, delay):
            self._publish(notice)
            self._pause.announced(record.pause)
        suspicion = record.suspicion
        notice = notices.of_suspicion(suspicion, record.sent_at, now)
        if suspicion is not None and notice is not None:
            self._publish(notice)
            self._pause.suspicion_told(suspicion)

    def _publish(self, notice: notices.Notice) -> None:
        self._telemetry.event(notice.event, **notice.fields)
        notices.publish(notice, self._topic, self._settings.alarm_topic_arn)


def _datum(name: str, value: float, unit: str) -> dict[str, Any]:
    return {"MetricName": name, "Value": value, "Unit": unit}
