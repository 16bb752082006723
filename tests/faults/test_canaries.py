"""Canaries: values that anybody would know again, through every path, and then in no record."""

import json
import logging
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from io import StringIO
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote_plus

import pytest
from botocore.exceptions import ClientError
from mail_authorize import handler as authorizer
from mail_events.changes import event_of
from mail_send import api, worker
from mail_status import handler as status
from outbox import aws
from outbox.telemetry import SERVICE, Telemetry

from tests.faults import accounts, boundary
from tests.faults import world as world_module
from tests.faults.accounts import FAILED_QUEUE_ARN, MAIL_QUEUE, MAIL_QUEUE_ARN, MINUTE
from tests.faults.conftest import Publish
from tests.faults.scenarios import POLICIES, SHORT, WAYS, Case
from tests.faults.standins.errors import client_error
from tests.faults.standins.others import Secrets
from tests.faults.world import World

TOKEN = "canary-token-5d1c"
API_KEY = "canary-key-77ab"
RECIPIENT = "canary.recipient"
SUBJECT = "Probe subject"
BODY = "Probe body, which nobody else says"
CANARIES = (TOKEN, API_KEY, RECIPIENT, SUBJECT, BODY)
ARN = "arn:aws:execute-api:us-east-1:1:api/prod/GET/emails"
REPLIES = ("code_14", "code_15", "code_99", "hang", "empty_2xx", "status_503")
# What AWS says of a call that it refuses may repeat what it was given.
REPEATED = " ".join(CANARIES)


def mail(subject: str, fields: dict[str, Any]) -> dict[str, Any]:
    to = [f"{RECIPIENT}@example.com"]
    text = {"from": "shop@acme.sa", "to": to, "subject": f"{SUBJECT} {subject}", "text": BODY}
    return {**text, **fields}


@dataclass
class Records:
    """All that a run wrote where somebody other than the mail's owner may read it."""

    stdout: pytest.CaptureFixture[str]
    logs: StringIO = field(default_factory=StringIO)
    answers: list[str] = field(default_factory=list)
    worlds: list[World] = field(default_factory=list)
    raised: list[str] = field(default_factory=list)

    def texts(self) -> dict[str, list[str]]:
        """Return them by their kind."""
        out, err = self.stdout.readouterr()
        return {
            "log lines": self.logs.getvalue().splitlines(),
            "metrics in stdout, stderr": (out + err).splitlines(),
            "answers": self.answers,
            "exceptions": self.raised + [text for world in self.worlds for text in raised(world)],
            "ledger writes": [repr(write) for world in self.worlds for write in world.writes],
            "ledger items": [
                repr(item) for world in self.worlds for item in world.dynamo.items.values()
            ],
            "notices": [repr(notice) for world in self.worlds for notice in world.sns.notices],
            "metrics": [repr(datum) for world in self.worlds for datum in world.cloudwatch.data],
            "attributes in the failed queue": [
                repr(message.attributes)
                for world in self.worlds
                for message in world.failed.messages
            ],
            "events": [text for world in self.worlds for text in events(world)],
        }


def hits(texts: dict[str, list[str]]) -> list[str]:
    """Name what holds a value that it should not."""
    return [
        f"{kind}: {canary} in {text[:2000]}"
        for kind, lines in texts.items()
        for text in lines
        for canary in CANARIES
        if canary.lower() in f"{text} {unquote_plus(text)}".lower()
    ]


def raised(world: World) -> list[str]:
    return ["".join(traceback.format_exception(error)) for _, error in world.errors]


def events(world: World) -> Iterator[str]:
    for number, write in enumerate(world.writes):
        images = {"OldImage": write.before, "NewImage": write.after}
        yield repr(event_of({"eventID": str(number), "dynamodb": images}))


@pytest.fixture
def records(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Records:
    """Let all functions log as they do in Lambda, and let every mail be a canary."""
    found = Records(capsys)
    monkeypatch.setattr(accounts, "TOKEN", TOKEN)
    monkeypatch.setattr(world_module, "_mail", mail)
    monkeypatch.setattr(
        boundary, "client_error", lambda name, code: client_error(name, code, REPEATED)
    )
    for module in (api, worker, status):
        monkeypatch.setattr(module, "Telemetry", Telemetry)
    Telemetry("TaqnyatMail", "DEBUG")
    logger = logging.getLogger(SERVICE)
    monkeypatch.setattr(logger, "level", logging.DEBUG)
    for handler in logger.handlers:
        monkeypatch.setattr(handler, "stream", found.logs)
    handle = api.handler

    def answering(event: dict[str, Any], context: object) -> Any:
        event["headers"]["Authorization"] = f"Bearer {API_KEY}"
        answer = handle(event, context)
        found.answers.append(json.dumps(answer))
        return answer

    monkeypatch.setattr(api, "handler", answering)
    return found


def ask(world: World, method: str, route: str, body: object, mail_id: str = "") -> None:
    """Call the API once, however it answers."""
    caller = {"client": "shop", "from": '["*@acme.sa"]', "scopes": "send read"}
    event = {
        "httpMethod": method,
        "path": route.replace("{id}", mail_id),
        "resource": route,
        "pathParameters": {"id": mail_id},
        "headers": {"Idempotency-Key": "again"} if mail_id == "again" else {},
        "body": body if isinstance(body, str) else json.dumps(body),
        "requestContext": {"authorizer": caller},
    }
    assert world.ask(event) is not None


def refused_by_the_api() -> World:
    """Ask for everything that is refused, with the values wherever they can stand."""
    world = World()
    good = mail("mail", {})
    wrong: list[object] = [
        BODY,
        f'"{BODY}',
        [good],
        {**good, "to": f"{RECIPIENT} at example.com"},
        {**good, "to": [f"{RECIPIENT}@localhost"]},
        {**good, "to": {RECIPIENT: 1}},
        {**good, "from": f"{RECIPIENT}@elsewhere.example"},
        {**good, "from": RECIPIENT},
        {**good, "subject": f"{SUBJECT}\n"},
        {**good, "subject": SUBJECT * 200},
        {**good, "text": f"{BODY}\0"},
        {**good, BODY: 1},
        {**good, "cc": f"{RECIPIENT}@example.com"},
        {**good, "on_unknown": SUBJECT},
        {**good, "expires_at": SUBJECT},
        {**good, "scheduled_at": SUBJECT},
        {**good, "tags": [{"name": SUBJECT}]},
        {**good, "campaign_name": [SUBJECT]},
        {**good, "attachments": [{"filename": SUBJECT, "content": BODY}]},
    ]
    for body in wrong:
        ask(world, "POST", "/emails", body)
        ask(world, "POST", "/emails/batch", [good, body])
    for subject in ("one", "another"):  # the second is a conflict
        ask(world, "POST", "/emails", mail(subject, {}), "again")
    ask(world, "PATCH", "/emails/{id}", {SUBJECT: BODY}, "unknown")
    ask(world, "GET", "/emails/{id}", None, "unknown")
    ask(world, "DELETE", "/emails", good)
    world.run_until_quiet()
    return world


def invalid_in_the_queue() -> World:
    """Let a direct producer drop what is no mail, and one id for two mails."""
    world = World()
    world.drop("no sender", **{"from": RECIPIENT})
    world.drop("no field", **{BODY: SUBJECT})
    world.drop("first", id="one")
    world.run_until_quiet()
    world.drop("second", id="one")
    world.sqs.send_message(QueueUrl=MAIL_QUEUE, MessageBody=f"{{{BODY}")
    world.run_until_quiet()
    world.sqs.start_message_move_task(SourceArn=FAILED_QUEUE_ARN, DestinationArn=MAIL_QUEUE_ARN)
    world.run_until_quiet()
    return world


def aws_refuses() -> Iterator[World]:
    """Go every way, and let AWS refuse each call of it, with a text that repeats the values."""
    for case in (Case(way, policy) for way in WAYS for policy in POLICIES):
        trial = case.run()
        yield trial
        for number, call in enumerate(trial.calls):
            if not call.name.startswith(("taqnyat.", "response.")):
                yield case.run({number: "error_before"})


def taqnyat_answers() -> Iterator[World]:
    """Let every kind of answer, and of death, come between."""
    for policy in POLICIES:
        for reply in REPLIES:
            world = World(policy=policy, **SHORT)
            world.taqnyat.script = [reply] * 3
            for number in range(3):
                world.drop(f"mail {number}")
            world.run_until_quiet()
            world.redrive()
            world.run_until_quiet()
            yield world
        trial = Case("direct", policy).run()
        for number in range(len(trial.calls)):
            yield Case("direct", policy).run({number: "crash_after"})


def probed_with_what_is_no_mail(plan: dict[int, str]) -> World:
    """Let the status check's probe meet a message that it must park."""
    world = World(plan=plan)
    world.taqnyat.refusing = "code_2"
    world.drop("mail")
    world.poll()
    world.mail.messages.clear()
    world.wait(6 * MINUTE)
    world.drop("no sender", **{"from": RECIPIENT})
    world.check()
    return world


def probes() -> Iterator[World]:
    """Let that probe go through, and let AWS refuse to park the message."""
    trial = probed_with_what_is_no_mail({})
    yield trial
    [park] = [number for number, call in enumerate(trial.calls) if call.name == "sqs.send_message"]
    yield probed_with_what_is_no_mail({park: "error_before"})


def authorized(records: Records, monkeypatch: pytest.MonkeyPatch) -> None:
    """Show the key to the authorizer: good, unknown, badly shown, and with unreadable keys."""
    monkeypatch.setenv("API_KEYS_SECRET_ID", "keys")
    good = json.dumps({"shop": {"sha256": sha256(API_KEY.encode()).hexdigest(), "from": ["*"]}})
    for keys in (good, "{}", "[]", "no JSON", json.dumps({"shop": {"sha256": [1, None]}})):
        secrets = Secrets("keys", keys)
        monkeypatch.setattr(authorizer, "aws", SimpleNamespace(client=lambda _, s=secrets: s))
        for shown in (f"Bearer {API_KEY}", f"Basic {API_KEY}", API_KEY, f"Bearer {API_KEY} more"):
            event = {"authorizationToken": shown, "methodArn": ARN}
            try:
                records.answers.append(json.dumps(authorizer.handler(event, None)))
            except Exception as error:  # noqa: BLE001 - what API Gateway makes a 401 of
                records.raised.append("".join(traceback.format_exception(error)))
    assert records.raised


def test_no_record_holds_a_token_a_key_an_address_a_subject_or_a_body(
    records: Records, monkeypatch: pytest.MonkeyPatch, publish: Publish
) -> None:
    records.worlds.append(refused_by_the_api())
    records.worlds.append(invalid_in_the_queue())
    records.worlds.extend(aws_refuses())
    records.worlds.extend(taqnyat_answers())
    records.worlds.extend(probes())
    authorized(records, monkeypatch)
    texts = records.texts()
    # Nothing was left unrecorded, and the values did go all the way.
    assert all(texts.values()), {kind: len(lines) for kind, lines in texts.items()}
    taken = [subject for world in records.worlds for subject in world.taqnyat.accepted]
    assert taken
    assert all(subject.startswith(SUBJECT) for subject in taken)
    assert hits(texts) == []
    counts = {kind: len(lines) for kind, lines in texts.items()}
    publish("canaries, 0 found in", SimpleNamespace(summary=lambda: {"counts": counts}))


@pytest.mark.parametrize("canary", CANARIES)
def test_the_scan_finds_a_value_wherever_it_is_planted(canary: str, records: Records) -> None:
    world = Case("no_balance", "hold").run()
    records.worlds.append(world)
    Telemetry("TaqnyatMail").event(canary)
    print(canary)  # noqa: T201 - as a metric is
    world.dynamo.items["planted"] = {"pk": {"S": canary}}
    world.errors.append(("worker", ValueError(canary)))
    world.sns.notices.append({"Message": canary})
    world.cloudwatch.data.append({"MetricName": canary})
    records.answers.append(canary)
    found = hits(records.texts())
    kinds = {hit.partition(":")[0] for hit in found}
    assert kinds == {
        "log lines",
        "metrics in stdout, stderr",
        "answers",
        "exceptions",
        "ledger items",
        "notices",
        "metrics",
    }


def test_an_error_of_aws_that_a_function_raises_keeps_its_code_and_not_its_text() -> None:
    error = aws.redacted(client_error("PutItem", "Throttled", REPEATED))
    assert isinstance(error, ClientError)
    assert (error.operation_name, error.response["Error"]) == ("PutItem", {"Code": "Throttled"})
    assert TOKEN not in str(error)
