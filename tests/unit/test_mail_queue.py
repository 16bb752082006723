"""The lanes' queues and the failed one: each call to SQS, word for word."""

from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest
from botocore.stub import Stubber
from outbox.mail.lanes import Lane, Route
from outbox.queues.message import (
    MAX_AGE_SECONDS,
    MAX_MESSAGE_BYTES,
    MAX_RECEIVES,
    ReceivedMessage,
)
from outbox.queues.queue import MailQueue

URL = "https://sqs/mail"


FAILED = "https://sqs/failed"


BULK = "https://sqs/bulk"


NOW = 1_795_420_800.25


def received(body: str, **attributes: str) -> ReceivedMessage:
    return ReceivedMessage("sqs-id", "handle", body, attributes, NOW)


@pytest.fixture(scope="module")
def client() -> Any:  # noqa: ANN401
    return botocore.session.get_session().create_client(
        "sqs", "us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
    )


@pytest.fixture
def sqs(client: Any) -> Iterator[Stubber]:  # noqa: ANN401
    """Give a stub that checks each call against SQS's own model."""
    with Stubber(client) as stub:
        yield stub
        stub.assert_no_pending_responses()


@pytest.fixture
def queue(client: Any) -> MailQueue:  # noqa: ANN401
    return MailQueue(client, URL, FAILED, clock=lambda: NOW, bulk_url=BULK)


def test_a_mail_is_put_and_taken_and_dropped(sqs: Stubber, queue: MailQueue) -> None:
    sqs.add_response(
        "send_message",
        {"MessageId": "m-1"},
        {"QueueUrl": URL, "MessageBody": "{}", "DelaySeconds": 0},
    )
    sqs.add_response(
        "receive_message",
        {
            "Messages": [
                {
                    "MessageId": "m-1",
                    "ReceiptHandle": "h-1",
                    "Body": "{}",
                    "Attributes": {"SentTimestamp": "1795420800250"},
                    "MessageAttributes": {
                        "attempt": {"StringValue": "3", "DataType": "Number"},
                        "state": {"StringValue": "failed", "DataType": "String"},
                    },
                }
            ]
        },
        {
            "QueueUrl": URL,
            "MaxNumberOfMessages": 10,
            "WaitTimeSeconds": 1,
            "MessageAttributeNames": ["All"],
            "MessageSystemAttributeNames": [
                "SentTimestamp",
                "ApproximateReceiveCount",
                "MessageGroupId",
                "DeadLetterQueueSourceArn",
            ],
        },
    )
    sqs.add_response("delete_message", {}, {"QueueUrl": URL, "ReceiptHandle": "h-1"})
    queue.send("{}", Route())
    [message] = queue.receive()
    assert message == ReceivedMessage(
        "m-1", "h-1", "{}", {"attempt": "3", "state": "failed"}, 1_795_420_800.25
    )
    queue.delete(message)


@pytest.mark.parametrize("answer", [{}, {"Messages": []}])
def test_an_empty_queue(sqs: Stubber, queue: MailQueue, answer: dict[str, Any]) -> None:
    sqs.add_response("receive_message", answer)
    assert queue.receive() == []


@pytest.mark.parametrize(("delay", "timeout"), [(0, 0), (7, 7), (-3, 0), (10**6, 43_200)])
def test_a_message_is_put_back(sqs: Stubber, queue: MailQueue, delay: int, timeout: int) -> None:
    sqs.add_response(
        "change_message_visibility",
        {},
        {"QueueUrl": URL, "ReceiptHandle": "handle", "VisibilityTimeout": timeout},
    )
    queue.retry_later(received("{}"), delay)


OLD = {"sent_at": NOW - MAX_AGE_SECONDS - 1}


WORN = {"receives": MAX_RECEIVES + 1}


RE_DRIVEN = {"id": "id-1", "state": "unknown", "reason": "timeout", "attempt": "3", "code": "14"}


@pytest.mark.parametrize("near_its_end", [OLD, WORN])
@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({}, {"id": ("String", "sqs-id"), "state": ("String", "queued")}),
        (
            {**RE_DRIVEN, "another": "x"},
            {
                name: ("Number" if name in {"attempt", "code"} else "String", value)
                for name, value in RE_DRIVEN.items()
            },
        ),
    ],
)
def test_a_message_near_its_end_is_put_anew_as_what_it_was(
    sqs: Stubber,
    queue: MailQueue,
    near_its_end: dict[str, Any],
    given: dict[str, str],
    kept: dict[str, tuple[str, str]],
) -> None:
    sqs.add_response(
        "send_message",
        {"MessageId": "m-2"},
        {
            "QueueUrl": URL,
            "MessageBody": "{}",
            "DelaySeconds": 900,
            "MessageAttributes": {
                name: {"DataType": kind, "StringValue": value}
                for name, (kind, value) in kept.items()
            },
        },
    )
    sqs.add_response("delete_message", {}, {"QueueUrl": URL, "ReceiptHandle": "handle"})
    message = received("{}", **given)._replace(**near_its_end)
    queue.retry_later(message, 5000)
    anew = ReceivedMessage(
        "sqs-id-2", "h-2", "{}", {name: value for name, (_, value) in kept.items()}, NOW
    )
    assert (anew.mail_id, anew.redrive_attempt, anew.possibly_sent) == (
        message.mail_id,
        message.redrive_attempt,
        message.possibly_sent,
    )


@pytest.mark.parametrize("code", [None, 14])
def test_a_message_is_parked_body_and_all(sqs: Stubber, queue: MailQueue, code: int | None) -> None:
    body = '{"subject":"مرحبا"}'
    attributes = {
        "id": {"DataType": "String", "StringValue": "id-1"},
        "state": {"DataType": "String", "StringValue": "failed"},
        "reason": {"DataType": "String", "StringValue": "sender_refused"},
        "attempt": {"DataType": "Number", "StringValue": "2"},
    }
    if code is not None:
        attributes["code"] = {"DataType": "Number", "StringValue": "14"}
    sqs.add_response(
        "send_message",
        {"MessageId": "m-2"},
        {"QueueUrl": FAILED, "MessageBody": body, "MessageAttributes": attributes},
    )
    queue.dead_letter(received(body), "id-1", "failed", "sender_refused", code, 2)


def test_a_message_as_large_as_sqs_allows_is_parked_without_attributes(
    sqs: Stubber, queue: MailQueue
) -> None:
    body = "x" * MAX_MESSAGE_BYTES
    sqs.add_response(
        "send_message",
        {"MessageId": "m-2"},
        {"QueueUrl": FAILED, "MessageBody": body, "MessageAttributes": {}},
    )
    queue.dead_letter(received(body), "sqs-id", "invalid", "invalid:body", None, 0)


OF_BULK = {"lane": {"DataType": "String", "StringValue": "bulk"}}


@pytest.mark.parametrize(
    ("route", "sent"),
    [
        (Route(), {"QueueUrl": URL}),
        (Route(group="shop"), {"QueueUrl": URL, "MessageGroupId": "shop"}),
        (
            Route(Lane.BULK, "shop"),
            {"QueueUrl": BULK, "MessageGroupId": "shop", "MessageAttributes": OF_BULK},
        ),
    ],
)
def test_a_lane_is_a_queue_and_an_attribute(
    sqs: Stubber, queue: MailQueue, route: Route, sent: dict[str, Any]
) -> None:
    given = {**sent, "MessageBody": "{}", "DelaySeconds": 7}
    sqs.add_response("send_message", {"MessageId": "m-1"}, given)
    queue.send("{}", route, 7)


def test_without_a_bulk_queue_bulk_mails_take_the_normal_one(sqs: Stubber, client: Any) -> None:  # noqa: ANN401
    only_one = MailQueue(client, URL, FAILED)
    sqs.add_response(
        "send_message",
        {"MessageId": "m-1"},
        {
            "QueueUrl": URL,
            "MessageBody": "{}",
            "DelaySeconds": 0,
            "MessageAttributes": OF_BULK,
        },
    )
    only_one.send("{}", Route(Lane.BULK))
    assert not only_one.has_strayed(received("{}", lane="bulk"))


def test_the_message_of_a_batch_goes_where_all_its_mails_go(sqs: Stubber, queue: MailQueue) -> None:
    normal, bulk = Route(Lane.NORMAL, "shop"), Route(Lane.BULK, "shop")
    mixed = {"lanes": {"DataType": "String", "StringValue": "normal,bulk"}}
    shop = {"MessageBody": "{}", "MessageGroupId": "shop"}
    for sent in (
        {"QueueUrl": URL},
        {"QueueUrl": BULK, "MessageAttributes": OF_BULK},
        {"QueueUrl": URL, "MessageAttributes": mixed},
    ):
        sqs.add_response("send_message", {"MessageId": "m-1"}, shop | sent)
    queue.send_batch("{}", [normal, normal])
    queue.send_batch("{}", [bulk, bulk])
    queue.send_batch("{}", [normal, bulk])


def taken(*ids: str) -> dict[str, Any]:
    said = {"MessageId": "m", "MD5OfMessageBody": "0"}
    return {"Successful": [{"Id": entry, **said} for entry in ids], "Failed": []}


def test_the_parts_of_a_batch_are_sent_to_their_lanes(sqs: Stubber, queue: MailQueue) -> None:
    parts = [("1", Route()), ("2", Route(Lane.BULK, "shop")), ("3", Route())]
    first = [{"Id": "0", "MessageBody": "1"}, {"Id": "1", "MessageBody": "3"}]
    second = {"Id": "0", "MessageBody": "2", "MessageGroupId": "shop", "MessageAttributes": OF_BULK}
    sqs.add_response("send_message_batch", taken("0", "1"), {"QueueUrl": URL, "Entries": first})
    sqs.add_response("send_message_batch", taken("0"), {"QueueUrl": BULK, "Entries": [second]})
    assert queue.send_all(parts, lambda: True) == []


def test_of_a_batch_what_is_not_said_to_be_taken_is_sent_again(
    sqs: Stubber, queue: MailQueue
) -> None:
    parts = [(text, Route()) for text in "abc"]

    def entries(*texts: str) -> dict[str, Any]:
        given = [{"Id": str(index), "MessageBody": text} for index, text in enumerate(texts)]
        return {"QueueUrl": URL, "Entries": given}

    sqs.add_response("send_message_batch", taken("1"), entries("a", "b", "c"))
    sqs.add_response("send_message_batch", {"Failed": [], "Successful": []}, entries("a", "c"))
    sqs.add_response("send_message_batch", taken("0"), entries("a", "c"))
    assert queue.send_all(parts, lambda: True) == [("c", Route())]
    assert queue.send_all(parts, lambda: False) == parts


@pytest.mark.parametrize(
    ("attributes", "kept"),
    [
        ({"lane": "bulk"}, OF_BULK),
        ({"lanes": "normal,bulk"}, {"lanes": {"DataType": "String", "StringValue": "normal,bulk"}}),
    ],
)
def test_lane_and_group_are_kept_when_a_message_is_sent_again(
    sqs: Stubber, queue: MailQueue, attributes: dict[str, str], kept: dict[str, Any]
) -> None:
    in_bulk = "lane" in attributes
    message = ReceivedMessage(
        "m-1",
        "h-1",
        "{}",
        attributes,
        NOW,
        group="shop",
        queue=Lane.BULK if in_bulk else Lane.NORMAL,
    )
    own = {
        "id": {"DataType": "String", "StringValue": "m-1"},
        "state": {"DataType": "String", "StringValue": "queued"},
    }
    url = BULK if in_bulk else URL
    sqs.add_response(
        "send_message",
        {"MessageId": "m-2"},
        {
            "QueueUrl": url,
            "MessageBody": "{}",
            "DelaySeconds": 0,
            "MessageGroupId": "shop",
            "MessageAttributes": own | kept,
        },
    )
    failed = {
        "id": {"DataType": "String", "StringValue": "m-1"},
        "state": {"DataType": "String", "StringValue": "failed"},
        "reason": {"DataType": "String", "StringValue": "r"},
        "attempt": {"DataType": "Number", "StringValue": "1"},
    }
    sqs.add_response(
        "send_message",
        {"MessageId": "m-3"},
        {
            "QueueUrl": FAILED,
            "MessageBody": "{}",
            "MessageGroupId": "shop",
            "MessageAttributes": failed | kept,
        },
    )
    sqs.add_response("delete_message", {}, {"QueueUrl": url, "ReceiptHandle": "h-1"})
    queue.requeue(message)
    queue.dead_letter(message, "m-1", "failed", "r", None, 1)
    queue.delete(message)
