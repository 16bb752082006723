"""The template's alarms ring at home, over what the functions measured."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from ops import watch
from ops.stack import find_local
from tests.e2e.world import World


def test_a_mail_of_unknown_outcome_is_counted_and_rings(world: World) -> None:
    world.simulator.script("status:500")
    mail_id = world.post(world.mail())
    world.until_state(mail_id, "unknown")
    stack = find_local(world.stack.folder.stack_json)

    def rings() -> bool:
        world.stack.bell.ring(time.time() + 60)  # as it will after this minute
        # The second rings for what comes to the failed queue, whatever is there.
        return {"UnknownOutcomeAlarm", "FailedQueueAlarm"} <= watch.active_alarms(stack).keys()

    world.until(rings)
    counts = watch.counts(stack, 60)
    assert counts["MailUnknown"] <= counts["MailAccepted"]


def test_an_alarm_that_nothing_here_can_ring_says_so(world: World) -> None:
    world.stack.bell.ring(time.time())

    silent = world.stack.bell.silent
    found = world.stack.client("cloudwatch").describe_alarms()["MetricAlarms"]
    alarms = {alarm["AlarmName"].split("-")[-2]: alarm for alarm in found}
    told = {name: alarms[name]["StateReason"] for name in silent}
    assert told == {name: f"not rehearsed: {why}" for name, why in silent.items()}
    assert {alarms[name]["StateValue"] for name in silent} <= {"INSUFFICIENT_DATA"}
    assert len(silent) < len(alarms) / 4


def test_each_message_and_each_set_of_dimensions_is_measured(world: World) -> None:
    sqs, cloudwatch = world.stack.client("sqs"), world.stack.client("cloudwatch")
    name, space = world.domain.replace(".", "-"), world.domain
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    datum: dict[str, Any] = {"MetricName": "Some", "Value": 1.0}
    reason = [{"Name": "reason", "Value": "x"}]

    def total(space: str, metric: str, dimensions: list[dict[str, str]]) -> float:
        now = datetime.now(UTC)
        points = cloudwatch.get_metric_statistics(
            Namespace=space,
            MetricName=metric,
            Dimensions=dimensions,
            Statistics=["Sum"],
            StartTime=now - timedelta(minutes=5),
            EndTime=now + timedelta(minutes=5),
            Period=60,
        )["Datapoints"]
        return float(sum(point["Sum"] for point in points))

    sqs.send_message(QueueUrl=url, MessageBody="c")
    sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": one, "MessageBody": one} for one in "ab"])
    sqs.delete_queue(QueueUrl=url)
    cloudwatch.put_metric_data(
        Namespace=space, MetricData=[datum, datum, datum | {"Dimensions": reason}]
    )

    assert total("AWS/SQS", "NumberOfMessagesSent", [{"Name": "QueueName", "Value": name}]) == 3
    assert total(space, "Some", []) == 2
    assert total(space, "Some", reason) == 1


def test_what_is_measured_rings_no_alarm_before_its_minute_has_ended(world: World) -> None:
    cloudwatch, space = world.stack.client("cloudwatch"), world.domain
    name = f"taqnyat-mail-{world.domain.partition('.')[0]}-1"
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        Namespace=space,
        MetricName="Some",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0.0,
        ComparisonOperator="GreaterThanThreshold",
    )

    def state() -> str:
        [alarm] = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
        return str(alarm["StateValue"])

    try:
        cloudwatch.put_metric_data(Namespace=space, MetricData=[{"MetricName": "Some", "Value": 1}])
        before = state()
        world.stack.bell.ring(time.time() + 60)
        after = state()
    finally:
        cloudwatch.delete_alarms(AlarmNames=[name])

    assert (before, after) == ("INSUFFICIENT_DATA", "ALARM")
