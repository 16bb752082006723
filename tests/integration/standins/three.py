"""The three: our stand-ins, ministack and moto; and where they depart from AWS."""

import json
import time
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.emulator import ACCOUNT, REGION, Emulator
from tests.faults.standins import sqs
from tests.faults.standins.dynamo import Dynamo
from tests.faults.standins.fairness import Queue
from tests.faults.standins.others import Functions, Mapping, Secrets
from tests.faults.standins.scheduler import Scheduler
from tests.ledger_table import definition

TABLE = "ledger"
GROUP = "mails"
SECRET = "taqnyat-token"
WORKER = "worker"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/lambda"
VISIBILITY = 2
MAX_RECEIVES = 3


# Scenario, with its parameters where not all of them fail: what happens instead.
_TAKEN = "takes it"
_NO_MOVES = "has no StartMessageMoveTask"
DEPARTURES: dict[str, dict[str, str]] = {
    "ministack": {
        "test_an_update_that_dynamodb_refuses": _TAKEN,
        "test_a_message_that_sqs_refuses": _TAKEN,
        "test_a_message_sent_straight_to_the_dead_letters_has_no_way_back_by_itself": _NO_MOVES,
        "test_dead_letters_that_are_moved_back_are_new_messages": _NO_MOVES,
    },
    "moto": {
        "test_what_is_not_valid_is_refused[SET #missing = :a--more3]": "breaks with a KeyError",
        "test_what_is_not_valid_is_refused[SET #a = :a--more8]": "takes a number as an index's key",
        "test_what_is_not_valid_is_refused[SET #a = :a--more9]": "takes an empty key",
        "test_an_item_has_its_limit": "counts an item's size higher",
        "test_an_old_receipt_handle_deletes_nothing": "deletes by any handle it ever gave",
        "test_a_body_that_is_refused[empty]": _TAKEN,
        "test_a_body_that_is_refused[control]": _TAKEN,
        "test_a_body_that_is_refused[no character]": _TAKEN,
        "test_a_batch_tells_which_of_its_entries_were_refused": _TAKEN,
        "test_a_message_that_sqs_refuses[empty attribute]": "breaks or takes it",
        "test_a_message_that_sqs_refuses[space in a group]": _TAKEN,
        "test_a_message_that_sqs_refuses[long group]": _TAKEN,
        "test_a_message_that_sqs_refuses[attributes count]": _TAKEN,
        "test_a_dead_letter_tells_where_it_came_from": "does not say so",
        "test_a_message_sent_straight_to_the_dead_letters_has_no_way_back_by_itself": _NO_MOVES,
        "test_dead_letters_that_are_moved_back_are_new_messages": _NO_MOVES,
    },
}


@dataclass
class Aws:
    """The clients of one of the three, its clock, and a way to let time pass on it."""

    dynamodb: Any
    sqs: Any
    secretsmanager: Any
    functions: Any
    scheduler: Any
    mail: str
    failed: str
    queue_arn: str
    waits: str
    now: Callable[[], float]
    wait: Callable[[float], None]


def stand_in() -> Aws:
    moment = [1_800_000_000.0]

    def now() -> float:
        return moment[0]

    def wait(seconds: float) -> None:
        moment[0] += seconds

    queues = sqs.Sqs(now, wait)
    failed = Queue(VISIBILITY, 1000)
    queues.queues = {
        "mail": Queue(VISIBILITY, 1000, failed, MAX_RECEIVES, arn="arn:mail"),
        "failed": failed,
        "waits": Queue(VISIBILITY, 1000, wait_seconds=2),
    }
    return Aws(
        dynamodb=Dynamo(TABLE),
        sqs=queues,
        secretsmanager=Secrets(SECRET, "value"),
        functions=Functions(Mapping(WORKER, "arn:mail", now)),
        scheduler=Scheduler(GROUP, ROLE, queues, now),
        mail="mail",
        failed="failed",
        queue_arn="arn:mail",
        waits="waits",
        now=now,
        wait=wait,
    )


def deploy(emulator: Emulator) -> None:
    emulator.client("iam").create_role(RoleName="lambda", AssumeRolePolicyDocument="{}")
    archive = BytesIO()
    with zipfile.ZipFile(archive, "w") as folder:
        folder.writestr("empty.py", "def handler(event, context): return None\n")
    emulator.client("lambda").create_function(
        FunctionName=WORKER,
        Runtime="python3.13",
        Role=ROLE,
        Handler="empty.handler",
        Code={"ZipFile": archive.getvalue()},
    )
    emulator.client("scheduler").create_schedule_group(Name=GROUP)
    emulator.client("secretsmanager").create_secret(Name=SECRET, SecretString="value")


def emulated(emulator: Emulator, name: str) -> Aws:
    dynamodb, queues = emulator.client("dynamodb"), emulator.client("sqs")
    with suppress(ClientError):
        dynamodb.delete_table(TableName=TABLE)
    aws = tables_and_queues(dynamodb, queues, name, ACCOUNT)
    aws.secretsmanager = emulator.client("secretsmanager")
    aws.functions = emulator.client("lambda")
    aws.scheduler = emulator.client("scheduler")
    return aws


def tables_and_queues(
    dynamodb: Any,  # noqa: ANN401 - botocore's clients have no types
    queues: Any,  # noqa: ANN401
    name: str,
    account: str,
) -> Aws:
    dynamodb.create_table(**definition(TABLE))
    attributes = {"VisibilityTimeout": str(VISIBILITY)}
    failed = queues.create_queue(QueueName=f"{name}-failed", Attributes=attributes)["QueueUrl"]
    redrive = {
        "deadLetterTargetArn": f"arn:aws:sqs:{REGION}:{account}:{name}-failed",
        "maxReceiveCount": MAX_RECEIVES,
    }
    attributes["RedrivePolicy"] = json.dumps(redrive)
    mail = queues.create_queue(QueueName=f"{name}-mail", Attributes=attributes)["QueueUrl"]
    long = {"ReceiveMessageWaitTimeSeconds": "2"}
    waits = queues.create_queue(QueueName=f"{name}-waits", Attributes=long)["QueueUrl"]
    return Aws(
        dynamodb=dynamodb,
        sqs=queues,
        secretsmanager=None,
        functions=None,
        scheduler=None,
        mail=mail,
        failed=failed,
        queue_arn=f"arn:aws:sqs:{REGION}:{account}:{name}-mail",
        waits=waits,
        now=time.time,
        wait=time.sleep,
    )


def refusal(call: Callable[..., Any], **arguments: Any) -> str:  # noqa: ANN401 - botocore's shape
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    return refused.value.response["Error"]["Code"]
