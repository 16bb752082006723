"""The doctor: each trouble is seen, and named with its remedy."""

import io
import json
import re
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from botocore.exceptions import ClientError
from outbox.storage.expressions import pack_item
from outbox.webhooks.endpoint import Endpoint
from outbox.webhooks.endpoints import Endpoints
from rich.console import Console
from taqnyat import Scope
from taqnyat.classification import CODES, STATUSES
from taqnyat.credentials import MalformedSecretError, TokenNotSetError

from ops import version
from ops.commands.status import picture, snapshot
from ops.doctor import Check, Doctor
from ops.errors import OpsError
from ops.findings import Level
from ops.remedies import REMEDIES, remedy
from ops.screen import clock
from ops.stack import Stack
from tests.faults.standins.dynamo import SortedDynamo

NOW = 1_795_000_000.0
ROOT = Path(__file__).parents[3]
OUTPUTS = (
    "LedgerTable MailQueueUrl MailQueueArn FailedQueueUrl TokenSecretArn ApiKeysSecretArn "
    "AlarmTopicArn ApiFunction WorkerFunction StatusCheckFunction"
)
SERVICES = ["cloudformation", "cloudwatch", "dynamodb", "lambda", "secretsmanager", "sns", "sqs"]
ENABLED = {"EventSourceMappings": [{"State": "Enabled"}]}
ACCEPTED = {"verdict": "terminal", "scope": "mail", "reason": "sender_refused", "code": 14}


class Aws:
    """All clients of a healthy stack, and what is wrong with it."""

    def __init__(self) -> None:
        self.clients = {name: Mock() for name in SERVICES}
        self.items: dict[str, dict[str, Any]] = {
            "#provider": {"pk": "#provider", "up": True, "milliseconds": 5, "checked_at": int(NOW)},
            "#money": {
                "pk": "#money",
                "checked_at": int(NOW),
                "readings": [f"{int(NOW)} 240.500"],
                "currency": "SAR",
                "proof": "agrees",
                "minutes_left": 600,
                "expires": "2027-11-25",
            },
        }
        self.date = NOW
        self.status = "CREATE_COMPLETE"
        self.version: str | None = version.VERSION
        self.clients["cloudformation"].describe_stacks.side_effect = self._describe
        self.clients["dynamodb"].get_item.side_effect = self._get_item
        self.clients["dynamodb"].describe_table.return_value = {"Table": {"TableStatus": "ACTIVE"}}
        self.secrets = {
            "TokenSecretArn": "token",
            "ApiKeysSecretArn": json.dumps(
                {"shop": {"sha256": "0" * 64, "from": ["*"], "scopes": ["send"]}}
            ),
        }
        self.clients["secretsmanager"].get_secret_value.side_effect = self._secret
        functions = self.clients["lambda"]
        functions.list_event_source_mappings.return_value = ENABLED
        functions.get_function_configuration.return_value = {
            "Environment": {
                "Variables": dict.fromkeys(
                    ("LEDGER_TABLE", "MAIL_QUEUE_URL", "MAIL_QUEUE_ARN"), "x"
                )
            }
        }
        self.answer: dict[str, Any] = ACCEPTED
        functions.invoke.side_effect = lambda **_: {
            "Payload": io.BytesIO(json.dumps(self.answer).encode())
        }
        self.clients["sqs"].get_queue_attributes.return_value = {"Attributes": {}}
        self.queues: list[str] = []
        queues = self.clients["sqs"].get_paginator.return_value.paginate
        queues.side_effect = lambda **_: [{"QueueUrls": self.queues}, {}]
        self.datapoints: list[dict[str, float]] = []
        self.clients["cloudwatch"].get_metric_statistics.side_effect = lambda **_: {
            "Datapoints": self.datapoints
        }
        pages = self.clients["cloudwatch"].get_paginator.return_value.paginate
        pages.return_value = [{"MetricAlarms": []}]
        self.clients["sns"].list_subscriptions_by_topic.return_value = {
            "Subscriptions": [{"SubscriptionArn": "arn:aws:sns:x"}]
        }

    def pause(self, **state: object) -> None:
        """Write the pause item."""
        self.items["#pause"] = {"pk": "#pause", "paused": True, "since": int(NOW) - 60, **state}

    def look(self) -> dict[str, Check]:
        """Let the doctor look; return the checks by name."""
        stack = Stack("mail", self.clients.__getitem__, "here")
        return {check.name: check for check in Doctor(stack, now=lambda: NOW).look()}

    def _describe(self, **_: object) -> dict[str, Any]:
        date = format_datetime(datetime.fromtimestamp(self.date, UTC), usegmt=True)
        outputs = [{"OutputKey": name, "OutputValue": name} for name in OUTPUTS.split()]
        if self.version:
            outputs.append({"OutputKey": "Version", "OutputValue": self.version})
        return {
            "Stacks": [{"StackStatus": self.status, "Outputs": outputs}],
            "ResponseMetadata": {"HTTPHeaders": {"date": date}},
        }

    def _get_item(self, *, Key: dict[str, Any], **_: object) -> dict[str, Any]:  # noqa: N803
        item = self.items.get(Key["pk"]["S"])
        return {"Item": pack_item(item)} if item else {}

    def _secret(self, *, SecretId: str) -> dict[str, str]:  # noqa: N803
        return {"SecretString": self.secrets[SecretId], "VersionId": "v"}


@pytest.fixture
def aws() -> Aws:
    """Give a healthy stack."""
    return Aws()


def test_a_healthy_stack_has_nothing_to_mend(aws: Aws) -> None:
    found = aws.look()

    assert len(found) == 21
    assert {check.level for check in found.values()} == {Level.GOOD}
    assert not any(check.remedy for check in found.values())


@pytest.mark.parametrize(
    ("change", "found", "what_to_do"),
    [
        ({}, f"240.5 SAR, read {clock(NOW)}; 10.0 hours left at the present rate", ""),
        ({"minutes_left": 179}, "; 3.0 hours left", "top the account up"),
        ({"minutes_left": None}, "; nothing was spent in the last hour", ""),
        ({"readings": [f"{int(NOW) - 600} 0.00"], "proof": "open"}, "0 SAR", "top the account up"),
        ({"proof": "open", "mails": 7, "minutes": 45}, "is not known yet (7 mails in 45 min", ""),
        (
            {"proof": "differs", "fell": "10", "spent": "60.5", "minutes_left": 5},
            "how long it lasts is not known: it fell by 10.00 while mails cost 60.50",
            "",
        ),
        (
            {"trouble": "refused", "readings": []},
            f"not told by Taqnyat: refused, asked {clock(NOW)}",
            "this alone stops no mail; if the token is good, ask Taqnyat",
        ),
        ({"trouble": "unreadable"}, "not told since: unreadable", "BalanceCheckMinutes=0"),
        ({"checked_at": 0, "readings": []}, "not asked for yet", "wait for the status check"),
    ],
)
def test_the_balance(aws: Aws, change: dict[str, Any], found: str, what_to_do: str) -> None:
    aws.items["#money"] |= change

    check = aws.look()["balance"]

    assert found in check.found
    assert what_to_do in check.remedy
    assert check.level is (Level.WARNING if what_to_do else Level.GOOD)


@pytest.mark.parametrize(
    ("paused_at", "oldest", "found", "what_to_do"),
    [
        ("", [], "1 endpoint(s); 0 message(s) wait", ""),
        ("", [{"Maximum": 1700.0, "Sum": 0.0}], "wait, the oldest for 28 min", ""),
        (
            "",
            [{"Maximum": 1900.0, "Sum": 0.0}],
            "wait, the oldest for 32 min",
            "Webhooks wait too long",
        ),
        ("2026-11-18T08:00:00.000Z", [], "1 paused: shop h1; 1 endpoint(s)", "webhooks log"),
    ],
)
def test_the_webhooks(
    aws: Aws, paused_at: str, oldest: list[dict[str, float]], found: str, what_to_do: str
) -> None:
    functions = aws.clients["lambda"]
    functions.get_function_configuration.return_value["Environment"]["Variables"] |= {
        "WEBHOOKS_TABLE": "hooks",
        "WEBHOOK_QUEUE_URL": "https://sqs/hooks",
    }
    table = SortedDynamo("hooks")
    endpoint = Endpoint(
        id="h1",
        client="shop",
        url="https://a.sa/",
        events=(),
        secrets=(),
        created="2026-11-18T08:00:00.000Z",
        paused_at=paused_at,
    )
    Endpoints(table, "hooks").create(endpoint)
    aws.clients["dynamodb"].query = table.query
    aws.datapoints = [{"Timestamp": NOW, **point} for point in oldest]
    check = aws.look()["webhooks"]

    assert found in check.found
    assert what_to_do in check.remedy
    assert check.level is (Level.WARNING if what_to_do else Level.GOOD)
    assert "a.sa" not in check.found
    stack = Stack("mail", aws.clients.__getitem__, "here")
    shown = io.StringIO()
    Console(file=shown, width=200).print(picture(snapshot(stack, 60)))
    assert ("1 PAUSED" in shown.getvalue()) is bool(paused_at)


@pytest.mark.parametrize(
    ("by_sqs", "by_the_worker", "shown"),
    [(60.0, None, 60.0), (None, 7200.0, 7200.0), (60.0, 7200.0, 7200.0), (None, None, None)],
)
def test_a_lane_s_oldest_mail_is_also_one_that_was_tried(
    aws: Aws, by_sqs: float | None, by_the_worker: float | None, shown: float | None
) -> None:
    """SQS leaves out of its age what was received three times."""

    def measured(**asked: Any) -> dict[str, Any]:
        dimensions = [(one["Name"], one["Value"]) for one in asked["Dimensions"]]
        found = {
            "ApproximateAgeOfOldestMessage": by_sqs,
            "RetriedMailAge": by_the_worker if dimensions == [("lane", "normal")] else None,
        }.get(asked["MetricName"])
        return {"Datapoints": [] if found is None else [{"Timestamp": NOW, "Maximum": found}]}

    aws.clients["cloudwatch"].get_metric_statistics.side_effect = measured

    found = snapshot(Stack("mail", aws.clients.__getitem__, "here"), 60)

    assert found["mail_queue"]["oldest_seconds"] == shown


@pytest.mark.parametrize(
    ("expires", "level"),
    [("2026-12-03", Level.GOOD), ("2026-12-02", Level.WARNING), ("2026-11-01", Level.WARNING)],
)
def test_the_end_of_the_account(aws: Aws, expires: str, level: Level) -> None:
    aws.items["#money"]["expires"] = expires  # it is 18 November 2026

    check = aws.look()["account's end"]

    assert (check.found, check.level) == (f"expires on {expires}", level)
    assert bool(check.remedy) is (level is Level.WARNING)


def test_both_versions_are_shown(aws: Aws) -> None:
    assert aws.look()["version"].found == f"deployed: {version.VERSION}; here: {version.VERSION}"


@pytest.mark.parametrize(
    ("deployed", "found", "what_to_do"),
    [
        ("0.0.1", "deployed: 0.0.1; ", "deploy the stack again"),
        ("unversioned", "deployed: unversioned; ", "make build"),
        (None, "deployed: older than 0.2.0; ", "deploy the stack again"),
    ],
)
def test_a_stack_of_another_version_is_told(
    aws: Aws, deployed: str | None, found: str, what_to_do: str
) -> None:
    aws.version = deployed

    check = aws.look()["version"]

    assert check.level is Level.WARNING
    assert check.found == f"{found}here: {version.VERSION}"
    assert what_to_do in check.remedy


def test_a_stack_that_there_is_not_is_told(aws: Aws) -> None:
    error = ClientError({"Error": {"Code": "ValidationError"}}, "DescribeStacks")
    aws.clients["cloudformation"].describe_stacks.side_effect = error

    with pytest.raises(OpsError, match="there is no stack mail") as found:
        aws.look()

    assert "--stack" in found.value.remedy


def test_one_check_that_aws_forbids_does_not_hide_the_others(aws: Aws) -> None:
    error = ClientError({"Error": {"Code": "AccessDenied"}}, "ListSubscriptionsByTopic")
    aws.clients["sns"].list_subscriptions_by_topic.side_effect = error

    found = aws.look()

    assert len(found) == 21
    assert "may not do ListSubscriptionsByTopic" in found["alarm subscribers"].found


def seen(aws: Aws, name: str, level: Level, found: str, what_to_do: str) -> None:
    """Hold one check to what it must say."""
    check = aws.look()[name]
    assert check.level is level
    assert found in check.found
    assert what_to_do in check.remedy


def test_a_deployment_that_failed(aws: Aws) -> None:
    aws.status = "UPDATE_ROLLBACK_FAILED"
    seen(aws, "stack", Level.BAD, "UPDATE_ROLLBACK_FAILED", "deploy again")


def test_a_deployment_that_runs(aws: Aws) -> None:
    aws.status = "UPDATE_IN_PROGRESS"
    seen(aws, "stack", Level.WARNING, "IN_PROGRESS", "run doctor again")


def test_a_clock_that_is_wrong(aws: Aws) -> None:
    aws.date = NOW - 600
    seen(aws, "clock", Level.BAD, "10 min ahead", "clock")


@pytest.mark.parametrize(("text", "error"), [("", TokenNotSetError), ("a b", MalformedSecretError)])
def test_a_token_that_is_none(aws: Aws, text: str, error: type[Exception]) -> None:
    aws.secrets["TokenSecretArn"] = text
    seen(aws, "token", Level.BAD, "the token secret", "token set")
    assert error


@pytest.mark.parametrize(
    ("answer", "level", "found"),
    [
        ({"scope": "account", "reason": "token_refused"}, Level.BAD, "token_refused"),
        ({"scope": "account", "reason": "ip_refused", "ip": "1.2.3.4"}, Level.BAD, "1.2.3.4"),
        ({"scope": "provider", "reason": "timeout"}, Level.WARNING, "cannot tell"),
        ({"scope": "mail", "reason": "unknown_code", "code": 99}, Level.WARNING, "code 99"),
    ],
)
def test_what_taqnyat_says_of_the_account(
    aws: Aws, answer: dict[str, Any], level: Level, found: str
) -> None:
    aws.answer = {"verdict": "terminal", "code": None, **answer}
    seen(aws, "Taqnyat's account", level, found, "")
    assert aws.look()["Taqnyat's account"].remedy


def test_nobody_has_a_key(aws: Aws) -> None:
    aws.secrets["ApiKeysSecretArn"] = "{}"
    seen(aws, "API keys", Level.BAD, "refuses every call", "keys add")


def in_failed_queue(aws: Aws, *states: str, reason: str = "") -> None:
    """Have messages in the failed queue."""
    waiting = [
        {
            "MessageId": str(number),
            "ReceiptHandle": "h",
            "Body": "{}",
            "MessageAttributes": {
                "state": {"StringValue": state},
                "reason": {"StringValue": reason},
            }
            if state
            else {},
            "Attributes": {} if state else {"DeadLetterQueueSourceArn": "MailQueueArn"},
        }
        for number, state in enumerate(states)
    ]
    count = {"ApproximateNumberOfMessages": str(len(states))}

    def depth(QueueUrl: str, **_: object) -> dict[str, Any]:  # noqa: N803
        failed = "Failed" in QueueUrl
        left = {"ApproximateNumberOfMessagesNotVisible": str(len(states))} if not waiting else count
        return {"Attributes": left if failed else {}}

    def receive(MaxNumberOfMessages: int, **_: object) -> dict[str, Any]:  # noqa: N803
        taken = [waiting.pop() for _ in range(min(MaxNumberOfMessages, len(waiting)))]
        return {"Messages": taken}

    aws.clients["sqs"].get_queue_attributes.side_effect = depth
    aws.clients["sqs"].receive_message.side_effect = receive


def test_failed_unknown_and_invalid_mails_are_counted_apart(aws: Aws) -> None:
    in_failed_queue(aws, "failed", "failed", "unknown", "invalid", "", "strange")

    check = aws.look()["failed queue"]

    assert check.level is Level.WARNING
    assert check.found == "1 unknown, 2 failed, 1 invalid, 1 moved here by SQS, 1 not ours"
    for command in (
        "`failed resolve --sent` or `--resend`",
        "`failed redrive`",
        "`failed discard --state invalid`",
    ):
        assert command in check.remedy


def test_mails_of_one_reason_are_told_once_the_commonest_first(aws: Aws) -> None:
    in_failed_queue(aws, "failed", "failed", reason="subject_refused")

    check = aws.look()["failed queue"]

    assert check.found == "2 failed"
    assert check.remedy.count("subject_refused: the application corrects the mail") == 1


def test_unknown_mails_alone_are_not_told_to_be_redriven(aws: Aws) -> None:
    in_failed_queue(aws, "unknown", "unknown")

    check = aws.look()["failed queue"]

    assert check.found == "2 unknown"
    assert "redrive" not in check.remedy


def test_a_large_failed_queue_is_not_held_for_a_look(aws: Aws) -> None:
    aws.clients["sqs"].get_queue_attributes.return_value = {
        "Attributes": {"ApproximateNumberOfMessages": "30000"}
    }

    check = aws.look()["failed queue"]

    assert (check.found, "failed groups" in check.remedy) == ("about 30,000 mail(s)", True)


@pytest.mark.parametrize("text", ['{"token": "s3cret"}', '["s3cret"]', "Bearer s3cret", '"x"'])
def test_a_token_of_another_shape_is_told_with_the_right_one(aws: Aws, text: str) -> None:
    aws.secrets["TokenSecretArn"] = text

    check = aws.look()["token"]

    assert "is empty" not in check.found
    assert '{"bearerToken": "..."}' in check.remedy
    assert "token set" in check.remedy
    assert "s3cret" not in f"{check.found}{check.remedy}"


@pytest.mark.parametrize("text", ["[]", '"shop"', '{"shop": "secret"}', "secret"])
def test_keys_of_another_shape_are_told_with_the_right_one(aws: Aws, text: str) -> None:
    aws.secrets["ApiKeysSecretArn"] = text

    check = aws.look()["API keys"]

    assert check.level is Level.BAD
    assert '{"shop": {"sha256": ["<hex>"]' in check.remedy
    assert "secret" not in check.found.replace("API keys secret", "")


def documented(section: str) -> list[tuple[str, str]]:
    """Return reasons and advice of a table of docs/operations.md."""
    text = (Path(__file__).parents[3] / "docs" / "operations.md").read_text("utf-8")
    part = text[text.index(f"### {section}\n") :].partition("\n### ")[0]
    rows = re.findall(r"^\| (`[^|]+?) \| ([^|]+) \|$", part, re.MULTILINE)
    return [(reason, advice) for names, advice in rows for reason in re.findall("`(.+?)`", names)]


@pytest.mark.parametrize(("reason", "advice"), documented("Sending is paused"))
def test_each_documented_cause_of_a_pause_has_its_advice(
    aws: Aws, reason: str, advice: str
) -> None:
    aws.pause(reason=reason, by="system", next_probe=int(NOW) + 60)

    said = aws.look()["sending"].remedy

    assert "ask the recipient" not in said.lower()
    for command in re.findall(r"`(?:./taqnyat-mail )?([a-z ]+)`", advice):
        assert command in said
    words = {word for word in re.findall("[a-z]{4,}", advice.lower()) if word != "account"}
    assert len(words & set(re.findall("[a-z]{4,}", said.lower()))) >= 2


@pytest.mark.parametrize(("reason", "advice"), documented("Mails in the failed queue"))
def test_each_documented_cause_of_a_failed_mail_has_its_advice(
    aws: Aws, reason: str, advice: str
) -> None:
    state = {"invalid:...": "invalid", "no_record": "unknown", "unknown": "unknown"}.get(
        reason, "failed"
    )
    in_failed_queue(aws, state, reason=reason.replace("...", "to[0]"))

    said = aws.look()["failed queue"].remedy

    if "Unknown outcomes" in advice:
        assert "ask" in said
        assert "`failed resolve --sent` or `--resend`" in said
        assert "redrive" not in said
        return
    assert ("`failed redrive`" in said) is ("re-drive" in advice)
    assert ("`failed discard" in said) is ("discard" in advice)
    words = set(re.findall("[a-z]{5,}", advice.lower()))
    assert len(words & set(re.findall("[a-z]{5,}", said.lower()))) >= 2


def alarms() -> list[tuple[str, str]]:
    """Return name and description of each alarm of the template."""
    text = (ROOT / "template.yaml").read_text("utf-8")
    found = re.findall(
        r"^  (\w+Alarm):\n(?:    .*\n)*?      AlarmDescription: !Sub >-\n((?:        .*\n)+)",
        text,
        re.MULTILINE,
    )
    return [(name, " ".join(told.split())) for name, told in found]


def sections() -> set[str]:
    """Return the sections of docs/operations.md about alarms."""
    text = (ROOT / "docs" / "operations.md").read_text("utf-8")
    part = text[text.index("## When an alarm comes") : text.index("\n## Lanes")]
    return set(re.findall(r"^### (.+)$", part, re.MULTILINE))


@pytest.mark.parametrize(("name", "told"), alarms())
def test_each_alarm_leads_to_its_section(aws: Aws, name: str, told: str) -> None:
    active = {"AlarmName": f"mail-{name}-1A2B", "AlarmDescription": told}
    pages = aws.clients["cloudwatch"].get_paginator.return_value.paginate
    pages.return_value = [{"MetricAlarms": [{**active, "AlarmActions": ["AlarmTopicArn"]}]}]

    check = aws.look()["alarms"]

    assert check.found == f"active: {name}"
    [section] = re.findall('"(.+?)"', check.remedy)
    assert section in sections()
    assert f'"{section}"' in told


def test_each_section_about_alarms_is_led_to_by_one() -> None:
    led_to = {
        section
        for _, told in alarms()
        for section in re.findall('docs/operations.md, "(.+?)"', told)
    }

    assert led_to == sections()


@pytest.mark.parametrize(
    "reason", ["timeout", "connection_lost", "provider_error", "unreadable_answer", "rate_limited"]
)
def test_a_pause_for_the_provider_is_nobody_s_to_mend(aws: Aws, reason: str) -> None:
    aws.pause(reason=reason, by="system", next_probe=int(NOW) + 60)

    said = aws.look()["sending"].remedy

    assert "nothing to do here" in said
    assert "recipient" not in said


def test_a_queue_that_nothing_reads(aws: Aws) -> None:
    attributes = {"ApproximateNumberOfMessages": "2"}
    aws.clients["sqs"].get_queue_attributes.side_effect = lambda **given: {
        "Attributes": {} if "Failed" in given["QueueUrl"] else attributes
    }
    aws.queues = ["https://sqs/mail-BulkQueue-x"]
    seen(aws, "left-over queues", Level.WARNING, "2 message(s)", "leftover")


def test_a_pause_names_its_reason_and_its_remedy(aws: Aws) -> None:
    aws.pause(reason="balance_empty", by="system", next_probe=int(NOW) + 300)
    seen(aws, "sending", Level.BAD, "balance_empty; tried again by itself in 5 min", "top the acc")


REFUSAL = {"mail_id": "id-1", "sender": "a@acme.sa", "reason": "wrong_endpoint", "status": 404}


def test_the_mails_whose_answers_paused_are_named(aws: Aws) -> None:
    blamed = [REFUSAL, REFUSAL | {"mail_id": "id-2", "code": 3}]
    aws.pause(reason="wrong_endpoint", by="system", next_probe=int(NOW), blamed=blamed)
    answers = (
        "paused by mail id-1: wrong_endpoint, HTTP 404; mail id-2: wrong_endpoint, code 3, HTTP 404"
    )
    seen(aws, "sending", Level.BAD, answers, "TaqnyatUrl")
    assert "acme" not in aws.look()["sending"].found


@pytest.mark.parametrize(("sent_at", "level"), [(NOW - 61, Level.WARNING), (NOW, Level.GOOD)])
def test_a_refusal_that_stands_is_named_until_a_mail_went_through(
    aws: Aws, sent_at: float, level: Level
) -> None:
    aws.items["#pause"] = {
        "pk": "#pause",
        "paused": False,
        "suspect": REFUSAL,
        "suspected_at": int(NOW) - 60,
        "sent_at": int(sent_at),
    }
    found, what_to_do = "mail id-1: wrong_endpoint, HTTP 404", "the next mails show"
    if level is Level.GOOD:
        found, what_to_do = "active", ""
    seen(aws, "sending", level, found, what_to_do)


def test_a_pause_by_hand(aws: Aws) -> None:
    aws.pause(reason="maintenance", by="operator")
    seen(aws, "sending", Level.BAD, "by hand", "resume")


def test_an_address_that_was_refused(aws: Aws) -> None:
    aws.pause(reason="ip_refused", by="system", detail="1.2.3.4", next_probe=int(NOW))
    seen(aws, "egress address", Level.BAD, "refused 1.2.3.4", "network.yaml")


def test_a_fixed_address(aws: Aws) -> None:
    configuration = aws.clients["lambda"].get_function_configuration.return_value
    configuration["VpcConfig"] = {"SubnetIds": ["subnet-1"]}
    seen(aws, "egress address", Level.GOOD, "fixed: by", "")


@pytest.mark.parametrize(
    ("states", "level"),
    [([], Level.BAD), (["Disabled"], Level.BAD), (["Enabling"], Level.GOOD)],
)
def test_the_mapping(aws: Aws, states: list[str], level: Level) -> None:
    answer = {"EventSourceMappings": [{"State": state} for state in states]}
    aws.clients["lambda"].list_event_source_mappings.return_value = answer
    seen(aws, "event source mapping", level, "", "")


def test_a_mapping_that_is_off_during_a_pause_is_as_it_should_be(aws: Aws) -> None:
    answer = {"EventSourceMappings": [{"State": "Disabled"}]}
    aws.clients["lambda"].list_event_source_mappings.return_value = answer
    aws.pause(reason="balance_empty", by="system", next_probe=int(NOW))
    seen(aws, "event source mapping", Level.GOOD, "while sending is paused", "")


def test_a_status_check_that_does_not_run(aws: Aws) -> None:
    aws.items["#provider"]["checked_at"] = int(NOW) - 3600
    seen(aws, "status check", Level.BAD, "1 h ago", "StatusCheckFunction")


def test_taqnyat_is_down(aws: Aws) -> None:
    aws.items["#provider"]["up"] = False
    seen(aws, "Taqnyat", Level.BAD, "does not answer", "ask Taqnyat")


def test_an_active_alarm(aws: Aws) -> None:
    pages = aws.clients["cloudwatch"].get_paginator.return_value.paginate
    ours, theirs = ({"AlarmActions": [topic]} for topic in ("AlarmTopicArn", "arn:x"))
    told = 'Mails wait. See docs/operations.md, "Mails wait too long".'
    alarms = [
        {"AlarmName": "mail-OldestMailAlarm-1A2B", "AlarmDescription": told, **ours},
        {"AlarmName": "mail-OldestBulkMailAlarm-1A2B", "AlarmDescription": told, **ours},
        {"AlarmName": "mail-staging-FailedQueueAlarm-1A2B", **theirs},  # of another stack
    ]
    pages.return_value = [{"MetricAlarms": alarms}]
    where = 'see docs/operations.md: "Mails wait too long"'
    seen(aws, "alarms", Level.WARNING, "active: OldestBulkMailAlarm, OldestMailAlarm", where)


@pytest.mark.parametrize(
    ("arns", "found"), [([], "none"), (["PendingConfirmation"], "not confirmed")]
)
def test_nobody_hears_an_alarm(aws: Aws, arns: list[str], found: str) -> None:
    answer = {"Subscriptions": [{"SubscriptionArn": arn} for arn in arns]}
    aws.clients["sns"].list_subscriptions_by_topic.return_value = answer
    seen(aws, "alarm subscribers", Level.WARNING, found, "")


def test_each_reason_for_which_the_account_pauses_has_a_remedy() -> None:
    rules = [*CODES.values(), *STATUSES.values()]
    reasons = {reason for _, scope, reason in rules if scope is Scope.ACCOUNT}
    reasons |= {TokenNotSetError.reason, MalformedSecretError.reason}

    assert reasons <= REMEDIES.keys()
    assert remedy("maintenance work")


def test_what_was_left_out_is_told_with_whose_it_was(aws: Aws) -> None:
    aws.datapoints = [{"Sum": 3.0}]
    assert aws.look()["left out"].level is Level.GOOD
    rules = {"sha256": "0" * 64, "from": ["*"], "scopes": ["send"]}
    callers = {"shop": rules | {"unsupported": "report"}, "other": rules}
    aws.secrets["ApiKeysSecretArn"] = json.dumps(callers)

    check = aws.look()["left out"]

    assert (check.level, check.found) == (
        Level.WARNING,
        "reply_to or headers of 3 mail(s) in a day, for shop",
    )
    aws.datapoints = []
    assert aws.look()["left out"].level is Level.GOOD
