"""Staging beside production: two stacks of the real template in one account and region.

The one's name begins with the other's, as they are mostly called.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local import deployment
from local.parameters import STACK_NAME
from local.stack import LocalStack
from ops import watch
from ops.doctor import Check, Doctor
from ops.findings import Level
from ops.stack import Stack
from tests.e2e.world import World

STAGING = f"{STACK_NAME}-staging"
BOTH = (STACK_NAME, STAGING)
MINUTES = 15


@pytest.fixture(scope="module")
def staging(stack: LocalStack) -> Iterator[Stack]:
    """Deploy a second stack into the emulator."""
    assert stack.simulator is not None
    emulator = stack.emulator
    outputs = deployment.deploy(emulator, stack.simulator.base_url, {}, STAGING)
    deployment.put_secrets(emulator, outputs, stack.simulator.token, stack.api_key)
    yield Stack(STAGING, emulator.client, "local")
    emulator.client("cloudformation").delete_stack(StackName=STAGING)


@pytest.fixture
def production(stack: LocalStack) -> Stack:
    """Return the stack of the session."""
    return Stack(STACK_NAME, stack.emulator.client, "local")


def alarms(world: World) -> dict[str, list[dict[str, Any]]]:
    """Return the alarms of the account, by the stack that CloudFormation named them for."""
    pages = world.stack.client("cloudwatch").get_paginator("describe_alarms").paginate()
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in BOTH}
    for alarm in (alarm for page in pages for alarm in page["MetricAlarms"]):
        whose = STAGING if alarm["AlarmName"].startswith(f"{STAGING}-") else STACK_NAME
        found[whose].append(alarm)
    return found


def checked(stack: Stack, name: str) -> Check:
    """Return one of the doctor's checks."""
    [check] = [found for found in Doctor(stack, ask_taqnyat=False).look() if found.name == name]
    return check


def test_no_alarm_of_the_one_watches_what_is_the_other_s(world: World, staging: Stack) -> None:
    assert staging.described
    found = alarms(world)
    watched = {
        name: {
            (one["Namespace"], one["MetricName"], json.dumps(one.get("Dimensions", [])))
            for one in mine
        }
        for name, mine in found.items()
    }

    assert len(watched[STAGING]) == len(watched[STACK_NAME]) > 20
    assert watched[STAGING] & watched[STACK_NAME] == set()


@pytest.mark.parametrize("rings", BOTH)
def test_an_alarm_that_rings_is_told_of_its_own_stack_alone(
    world: World, staging: Stack, production: Stack, rings: str
) -> None:
    stacks = dict(zip(BOTH, (production, staging), strict=True))
    [alarm] = [one for one in alarms(world)[rings] if "-SendingPausedAlarm-" in one["AlarmName"]]
    cloudwatch = world.stack.client("cloudwatch")
    before = {name: watch.active_alarms(stack) for name, stack in stacks.items()}
    state = {"AlarmName": alarm["AlarmName"], "StateReason": "a test"}
    cloudwatch.set_alarm_state(**state, StateValue="ALARM")
    try:
        after = {name: watch.active_alarms(stack) for name, stack in stacks.items()}
        said = checked(stacks[rings], "alarms")
    finally:
        cloudwatch.set_alarm_state(**state, StateValue="OK")
    [other] = set(BOTH) - {rings}

    assert "SendingPausedAlarm" in after[rings]
    assert ("SendingPausedAlarm" in after[other]) is ("SendingPausedAlarm" in before[other])
    assert said.level is Level.WARNING
    assert "SendingPausedAlarm" in said.found


def test_a_mail_and_a_pause_of_staging_are_staging_s_alone(
    world: World, staging: Stack, production: Stack
) -> None:
    mail_id = f"staging-{world.domain}"
    world.stack.client("sqs").send_message(
        QueueUrl=staging.output("MailQueueUrl"),
        MessageBody=json.dumps(world.mail(version=1, id=mail_id)),
    )
    world.until(lambda: (row := staging.ledger.get(mail_id)) and row.state == "sent")
    before = measured(production, "SendingPaused")
    staging.pause.begin_by_hand("maintenance")
    world.stack.client("lambda").invoke(FunctionName=staging.output("StatusCheckFunction"))

    assert len(world.received()) == 1
    assert production.ledger.get(mail_id) is None
    assert not production.pause.read().paused
    assert checked(staging, "sending").level is Level.BAD
    assert checked(production, "sending").level is Level.GOOD
    world.until(lambda: measured(staging, "SendingPaused") == 1.0)
    # An earlier test may have paused it.
    assert (measured(production, "SendingPaused") or 0.0) == (before or 0.0)


def measured(stack: Stack, metric: str) -> float | None:
    """Return the highest value of a metric of a stack's own namespace."""
    now = datetime.now(UTC)
    found = stack.client("cloudwatch").get_metric_statistics(
        Namespace=stack.settings.metrics_namespace,
        MetricName=metric,
        StartTime=now - timedelta(minutes=MINUTES),
        EndTime=now + timedelta(minutes=1),
        Period=60,
        Statistics=["Maximum"],
    )
    values = [float(point["Maximum"]) for point in found["Datapoints"]]
    return max(values, default=None)
