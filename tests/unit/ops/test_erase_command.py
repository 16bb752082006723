"""`mail erase`, typed on a whole stack: what is asked, what goes and what is left."""

import json
from typing import Any

import pytest
from outbox.accepting.updater import MailUpdater, TooLateError
from outbox.queues.message import encode_batch
from outbox.storage.expressions import pack_item

from tests.faults.standins.errors import client_error
from tests.unit.ops.cloud import FAILED, MAIL, Cloud, lines

WHERE = "taqnyat-mail (nowhere)"


ADDRESS = "nora@example.com"


KEPT = "Backups of the ledger keep up to 35 days; see docs/operations.md, Data kept."


def test_erasing_asks_how_much_and_tells_what_went(cloud: Cloud) -> None:
    cloud.mail("m1", "sent", to=["n***@example.com", "a***@example.com"])
    cloud.mail("m2", "sent", to=["a***@example.com"])
    cloud.put("gone", "failed")

    asked = cloud.run("mail", "erase", ADDRESS)
    code, out, err = cloud.run("mail", "erase", ADDRESS, "--yes")

    assert asked[0] == 1
    assert lines(asked[2])[-2] == (
        "Error: not done without an answer to: Erase it from 1 record(s), which may be other "
        "people's of the same mask too and delete 1 mail(s) of the failed queue for good, in "
        f"{WHERE}?"
    )
    assert code == 0
    assert [" ".join(line.split()) for line in lines(out)] == [
        "records erased 1",
        "mails deleted 1",
        "canceled none",
        "still waiting none",
    ]
    assert lines(err)[-1] == KEPT
    assert cloud.row("m1")["to"] == ["erased", "a***@example.com"]
    assert cloud.row("m2")["to"] == ["a***@example.com"]
    assert cloud.held() == {}


def test_erasing_tells_programs_what_went_and_what_is_left(cloud: Cloud) -> None:
    cloud.mail("m1", "sent")
    cloud.mail("m2", "queued")
    cloud.mail("m3", "sending")

    code, out, err = cloud.run("mail", "erase", "--yes", "--json", "--cancel", typed=ADDRESS)
    told = json.loads(out)

    assert (code, err) == (1, "")
    assert told == {
        "records": ["m1", "m2"],
        "failed_mails": 0,
        "canceled": ["m2"],
        "still_waiting": ["m3"],
        "not_seen": 0,
        "in_mail_queue": 0,
    }


def test_what_waits_is_named_before_and_after(cloud: Cloud) -> None:
    cloud.mail("m2", "queued")
    cloud.mail("m3", "sending")
    cloud.put("other", "failed", body={"to": ["ali@example.com"]})
    cloud.sqs.send_message(QueueUrl=MAIL, MessageBody="{}")

    asked = cloud.run("mail", "erase", ADDRESS, "--cancel")
    code, out, err = cloud.run("mail", "erase", ADDRESS, "--cancel", "--yes")
    found = lines(err)

    assert ", cancel 1 that wait, and delete 0 mail(s)" in " ".join(lines(asked[2]))
    assert code == 1
    assert [" ".join(line.split()) for line in lines(out)] == [
        "records erased 1",
        "mails deleted 0",
        "canceled m2",
        "still waiting m3 (sending)",
    ]
    assert "Waiting or being sent: m2 (queued), m3 (sending)" in found
    said = " ".join(found)
    assert (
        "Run it again when these are settled (`mail show`), or with --cancel; one that is being "
        "sent cannot be canceled."
    ) in said
    assert (
        "1 message(s) are in the mail queue: a canceled mail stays there until the worker deletes "
        "it, and one put there straight has no record yet. Run it again when `status` shows none."
    ) in said
    assert list(cloud.held()) == [MAIL, FAILED]


def test_a_row_that_changed_while_it_is_erased_is_left(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.mail("m1", "sent")
    monkeypatch.setattr(
        "ops.screen.Screen.confirm", lambda *_, **__: cloud.mail("m1", "sent", updated="later")
    )

    told = cloud.json("mail", "erase", ADDRESS, code=1)

    assert (told["records"], told["still_waiting"]) == ([], ["m1"])


def test_what_sqs_did_not_delete_is_told_by_the_exit_code(cloud: Cloud) -> None:
    for _ in range(12):
        cloud.put("gone", "failed")
    cloud.sqs.refuses_entry = lambda name, entry: (
        name == "DeleteMessageBatch" and entry["Id"] == "0"
    )

    told = cloud.json("mail", "erase", ADDRESS, "--yes", code=1)

    assert told["failed_mails"] == 10
    assert cloud.held() == {FAILED: 2}


def test_the_scan_asks_for_what_may_be_theirs(cloud: Cloud) -> None:
    cloud.mail("m1", "sent", sender="Nora@Example.com", to=["a***@example.com"])
    cloud.dynamo.items["#pause"] = pack_item({"pk": "#pause", "to": ["n***@example.com"]})

    told = cloud.json("mail", "erase", ADDRESS, "--yes")

    assert told["records"] == ["m1"]
    assert cloud.row("m1")["sender"] == "erased"
    [asked] = cloud.tables.scanned
    assert asked["ConsistentRead"] is True
    names = asked["ExpressionAttributeNames"]
    read = asked["FilterExpression"]
    for short, name in names.items():
        read = read.replace(short, f"<{name}>")
    assert read.count("contains(<to>, ") == 2
    assert read.count("contains(<sender>, ") == 1
    assert read.endswith("attribute_exists(<tags>) OR attribute_exists(<headers>)")


def test_an_error_of_the_ledger_is_raised_and_not_taken_for_a_change(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.mail("m1", "sent")

    def refuse(**_: object) -> None:
        raise client_error("UpdateItem", "AccessDenied")

    monkeypatch.setattr(cloud.dynamo, "update_item", refuse)
    code, _, err = cloud.run("mail", "erase", ADDRESS, "--yes")

    assert code == 1
    assert lines(err)[-2] == "Error: these AWS credentials may not do UpdateItem"


def test_a_mail_that_slips_away_while_it_is_canceled_is_left(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.mail("m1", "queued")
    cloud.mail("m2", "queued")

    def late(_self: MailUpdater, row: Any) -> None:
        raise TooLateError(row.id)

    monkeypatch.setattr(MailUpdater, "cancel", late)

    told = cloud.json("mail", "erase", ADDRESS, "--cancel", "--yes", code=1)

    assert (told["records"], told["canceled"]) == ([], [])
    assert told["still_waiting"] == ["m1", "m2"]


def test_what_was_sent_or_is_gone_meanwhile_is_not_canceled(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    for mail in ("m1", "m2", "m3"):
        cloud.mail(mail, "queued")

    def meanwhile(*_: Any, **__: Any) -> None:
        cloud.mail("m1", "sent")
        del cloud.dynamo.items["m2"]

    monkeypatch.setattr("ops.screen.Screen.confirm", meanwhile)
    told = cloud.json("mail", "erase", ADDRESS, "--cancel", code=0)

    assert (told["canceled"], told["records"]) == (["m3"], ["m1", "m3"])
    assert cloud.row("m1")["state"] == "sent"


def test_a_batch_that_sqs_moved_is_neither_erased_nor_discarded_with_others_mails(
    cloud: Cloud,
) -> None:
    """A hundred accepted mails may be in it, of which one is hers."""
    mails = [{"id": f"m{n}", "to": [to]} for n, to in enumerate((ADDRESS, "ali@example.com"))]
    text = encode_batch([json.dumps(mail) for mail in mails])
    cloud.put("batch", "", text=text)
    cloud.put("batch", "invalid", text=text)

    code, _, err = cloud.run("mail", "erase", ADDRESS, "--yes")
    assert code == 1
    assert "1 message(s) of the failed queue hold many mails" in err
    [left] = cloud.sqs.queues[FAILED].messages
    assert (left.body, left.attributes) == (text, {})

    _, out, err = cloud.run("failed", "discard", "--yes", "--why", "old")
    assert "There is nothing to do." in out + err
    assert cloud.sqs.queues[FAILED].messages == [left]

    cloud.run("failed", "redrive", "--yes")
    assert cloud.sqs.queues[FAILED].messages == []
    [moved] = cloud.sqs.queues[MAIL].messages
    assert moved.body == text
