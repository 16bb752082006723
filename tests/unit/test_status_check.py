"""The scheduled check: what it measures and tells, also when the rest of AWS does not answer."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError
from mail_status import handler as entry
from mail_status import notices
from mail_status.check import StatusCheck
from outbox.mail.report import Report
from outbox.sending.control import ControlRecord, PauseState, Refusal, Suspicion
from outbox.settings import Settings
from taqnyat import Outcome, Scope, SystemStatus, Verdict

REFUSED = ClientError({"Error": {"Code": "Throttled", "Message": "m"}}, "Any")
TOPIC = "arn:topic"
RUNNING = PauseState()
PAUSED = PauseState(
    paused=True, reason="ip_refused", detail="10.0.0.1", by="system", since=5, next_probe=6
)


@dataclass
class Parts:
    """All that a check is handed. `fails` names the calls that AWS refuses."""

    states: list[PauseState]
    up: bool = True
    fails: set[str] = field(default_factory=set)
    calls: list[str] = field(default_factory=list)
    metrics: list[dict[str, Any]] = field(default_factory=list)
    notices: list[dict[str, Any]] = field(default_factory=list)
    probes: list[PauseState] = field(default_factory=list)
    money: list[tuple[str, float]] = field(default_factory=list)

    def _call(self, name: str) -> None:
        self.calls.append(name)
        if name in self.fails:
            raise REFUSED

    # TaqnyatClient
    def system_status(self, deadline: float) -> SystemStatus:
        self.calls.append("status")
        assert deadline <= 100
        return SystemStatus(up=self.up, seconds=0.25)

    # Pause
    def ask_account(self, deadline: float) -> Outcome:
        assert deadline == 100
        return Outcome(Verdict.RETRYABLE, Scope.ACCOUNT, "ip_refused", 400, 102, ip="10.0.0.1")

    def note_provider(self, *, up: bool, milliseconds: int) -> None:
        assert (up, milliseconds) == (self.up, 250)
        self._call("note_provider")

    def record(self) -> ControlRecord:
        self._call("read")
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        return ControlRecord(state)

    def announced(self, state: PauseState) -> None:
        self._call("announced")
        self.states = [state._replace(announced=True)]

    # EventSource
    def enable(self) -> bool:
        self.calls.append("enable")
        return True

    def disable(self) -> bool:
        self.calls.append("disable")
        return True

    # Probe
    def probe(self, state: PauseState, now: float, deadline: float) -> list[Report]:
        assert now > 100
        assert deadline == 100
        self._call("probe")
        self.probes.append(state)
        return [Report(mail_id="m-1", state="sent")]

    # MoneyCheck
    def _run_money(self, state: PauseState, deadline: float) -> list[tuple[str, float]]:
        assert isinstance(state, PauseState)
        assert deadline == 100
        return self.money

    # CloudWatch, SNS, Telemetry
    def put_metric_data(self, **arguments: Any) -> None:  # noqa: ANN401
        self._call("put_metric_data")
        self.metrics.append(arguments)

    def publish(self, **arguments: Any) -> None:  # noqa: ANN401
        self._call("publish")
        self.notices.append(arguments)

    def processed(self, report: Report) -> None:
        self.calls.append(f"delivered {report.mail_id}")

    def event(self, what: str, **_: object) -> None:
        self.calls.append(what)

    def measured(self) -> dict[str, float]:
        """Return the metrics that were put, by name."""
        [arguments] = self.metrics
        assert arguments["Namespace"] == "TaqnyatMail"
        return {datum["MetricName"]: datum["Value"] for datum in arguments["MetricData"]}

    def run(self, topic: str = TOPIC) -> dict[str, Any]:
        return self.check(topic).run(deadline=100.0)

    def check(self, topic: str = TOPIC) -> StatusCheck:
        part = cast("Any", self)
        settings = Settings(
            ledger_table="t", mail_queue_url="u", mail_queue_arn="a", alarm_topic_arn=topic
        )
        return StatusCheck(
            taqnyat=part,
            pause=part,
            event_source=part,
            probe=part,
            money=cast("Any", SimpleNamespace(run=self._run_money)),
            cloudwatch=part,
            topic=lambda: part,
            telemetry=part,
            settings=settings,
        )


@pytest.mark.parametrize("up", [True, False])
def test_a_quiet_minute(*, up: bool) -> None:
    parts = Parts([RUNNING], up=up)
    assert parts.run() == {"provider_up": up, "sending_paused": False}
    assert parts.measured() == {
        "ProviderUp": float(up),
        "ProviderLatency": 250.0,
        "SendingPaused": 0.0,
    }
    assert parts.calls == ["status", "note_provider", "read", "enable", "put_metric_data"]


def test_what_is_known_of_the_money_is_measured_with_the_rest() -> None:
    parts = Parts([RUNNING], money=[("Balance", 5.5), ("BalanceHoursLeft", 2.0)])
    parts.run()
    assert parts.measured().keys() >= {"Balance", "BalanceHoursLeft", "SendingPaused"}
    units = {each["MetricName"]: each["Unit"] for each in parts.metrics[0]["MetricData"]}
    assert (units["Balance"], units["BalanceHoursLeft"]) == ("None", "None")


def test_the_metrics_have_units_and_no_dimension() -> None:
    parts = Parts([RUNNING])
    parts.run()
    [arguments] = parts.metrics
    assert arguments["MetricData"] == [
        {"MetricName": "ProviderUp", "Value": 1.0, "Unit": "None"},
        {"MetricName": "ProviderLatency", "Value": 250.0, "Unit": "Milliseconds"},
        {"MetricName": "SendingPaused", "Value": 0.0, "Unit": "None"},
    ]


def test_while_paused_the_event_source_stays_disabled_and_a_probe_is_made() -> None:
    parts = Parts([PAUSED])
    assert parts.run()["sending_paused"] is True
    assert parts.measured()["SendingPaused"] == 1.0
    assert parts.probes == [PAUSED]
    assert parts.calls[2:6] == ["read", "disable", "probe", "delivered m-1"]
    assert "enable" not in parts.calls


def test_a_probe_that_resumes_enables_the_event_source_in_the_same_minute() -> None:
    resumed = PauseState(reason="ip_refused", resumed_at=9, announced=False)
    parts = Parts([PAUSED, resumed])
    assert parts.run()["sending_paused"] is False
    assert parts.measured()["SendingPaused"] == 0.0
    assert parts.calls.index("disable") < parts.calls.index("enable")
    [notice] = parts.notices
    assert notice["Subject"] == "Taqnyat mail gateway: sending resumed"
    assert "resumed after: ip_refused" in notice["Message"]


def test_a_pause_is_told_once_with_its_reason_and_the_refused_address() -> None:
    parts = Parts([PAUSED._replace(announced=False)])
    for _ in range(3):
        parts.run()
        parts.metrics.clear()
    [notice] = parts.notices
    assert notice["TopicArn"] == TOPIC
    assert notice["Subject"] == "Taqnyat mail gateway: sending paused"
    assert "paused: ip_refused (refused address: 10.0.0.1)" in notice["Message"]
    assert len(notice["Subject"]) <= 100
    assert notice["Subject"].isascii()
    assert parts.calls.count("sending paused") == 1


def test_without_a_topic_the_log_alone_is_told() -> None:
    parts = Parts([PAUSED._replace(announced=False, detail="")])
    parts.run(topic="")
    assert parts.notices == []
    assert parts.calls.count("sending paused") == 1
    assert parts.states[0].announced


@pytest.mark.parametrize(
    ("fails", "paused"),
    [("note_provider", None), ("read", None), ("probe", 1.0), ("publish", 1.0), ("announced", 1.0)],
)
def test_the_metrics_are_put_whatever_fails(fails: str, paused: float | None) -> None:
    parts = Parts([PAUSED._replace(announced=False)], fails={fails})
    with pytest.raises(ClientError):
        parts.run()
    assert parts.measured().get("SendingPaused") == paused
    assert parts.measured()["ProviderUp"] == 1.0


def test_a_suspicion_is_told_once_with_what_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    refusal = Refusal("m-1", "a@acme.sa", "balance_too_low", 3, 400)
    parts, suspicion = Parts([RUNNING]), Suspicion(refusal, 100)
    told: list[Any] = []
    monkeypatch.setattr(parts, "record", lambda: ControlRecord(RUNNING, suspicion=suspicion))
    monkeypatch.setattr(parts, "suspicion_told", told.append, raising=False)
    monkeypatch.setattr(parts, "event", lambda what, **more: told.append((what, more)))
    parts.run()
    notice = notices.of_suspicion(suspicion, 0, 1e9)
    assert notice is not None
    assert told == [(notice.event, notice.fields), suspicion]
    assert notice.fields
    assert len(parts.notices) == 1


def test_a_notice_that_was_not_published_is_told_again() -> None:
    parts = Parts([PAUSED._replace(announced=False)], fails={"publish"})
    with pytest.raises(ClientError):
        parts.run()
    parts.fails.clear()
    parts.metrics.clear()
    parts.run()
    assert len(parts.notices) == 1


def test_metrics_that_cannot_be_put_are_an_error_of_the_function() -> None:
    parts = Parts([RUNNING], fails={"put_metric_data"})
    with pytest.raises(ClientError):
        parts.run()


@pytest.mark.parametrize(("now", "until"), [(40.0, 50.0), (70.0, 72.5), (90.0, 90.0), (110.0, 100)])
def test_the_status_call_leaves_time_for_a_probe(
    monkeypatch: pytest.MonkeyPatch, now: float, until: float
) -> None:
    parts = Parts([RUNNING])
    deadlines: list[float] = []

    def status(deadline: float) -> SystemStatus:
        deadlines.append(deadline)
        return SystemStatus(up=True, seconds=0.25)

    monkeypatch.setattr(parts, "system_status", status)
    monkeypatch.setattr("mail_status.check.time.time", lambda: now)
    parts.run()
    assert deadlines == [until]


def test_the_doctor_is_told_what_taqnyat_says_of_the_account() -> None:
    parts = Parts([RUNNING])
    assert parts.check().ask_account(100) == {
        "verdict": "retryable",
        "scope": "account",
        "reason": "ip_refused",
        "status": 400,
        "code": 102,
        "ip": "10.0.0.1",
    }
    assert parts.metrics == []


class Entry:
    """The container of the entry: which check was asked for, by when, and what was flushed."""

    def __init__(self, *, fails: bool = False) -> None:
        self.asked: list[str] = []
        self.flushes = 0
        self._fails = fails

    def run(self, deadline: float) -> dict[str, Any]:
        return self._answer("run", deadline)

    def ask_account(self, deadline: float) -> dict[str, Any]:
        return self._answer("account", deadline)

    def flush(self) -> None:
        self.flushes += 1

    def _answer(self, what: str, deadline: float) -> dict[str, Any]:
        assert deadline > 1e9
        self.asked.append(what)
        if self._fails:
            raise REFUSED
        return {"asked": what}

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


@pytest.mark.parametrize(
    ("event", "asked"),
    [({}, "run"), ({"source": "aws.events"}, "run"), ({"check": "account"}, "account")],
)
@pytest.mark.parametrize("fails", [False, True])
def test_the_entry_asks_once_and_flushes(
    monkeypatch: pytest.MonkeyPatch, event: dict[str, Any], asked: str, *, fails: bool
) -> None:
    container = Entry(fails=fails)
    monkeypatch.setattr(entry, "_container", lambda: (container, container))
    if fails:
        with pytest.raises(ClientError):
            entry.handler(event, container)
    else:
        assert entry.handler(event, container) == {"asked": asked}
    assert (container.asked, container.flushes) == ([asked], 1)
