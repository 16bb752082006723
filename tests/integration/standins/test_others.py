"""Secrets Manager, Lambda and EventBridge Scheduler."""

import time
from typing import Any

from tests.faults.standins.others import Secrets
from tests.integration.standins.three import GROUP, ROLE, SECRET, WORKER, Aws, refusal, stand_in


def test_a_secret(whole: Aws) -> None:
    aws = whole
    assert aws.secretsmanager.get_secret_value(SecretId=SECRET)["SecretString"] == "value"
    code = refusal(aws.secretsmanager.get_secret_value, SecretId="another")
    assert code == "ResourceNotFoundException"


def test_the_mapping_is_switched(whole: Aws) -> None:
    aws = whole
    if hasattr(aws.functions, "create_event_source_mapping"):
        aws.functions.create_event_source_mapping(
            FunctionName=WORKER, EventSourceArn=aws.queue_arn, Enabled=True
        )
    for on, states in ((False, {"Disabled", "Disabling"}), (True, {"Enabled", "Enabling"})):
        [mapping] = _mappings(aws)
        aws.functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=on)
        assert {mapping["State"] for mapping in _mappings(aws)} <= states
        aws.wait(0.1 if aws.now is time.time else 60)


def _mappings(aws: Aws) -> list[dict[str, Any]]:
    answer = aws.functions.list_event_source_mappings(FunctionName=WORKER)
    return [found for found in answer["EventSourceMappings"] if _feeds(found, aws.queue_arn)]


def _feeds(mapping: dict[str, Any], queue_arn: str) -> bool:
    return bool(mapping["EventSourceArn"] == queue_arn)


def test_a_schedule(whole: Aws) -> None:
    aws = whole
    name = {"Name": "mail", "GroupName": GROUP}
    schedule = {
        **name,
        "ScheduleExpression": "at(2030-01-01T08:00:00)",
        "ScheduleExpressionTimezone": "UTC",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "ActionAfterCompletion": "DELETE",
        "Target": {
            "Arn": aws.queue_arn,
            "RoleArn": ROLE,
            "Input": "text",
            "DeadLetterConfig": {"Arn": aws.queue_arn},
        },
    }
    assert refusal(aws.scheduler.get_schedule, **name) == "ResourceNotFoundException"
    aws.scheduler.create_schedule(**schedule)
    assert refusal(aws.scheduler.create_schedule, **schedule) == "ConflictException"
    assert aws.scheduler.get_schedule(**name)["Target"]["Input"] == "text"
    aws.scheduler.delete_schedule(**name)
    assert refusal(aws.scheduler.delete_schedule, **name) == "ResourceNotFoundException"


def test_a_secret_without_a_value_is_as_good_as_none() -> None:
    secrets = Secrets(SECRET)
    assert refusal(secrets.get_secret_value, SecretId=SECRET) == "ResourceNotFoundException"


def test_a_mapping_that_is_being_switched_cannot_be_switched() -> None:
    aws = stand_in()
    [mapping] = _mappings(aws)
    aws.functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    again = {"UUID": mapping["UUID"], "Enabled": True}
    assert refusal(aws.functions.update_event_source_mapping, **again) == "ResourceInUseException"
