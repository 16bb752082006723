"""The evaluator of alarms against what AWS documents, and what CloudWatch is told at home."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from local import measured
from local.alarms import ALARM, NO_DATA, OK, Alarm, judge, points
from local.bell import Bell

KEPT = "retained"
TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")
THREE_OF_THREE = Alarm(
    name="stack-Some-1",
    namespace="Own",
    metric="Some",
    statistic="Maximum",
    period=60,
    periods=3,
    needed=3,
    comparison="GreaterThanThreshold",
    threshold=0,
    missing="missing",
    state=KEPT,
)
TWO_OF_THREE = replace(THREE_OF_THREE, needed=2)


def found(shown: str) -> list[float | None]:
    """Read points as AWS's tables show them: 0 is good, X breaches, - is missing; newest last."""
    return [{"0": 0.0, "X": 1.0, "-": None}[letter] for letter in shown.split()]


@pytest.mark.parametrize(
    ("alarm", "shown", "states"),
    [
        (THREE_OF_THREE, "0 - X - X", (OK, OK, OK, OK)),
        (THREE_OF_THREE, "0 - - - -", (OK, OK, OK, OK)),
        (THREE_OF_THREE, "- - - - -", (NO_DATA, KEPT, ALARM, OK)),
        (THREE_OF_THREE, "0 X X - X", (ALARM, ALARM, ALARM, ALARM)),
        (THREE_OF_THREE, "- - X - -", (ALARM, KEPT, ALARM, OK)),
        (TWO_OF_THREE, "0 - X - X", (ALARM, ALARM, ALARM, ALARM)),
        (TWO_OF_THREE, "0 0 X 0 X", (ALARM, ALARM, ALARM, ALARM)),
        (TWO_OF_THREE, "0 - X - -", (OK, OK, ALARM, OK)),
        (TWO_OF_THREE, "- - - - 0", (OK, OK, ALARM, OK)),
        (TWO_OF_THREE, "- - - X -", (ALARM, KEPT, ALARM, OK)),
    ],
)
def test_the_tables_of_the_user_guide(alarm: Alarm, shown: str, states: tuple[str, ...]) -> None:
    got = [judge(replace(alarm, missing=how), found(shown)) for how in TREATMENTS]

    assert got == list(states)


@pytest.mark.parametrize("shown", ["- - - - X", "- - - X -"])
def test_it_does_not_ring_before_its_time(shown: str) -> None:
    assert judge(THREE_OF_THREE, found(shown)) == OK


def test_two_breaching_points_ring_although_a_third_is_missing() -> None:
    assert judge(replace(TWO_OF_THREE, missing="ignore"), found("- X - - X")) == ALARM


def test_of_enough_points_the_older_ones_do_not_count() -> None:
    assert judge(THREE_OF_THREE, found("X X X 0 X")) == OK
    assert judge(THREE_OF_THREE, found("0 0 X X X")) == ALARM


def test_an_event_rings_until_it_has_left_the_evaluation_range() -> None:
    one = replace(THREE_OF_THREE, periods=1, needed=1, missing="notBreaching")

    assert [judge(one, found(shown)) for shown in ("- - X", "- X -", "X - -", "- - -")] == [
        *(ALARM, ALARM, ALARM, OK)
    ]


@pytest.mark.parametrize(
    ("comparison", "rings"),
    [
        ("GreaterThanOrEqualToThreshold", [False, True, True]),
        ("GreaterThanThreshold", [False, False, True]),
        ("LessThanOrEqualToThreshold", [True, True, False]),
        ("LessThanThreshold", [True, False, False]),
    ],
)
def test_each_comparison(comparison: str, rings: list[bool]) -> None:
    alarm = replace(THREE_OF_THREE, comparison=comparison, threshold=2)

    assert [alarm.breaches(value) for value in (1, 2, 3)] == rings


def minute(*values: float) -> dict[str, float]:
    """Make what CloudWatch knows of a minute."""
    found = {"SampleCount": float(len(values)), "Sum": sum(values)}
    return found | {"Minimum": min(values), "Maximum": max(values)}


@pytest.mark.parametrize(
    ("statistic", "value"),
    [("Sum", 10.0), ("Average", 2.5), ("Minimum", 1.0), ("Maximum", 4.0), ("SampleCount", 4.0)],
)
def test_minutes_become_a_point_of_a_longer_period(statistic: str, value: float) -> None:
    alarm = replace(THREE_OF_THREE, statistic=statistic, period=300, periods=1, needed=1)
    minutes = {600: minute(1.0, 2.0), 840: minute(3.0, 4.0)}

    assert points(alarm, minutes, 900) == [None, None, value]


def test_the_window_moves_on_by_a_minute_also_where_the_period_is_longer() -> None:
    alarm = replace(THREE_OF_THREE, statistic="Sum", period=300, periods=1, needed=1)
    minutes = {600: minute(1.0), 840: minute(2.0)}

    assert [points(alarm, minutes, end)[-1] for end in (900, 960, 1140, 1200)] == [
        *(3.0, 2.0, 2.0, None)
    ]
    assert points(alarm, minutes, 960)[-2:] == [1.0, 2.0]


@pytest.mark.parametrize(
    ("periods", "end"), [(24, 36_000 + 55 * 60), (25, 36_000)], ids=["a day", "more than a day"]
)
def test_an_alarm_over_days_counts_full_hours_alone(periods: int, end: int) -> None:
    alarm = replace(THREE_OF_THREE, period=3600, periods=periods)

    assert alarm.end(36_000 + 55 * 60 + 30.0) == end


def test_an_alarm_is_read_as_aws_describes_it() -> None:
    given = {
        "AlarmName": "stack-FailedQueueAlarm-1",
        "Namespace": "AWS/SQS",
        "MetricName": "ApproximateNumberOfMessagesVisible",
        "Dimensions": [{"Name": "QueueName", "Value": "failed"}],
        "Statistic": "Maximum",
        "Period": 60,
        "EvaluationPeriods": 3,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "Threshold": 1.0,
        "StateValue": "OK",
    }

    alarm = Alarm.described(given)

    assert (alarm.needed, alarm.missing, alarm.span) == (3, "missing", 300)
    assert alarm.dimensions == (("QueueName", "failed"),)
    assert Alarm.described(given | {"DatapointsToAlarm": 2}).needed == 2
    assert not alarm.obstacle


@pytest.mark.parametrize(
    ("change", "obstacle"),
    [
        ({"namespace": "AWS/Events", "metric": "FailedInvocations"}, "AWS/Events Failed"),
        ({"namespace": "AWS/SQS", "metric": "NumberOfMessagesReceived"}, "NumberOfMessagesRec"),
        ({"statistic": ""}, "statistic"),
        ({"period": 10}, "period"),
        ({"comparison": "LessThanLowerThreshold"}, "comparison"),
        ({"namespace": "TaqnyatMail/stack", "metric": "MailUnknown"}, ""),
        ({"namespace": "AWS/Lambda", "metric": "Errors"}, ""),
    ],
)
def test_what_cannot_be_rehearsed_says_why(change: dict[str, Any], obstacle: str) -> None:
    told = replace(THREE_OF_THREE, **change).obstacle

    assert obstacle in told
    assert bool(told) == bool(obstacle)


EMF = {
    "_aws": {
        "Timestamp": 1,
        "CloudWatchMetrics": [
            {
                "Namespace": "Own",
                "Dimensions": [[], ["reason"]],
                "Metrics": [{"Name": "MailFailed", "Unit": "Count"}, {"Name": "Ms"}],
            }
        ],
    },
    "reason": "sender_refused",
    "MailFailed": [2.0],
    "Ms": [3, 4],
}


def test_what_a_function_prints_is_measured_for_each_of_its_dimensions() -> None:
    got = [(one.name, one.value, one.dimensions) for one in measured.embedded(json.dumps(EMF))]

    reason = {"reason": "sender_refused"}
    assert got == [
        *(("MailFailed", 2.0, {}), ("MailFailed", 2.0, reason)),
        *(("Ms", 3.0, {}), ("Ms", 4.0, {}), ("Ms", 3.0, reason), ("Ms", 4.0, reason)),
    ]


@pytest.mark.parametrize(
    "line",
    [
        "",
        "START",
        '{"message": "_aws"}',
        '{"_aws"',
        '{"_aws": 1}',
        "[]",
        '{"_aws": {"CloudWatchMetrics": [{"Namespace": "a"}]}}',
    ],
)
def test_any_other_line_measures_nothing(line: str) -> None:
    assert list(measured.embedded(line)) == []


def message(sent_at: float, visible_at: float = 0.0, received: int = 0) -> dict[str, Any]:
    """Make a message as the emulator keeps it."""
    return {"sent_at": sent_at, "visible_at": visible_at, "receive_count": received}


def test_a_queue_is_measured_as_sqs_does() -> None:
    messages = [
        message(90, 0),
        message(50, 200, received=1),
        message(95, 150),
        message(10, 0, received=3),  # at the back of the queue, and no more its oldest
    ]

    got = {one.name: one.value for one in measured.of_queue("mail", messages, now=100)}

    assert got == {
        "ApproximateNumberOfMessagesVisible": 2,
        "ApproximateNumberOfMessagesNotVisible": 1,
        "ApproximateNumberOfMessagesDelayed": 1,
        "ApproximateAgeOfOldestMessage": 50,
        "NumberOfMessagesSent": 0,
    }


@pytest.mark.parametrize(
    ("status", "values"), [(200, (1, 0, 0)), (422, (1, 1, 0)), (503, (1, 0, 1))]
)
def test_an_answer_of_the_api_is_measured(status: int, values: tuple[int, ...]) -> None:
    got = list(measured.of_call("stack", "v1", status))

    assert tuple(one.value for one in got) == values
    assert [one.name for one in got] == ["Count", "4XXError", "5XXError"]
    assert dict(got[0].dimensions) == {"ApiName": "stack", "Stage": "v1"}


def test_what_a_queue_takes_is_counted() -> None:
    [got] = measured.of_sending("http://127.0.0.1:1/prefix/123456789012/failed")

    assert (got.name, got.value, got.dimensions) == (
        "NumberOfMessagesSent",
        1.0,
        {"QueueName": "failed"},
    )


def test_an_empty_queue_is_measured_too() -> None:
    assert {one.value for one in measured.of_queue("mail", [], now=100)} == {0}


class CloudWatch:
    """As much of CloudWatch as the bell asks for: two alarms, and a minute of one metric."""

    def __init__(self) -> None:
        """Begin without data."""
        self.minutes: dict[int, dict[str, float]] = {}
        self.states = {"stack-FailedQueueAlarm-1": OK, "stack-RuleAlarm-2": NO_DATA}
        self.reasons: list[str] = []
        self.asked: list[dict[str, Any]] = []

    def get_paginator(self, _: str) -> "CloudWatch":
        """Stand for the pages too."""
        return self

    def paginate(self) -> list[dict[str, Any]]:
        """Describe both alarms."""
        rest = {"EvaluationPeriods": 1, "Threshold": 1.0, "Period": 60, "Statistic": "Maximum"}
        rest |= {"ComparisonOperator": "GreaterThanOrEqualToThreshold"}
        rest |= {"TreatMissingData": "notBreaching"}
        metrics = {
            "stack-FailedQueueAlarm-1": ("AWS/SQS", "ApproximateNumberOfMessagesVisible"),
            "stack-RuleAlarm-2": ("AWS/Events", "FailedInvocations"),
        }
        return [
            {
                "MetricAlarms": [
                    {**rest, "AlarmName": name, "Namespace": at, "MetricName": metric}
                    | {"StateValue": self.states[name]}
                    for name, (at, metric) in metrics.items()
                ]
            }
        ]

    def get_metric_statistics(self, **asked: Any) -> dict[str, Any]:  # noqa: ANN401
        """Give the minutes."""
        self.asked.append(asked)
        points = self.minutes.items()
        return {
            "Datapoints": [
                {"Timestamp": datetime.fromtimestamp(at, UTC), **of} for at, of in points
            ]
        }

    def set_alarm_state(self, *, AlarmName: str, StateValue: str, StateReason: str) -> None:  # noqa: N803
        """Take a state."""
        self.states[AlarmName] = StateValue
        self.reasons.append(StateReason)


def test_the_bell_sets_a_changed_state_and_says_on_what_it_rests() -> None:
    cloudwatch = CloudWatch()
    bell = Bell(lambda _: cloudwatch)
    cloudwatch.minutes[6000] = minute(2.0)

    bell.ring(6075.0)

    assert bell.active == ["FailedQueueAlarm"]
    assert cloudwatch.states["stack-FailedQueueAlarm-1"] == ALARM
    assert cloudwatch.reasons[0].endswith("[-, -, 2], oldest first")
    [asked] = cloudwatch.asked
    assert (asked["StartTime"].timestamp(), asked["EndTime"].timestamp()) == (5880, 6060)
    changes = len(cloudwatch.reasons)
    bell.ring(6075.0)
    assert len(cloudwatch.reasons) == changes
    cloudwatch.minutes.clear()
    bell.ring(6200.0)
    assert (bell.active, cloudwatch.states["stack-FailedQueueAlarm-1"]) == ([], OK)


def test_an_alarm_that_cannot_ring_at_home_says_so_and_is_never_called_good() -> None:
    cloudwatch = CloudWatch()
    bell = Bell(lambda _: cloudwatch)

    bell.ring(6075.0)
    bell.ring(6135.0)

    assert cloudwatch.states["stack-RuleAlarm-2"] == NO_DATA
    assert cloudwatch.reasons == [
        "not rehearsed: nothing measures AWS/Events FailedInvocations here"
    ]
    assert list(bell.silent) == ["RuleAlarm"]
