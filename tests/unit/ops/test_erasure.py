"""Erasing a person: which rows and messages are theirs, what stays, and what may be left."""

import json
import re
from typing import Any
from unittest.mock import Mock

import pytest
from botocore.exceptions import ClientError
from outbox.storage.expressions import pack_item, unpack

from ops.erasure import ERASED, Found, Traces
from ops.errors import OpsError
from tests.faults.standins.fairness import Queue
from tests.unit.ops.office import MAIL, Office

ADDRESS = "nora@example.com"
ROW = {"pk": "m1", "state": "sent", "updated": "t1", "sender": "shop@acme.sa"}


def traces(dynamo: Any = None, address: str = ADDRESS) -> Traces:
    """Look for an address in a table."""
    return Traces(dynamo or Mock(), "ledger", address)


def found(**changes: Any) -> Found:
    """Make a row that was found."""
    given = {"id": "m1", "state": "sent", "updated": "t1", "sender": "shop@acme.sa"}
    return Found(**{**given, "to": ("n***@example.com", "a***@example.com"), **changes})


@pytest.mark.parametrize("address", [ADDRESS, "Nora@Example.COM", " Nora <NORA@example.com> "])
@pytest.mark.parametrize(
    ("row", "theirs"),
    [
        ({"to": ["n***@example.com"]}, True),
        ({"to": ["a***@example.com", "N***@example.com"]}, True),
        ({"to": ["a***@example.com"], "sender": "NORA@example.com"}, True),
        ({"to": ["a***@example.com"], "sender": "eleonora@example.com"}, False),
        ({"to": ["a***@example.com"]}, False),
    ],
)
def test_a_row_is_theirs_in_any_case(row: dict[str, Any], address: str, *, theirs: bool) -> None:
    dynamo = Mock()
    item = {"pk": "m1", "state": "sent", "updated": "t1", "sender": "shop@acme.sa"} | row
    pages = dynamo.get_paginator.return_value.paginate
    pages.return_value = [{"Items": [pack_item(item), pack_item({"pk": "#pause"})]}]

    assert bool(list(traces(dynamo, address).find())) is theirs
    asked = {unpack(v) for v in pages.call_args.kwargs["ExpressionAttributeValues"].values()}
    assert asked == {"n***@example.com", "N***@example.com", "@example.com"}


def test_a_row_whose_tags_name_the_address_is_found_and_others_are_not() -> None:
    dynamo = Mock()
    other = ROW | {"to": ["a***@example.com"]}
    tags = [{"name": "for", "value": "n***@example.com"}]
    dynamo.get_paginator.return_value.paginate.return_value = [
        {
            "Items": [
                pack_item(other | {"tags": tags}),
                pack_item(other | {"pk": "m2", "tags": [{"name": "for", "value": "ali"}]}),
                pack_item(other | {"pk": "m3", "headers": tags}),
            ]
        }
    ]

    rows = list(traces(dynamo).find())

    assert [(row.id, row.tagged) for row in rows] == [("m1", True), ("m3", True)]


def test_tags_and_headers_go_whole() -> None:
    dynamo = Mock()

    assert traces(dynamo).erase(found(tagged=True))

    update = dynamo.update_item.call_args.kwargs["UpdateExpression"]
    assert update.endswith(" REMOVE #tags, #headers")


def written(row: Found, address: str = ADDRESS) -> dict[str, Any]:
    """Return the values that erasing writes and asks for."""
    dynamo = Mock()
    assert traces(dynamo, address).erase(row)
    values = dynamo.update_item.call_args.kwargs["ExpressionAttributeValues"]
    return dict(zip(("to", "sender", "updated"), map(unpack, values.values()), strict=True))


def test_the_mask_goes_and_the_others_stay() -> None:
    assert written(found(to=("N***@example.com", "a***@example.com"))) == {
        "to": [ERASED, "a***@example.com"],
        "sender": "shop@acme.sa",
        "updated": "t1",
    }


def test_a_sender_goes_too() -> None:
    assert written(found(sender="Nora@example.com"))["sender"] == ERASED


def test_a_row_that_changed_meanwhile_is_left() -> None:
    dynamo = Mock()
    error = {"Error": {"Code": "ConditionalCheckFailedException", "Message": ""}}
    dynamo.update_item.side_effect = ClientError(error, "UpdateItem")  # type: ignore[arg-type]

    assert not traces(dynamo).erase(found())


@pytest.mark.parametrize(
    ("fields", "theirs"),
    [
        ({}, True),
        ({"to": ["NORA@example.com"]}, True),
        ({"to": ["Nora <nora@Example.com>", "ali@example.com"]}, True),
        ({"to": ["ali@example.com"], "from": ADDRESS}, True),
        ({"to": ["ali@example.com"]}, False),
        ({"to": ["nora@example.com.sa"]}, False),
        ({"to": ["eleonora@example.com"]}, False),
        ({"to": "nora@example.com", "cc": "not valid"}, True),
    ],
)
def test_a_message_is_theirs_if_it_is_to_or_from_them(
    fields: dict[str, Any], *, theirs: bool
) -> None:
    mail = {"from": "shop@acme.sa", "to": [ADDRESS], "subject": "Hi", "text": "Hi"}

    assert traces().names(json.dumps(mail | fields)) is theirs


def test_a_broken_message_is_searched_as_text() -> None:
    assert traces().names('{"to": "Nora@Example.com')
    assert traces().names('{"to": "nora\\u0040example.com", "cc": 1}')
    assert not traces().names("{")


def test_no_address_is_told(office: Office) -> None:
    with pytest.raises(OpsError, match="is not a valid"):
        traces(address="nora")
    assert office.run("mail", "erase", "nora")[0] == 1


@pytest.fixture
def scanned(office: Office, monkeypatch: pytest.MonkeyPatch) -> Office:
    """Give the table of the office a scan."""

    class Pages:
        def paginate(self, **arguments: Any) -> Any:
            asked = [unpack(v) for v in arguments.get("ExpressionAttributeValues", {}).values()]
            items = list(office.dynamo.items.values())
            assert len(asked) in {0, 3}
            return [{"Items": items[:1]}, {"Items": items[1:]}]

    monkeypatch.setattr(office.dynamo, "get_paginator", lambda _: Pages(), raising=False)
    return office


def theirs(office: Office, mail_id: str, state: str, **more: Any) -> None:
    """Have a row of Nora's."""
    values: dict[str, Any] = {"pk": mail_id, "state": state, "updated": "t"}
    values |= {"sender": "shop@acme.sa"}
    values |= {"ttl": 2_000_000_000}
    office.dynamo.items[mail_id] = pack_item(values | {"to": ["N***@example.com"]} | more)


def test_a_person_is_erased_whatever_the_case(scanned: Office) -> None:
    theirs(scanned, "m1", "sent")
    scanned.fail(30)
    scanned.fail(2, body={"to": ["NORA@example.com"]}, client="news")
    for message in scanned.sqs.queues["https://sqs/failed"].messages[:30]:
        message.body = message.body.replace("nora@", "ali@")

    done = scanned.json("mail", "erase", "Nora@Example.com", "--yes")
    asked = scanned.run("mail", "erase", "--yes", "--json", typed="nora@example.com\n")

    assert (done["records"], done["failed_mails"], done["not_seen"]) == (["m1"], 2, 0)
    assert scanned.row("m1")["to"] == ["erased"]
    assert len(scanned.failed()) == 30
    assert scanned.hidden() == 0
    assert asked[0] == 0


def test_another_queue_s_dead_letters_are_left_to_whose_they_are(scanned: Office) -> None:
    scanned.put("ours", "invalid")
    scanned.put("theirs", "", came_from=Queue(30, 86400, arn="arn:orders"))

    scanned.run("mail", "erase", ADDRESS, "--yes")

    assert scanned.failed() == ["theirs"]


def test_what_another_terminal_holds_may_be_left(scanned: Office) -> None:
    scanned.fail(20)
    scanned.sqs.take(scanned.sqs.queues["https://sqs/failed"], 10, 300)

    code, _, err = scanned.run("mail", "erase", ADDRESS, "--yes")

    assert code == 1
    assert re.search(r"failed queue was seen: 10 of about 20 seen; 10 are held by another", err)
    assert len(scanned.failed()) == 10


def test_mails_that_wait_are_named_and_canceled_on_request(
    scanned: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    deleted: list[str] = []
    scheduler = Mock()
    scheduler.delete_schedule = lambda Name, **_: deleted.append(Name)  # noqa: N803
    scanned.clients["scheduler"] = scheduler
    theirs(scanned, "later", "scheduled", scheduled_at=2_000_000_000)
    theirs(scanned, "now", "sending")

    first = scanned.run("mail", "erase", ADDRESS, "--yes")
    second = scanned.json("mail", "erase", ADDRESS, "--yes", "--cancel", code=1)

    assert first[0] == 1
    assert "later (scheduled), now (sending)" in first[2]
    assert (second["canceled"], second["records"]) == (["later"], ["later"])
    assert second["still_waiting"] == ["now"]
    assert deleted == ["later"]
    assert scanned.row("later")["state"] == "canceled"
    monkeypatch.undo()


def test_a_mail_queue_that_is_not_empty_may_hold_something(scanned: Office) -> None:
    scanned.sqs.send_message(QueueUrl=MAIL, MessageBody="{}")

    code, _, err = scanned.run("mail", "erase", ADDRESS, "--yes")

    assert code == 1
    assert "1 message(s) are in the mail queue" in err
