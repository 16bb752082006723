"""The messages of the queues: how they are written and read."""

import json
from typing import Any, cast

import pytest
from outbox.mail.lanes import Lane, Route
from outbox.mail.mail import Mail, MailError
from outbox.mail.validation import REQUEST_FIELDS, read_mail
from outbox.queues.message import (
    MAX_BODY_BYTES,
    MAX_MESSAGE_BYTES,
    ReceivedMessage,
    decode,
    encode,
    encode_batch,
)
from outbox.queues.queue import MailQueue

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


def test_json_that_is_none() -> None:
    assert json.loads("1") == decode("1")
    with pytest.raises(MailError):
        decode("{")


BULK_ARN = "arn:aws:sqs:me-central-1:111122223333:bulk"


def test_a_group_has_no_spaces() -> None:
    spaced = MAIL._replace(client="the shop", lane=Lane.BULK)
    assert spaced.route == Route(Lane.BULK, "the_shop")
    assert MAIL._replace(client=None).route == Route()


def test_the_lane_is_that_of_the_queue_unless_the_attribute_says_that_it_has_strayed() -> None:
    queue = MailQueue(cast("Any", None), "mail", "failed", bulk_url="bulk")
    bulk = ReceivedMessage.from_record({**RECORD, "eventSourceARN": BULK_ARN}, BULK_ARN)
    normal = ReceivedMessage.from_record({**RECORD, "eventSourceARN": "arn:mail"}, BULK_ARN)
    strayed = normal._replace(attributes={"lane": "bulk"})
    assert [found.lane for found in (bulk, normal, strayed)] == [Lane.BULK, Lane.NORMAL, Lane.BULK]
    assert [queue.has_strayed(found) for found in (bulk, normal, strayed)] == [False, False, True]
    assert bulk._replace(body=encode(MAIL)).mail("c", NOW).lane is Lane.BULK


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
