"""Messages on the queues: written, read, put back and parked as SQS has it."""

import json
from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest
from botocore.stub import Stubber
from outbox.mail.lanes import Lane, Route
from outbox.mail.mail import Mail, MailError
from outbox.mail.validation import REQUEST_FIELDS, read_mail
from outbox.queues.message import (
    MAX_AGE_SECONDS,
    MAX_BODY_BYTES,
    MAX_MESSAGE_BYTES,
    MAX_RECEIVES,
    ReceivedMessage,
    decode,
    encode,
    encode_batch,
)
from outbox.queues.queue import MailQueue

URL = "https://sqs/mail"
FAILED = "https://sqs/failed"
BULK = "https://sqs/bulk"
NOW = 1_795_420_800.25
MAIL = Mail(
    id="6f0d1f5e-8c5b-4d55-9a39-0b8d7f1f4c11",
    sender="shop@acme.sa",
    recipients=("nora@example.com", "sami@example.com"),
    subject='مرحبا \N{PARTY POPPER} "خ\\"',
    body='<p dir="rtl">\u2067أهلا\u2069 \u202eabc\u202c \u200f\r\n\t\u00a0\x85</p>',
    kind="html",
    campaign="ربيع",
    expires_at=1_795_424_400,
    on_unknown="resend",
    client="shop",
    accepted_at=NOW,
)


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


def test_the_message_byte_for_byte() -> None:
    assert encode(MAIL) == (
        '{"version":1,"id":"6f0d1f5e-8c5b-4d55-9a39-0b8d7f1f4c11","from":"shop@acme.sa",'
        '"to":["nora@example.com","sami@example.com"],'
        '"subject":"مرحبا \N{PARTY POPPER} \\"خ\\\\\\"",'
        '"html":"<p dir=\\"rtl\\">\u2067أهلا\u2069 \u202eabc\u202c \u200f\\r\\n\\t\u00a0\x85</p>",'
        '"campaign_name":"ربيع","expires_at":1795424400,"on_unknown":"resend","client":"shop",'
        '"accepted_at":"2026-11-23T08:00:00.250Z"}'
    )


@pytest.mark.parametrize(
    "mail",
    [
        MAIL,
        MAIL._replace(kind="text", body="t"),
        MAIL._replace(expires_at=None, on_unknown=None, client=None),
        MAIL._replace(expires_at=0),
    ],
)
def test_what_is_written_is_read_again(mail: Mail) -> None:
    assert received(encode(mail)).mail("another campaign", 0.0) == mail


def test_a_direct_producer_says_the_least() -> None:
    body = '{"from":"shop@acme.sa","to":"nora@example.com","subject":"s","msg":"m"}'
    mail = received(body).mail("transactional", 5.0)
    assert (mail.id, mail.client, mail.accepted_at) == ("sqs-id", None, NOW)
    assert (mail.campaign, mail.on_unknown) == ("transactional", None)
    unsent = ReceivedMessage("sqs-id", "handle", body, {}, 0.0)
    assert unsent.mail("transactional", 5.0).accepted_at == 5.0


def test_ascii_escapes_of_a_producer_are_read() -> None:
    body = '{"from":"a@b.sa","to":"c@d.sa","subject":"\\u0645 \\ud83c\\udf89","text":"t"}'
    assert received(body).mail("c", NOW).subject == "م \N{PARTY POPPER}"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ("", "body"),
        ("not json", "body"),
        ("[]", "body"),
        ("null", "body"),
        ("9" * 5000, "body"),
        ("[" * 100_000, "body"),
        ('{"version":2}', "html"),
        ('{"from":"a@b.sa","to":"c@d.sa","subject":"\\ud83c","text":"t"}', "subject"),
        ('{"from":"a@b.sa","to":"c@d.sa","subject":"s","text":"t","client":"\\ud800"}', "client"),
    ],
)
def test_a_message_that_is_no_mail(body: str, field: str) -> None:
    with pytest.raises(MailError) as error:
        received(body).mail("c", NOW)
    assert error.value.field == field


def sized(size: int, character: str = "x") -> Mail:
    """Make a mail whose message has this many bytes."""
    empty = len(encode(MAIL._replace(body="")).encode())
    count, rest = divmod(size - empty, len(character.encode()))
    return MAIL._replace(body=character * count + "x" * rest)


@pytest.mark.parametrize("character", ["x", "م", "\N{PARTY POPPER}"])
def test_the_largest_mail_passes_both_doors_and_one_byte_more_none(character: str) -> None:
    largest = encode(sized(MAX_BODY_BYTES, character))
    assert len(largest.encode()) == MAX_BODY_BYTES
    assert received(largest).mail("c", NOW).body.startswith(character)
    with pytest.raises(MailError) as error:
        encode(sized(MAX_BODY_BYTES + 1, character))
    assert (error.value.field, error.value.name) == ("html", "payload_too_large")
    with pytest.raises(MailError) as error:
        received(largest + " ").mail("c", NOW)
    assert (error.value.field, error.value.name) == ("body", "payload_too_large")


def test_the_largest_mail_leaves_room_for_the_longest_attributes() -> None:
    attributes = {
        "id": "x" * 128,
        "state": "unknown",
        "reason": "invalid:" + "x" * 60,
        "attempt": "9" * 9,
        "code": "9" * 9,
    }
    size = sum(len(name) + len("Number") + len(value) for name, value in attributes.items())
    assert MAX_BODY_BYTES + size < MAX_MESSAGE_BYTES


@pytest.mark.parametrize("character", ["\ud83c", "\ufffe", "\uffff"])
def test_what_sqs_refuses_is_refused_before(character: str) -> None:
    with pytest.raises(MailError):
        encode(MAIL._replace(body=character))


def test_what_a_request_may_hold_a_message_can() -> None:
    document = {
        "from": "Acme <shop@acme.sa>",
        "to": ["nora@example.com"],
        "subject": "s",
        "html": "".join(map(chr, [9, 10, 13, *range(32, 127), *range(128, 0xD800)])),
        "tags": [{"name": "campaign", "value": "spring"}],
    }
    mail = read_mail(
        document, allowed=REQUEST_FIELDS, now=NOW, campaign="c", mail_id="id", client="shop"
    )
    read = received(encode(mail)).mail("c", NOW)
    assert read == mail._replace(tags=())  # which stay in the row


RECORD = {
    "messageId": "m-1",
    "receiptHandle": "h-1",
    "body": "{}",
    "attributes": {"SentTimestamp": "1795420800250", "ApproximateReceiveCount": "1"},
    "messageAttributes": {},
    "eventSource": "aws:sqs",
}
PARKED = {
    "id": {"stringValue": "id-1", "dataType": "String", "stringListValues": []},
    "state": {"stringValue": "failed", "dataType": "String"},
    "attempt": {"stringValue": "3", "dataType": "Number"},
    "blob": {"binaryValue": "AA==", "dataType": "Binary"},
}


def test_a_record_of_lambda() -> None:
    assert ReceivedMessage.from_record(RECORD) == ReceivedMessage("m-1", "h-1", "{}", {}, NOW)
    parked = ReceivedMessage.from_record({**RECORD, "messageAttributes": PARKED})
    assert (parked.redrive_attempt, parked.mail_id, parked.possibly_sent) == (3, "id-1", False)
    bare = {key: RECORD[key] for key in ("messageId", "receiptHandle", "body")}
    assert ReceivedMessage.from_record(bare) == ReceivedMessage("m-1", "h-1", "{}", {}, 0.0)


@pytest.mark.parametrize(
    ("attributes", "attempt"),
    [
        ({"state": "failed", "attempt": "0"}, 0),
        ({"state": "unknown", "attempt": "12"}, 12),
        ({"state": "invalid", "attempt": "0"}, None),
        ({"state": "sent", "attempt": "1"}, None),
        ({"state": "failed"}, None),
        ({"attempt": "1"}, None),
        ({"state": "failed", "attempt": ""}, None),
        ({"state": "failed", "attempt": "-1"}, None),
        ({"state": "failed", "attempt": "1.0"}, None),
        ({"state": "failed", "attempt": "١"}, None),
        ({"state": "failed", "attempt": "9" * 100}, 999_999_999),
    ],
)
def test_a_re_driven_message_is_known_by_its_attributes(
    attributes: dict[str, str], attempt: int | None
) -> None:
    assert received("{}", **attributes).redrive_attempt == attempt


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
    body = encode(MAIL)
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


def test_json_that_is_none() -> None:
    assert json.loads("1") == decode("1")
    with pytest.raises(MailError):
        decode("{")


OF_BULK = {"lane": {"DataType": "String", "StringValue": "bulk"}}
BULK_ARN = "arn:aws:sqs:me-central-1:111122223333:bulk"


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


def test_a_group_has_no_spaces() -> None:
    spaced = MAIL._replace(client="the shop", lane=Lane.BULK)
    assert spaced.route == Route(Lane.BULK, "the_shop")
    assert MAIL._replace(client=None).route == Route()


def test_the_lane_is_that_of_the_queue_unless_the_attribute_says_that_it_has_strayed(
    queue: MailQueue,
) -> None:
    bulk = ReceivedMessage.from_record({**RECORD, "eventSourceARN": BULK_ARN}, BULK_ARN)
    normal = ReceivedMessage.from_record({**RECORD, "eventSourceARN": "arn:mail"}, BULK_ARN)
    strayed = normal._replace(attributes={"lane": "bulk"})
    assert [found.lane for found in (bulk, normal, strayed)] == [Lane.BULK, Lane.NORMAL, Lane.BULK]
    assert [queue.has_strayed(found) for found in (bulk, normal, strayed)] == [False, False, True]
    assert bulk._replace(body=encode(MAIL)).mail("c", NOW).lane is Lane.BULK


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


@pytest.mark.parametrize(
    ("attributes", "lanes"),
    [
        ({}, [Lane.NORMAL, Lane.NORMAL]),
        ({"lane": "bulk"}, [Lane.BULK, Lane.BULK]),
        ({"lanes": "bulk,normal"}, [Lane.BULK, Lane.NORMAL]),
        ({"lanes": "bulk"}, [Lane.NORMAL, Lane.NORMAL]),  # not as the API writes it
    ],
)
def test_each_part_of_a_batch_has_its_lane_and_the_batchs_group(
    attributes: dict[str, str], lanes: list[Lane]
) -> None:
    batch = encode_batch(['{"id":"a"}', '{"id":"b"}'])
    message = ReceivedMessage("m-1", "h-1", batch, attributes, NOW, group="shop")
    routes = [Route(lane, "shop") for lane in lanes]
    assert message.parts() == list(zip(['{"id":"a"}', '{"id":"b"}'], routes, strict=True))


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


def test_a_message_with_a_key_twice_is_not_valid() -> None:
    text = '{"from":"a@b.sa","to":["a@b.sa"],"to":["c@d.sa"],"subject":"s","text":"t"}'
    with pytest.raises(MailError, match="twice"):
        received(text).mail("campaign", 1.0)


def test_what_a_later_version_added_to_a_message_of_ours_is_passed_over() -> None:
    ours = {
        "from": "shop@acme.sa",
        "to": ["a@example.com"],
        "subject": "s",
        "text": "t",
        "accepted_at": "2027-01-15T08:00:00Z",
        "of_a_later_version": 1,
    }
    message = ReceivedMessage("m-1", "h-1", json.dumps(ours), {}, 1_800_000_000.0)
    assert message.mail("news", 1_800_000_000.0).subject == "s"
    del ours["accepted_at"]
    producers = ReceivedMessage("m-1", "h-1", json.dumps(ours), {}, 1_800_000_000.0)
    with pytest.raises(MailError, match="is not a known field"):
        producers.mail("news", 1_800_000_000.0)


@pytest.mark.parametrize(("number", "good"), [(1, True), (100, True), (0, False), (101, False)])
def test_a_batch_has_up_to_a_hundred_parts(number: int, *, good: bool) -> None:
    body = json.dumps({"version": 1, "batch": [{"id": "a"}] * number}, separators=(",", ":"))
    if good:
        assert len(received(body).parts()) == number
        return
    with pytest.raises(MailError) as error:
        received(body).parts()
    assert str(error.value) == "`batch` must be a list of 1 to 100 messages"


def test_what_sqs_says_of_a_message_is_read_at_both_doors() -> None:
    system = {
        "SentTimestamp": "1800000000500",
        "ApproximateReceiveCount": "3",
        "MessageGroupId": "shop",
        "DeadLetterQueueSourceArn": "arn:source",
    }
    least = {"messageId": "i", "receiptHandle": "h", "body": "{}"}
    polled = {"MessageId": "i", "ReceiptHandle": "h", "Body": "{}"}
    for message in (
        ReceivedMessage.from_record({**least, "attributes": system}),
        ReceivedMessage.from_queue({**polled, "Attributes": system}),
    ):
        assert (message.sent_at, message.receives) == (1_800_000_000.5, 3)
        assert (message.group, message.source) == ("shop", "arn:source")
    binary = {"n": {"BinaryValue": b"", "binaryValue": ""}}
    for message in (
        ReceivedMessage.from_record({**least, "messageAttributes": binary}),
        ReceivedMessage.from_queue({**polled, "MessageAttributes": binary}),
    ):
        assert message.attributes == {"n": ""}
    for bare in (ReceivedMessage.from_record(least), ReceivedMessage.from_queue(polled)):
        assert bare == ReceivedMessage("i", "h", "{}", {}, 0.0)


@pytest.mark.parametrize(
    ("body", "needs"),
    [
        ("{}", True),
        ('{"expires_at":1800000000}', False),
        ('{"expires_at":1800000001}', True),
        ('{"version":1,"batch":[', False),
    ],
)
def test_a_batch_and_an_expired_mail_need_no_call(body: str, *, needs: bool) -> None:
    assert received(body).needs_call(1_800_000_000.0) is needs
