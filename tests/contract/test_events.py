"""The sample events: each has the shape that AWS sends, and means what its name says."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from mail_authorize.handler import identify, policy
from mail_send.wire import ApiError, Request
from outbox.mail.mail import Mail, MailError
from outbox.mail.validation import REQUEST_FIELDS, read_mail
from outbox.queues.message import ReceivedMessage

EVENTS = Path(__file__).parents[2] / "events"
NOW = 1795420801.0
API = sorted(path.name for path in EVENTS.glob("api-*.json"))
SQS = sorted(path.name for path in EVENTS.glob("sqs-*.json"))


def event(name: str) -> dict[str, Any]:
    """Read an event."""
    document: dict[str, Any] = json.loads((EVENTS / name).read_text("utf-8"))
    return document


def posted(name: str) -> Mail:
    """Read the mail that an API event posts."""
    request = Request.of(event(name))
    return read_mail(
        request.document(),
        allowed=REQUEST_FIELDS,
        now=NOW,
        campaign="transactional",
        mail_id="id",
        client=request.client,
    )


def records(name: str) -> list[dict[str, Any]]:
    """Return the records of an SQS event."""
    found: list[dict[str, Any]] = event(name)["Records"]
    return found


def mail_of(record: dict[str, Any]) -> Mail:
    """Read the mail of an SQS record."""
    return ReceivedMessage.from_record(record).mail("transactional", NOW)


def test_each_event_is_of_a_kind_that_is_held_here() -> None:
    others = {path.name for path in EVENTS.iterdir()} - {*API, *SQS}

    assert others == {"authorizer-token.json", "schedule.json"}


@pytest.mark.parametrize("name", API)
def test_an_api_event_agrees_with_itself(name: str) -> None:
    call = event(name)
    context = call["requestContext"]

    assert context["httpMethod"] == call["httpMethod"]
    assert context["resourcePath"] == call["resource"]
    assert context["path"] == f"/{context['stage']}{call['path']}"
    assert call["multiValueHeaders"] == {key: [value] for key, value in call["headers"].items()}
    assert (call["body"] is None) == (call["httpMethod"] == "GET")
    assert Request.of(call).client == "local"


def test_the_first_mail_is_arabic_html() -> None:
    mail = posted("api-post-email.json")

    assert mail.kind == "html"
    assert mail.sender == "orders@acme.sa"
    assert mail.recipients == ("nora@example.com",)
    assert mail.subject == "تم استلام طلبك رقم 1042"
    assert 'dir="rtl"' in mail.body
    assert Request.of(event("api-post-email.json")).idempotency_key == "order-1042"


def test_a_text_mail_goes_to_two() -> None:
    mail = posted("api-post-email-text.json")

    assert mail.kind == "text"
    assert len(mail.recipients) == 2


def test_what_a_resend_sdk_sends_is_taken_with_its_nulls_and_empty_lists() -> None:
    mail = posted("api-post-email-resend-sdk.json")

    assert mail.kind == "html"
    assert mail.campaign == "orders"


@pytest.mark.parametrize(
    ("name", "field"),
    [("api-post-email-invalid.json", "to[1]"), ("api-post-email-unsupported.json", "bcc")],
)
def test_a_refused_mail_names_its_field(name: str, field: str) -> None:
    with pytest.raises(MailError) as error:
        posted(name)

    assert error.value.field == field


def test_a_body_that_is_not_json_is_refused() -> None:
    with pytest.raises(ApiError, match="not valid JSON"):
        posted("api-post-email-not-json.json")


@pytest.mark.parametrize(
    ("name", "route", "mail_id"),
    [
        ("api-get-email.json", "/emails/{id}", "6f0d1f5e-8c5b-4d55-9a39-0b8d7f1f4c11"),
        ("api-get-status.json", "/status", ""),
        ("api-unknown-path.json", "/{proxy+}", ""),
    ],
)
def test_a_question_is_for_a_route(name: str, route: str, mail_id: str) -> None:
    request = Request.of(event(name))

    assert (request.method, request.route, request.mail_id) == ("GET", route, mail_id)


@pytest.mark.parametrize("name", SQS)
def test_an_sqs_record_has_the_hash_of_its_body(name: str) -> None:
    for record in records(name):
        digest = hashlib.md5(record["body"].encode(), usedforsecurity=False).hexdigest()
        assert record["md5OfBody"] == digest
        assert record["eventSource"] == "aws:sqs"


def test_a_batch_is_full_and_holds_one_poisonous_message() -> None:
    batch = records("sqs-batch.json")
    poisonous = []
    for index, record in enumerate(batch):
        try:
            mail_of(record)
        except MailError:
            poisonous.append(index)

    assert len(batch) == len({record["messageId"] for record in batch}) == 10
    assert poisonous == [4]


def test_a_poisonous_message_is_no_mail() -> None:
    (record,) = records("sqs-poison.json")

    with pytest.raises(MailError):
        mail_of(record)


def test_the_single_mail_is_the_one_that_is_asked_for() -> None:
    (record,) = records("sqs-mail.json")

    assert mail_of(record).id == event("api-get-email.json")["pathParameters"]["id"]


def test_a_direct_producer_leaves_out_what_it_may() -> None:
    (record,) = records("sqs-direct-producer.json")
    mail = mail_of(record)

    assert not {"version", "id", "client", "accepted_at"} & json.loads(record["body"]).keys()
    assert mail.id == record["messageId"]
    assert mail.campaign == "transactional"


def test_a_bulk_mail_is_known_by_its_queue_and_its_attribute() -> None:
    (record,) = records("sqs-bulk.json")
    by_queue = ReceivedMessage.from_record(
        {**record, "messageAttributes": {}}, record["eventSourceARN"]
    )

    assert mail_of(record).lane == by_queue.lane == "bulk"
    assert by_queue.group == "local"
    assert "priority" not in json.loads(record["body"])


def test_a_batch_of_both_lanes_says_which_mail_is_in_which() -> None:
    (record,) = records("sqs-batch-of-both-lanes.json")
    parts = ReceivedMessage.from_record(record).parts()

    assert [(route.lane, route.group) for _, route in parts] == [
        ("normal", "local"),
        ("bulk", "local"),
    ]


def test_a_key_with_limits_posts_a_bulk_mail() -> None:
    assert posted("api-post-email-bulk.json").lane == "bulk"
    assert Request.of(event("api-post-email-bulk.json")).limits == (20, 10000)


def test_a_redriven_message_is_known_by_its_attributes() -> None:
    (record,) = records("sqs-redriven.json")
    message = ReceivedMessage.from_record(record)

    assert message.redrive_attempt == 1
    assert mail_of(record).id == message.attributes["id"]


def test_the_key_of_the_authorizer_s_event_is_checked_for_the_whole_stage() -> None:
    call = event("authorizer-token.json")
    key = call["authorizationToken"].removeprefix("Bearer ")
    digest = hashlib.sha256(key.encode()).hexdigest()
    keys = {"shop": {"sha256": digest, "from": ["*"], "scopes": ["send"]}}
    found = identify(key, json.dumps(keys))

    assert found is not None
    assert found["client"] == "shop"
    (statement,) = policy(call["methodArn"], found)["policyDocument"]["Statement"]
    assert statement["Resource"].endswith(":abcde12345/v1/*")


def test_the_schedule_s_event_is_eventbridge_s() -> None:
    tick = event("schedule.json")

    assert tick["detail-type"] == "Scheduled Event"
    assert tick["source"] == "aws.events"
    assert tick["detail"] == {}
