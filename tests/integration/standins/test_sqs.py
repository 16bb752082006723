"""SQS: visibility, dead letters, groups, batches, and what it refuses."""

from contextlib import suppress
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.integration.standins.three import MAX_RECEIVES, VISIBILITY, Aws, refusal


def _receive(aws: Aws, url: str = "", number: int = 10) -> list[dict[str, Any]]:
    answer = aws.sqs.receive_message(
        QueueUrl=url or aws.mail,
        MaxNumberOfMessages=number,
        MessageAttributeNames=["All"],
        MessageSystemAttributeNames=["SentTimestamp", "ApproximateReceiveCount", "MessageGroupId"],
    )
    return list(answer.get("Messages", []))


def _send(aws: Aws, body: str = "body", **more: Any) -> str:  # noqa: ANN401 - botocore's shape
    return str(aws.sqs.send_message(QueueUrl=aws.mail, MessageBody=body, **more)["MessageId"])


def test_a_message_in_hand_is_not_seen_until_its_time(aws: Aws) -> None:
    message_id = _send(aws)
    before = aws.now()
    [first] = _receive(aws)
    assert (first["MessageId"], first["Body"]) == (message_id, "body")
    assert first["Attributes"]["ApproximateReceiveCount"] == "1"
    assert abs(int(first["Attributes"]["SentTimestamp"]) / 1000 - before) < 5
    assert _receive(aws) == []
    aws.wait(VISIBILITY + 0.1)
    [second] = _receive(aws)
    assert second["MessageId"] == message_id
    assert second["ReceiptHandle"] != first["ReceiptHandle"]
    assert second["Attributes"]["ApproximateReceiveCount"] == "2"
    assert second["Attributes"]["SentTimestamp"] == first["Attributes"]["SentTimestamp"]


def test_a_deleted_message_is_gone(aws: Aws) -> None:
    _send(aws)
    [message] = _receive(aws)
    aws.sqs.delete_message(QueueUrl=aws.mail, ReceiptHandle=message["ReceiptHandle"])
    aws.wait(VISIBILITY + 0.1)
    assert _receive(aws) == []


def test_an_old_receipt_handle_deletes_nothing(aws: Aws) -> None:
    _send(aws)
    [first] = _receive(aws)
    aws.wait(VISIBILITY + 0.1)
    [second] = _receive(aws)
    with suppress(ClientError):  # SQS says nothing, the emulator that it is invalid
        aws.sqs.delete_message(QueueUrl=aws.mail, ReceiptHandle=first["ReceiptHandle"])
    aws.sqs.change_message_visibility(
        QueueUrl=aws.mail, ReceiptHandle=second["ReceiptHandle"], VisibilityTimeout=0
    )
    assert len(_receive(aws)) == 1


def test_a_message_is_put_back(aws: Aws) -> None:
    _send(aws)
    [message] = _receive(aws)
    change = aws.sqs.change_message_visibility
    handle = {"QueueUrl": aws.mail, "ReceiptHandle": message["ReceiptHandle"]}
    change(**handle, VisibilityTimeout=VISIBILITY * 2)
    aws.wait(VISIBILITY + 0.1)
    assert _receive(aws) == []
    change(**handle, VisibilityTimeout=0)
    assert len(_receive(aws)) == 1
    wrong = {"QueueUrl": aws.mail, "ReceiptHandle": "wrong", "VisibilityTimeout": 1}
    assert refusal(change, **wrong) == "ReceiptHandleIsInvalid"


def test_a_delayed_message_is_not_seen_before(aws: Aws) -> None:
    _send(aws, DelaySeconds=1)
    assert _receive(aws) == []
    aws.wait(1.1)
    assert len(_receive(aws)) == 1


def test_a_message_received_too_often_goes_to_the_dead_letters_as_it_is(aws: Aws) -> None:
    attributes = {
        "state": {"DataType": "String", "StringValue": "failed"},
        "attempt": {"DataType": "Number", "StringValue": "3"},
    }
    message_id = _send(aws, MessageAttributes=attributes)
    for _ in range(MAX_RECEIVES):
        [message] = _receive(aws)
        assert message["MessageAttributes"] == attributes
        handle = {"QueueUrl": aws.mail, "ReceiptHandle": message["ReceiptHandle"]}
        aws.sqs.change_message_visibility(**handle, VisibilityTimeout=0)
    assert _receive(aws) == []
    [dead] = _receive(aws, aws.failed)
    assert (dead["MessageId"], dead["Body"]) == (message_id, "body")
    assert dead["MessageAttributes"] == attributes


def test_a_batch_of_messages(aws: Aws) -> None:
    entries = [{"Id": str(index), "MessageBody": f"body {index}"} for index in range(10)]
    answer = aws.sqs.send_message_batch(QueueUrl=aws.mail, Entries=entries)
    assert not answer.get("Failed")
    assert {message["Body"] for message in _receive(aws)} == {f"body {n}" for n in range(10)}
    assert len(_receive(aws)) == 0


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("", "MissingParameter"),
        ("a\x00b", "InvalidMessageContents"),
        ("a\ufffeb", "InvalidMessageContents"),
        ("x" * (1024 * 1024 + 1), "InvalidParameterValue"),
    ],
    ids=["empty", "control", "no character", "too long"],
)
def test_a_body_that_is_refused(aws: Aws, body: str, code: str) -> None:
    assert refusal(aws.sqs.send_message, QueueUrl=aws.mail, MessageBody=body) == code


def test_a_message_of_a_standard_queue_keeps_its_group(aws: Aws) -> None:
    aws.sqs.send_message(QueueUrl=aws.mail, MessageBody="one", MessageGroupId="shop")
    entry = {"Id": "0", "MessageBody": "two", "MessageGroupId": "shop"}
    aws.sqs.send_message_batch(QueueUrl=aws.mail, Entries=[entry])
    aws.sqs.send_message(QueueUrl=aws.mail, MessageBody="three")
    found = {
        message["Body"]: message["Attributes"].get("MessageGroupId")
        for _ in range(3)
        for message in _receive(aws)
    }
    assert found == {"one": "shop", "two": "shop", "three": None}


def _dead_letter(aws: Aws) -> dict[str, Any]:
    """Send a message that is received as often as the redrive policy says; return it."""
    _send(aws)
    for _ in range(MAX_RECEIVES):
        [message] = _receive(aws)
        handle = {"QueueUrl": aws.mail, "ReceiptHandle": message["ReceiptHandle"]}
        aws.sqs.change_message_visibility(**handle, VisibilityTimeout=0)
    _receive(aws)
    return message


def _failed_arn(aws: Aws) -> str:
    return "failed" if aws.failed == "failed" else aws.queue_arn.removesuffix("mail") + "failed"


def test_a_dead_letter_tells_where_it_came_from(aws: Aws) -> None:
    _dead_letter(aws)
    aws.sqs.send_message(QueueUrl=aws.failed, MessageBody="straight")
    answer = aws.sqs.receive_message(
        QueueUrl=aws.failed, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"]
    )
    found = {
        message["Body"]: message["Attributes"].get("DeadLetterQueueSourceArn")
        for message in answer["Messages"]
    }
    assert found == {"body": aws.queue_arn, "straight": None}


def test_a_message_sent_straight_to_the_dead_letters_has_no_way_back_by_itself(aws: Aws) -> None:
    aws.sqs.send_message(QueueUrl=aws.failed, MessageBody="straight")
    aws.sqs.start_message_move_task(SourceArn=_failed_arn(aws))
    aws.wait(1)
    [task] = aws.sqs.list_message_move_tasks(SourceArn=_failed_arn(aws))["Results"]
    assert (task["Status"], task["FailureReason"]) == ("FAILED", "CouldNotDetermineMessageSource")


def test_a_receive_waits_as_long_as_its_queue_says(aws: Aws) -> None:
    began = aws.now()
    assert _receive(aws, aws.waits) == []
    assert 1.9 <= aws.now() - began < 4
    assert aws.sqs.receive_message(QueueUrl=aws.waits, WaitTimeSeconds=0).get("Messages", []) == []
    assert aws.now() - began < 4


def test_a_batch_tells_which_of_its_entries_were_refused(aws: Aws) -> None:
    entries = [
        {"Id": "good", "MessageBody": "body"},
        {"Id": "bad", "MessageBody": "a\x00b"},
    ]
    answer = aws.sqs.send_message_batch(QueueUrl=aws.mail, Entries=entries)
    assert [entry["Id"] for entry in answer["Successful"]] == ["good"]
    [failed] = answer["Failed"]
    assert (failed["Id"], failed["SenderFault"]) == ("bad", True)


def test_dead_letters_that_are_moved_back_are_new_messages(aws: Aws) -> None:
    """Of StartMessageMoveTask."""
    aws.sqs.send_message(QueueUrl=aws.failed, MessageBody="body")
    [before] = _receive(aws, aws.failed)
    aws.wait(VISIBILITY + 1)
    mail = "mail" if aws.failed == "failed" else aws.queue_arn
    aws.sqs.start_message_move_task(SourceArn=_failed_arn(aws), DestinationArn=mail)
    aws.wait(1)
    [after] = _receive(aws)
    assert after["Body"] == "body"
    assert after["MessageId"] != before["MessageId"]
    assert after["Attributes"]["ApproximateReceiveCount"] == "1"
    assert after["Attributes"]["SentTimestamp"] > before["Attributes"]["SentTimestamp"]


@pytest.mark.parametrize(
    "more",
    [
        {"DelaySeconds": 901},
        {"MessageAttributes": {"a": {"DataType": "String", "StringValue": ""}}},
        {"MessageGroupId": "a group"},
        {"MessageGroupId": "x" * 129},
        {
            "MessageBody": "x" * (1024 * 1024 - 5),
            "MessageAttributes": {"a": {"DataType": "String", "StringValue": "longer"}},
        },
    ],
    ids=["delay", "empty attribute", "space in a group", "long group", "attributes count"],
)
def test_a_message_that_sqs_refuses(aws: Aws, more: dict[str, Any]) -> None:
    arguments = {"QueueUrl": aws.mail, "MessageBody": "body"} | more
    assert refusal(aws.sqs.send_message, **arguments) == "InvalidParameterValue"
