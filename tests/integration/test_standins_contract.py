"""The stand-ins of tests/faults behave as AWS documents it: the same scenarios run against three.

The other two are ministack, the emulator of the local stack, and moto, which knows SQS and DynamoDB
here. Where one of them departs from what AWS documents is listed below and in docs/testing.md: such
a scenario must fail there, so that a departure that ends is noticed.
"""

import json
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.core.models import DEFAULT_ACCOUNT_ID as MOTO_ACCOUNT
from outbox.mail.mail import Mail
from outbox.mail.states import State
from outbox.sending.pause import Pause
from outbox.storage.claims import Claims
from outbox.storage.expressions import pack_item
from outbox.storage.ledger import Ledger
from outbox.storage.table import LedgerTable

from local.emulator import ACCOUNT, REGION, Emulator
from ops.history import History, Note
from tests.faults.standins import sqs
from tests.faults.standins.dynamo import Dynamo
from tests.faults.standins.fairness import Queue
from tests.faults.standins.others import Functions, Mapping, Secrets
from tests.faults.standins.scheduler import Scheduler

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


def _stand_in() -> Aws:
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


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with Emulator(tmp_path_factory.mktemp("emulator")) as running:
        _deploy(running)
        yield running


def _deploy(emulator: Emulator) -> None:
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


def _emulated(emulator: Emulator, name: str) -> Aws:
    dynamodb, queues = emulator.client("dynamodb"), emulator.client("sqs")
    with suppress(ClientError):
        dynamodb.delete_table(TableName=TABLE)
    aws = _tables_and_queues(dynamodb, queues, name, ACCOUNT)
    aws.secretsmanager = emulator.client("secretsmanager")
    aws.functions = emulator.client("lambda")
    aws.scheduler = emulator.client("scheduler")
    return aws


def _tables_and_queues(
    dynamodb: Any,  # noqa: ANN401 - botocore's clients have no types
    queues: Any,  # noqa: ANN401
    name: str,
    account: str,
) -> Aws:
    dynamodb.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": key, "AttributeType": "S"} for key in ("pk", "client", "created")
        ],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by-client",
                "KeySchema": [
                    {"AttributeName": "client", "KeyType": "HASH"},
                    {"AttributeName": "created", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
        ],
    )
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


@pytest.fixture(params=["stand-in", "ministack", "moto"])
def aws(request: pytest.FixtureRequest) -> Iterator[Aws]:
    """Give the clients of one of the three."""
    yield from _clients(request)


@pytest.fixture(params=["stand-in", "ministack"])
def whole(request: pytest.FixtureRequest) -> Iterator[Aws]:
    """Give one that has more than DynamoDB and SQS."""
    yield from _clients(request)


def _clients(request: pytest.FixtureRequest) -> Iterator[Aws]:
    departs = DEPARTURES.get(request.param, {})
    scenario = request.node.name.replace(f"[{request.param}]", "").replace(
        f"[{request.param}-", "["
    )
    reason = departs.get(scenario) or departs.get(request.node.originalname)
    if reason:
        request.applymarker(pytest.mark.xfail(reason=reason, strict=True))
    name = "".join(char if char.isalnum() else "-" for char in request.node.name)[:60]
    if request.param == "stand-in":
        yield _stand_in()
    elif request.param == "ministack":
        yield _emulated(request.getfixturevalue("emulator"), name)
    else:
        with mock_aws():
            session = botocore.session.get_session()
            dynamodb, queues = (
                session.create_client(service, region_name=REGION)
                for service in ("dynamodb", "sqs")
            )
            yield _tables_and_queues(dynamodb, queues, name, MOTO_ACCOUNT)


def _code(call: Callable[..., Any], **arguments: Any) -> str:  # noqa: ANN401 - botocore's shape
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    return refused.value.response["Error"]["Code"]


# ---- DynamoDB -----------------------------------------------------------------------------------


def _put(aws: Aws, **attributes: Any) -> None:  # noqa: ANN401 - an item's values
    aws.dynamodb.put_item(TableName=TABLE, Item=pack_item({"pk": "one", **attributes}))


def _update(aws: Aws, update: str, condition: str = "", **more: Any) -> dict[str, Any]:  # noqa: ANN401
    """Update the item; `n_x` names attribute x as #x, `v_x` gives the value :x."""
    names = {f"#{key[2:]}": name for key, name in more.items() if key.startswith("n_")}
    values = {f":{key[2:]}": value for key, value in more.items() if key.startswith("v_")}
    answer: dict[str, Any] = aws.dynamodb.update_item(
        TableName=TABLE,
        Key={"pk": {"S": more.get("pk", "one")}},
        UpdateExpression=update,
        ReturnValues="ALL_NEW",
        ReturnValuesOnConditionCheckFailure="ALL_OLD",
        **({"ConditionExpression": condition} if condition else {}),
        **({"ExpressionAttributeNames": names} if names else {}),
        **({"ExpressionAttributeValues": values} if values else {}),
    )
    return dict(answer["Attributes"])


def _item(aws: Aws, key: str = "one") -> Any:  # noqa: ANN401 - an item or None
    answer = aws.dynamodb.get_item(TableName=TABLE, Key={"pk": {"S": key}}, ConsistentRead=True)
    return answer.get("Item")


def test_an_item_is_put_once(aws: Aws) -> None:
    arguments = {
        "TableName": TABLE,
        "Item": {"pk": {"S": "one"}, "state": {"S": "queued"}},
        "ConditionExpression": "attribute_not_exists(pk)",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    aws.dynamodb.put_item(**arguments)
    with pytest.raises(ClientError) as refused:
        aws.dynamodb.put_item(**arguments | {"Item": {"pk": {"S": "one"}, "state": {"S": "x"}}})
    assert refused.value.response["Error"]["Code"] == "ConditionalCheckFailedException"
    assert refused.value.response["Item"] == arguments["Item"]  # type: ignore[typeddict-item]  # not in botocore's types
    assert _item(aws) == arguments["Item"]
    assert _item(aws, "another") is None


def test_an_update_makes_the_item_that_is_missing(aws: Aws) -> None:
    made = _update(aws, "SET #a = :a", n_a="state", v_a={"S": "queued"})
    assert made == {"pk": {"S": "one"}, "state": {"S": "queued"}} == _item(aws)


def test_set_once_add_append_and_remove(aws: Aws) -> None:
    _put(aws, first="kept", list=["a"], gone=1)
    update = (
        "SET #first = if_not_exists(#first, :new), #second = if_not_exists(#second, :new),"
        " #count = if_not_exists(#count, :zero) + :one, #list = list_append(#list, :more),"
        " #other = list_append(if_not_exists(#other, :none), :more) REMOVE #gone, #never"
    )
    item = _update(
        aws,
        update,
        n_first="first",
        n_second="second",
        n_count="count",
        n_list="list",
        n_other="other",
        n_gone="gone",
        n_never="never",
        v_new={"S": "new"},
        v_zero={"N": "0"},
        v_one={"N": "1"},
        v_none={"L": []},
        v_more={"L": [{"M": {"at": {"S": "now"}}}]},
    )
    more = {"M": {"at": {"S": "now"}}}
    assert item == {
        "pk": {"S": "one"},
        "first": {"S": "kept"},
        "second": {"S": "new"},
        "count": {"N": "1"},
        "list": {"L": [{"S": "a"}, more]},
        "other": {"L": [more]},
    }


def test_operands_see_the_item_as_it_was_before(aws: Aws) -> None:
    _put(aws, a=1)
    item = _update(
        aws,
        "SET #a = #a + :one, #b = if_not_exists(#a, :zero) + :one",
        n_a="a",
        n_b="b",
        v_one={"N": "1"},
        v_zero={"N": "0"},
    )
    assert (item["a"], item["b"]) == ({"N": "2"}, {"N": "2"})


def test_a_condition_that_fails_changes_nothing_and_shows_the_item(aws: Aws) -> None:
    _put(aws, state="sent")
    with pytest.raises(ClientError) as refused:
        _update(
            aws, "SET #s = :new", "#s = :old", n_s="state", v_new={"S": "x"}, v_old={"S": "queued"}
        )
    assert refused.value.response["Error"]["Code"] == "ConditionalCheckFailedException"
    assert refused.value.response["Item"] == _item(aws)  # type: ignore[typeddict-item]
    assert _item(aws)["state"] == {"S": "sent"}


def test_a_condition_on_an_item_that_is_missing_shows_none(aws: Aws) -> None:
    with pytest.raises(ClientError) as refused:
        _update(aws, "SET #s = :new", "#s = :new", n_s="state", v_new={"S": "x"})
    assert "Item" not in refused.value.response
    assert _item(aws) is None


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("attribute_exists(#n)", True),
        ("attribute_not_exists(#n)", False),
        ("attribute_not_exists(#missing)", True),
        ("#n = :seven", True),
        ("#n = :seven_point", True),
        ("#n = :text", False),  # of another type
        ("#n <> :text", True),
        ("#n <= :seven", True),
        ("#n < :seven", False),
        ("#n > :ten", False),
        ("#n < :ten", True),  # as numbers, not as text
        ("#missing <= :seven", False),
        ("#missing = :seven", False),
        ("#n IN (:ten, :seven)", True),
        ("#n IN (:ten, :text)", False),
        ("NOT #n = :seven", False),
        ("#n = :ten OR #n = :seven", True),
        ("#n = :ten OR #n = :seven AND #n = :ten", False),
        ("(#n = :ten OR #n = :seven) AND #n = :seven", True),
        ("#flag = :true", True),
    ],
)
def test_conditions(aws: Aws, condition: str, holds: bool) -> None:  # noqa: FBT001 - a parameter
    _put(aws, n=7, flag=True)
    values = {
        "seven": {"N": "7"},
        "seven_point": {"N": "7.0"},
        "ten": {"N": "10"},
        "text": {"S": "7"},
        "true": {"BOOL": True},
    }
    words = _words(condition)
    used: dict[str, Any] = {"n_done": "done", "v_done": {"BOOL": True}}
    used.update({f"v_{name}": value for name, value in values.items() if f":{name}" in words})
    used.update({f"n_{name}": name for name in ("n", "missing", "flag") if f"#{name}" in words})
    if holds:
        assert "done" in _update(aws, "SET #done = :done", condition, **used)
    else:
        with pytest.raises(ClientError, match="ConditionalCheckFailed"):
            _update(aws, "SET #done = :done", condition, **used)


def _words(condition: str) -> set[str]:
    for mark in "(),":
        condition = condition.replace(mark, " ")
    return set(condition.split())


@pytest.mark.parametrize(
    ("update", "condition", "more"),
    [
        ("SET #a = :a", "", {"n_a": "a", "v_a": {"S": "x"}, "n_unused": "b"}),
        ("SET #a = :a", "", {"n_a": "a", "v_a": {"S": "x"}, "v_unused": {"S": "b"}}),
        ("SET #a = :missing", "", {"n_a": "a"}),
        ("SET #missing = :a", "", {"v_a": {"S": "x"}}),
        ("SET #a = #nowhere + :a", "", {"n_a": "a", "n_nowhere": "nowhere", "v_a": {"N": "1"}}),
        ("SET state = :a", "", {"v_a": {"S": "x"}}),  # a reserved word
        ("SET #a = :a", "ttl = :a", {"n_a": "a", "v_a": {"S": "x"}}),
        ("SET #pk = :a", "", {"n_pk": "pk", "v_a": {"S": "x"}}),
        ("SET #a = :a", "", {"n_a": "client", "v_a": {"N": "1"}}),  # a key of the index
        ("SET #a = :a", "", {"n_a": "a", "v_a": {"S": "x"}, "pk": ""}),
    ],
)
def test_what_is_not_valid_is_refused(
    aws: Aws, update: str, condition: str, more: dict[str, Any]
) -> None:
    _put(aws, text="x", a="a")
    assert _code(lambda: _update(aws, update, condition, **more)) == "ValidationException"
    assert _item(aws) == pack_item({"pk": "one", "text": "x", "a": "a"})


def test_an_item_has_its_limit(aws: Aws) -> None:
    _put(aws, attempts=["x" * 1000] * 390)
    more: dict[str, Any] = {"n_a": "attempts", "v_more": {"L": [{"S": "x" * 1000}] * 20}}
    update = "SET #a = list_append(#a, :more)"
    assert _code(lambda: _update(aws, update, **more)) == "ValidationException"
    more["v_more"] = {"L": [{"S": "x" * 1000}]}
    assert len(_update(aws, update, **more)["attempts"]["L"]) == 391


def test_a_table_that_is_missing(aws: Aws) -> None:
    call = aws.dynamodb.get_item
    key = {"pk": {"S": "one"}}
    assert _code(call, TableName="another", Key=key) == "ResourceNotFoundException"


def test_many_rows_are_written_together_or_not_at_all(aws: Aws) -> None:
    _put(aws, state="queued")
    puts = [
        {
            "Put": {
                "TableName": TABLE,
                "Item": pack_item({"pk": key, "state": "scheduled"}),
                "ConditionExpression": "attribute_not_exists(pk)",
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        }
        for key in ("two", "one", "three")
    ]
    with pytest.raises(ClientError) as refused:
        aws.dynamodb.transact_write_items(TransactItems=puts)
    assert refused.value.response["Error"]["Code"] == "TransactionCanceledException"
    reasons: Any = refused.value.response["CancellationReasons"]
    assert [reason["Code"] for reason in reasons] == ["None", "ConditionalCheckFailed", "None"]
    assert reasons[1]["Item"] == _item(aws)
    assert _item(aws, "two") is None
    aws.dynamodb.transact_write_items(TransactItems=[puts[0], puts[2]])
    assert _item(aws, "two")["state"] == {"S": "scheduled"}


def _mail(mail_id: str = "mail", subject: str = "Hello") -> Mail:
    return Mail(
        id=mail_id,
        sender="shop@acme.sa",
        recipients=("a@example.com",),
        subject=subject,
        body="Hello",
        campaign="transactional",
        client="shop",
        accepted_at=1_800_000_000.0,
    )


def test_the_ledger_goes_its_way(aws: Aws) -> None:
    """The row of one mail through all that can befall it, with the code that writes it."""
    table = LedgerTable(aws.dynamodb, TABLE, 30, lambda: 1e9)
    ledger, claims = Ledger(table), Claims(table, 60)
    assert ledger.create(_mail(), State.QUEUED, "request") is None
    standing = ledger.create(_mail(), State.QUEUED, "request")
    assert standing is not None
    assert (standing.state, standing.request) == (State.QUEUED, "request")
    taken, row = claims.claim(_mail(), "first")
    assert (taken, row.attempt_count, row.resends, row.lease) == (True, 1, 0, int(1e9) + 60)
    assert claims.claim(_mail(), "first")[0]  # repeated by the SDK
    assert not claims.claim(_mail(), "second")[0]
    attempt = {"at": "now", "ms": 5, "verdict": "unknown", "scope": "provider", "reason": "hang"}
    taken, again = claims.take_over(row, "second", attempt)
    assert (taken, again.resends, again.possibly_sent, len(again.attempts)) == (True, 1, 1, 1)
    assert not claims.settle(row, State.SENT, attempt, reason="sent", msg_id="1")
    assert claims.settle(again, State.UNKNOWN, attempt, reason="hang", code=None, possibly_sent=1)
    assert claims.settle(again, State.UNKNOWN, attempt, reason="hang", code=None, possibly_sent=1)
    assert not claims.claim(_mail(), "third")[0]
    assert not claims.claim(_mail(), "third", redrive_attempt=1)[0]
    taken, redriven = claims.claim(_mail(), "third", redrive_attempt=2)
    assert (taken, redriven.resends, redriven.attempt_count) == (True, 2, 3)
    assert claims.settle(redriven, State.SENT, attempt, reason="sent", msg_id="1", price="0.1")
    row = ledger.get("mail")  # type: ignore[assignment]  # it is there
    assert (row.state, row.msg_id, len(row.attempts)) == (State.SENT, "1", 3)
    taken, standing = claims.claim(_mail(subject="another"), "fourth")
    assert (taken, standing.state) == (False, State.SENT)


def test_the_ledger_ends_a_mail_by_hand(aws: Aws) -> None:
    table = LedgerTable(aws.dynamodb, TABLE, 30, lambda: 1e9)
    ledger, claims = Ledger(table), Claims(table, 60)
    assert ledger.create_all([(_mail(name), State.QUEUED, None) for name in "ab"]) == []
    assert [row.id for row in ledger.create_all([(_mail("b"), State.QUEUED, None)])] == ["b"]
    assert ledger.cancel("a").state is State.CANCELED
    assert not claims.claim(_mail("a"), "token")[0]
    taken, row = claims.claim(_mail("b"), "token")
    assert taken
    assert ledger.cancel("b").state is State.SENDING
    assert claims.settle(row, State.UNKNOWN, None, reason="hang", possibly_sent=1)
    assert ledger.resolve_sent("b", {"at": "now", "reason": "seen"}) is None
    resolved = ledger.get("b")
    assert resolved is not None
    assert resolved.state is State.SENT


def test_what_an_operator_did_is_written_for_many_rows_at_once_or_for_each(aws: Aws) -> None:
    table = LedgerTable(aws.dynamodb, TABLE, 30, lambda: 1e9)
    ledger, history = Ledger(table), History(table, "Nora")
    names = ("a", "b", "c")
    assert ledger.create_all([(_mail(name), State.QUEUED, None) for name in names]) == []
    rows = [found for name in names if (found := ledger.get(name)) is not None]

    def notes() -> list[Note]:
        return [history.redriven(row, possibly_twice=False) for row in rows]

    assert history.write_all(notes()) == {"a", "b", "c"}
    assert ledger.cancel("b").state is State.CANCELED
    assert history.write_all(notes()) == {"a", "c"}
    standing = [found for name in names if (found := ledger.get(name)) is not None]
    assert [len(row.actions) for row in standing] == [2, 1, 2]


def test_the_pause_goes_its_way(aws: Aws) -> None:
    pause = Pause(aws.dynamodb, TABLE, (10, 20), clock=lambda: 1e9)
    assert not pause.read().paused
    assert pause.begin("balance_empty", "", seen_at=1e9)
    assert not pause.begin("balance_empty", "", seen_at=1e9)
    state = pause.read()
    assert (state.paused, state.by, state.next_probe) == (True, "system", int(1e9) + 10)
    assert pause.take_probe(state, 1e9 + 60)
    assert not pause.take_probe(state, 1e9 + 60)
    pause.probe_failed(state, "api_disabled", "")
    state = pause.read()
    assert (state.reason, state.probes, state.next_probe) == ("api_disabled", 1, int(1e9) + 20)
    assert pause.end(state)
    assert not pause.end(state)
    assert not pause.begin("balance_empty", "", seen_at=1e9 - 1)
    assert pause.begin("balance_empty", "", seen_at=1e9)
    pause.begin_by_hand("maintenance")
    assert not pause.end(state)
    assert pause.read().by == "operator"


# ---- SQS ----------------------------------------------------------------------------------------


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
    assert _code(change, **wrong) == "ReceiptHandleIsInvalid"


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
    assert _code(aws.sqs.send_message, QueueUrl=aws.mail, MessageBody=body) == code


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


# ---- The others ---------------------------------------------------------------------------------


def test_a_secret(whole: Aws) -> None:
    aws = whole
    assert aws.secretsmanager.get_secret_value(SecretId=SECRET)["SecretString"] == "value"
    code = _code(aws.secretsmanager.get_secret_value, SecretId="another")
    assert code == "ResourceNotFoundException"


def test_the_mapping_is_switched(whole: Aws) -> None:
    aws = whole
    if hasattr(aws.functions, "create_event_source_mapping"):
        aws.functions.create_event_source_mapping(
            FunctionName=WORKER, EventSourceArn=aws.queue_arn, Enabled=True
        )
    for on, states in ((False, {"Disabled", "Disabling"}), (True, {"Enabled", "Enabling"})):
        [mapping] = _mappings(aws)
        aws.functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=on)
        assert {mapping["State"] for mapping in _mappings(aws)} <= states
        aws.wait(0.1 if aws.now is time.time else 60)


def _mappings(aws: Aws) -> list[dict[str, Any]]:
    answer = aws.functions.list_event_source_mappings(FunctionName=WORKER)
    return [found for found in answer["EventSourceMappings"] if _feeds(found, aws.queue_arn)]


def _feeds(mapping: dict[str, Any], queue_arn: str) -> bool:
    return bool(mapping["EventSourceArn"] == queue_arn)


def test_a_schedule(whole: Aws) -> None:
    aws = whole
    name = {"Name": "mail", "GroupName": GROUP}
    schedule = {
        **name,
        "ScheduleExpression": "at(2030-01-01T08:00:00)",
        "ScheduleExpressionTimezone": "UTC",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "ActionAfterCompletion": "DELETE",
        "Target": {
            "Arn": aws.queue_arn,
            "RoleArn": ROLE,
            "Input": "text",
            "DeadLetterConfig": {"Arn": aws.queue_arn},
        },
    }
    assert _code(aws.scheduler.get_schedule, **name) == "ResourceNotFoundException"
    aws.scheduler.create_schedule(**schedule)
    assert _code(aws.scheduler.create_schedule, **schedule) == "ConflictException"
    assert aws.scheduler.get_schedule(**name)["Target"]["Input"] == "text"
    aws.scheduler.delete_schedule(**name)
    assert _code(aws.scheduler.delete_schedule, **name) == "ResourceNotFoundException"


# ---- What emulators often leave out -------------------------------------------------------------


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
    ("update", "more"),
    [
        ("SET #a = :a, #b = :a", {"n_a": "a", "n_b": "a", "v_a": {"S": "x"}}),
        ("SET #a = :a REMOVE #b", {"n_a": "a", "n_b": "a", "v_a": {"S": "x"}}),
        ("SET #a = #text + :a", {"n_a": "a", "n_text": "text", "v_a": {"N": "1"}}),
        ("SET #a = list_append(#text, :a)", {"n_a": "a", "n_text": "text", "v_a": {"L": []}}),
        ("SET #a == :a", {"n_a": "a", "v_a": {"S": "x"}}),
    ],
)
def test_an_update_that_dynamodb_refuses(aws: Aws, update: str, more: dict[str, Any]) -> None:
    _put(aws, text="x", a="a")
    assert _code(lambda: _update(aws, update, **more)) == "ValidationException"


def test_a_secret_without_a_value_is_as_good_as_none() -> None:
    secrets = Secrets(SECRET)
    assert _code(secrets.get_secret_value, SecretId=SECRET) == "ResourceNotFoundException"


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
    assert _code(aws.sqs.send_message, **arguments) == "InvalidParameterValue"


def test_a_mapping_that_is_being_switched_cannot_be_switched() -> None:
    aws = _stand_in()
    [mapping] = _mappings(aws)
    aws.functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    again = {"UUID": mapping["UUID"], "Enabled": True}
    assert _code(aws.functions.update_event_source_mapping, **again) == "ResourceInUseException"


def test_the_documentation_lists_where_each_departs() -> None:
    text = (Path(__file__).parents[2] / "docs" / "testing.md").read_text("utf-8")
    table = text.partition("| scenario | ")[2].partition("\n\n")[0]
    rows = [line.split(" | ") for line in table.splitlines()[2:]]
    listed = {(cells[0].strip("| `"), name) for cells in rows for name in cells[1].split(", ")}
    assert listed == {
        (scenario.removeprefix("test_"), name)
        for name, departures in DEPARTURES.items()
        for scenario in departures
    }
