"""The template's alarms, judged as CloudWatch documents it. Pure: settings and data in, states out.

AWS's user guide, "Alarm evaluation" and "Configuring how CloudWatch alarms treat missing data",
has the rules: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
and .../alarms-and-missing-data.html, whose tables are this module's tests.
"""

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

MINUTE: Final = 60
_HOUR: Final = 3600
_DAY: Final = 86400
OK: Final = "OK"
ALARM: Final = "ALARM"
NO_DATA: Final = "INSUFFICIENT_DATA"
# How a period's value is made of its minutes'; an average is made of two of these.
STATISTICS: Final[Mapping[str, Callable[[Iterable[float]], float]]] = {
    "SampleCount": sum,
    "Sum": sum,
    "Minimum": min,
    "Maximum": max,
}
# The metrics that are measured here; an alarm on another metric of AWS cannot go off here.
MEASURED: Final[Mapping[str, frozenset[str]]] = {
    "AWS/ApiGateway": frozenset({"Count", "4XXError", "5XXError"}),
    "AWS/Lambda": frozenset({"Invocations", "Errors", "Throttles", "Duration"}),
    "AWS/SQS": frozenset(
        {
            "ApproximateNumberOfMessagesVisible",
            "ApproximateNumberOfMessagesNotVisible",
            "ApproximateNumberOfMessagesDelayed",
            "ApproximateAgeOfOldestMessage",
            "NumberOfMessagesSent",
        }
    ),
}
_EXTRA_PERIODS: Final = 2  # the documented example looks at 5 periods for an alarm of 3
_COMPARED: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanOrEqualToThreshold": operator.le,
    "LessThanThreshold": operator.lt,
}

# Of one minute, by statistic; the minutes by their begin in epoch seconds.
Minute = Mapping[str, float]
Minutes = Mapping[int, Minute]
Points = Sequence[float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """An alarm: it goes off when `needed` of `periods` points of `period` seconds breach."""

    name: str
    namespace: str
    metric: str
    statistic: str
    period: int
    periods: int
    needed: int
    comparison: str
    threshold: float
    missing: str
    state: str
    dimensions: tuple[tuple[str, str], ...] = ()

    @classmethod
    def described(cls, given: Mapping[str, Any]) -> "Alarm":
        """Read an alarm from DescribeAlarms, with its references resolved."""
        return cls(
            name=given["AlarmName"],
            namespace=given["Namespace"],
            metric=given["MetricName"],
            dimensions=tuple((one["Name"], one["Value"]) for one in given.get("Dimensions", [])),
            statistic=given.get("Statistic", ""),
            period=int(given["Period"]),
            periods=int(given["EvaluationPeriods"]),
            needed=int(given.get("DatapointsToAlarm") or given["EvaluationPeriods"]),
            comparison=given["ComparisonOperator"],
            threshold=float(given["Threshold"]),
            missing=given.get("TreatMissingData") or "missing",
            state=given["StateValue"],
        )

    @property
    def span(self) -> int:
        """Seconds that are looked back: more than it judges, in case some points are missing."""
        return self.period * (self.periods + _EXTRA_PERIODS)

    def end(self, now: float) -> int:
        """Return up to when data count: the last full minute, or hour if it looks at days."""
        step = _HOUR if self.period * self.periods > _DAY else MINUTE
        return int(now) // step * step

    @property
    def obstacle(self) -> str:
        """Why it cannot be rehearsed at home; empty if it can."""
        if self.metric not in MEASURED.get(self.namespace, {self.metric}) or (
            self.namespace.startswith("AWS/") and self.namespace not in MEASURED
        ):
            return f"nothing measures {self.namespace} {self.metric} here"
        if self.statistic not in {*STATISTICS, "Average"}:
            return f"the statistic {self.statistic or 'of its kind'} is not known here"
        if self.period % MINUTE or self.comparison not in _COMPARED:
            return "its period or comparison is not known here"
        return ""

    def breaches(self, value: float) -> bool:
        """Return whether a value is on the wrong side of the threshold."""
        return _COMPARED[self.comparison](value, self.threshold)


def points(alarm: Alarm, minutes: Minutes, end: int) -> list[float | None]:
    """Return the evaluation range up to the full minute `end`, oldest first; None has no data.

    The window moves on by a minute, also where the period is longer.
    """
    begins = range(end - alarm.span, end, alarm.period)
    return [_value(alarm, minutes, begin) for begin in begins]


def _value(alarm: Alarm, minutes: Minutes, begin: int) -> float | None:
    inside = range(begin, begin + alarm.period, MINUTE)
    found = [minutes[at] for at in inside if at in minutes]
    if not found:
        return None
    if alarm.statistic == "Average":
        return sum(one["Sum"] for one in found) / sum(one["SampleCount"] for one in found)
    return STATISTICS[alarm.statistic](one[alarm.statistic] for one in found)


def judge(alarm: Alarm, found: Points) -> str:
    """Return the alarm's state after its evaluation range, oldest point first.

    Enough real points decide alone, the latest of them; only what is missing then is filled in.
    """
    real = [alarm.breaches(value) for value in found if value is not None]
    if len(real) >= alarm.periods:
        return ALARM if sum(real[-alarm.periods :]) >= alarm.needed else OK
    breaching = sum(real)
    if alarm.missing == "breaching":
        breaching += alarm.periods - len(real)
    if breaching >= alarm.needed:
        return ALARM
    if alarm.missing in {"breaching", "notBreaching"} or not all(real):
        return OK
    # All that is known breaches, and it is too little.
    if alarm.missing == "ignore":
        return alarm.state
    if not real:
        return NO_DATA
    oldest = next(at for at, value in enumerate(found) if value is not None)
    return ALARM if len(found) - oldest >= alarm.needed else OK


def reason(alarm: Alarm, found: Points) -> str:
    """Say on what the state rests, for whoever reads the notice."""
    shown = ", ".join("-" if value is None else f"{value:g}" for value in found)
    return (
        f"{alarm.needed} of {alarm.periods} points of {alarm.period} s ring by "
        f"{alarm.comparison} {alarm.threshold:g}: [{shown}], oldest first"
    )
