"""Events for applications, on a stack of their own: the parameter is off in the shared one."""

import json
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from local.stack import LocalStack, Options

SCHEMA = json.loads((Path(__file__).parents[2] / "docs/events.schema.json").read_text("utf-8"))
PATIENCE_SECONDS = 40.0
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # it is on this machine


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[LocalStack]:
    """Give a stack that tells the account's own bus."""
    options = Options(root=tmp_path, tick=1.0, parameters={"EventBusName": "default"})
    with LocalStack(options) as running:
        yield running


def listen(stack: LocalStack) -> str:
    """Have all of the gateway's events in a queue; return its URL."""
    sqs, events = stack.client("sqs"), stack.client("events")
    url: str = sqs.create_queue(QueueName="application")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    allow = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn["QueueArn"],
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    events.put_rule(Name="application", EventPattern='{"source": ["taqnyat-mail"]}')
    events.put_targets(Rule="application", Targets=[{"Id": "1", "Arn": arn["QueueArn"]}])
    return url


def heard(stack: LocalStack, url: str, count: int) -> list[dict[str, Any]]:
    """Wait for so many events; return all that came."""
    sqs = stack.client("sqs")
    found: list[dict[str, Any]] = []
    end = time.monotonic() + PATIENCE_SECONDS
    while len(found) < count and time.monotonic() < end:
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        for message in answer.get("Messages", []):
            found.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return found


def post(stack: LocalStack, to: str) -> str:
    """Send a mail through the API; return its id."""
    mail = {"from": "shop@acme.sa", "to": to, "subject": "Hello", "text": "Hello"}
    request = urllib.request.Request(  # noqa: S310 - our own address
        f"{stack.api_url}/emails",
        data=json.dumps(mail).encode(),
        headers={
            "Authorization": f"Bearer {stack.api_key}",
            "Content-Type": "application/json",
        },
    )
    with _OPENER.open(request, timeout=PATIENCE_SECONDS) as answer:
        mail_id: str = json.load(answer)["id"]
    return mail_id


def test_an_application_hears_what_became_of_its_mails_and_of_a_pause(stack: LocalStack) -> None:
    assert stack.simulator
    url = listen(stack)
    stack.simulator.script({"to": "bad@example.com", "answer": "code:15"})

    sent, failed = post(stack, "good@example.com"), post(stack, "bad@example.com")
    mails = heard(stack, url, 2)
    stack.simulator.account(balance=0)
    post(stack, "late@example.com")
    (paused,) = heard(stack, url, 1)
    stack.simulator.account(balance=None)
    after = heard(stack, url, 2)

    kinds = {event["detail"].get("id"): event["detail-type"] for event in mails}
    assert kinds == {sent: "Mail sent", failed: "Mail failed"}
    assert (paused["detail-type"], paused["detail"]["reason"]) == (
        "Sending paused",
        "balance_empty",
    )
    assert {event["detail-type"] for event in after} == {"Sending resumed", "Mail sent"}
    for event in [*mails, paused, *after]:
        assert event["source"] == "taqnyat-mail"
        Draft202012Validator(SCHEMA["$defs"][event["detail-type"]]).validate(event["detail"])
        assert "example.com" not in json.dumps(event)
