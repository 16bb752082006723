"""The template's alarms ring at home, over what the functions measured."""

import time

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
        return "UnknownOutcomeAlarm" in watch.ringing(stack)

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
