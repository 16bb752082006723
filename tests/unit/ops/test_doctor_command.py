"""`doctor`, typed on a whole stack: each finding and its remedy, word for word."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from ops.doctor import Doctor
from ops.version import VERSION
from tests.faults.standins.errors import client_error
from tests.faults.standins.fairness import Queue
from tests.unit.ops.cloud import BULK, MAIL, NOW, RULES, Cloud, lines

AGO = "2026-11-18 11:05:40Z (1 min)"
CHECK = "see the log and the schedule of the function in the output StatusCheckFunction"
STORE = "store it with `token set`"
SHAPE = 'it holds the token and nothing else, or {"bearerToken": "..."}'
TOP_UP = "top the account up at Taqnyat (takes up to two hours), then `resume`"

WELL = [
    ("stack", "UPDATE_COMPLETE"),
    ("version", f"deployed: {VERSION}; here: {VERSION}"),
    ("clock", "agrees with AWS"),
    ("token", "stored"),
    ("Taqnyat's account", "token and address accepted"),
    ("API keys", "1 client(s)"),
    ("left out", "nothing: what Taqnyat cannot carry is refused"),
    ("mail queue", "0 waiting, 0 in flight; bulk: 0 waiting, 0 in flight"),
    ("failed queue", "empty"),
    ("left-over queues", "none holds a mail"),
    ("webhooks", "turned off"),
    ("ledger", "reachable"),
    ("sending", "active"),
    ("event source mapping", "enabled"),
    ("status check", "ran 10 s ago"),
    ("Taqnyat", "up, answered in 5 ms"),
    ("balance", "240.5 SAR, read 2026-11-18 11:05:40Z; 10.1 hours left at the present rate"),
    ("account's end", "expires on 2027-11-25"),
    ("alarms", "none is active"),
    ("alarm subscribers", "1 confirmed"),
    (
        "egress address",
        "not fixed, and not refused: fine unless Taqnyat's account limits addresses",
    ),
]


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the doctor read the clock that stands still."""
    monkeypatch.setattr("ops.commands.doctor.Doctor", partial(Doctor, now=lambda: NOW))


def ring(cloud: Cloud, name: str, told: str = "", topic: str = "arn:topic") -> None:
    """Have an alarm ring."""
    described = {"AlarmDescription": told} if told else {}
    cloud.watch.alarms.append({"AlarmName": name, "AlarmActions": [topic], **described})


def test_of_a_stack_that_is_well_every_check_is_told(cloud: Cloud) -> None:
    code, out, err = cloud.run("doctor")
    told = cloud.json("doctor")

    assert (code, err) == (0, "")
    assert [" ".join(line.split()) for line in lines(out)] == [
        *(f"ok {name} {found}" for name, found in WELL),
        "taqnyat-mail (nowhere): well",
    ]
    assert told == {
        "stack": "taqnyat-mail",
        "ok": True,
        "checks": [
            {"name": name, "level": "ok", "found": found, "remedy": ""} for name, found in WELL
        ],
    }
    assert cloud.functions.asked == [{"check": "account"}] * 2


def test_taqnyat_is_not_asked_where_nobody_wants_it(cloud: Cloud) -> None:
    told = cloud.json("doctor", "--no-ask-taqnyat")

    assert cloud.functions.asked == []
    assert [one["name"] for one in told["checks"]] == [
        name for name, _ in WELL if name != "Taqnyat's account"
    ]


def test_what_has_failed_is_told_with_its_remedy_and_the_exit_code(cloud: Cloud) -> None:
    cloud.date = NOW + 600
    ring(cloud, "taqnyat-mail-FailedAlarm-1A")

    code, out, _ = cloud.run("doctor")
    told = cloud.json("doctor", code=1)

    assert code == 1
    found = [" ".join(line.split()) for line in lines(out)]
    at = found.index("FAILED clock this machine is 10 min behind AWS")
    assert found[at + 1] == "-> set this machine's clock"
    at = found.index("look alarms active: FailedAlarm")
    assert found[at + 1] == "-> see docs/operations.md"
    assert found[-1] == "taqnyat-mail (nowhere): 1 of 21 checks failed"
    assert told["ok"] is False


def test_a_warning_alone_is_no_failure(cloud: Cloud) -> None:
    ring(cloud, "taqnyat-mail-FailedAlarm-1A")

    assert cloud.json("doctor")["ok"] is True


def test_levels_have_colors(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-16color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    well = cloud.run("doctor")[1]
    cloud.date = NOW + 600
    ring(cloud, "taqnyat-mail-FailedAlarm-1A")
    ill = cloud.run("doctor")[1]

    assert "\x1b[32mok     \x1b[0m\x1b[1mstack                 \x1b[0mUPDATE_COMPLETE" in well
    assert "\x1b[1;32m" in well.splitlines()[-1]
    assert "\x1b[33mlook   \x1b[0m\x1b[1malarms" in ill
    assert "\x1b[1;31mFAILED \x1b[0m\x1b[1mclock" in ill
    assert "\x1b[1;31mtaqnyat-mail (nowhere): 1 of 21" in ill


def with_(**attributes: Any) -> Callable[[Cloud], None]:
    """Have attributes of the cloud."""

    def change(cloud: Cloud) -> None:
        for name, value in attributes.items():
            setattr(cloud, name, value)

    return change


def paused(**values: Any) -> Callable[[Cloud], None]:
    """Have sending paused, and the mappings off."""

    def change(cloud: Cloud) -> None:
        cloud.pause(**{"by": "system", "next_probe": int(NOW) + 120} | values)
        for mapping in cloud.functions.mappings:
            mapping.switch(enabled=False)

    return change


def item(name: str, **values: Any) -> Callable[[Cloud], None]:
    """Have other values in an item."""
    return lambda cloud: cloud.set(name, **values)


def without(name: str) -> Callable[[Cloud], None]:
    """Have no such item."""

    def change(cloud: Cloud) -> None:
        del cloud.dynamo.items[name]

    return change


def secret(name: str, text: str) -> Callable[[Cloud], None]:
    """Have another text in a secret."""
    return lambda cloud: cloud.secrets.versions[f"arn:{name}"].update({f"{name}-0": text})


def answered(**answer: Any) -> Callable[[Cloud], None]:
    """Have Taqnyat's answer to a mail without a recipient."""
    return lambda cloud: cloud.functions.answer.update(answer)


def rang(name: str, told: str = "", topic: str = "arn:topic") -> Callable[[Cloud], None]:
    """Have an alarm ring."""
    return lambda cloud: ring(cloud, name, told, topic)


def filled(url: str, count: int) -> Callable[[Cloud], None]:
    """Have messages in a queue, which there may not have been."""

    def change(cloud: Cloud) -> None:
        cloud.sqs.queues.setdefault(url, Queue(300, 86400))
        for _ in range(count):
            cloud.sqs.send_message(QueueUrl=url, MessageBody="{}")

    return change


def switched(*states: str) -> Callable[[Cloud], None]:
    """Have mappings in these states."""

    def change(cloud: Cloud) -> None:
        found = {"EventSourceMappings": [{"State": state} for state in states]}
        cloud.functions.list_event_source_mappings = lambda **_: found  # type: ignore[method-assign]

    return change


def keys(**clients: Any) -> Callable[[Cloud], None]:
    """Have these clients."""
    return secret("keys", json.dumps(clients))


def suspected(cloud: Cloud) -> None:
    """Have a refusal that stands."""
    refusal = {"mail_id": "m1", "sender": "a@acme.sa", "reason": "wrong_endpoint", "status": 404}
    more = {"paused": False, "suspect": refusal, "suspected_at": int(NOW) - 9}
    cloud.set("#pause", **more, sent_at=int(NOW) - 10)


def topic(*arns: str) -> Callable[[Cloud], None]:
    """Have these subscribers."""
    return lambda cloud: cloud.topic.arns.__setitem__(slice(None), arns)


def fails(service: str, method: str, code: str) -> Callable[[Cloud], None]:
    """Have a call refused."""

    def change(cloud: Cloud) -> None:
        def refuse(**_: object) -> None:
            raise client_error(method, code)

        setattr(cloud.clients[service], method, refuse)

    return change


REFUSED = {"scope": "account", "reason": "token_refused"}
AN_HOUR_OLD = {"checked_at": int(NOW) - 3600}
TIMES = {"checked_at": int(NOW) - 60}
BLAMED = [
    {"mail_id": "m1", "sender": "a@acme.sa", "reason": "wrong_endpoint", "status": 404},
    {"mail_id": "m2", "sender": "a@acme.sa", "reason": "wrong_endpoint", "code": 3},
]
NOT_READ = (
    "this alone stops no mail; if the token is good, ask Taqnyat whether it may read the balance, "
    "or deploy with BalanceCheckMinutes=0"
)
FIXED = "fixed: by the VPC's NAT; its address is an output of network.yaml's stack"
SUBNETS = {"VpcConfig": {"SubnetIds": ["subnet-1"]}}
OK, LOOK, FAILED = "ok", "warning", "failed"


@pytest.mark.parametrize(
    ("change", "name", "level", "found", "remedy"),
    [
        (with_(status="CREATE_COMPLETE"), "stack", OK, "CREATE_COMPLETE", ""),
        (
            with_(status="UPDATE_IN_PROGRESS"),
            "stack",
            LOOK,
            "UPDATE_IN_PROGRESS",
            "a deployment is running; run doctor again when it has ended",
        ),
        (
            with_(status="ROLLBACK_COMPLETE"),
            "stack",
            FAILED,
            "ROLLBACK_COMPLETE",
            "see the stack's events in CloudFormation, and deploy again",
        ),
        (with_(date=None), "clock", LOOK, "AWS named no time", "try again"),
        (with_(date=NOW - 60), "clock", OK, "agrees with AWS", ""),
        (
            with_(date=NOW - 61),
            "clock",
            FAILED,
            "this machine is 1 min ahead of AWS",
            "set this machine's clock",
        ),
        (secret("token", ""), "token", FAILED, None, STORE),
        (secret("token", "a b"), "token", FAILED, None, f"{SHAPE}; {STORE}"),
        (
            answered(**REFUSED),
            "Taqnyat's account",
            FAILED,
            "Taqnyat refuses: token_refused",
            "store the token of Taqnyat's account with `token set`",
        ),
        (
            answered(scope="account", reason="api_disabled", ip="1.2.3.4"),
            "Taqnyat's account",
            FAILED,
            "Taqnyat refuses: api_disabled, address 1.2.3.4",
            "switch sending through the API on in Taqnyat's account settings",
        ),
        (
            answered(scope="provider", reason="timeout"),
            "Taqnyat's account",
            LOOK,
            "cannot tell: timeout",
            "look again when Taqnyat answers",
        ),
        (
            answered(code=99),
            "Taqnyat's account",
            LOOK,
            "token not refused, but the answer is not in the guide (code 99)",
            "send one mail to yourself with `send`",
        ),
        (
            answered(code=None),
            "Taqnyat's account",
            LOOK,
            "token not refused, but the answer is not in the guide (code None)",
            "send one mail to yourself with `send`",
        ),
        (answered(verdict="retryable"), "Taqnyat's account", OK, "token and address accepted", ""),
        (
            lambda cloud: setattr(cloud.functions, "error", "Unhandled"),
            "Taqnyat's account",
            FAILED,
            "the status check failed",
            "see the log of the function in the output StatusCheckFunction",
        ),
        (
            keys(),
            "API keys",
            FAILED,
            "no client has a key: the API refuses every call",
            "make one with `keys add`",
        ),
        (
            keys(a=RULES, b=RULES),
            "API keys",
            FAILED,
            "a and b have one key",
            "correct it with `keys rotate`, or revoke and add",
        ),
        (
            keys(a=RULES | {"scopes": []}, b=RULES | {"sha256": "1" * 64, "from": []}),
            "API keys",
            FAILED,
            "a may neither send nor read; b may send from no address",
            "correct it with `keys rotate`, or revoke and add",
        ),
        (keys(a=RULES, b=RULES | {"sha256": "1" * 64}), "API keys", OK, "2 client(s)", ""),
        (
            keys(a=RULES | {"unsupported": "report"}, b=RULES | {"unsupported": "report"}),
            "left out",
            OK,
            "reply_to or headers of 0 mail(s) in a day, for a, b",
            "",
        ),
        (
            filled(BULK, 3),
            "mail queue",
            OK,
            "0 waiting, 0 in flight; bulk: 3 waiting, 0 in flight",
            "",
        ),
        (
            filled(MAIL, 2),
            "mail queue",
            OK,
            "2 waiting, 0 in flight; bulk: 0 waiting, 0 in flight",
            "",
        ),
        (
            filled("https://sqs/taqnyat-mail-BulkQueue-x", 2),
            "left-over queues",
            LOOK,
            "2 message(s) in a queue that nothing reads",
            "run `leftover`",
        ),
        (
            filled("https://sqs/failed", 2001),
            "failed queue",
            LOOK,
            "about 2,001 mail(s)",
            "see their causes with `failed groups`",
        ),
        (
            lambda cloud: setattr(cloud.tables, "status", "DELETING"),
            "ledger",
            FAILED,
            "the table is DELETING",
            "see DynamoDB in the AWS console",
        ),
        (lambda cloud: setattr(cloud.tables, "status", "UPDATING"), "ledger", OK, "reachable", ""),
        (
            fails("dynamodb", "describe_table", "AccessDenied"),
            "ledger",
            FAILED,
            "these AWS credentials may not do describe_table",
            "use a role that may; docs/operations.md lists what the command line needs",
        ),
        (
            suspected,
            "sending",
            LOOK,
            "active; refused, and nothing sent since: mail m1: wrong_endpoint, HTTP 404",
            "wait: the next mails show whether it is this mail or the account",
        ),
        (
            paused(by="operator", reason="maintenance"),
            "sending",
            FAILED,
            f"paused by hand since {AGO}: maintenance",
            "`resume` when that is over",
        ),
        (
            paused(reason="balance_empty"),
            "sending",
            FAILED,
            f"paused since {AGO}: balance_empty; tried again by itself in 2 min",
            TOP_UP,
        ),
        (
            paused(reason="wrong_endpoint", next_probe=int(NOW) - 5, blamed=BLAMED),
            "sending",
            FAILED,
            (
                f"paused since {AGO}: wrong_endpoint; tried again by itself in 0 s; paused by "
                "mail m1: wrong_endpoint, HTTP 404; mail m2: wrong_endpoint, code 3"
            ),
            "correct the stack's parameter TaqnyatUrl and deploy",
        ),
        (
            switched(),
            "event source mapping",
            FAILED,
            "there is none: nothing feeds the worker",
            "deploy the stack again",
        ),
        (
            switched("Enabled", "Disabled"),
            "event source mapping",
            FAILED,
            "Enabled, Disabled although sending is not paused",
            "run `resume`",
        ),
        (switched("Enabling", "Enabled"), "event source mapping", OK, "enabled", ""),
        (
            paused(reason="x"),
            "event source mapping",
            OK,
            "Disabling, Disabling, while sending is paused",
            "",
        ),
        (
            without("#provider"),
            "status check",
            LOOK,
            "has not run yet",
            f"wait two minutes; then {CHECK}",
        ),
        (item("#provider", checked_at=int(NOW) - 300), "status check", OK, "ran 5 min ago", ""),
        (
            item("#provider", **AN_HOUR_OLD),
            "status check",
            FAILED,
            "last ran 1 h ago: a pause would not end by itself",
            CHECK,
        ),
        (without("#provider"), "Taqnyat", LOOK, "not asked yet", "wait for the status check"),
        (
            item("#provider", up=False),
            "Taqnyat",
            FAILED,
            "says that a service is affected, or does not answer",
            "nothing to do here: mails wait and are retried; ask Taqnyat if it lasts",
        ),
        (
            item("#money", trouble="refused"),
            "balance",
            LOOK,
            (
                "240.5 SAR, read 2026-11-18 11:05:40Z, not told since: refused; "
                "10.1 hours left at the present rate"
            ),
            NOT_READ,
        ),
        (without("#money"), "balance", LOOK, "not asked for yet", "wait for the status check"),
        (
            lambda cloud: cloud.functions.settings["check"].update(BALANCE_CHECK_MINUTES="0"),
            "balance",
            OK,
            "not asked for (BalanceCheckMinutes is 0)",
            "",
        ),
        (without("#money"), "account's end", OK, "not told by Taqnyat", ""),
        (
            item("#money", expires="2026-12-02"),
            "account's end",
            LOOK,
            "expires on 2026-12-02",
            "renew the account with Taqnyat",
        ),
        (
            rang("taqnyat-mail-OldAlarm-1", 'See docs/operations.md, "Mails wait too long".'),
            "alarms",
            LOOK,
            "active: OldAlarm",
            'see docs/operations.md: "Mails wait too long"',
        ),
        (rang("taqnyat-mail-b-OldAlarm-1", topic="arn:b"), "alarms", OK, "none is active", ""),
        (
            topic("PendingConfirmation"),
            "alarm subscribers",
            LOOK,
            "not confirmed: nobody gets an alarm",
            "open the link in the mail that SNS sent",
        ),
        (
            topic(),
            "alarm subscribers",
            LOOK,
            "none: nobody gets an alarm",
            "deploy with AlarmEmail, or subscribe to the topic of the output AlarmTopicArn",
        ),
        (lambda cloud: cloud.functions.more.update(SUBNETS), "egress address", OK, FIXED, ""),
        (
            paused(reason="ip_refused", detail="1.2.3.4"),
            "egress address",
            FAILED,
            "Taqnyat refused 1.2.3.4",
            (
                "allow the address at Taqnyat, or lift the limit there; "
                "for an address that stays the same deploy network.yaml"
            ),
        ),
        (
            paused(reason="ip_refused"),
            "egress address",
            FAILED,
            "Taqnyat refused an address that it does not name",
            (
                "allow the address at Taqnyat, or lift the limit there; "
                "for an address that stays the same deploy network.yaml"
            ),
        ),
    ],
)
def test_each_trouble_is_told_word_for_word(
    cloud: Cloud,
    change: Callable[[Cloud], Any],
    name: str,
    level: str,
    found: str | None,
    remedy: str,
) -> None:
    change(cloud)

    code, out, _ = cloud.run("doctor", "--json")
    told = {one["name"]: one for one in json.loads(out)["checks"]}[name]

    assert (told["level"], told["remedy"]) == (level, remedy)
    assert found is None or told["found"] == found
    assert told["found"]
    assert code == any(one["level"] == FAILED for one in json.loads(out)["checks"])


def test_the_commonest_reason_of_failed_mails_is_told_first(cloud: Cloud) -> None:
    cloud.fail(1, reason="expired")
    cloud.fail(2, reason="subject_refused")
    cloud.fail(1, reason="another")
    cloud.fail(1, "unknown", reason="timeout")

    checks = {one["name"]: one for one in cloud.json("doctor")["checks"]}

    assert checks["failed queue"]["found"] == "1 unknown, 4 failed"
    assert checks["failed queue"]["remedy"] == (
        "unknown: ask, then `failed resolve --sent` or `--resend`; "
        "subject_refused: the application corrects the mail and sends a new one; then "
        "`failed discard`; "
        "failed: when the cause is gone `failed redrive`, else `failed discard`; "
        "expired: when the cause is gone `failed redrive`, else `failed discard`"
    )


def test_a_failed_queue_that_was_not_seen_whole_is_told_so(cloud: Cloud) -> None:
    cloud.fail(3)
    cloud.sqs.take(cloud.sqs.queues["https://sqs/failed"], 1, 300)

    checks = {one["name"]: one for one in cloud.json("doctor")["checks"]}

    assert checks["failed queue"]["found"] == (
        "2 failed, 2 of about 3 seen; 1 are held by another terminal until 11:11Z"
    )
    assert checks["failed queue"]["remedy"].endswith(
        "; run doctor again when the other terminal has ended"
    )


def test_a_stack_of_one_lane_is_told_as_such(cloud: Cloud) -> None:
    del cloud.outputs["BulkQueueUrl"]

    checks = {one["name"]: one for one in cloud.json("doctor")["checks"]}

    assert checks["mail queue"]["found"] == "0 waiting, 0 in flight"


def test_what_was_left_out_in_a_day_is_counted(cloud: Cloud) -> None:
    secret("keys", json.dumps({"shop": RULES | {"unsupported": "report"}, "till": RULES}))(cloud)
    cloud.watch.points[("TaqnyatMail", "MailNotCarried", "", "Sum")] = [(NOW, 2.0), (NOW, 1.0)]

    checks = {one["name"]: one for one in json.loads(cloud.run("doctor", "--json")[1])["checks"]}

    assert checks["left out"] == {
        "name": "left out",
        "level": "warning",
        "found": "reply_to or headers of 3 mail(s) in a day, for shop",
        "remedy": "see `taqnyat.not_carried` of a mail",
    }
    assert {"metric": "MailNotCarried", "seconds": 86400, "period": 86400} in cloud.watch.asked
