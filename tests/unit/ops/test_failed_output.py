"""`failed` and `unknown`, typed on a whole stack: what is shown, asked, done and said, exactly."""

import json
from typing import Any
from unittest.mock import ANY

import pytest

from ops import failed_queue
from tests.faults.standins.fairness import Queue
from tests.unit.ops.cloud import AT, BULK, FAILED, MAIL, NOW, Cloud, lines

WHERE = "taqnyat-mail (nowhere)"
AGO = "2026-11-18T11:00:00.000Z"
BEFORE = NOW - 400  # AGO


def words(text: str) -> list[str]:
    """Return lines with single spaces."""
    return [" ".join(line.split()) for line in lines(text)]


def letters(cloud: Cloud) -> None:
    """Have three mails of two causes, and one that SQS moved itself."""
    cloud.fail(1, id="m1", sent_at=BEFORE)
    cloud.fail(1, id="m2")
    cloud.fail(1, "unknown", id="m3", reason="timeout", code=None, client="till")
    cloud.put("m4", "", client=None)


def test_groups_and_mails_are_shown_oldest_first(cloud: Cloud) -> None:
    letters(cloud)

    code, out, err = cloud.run("failed", "list")

    assert (code, words(out)) == (
        0,
        [
            "groups",
            "count state reason code from client since last",
            f"2 failed sender_refused 14 shop@acme.sa shop {AGO} {AT}",
            f"1 unknown timeout - shop@acme.sa till {AT} {AT}",
            f"1 - - - shop@acme.sa - {AT} {AT}",
            "mails",
            "id state reason code from client since",
            f"m1 failed sender_refused 14 shop@acme.sa shop {AGO}",
            f"m2 failed sender_refused 14 shop@acme.sa shop {AT}",
            f"m3 unknown timeout - shop@acme.sa till {AT}",
            f"m4 - - - shop@acme.sa - {AT}",
            "4 mail(s)",
        ],
    )
    assert "Not all was seen" not in err
    assert words(cloud.run("failed", "groups")[1]) == [*words(out)[:5], "4 mail(s)"]


def test_an_empty_queue_is_told_so(cloud: Cloud) -> None:
    assert words(cloud.run("failed")[1]) == ["0 mail(s)"]
    assert cloud.json("failed", "list") == []
    assert cloud.json("failed", "groups") == []


def test_the_first_mails_are_shown_and_how_many_more_there_are(cloud: Cloud) -> None:
    cloud.fail(23)

    few, every = cloud.run("failed", "list")[1], cloud.run("failed", "list", "--all")[1]

    assert words(few)[-2:] == ["and 3 more: --all shows them", "23 mail(s)"]
    assert few.count("sender_refused") == 21
    assert every.count("sender_refused") == 24
    assert "more" not in every
    assert len(cloud.json("failed", "list")) == 23


def test_groups_can_be_chosen(cloud: Cloud) -> None:
    letters(cloud)

    found = cloud.json("failed", "groups", "--state", "failed")
    unknown = cloud.json("failed", "list", "--state", "unknown", "--client", "till")

    assert [(group["count"], group["state"]) for group in found] == [(2, "failed")]
    assert [letter["id"] for letter in unknown] == ["m3"]
    assert cloud.json("failed", "list", "--client", "-")[0]["id"] == "m4"
    assert cloud.json("failed", "list", "--reason", "-")[0]["id"] == "m4"


def test_mails_are_chosen_by_the_time_at_which_they_came(cloud: Cloud) -> None:
    letters(cloud)  # m1 came 400 s ago

    def listed(*words_: str) -> list[str]:
        return [letter["id"] for letter in cloud.json("failed", "list", *words_)]

    assert listed("--since", "400s") == ["m1", "m2", "m3", "m4"]
    assert listed("--since", "399s") == ["m2", "m3", "m4"]
    assert listed("--until", "400s") == []
    assert listed("--until", "399s") == ["m1"]
    assert listed("--since", "500s", "--until", "1s", "--code", "14") == ["m1"]


def test_one_mail_is_shown_with_its_record(cloud: Cloud) -> None:
    letters(cloud)

    code, out, _ = cloud.run("failed", "show", "m1")
    told = cloud.json("failed", "show", "m4")

    found = words(out)
    assert code == 0
    assert found[:7] == [
        "id m1",
        "state failed",
        "reason sender_refused",
        "code 14",
        "from shop@acme.sa",
        "client shop",
        f"since {AGO}",
    ]
    assert found[7].startswith("bytes 1")
    assert found[8:10] == ["id m1", "state failed"]
    assert told == {
        "id": "m4",
        "state": None,
        "reason": None,
        "code": None,
        "from": "shop@acme.sa",
        "client": None,
        "since": AT,
        "bytes": ANY,
        "record": None,
    }
    assert words(cloud.run("failed", "show", "m4")[1])[-1] == "There is no record of it."


def test_a_mail_that_is_not_there_is_told(cloud: Cloud) -> None:
    cloud.fail(2)
    code, _, err = cloud.run("failed", "show", "nothing")
    cloud.sqs.take(cloud.sqs.queues[FAILED], 1, 300)
    unseen, _, told = cloud.run("failed", "show", "nothing")

    assert (code, words(err)[-2:]) == (
        1,
        [
            "Error: no message of this mail is in the failed queue",
            "it is kept there for 14 days; `mail show` has its record",
        ],
    )
    assert unseen == 1
    assert "Error: no message of this mail was seen in the failed queue" in words(told)
    assert any("Not all was seen: 1 of about 2 seen; 1 are held by" in line for line in words(told))


TO_DO = ["to do", "count what why"]


@pytest.mark.parametrize(
    ("typed", "plan", "question", "done"),
    [
        (
            ("redrive",),
            ["2 send again one more try", "1 send again never tried"],
            "Send again 3, in",
            "Done: moved 3 of 3.",
        ),
        (
            ("redrive", "--state", "unknown"),
            ["1 send again one more try"],
            "Send again 1, in",
            "Done: moved 1 of 1.",
        ),
        (
            ("resolve", "--sent"),
            ["1 note as sent is noted as sent"],
            "Note as sent 1, in",
            "Done: noted as sent 1 of 1.",
        ),
        (
            ("resolve", "--resend"),
            ["1 send again one more try"],
            "Send again 1, in",
            "Done: moved 1 of 1.",
        ),
        (
            ("discard", "--why", "old"),
            ["3 discard for good is discarded", "1 remove has no record"],
            "Discard for good 3, remove 1 that need nothing more, in",
            "Done: discarded 3 of 4; 1 removed that needed nothing more.",
        ),
    ],
)
def test_each_task_shows_its_plan_asks_and_says_what_it_did(
    cloud: Cloud, typed: tuple[str, ...], plan: list[str], question: str, done: str
) -> None:
    letters(cloud)
    doubtful = " 1 of them may arrive twice." if "1 of 1" in done and "moved" in done else ""

    dry = cloud.run("failed", *typed, "--dry-run")
    asked = cloud.run("failed", *typed)
    code, out, err = cloud.run("failed", *typed, "--yes")

    assert (dry[0], words(dry[1])) == (0, ["Nothing was done."])
    told = words(dry[2])
    at = told.index("to do")
    assert told[at:] == [*TO_DO, *plan]
    assert told[told.index("groups") + 1] == "count state reason code from client since last"
    assert asked[0] == 1
    assert f"answer to: {question} {WHERE}?{doubtful}" in " ".join(lines(asked[2]))
    assert "add --yes" in asked[2]
    assert (code, words(out)) == (0, [done])
    assert plan[0] in words(err)
    assert cloud.hidden() == 0


@pytest.mark.parametrize(
    ("typed", "state", "did", "why"),
    [
        (("redrive",), "failed", "redrive", None),
        (("resolve", "--sent"), "unknown", "resolve sent", None),
        (("resolve", "--resend"), "unknown", "resend", None),
        (("discard", "--why", "sent by hand"), "failed", "discard", "sent by hand"),
    ],
)
def test_what_is_in_the_ledger_and_the_queues_afterwards(
    cloud: Cloud, typed: tuple[str, ...], state: str, did: str, why: str | None
) -> None:
    cloud.fail(1, state, id="m1")
    cloud.fail(1, "unknown" if state == "failed" else "failed", id="other")
    [before] = [m for m in cloud.sqs.queues[FAILED].messages if '"m1"' in m.body]

    told = cloud.json("failed", *typed, "--id", "m1", "--yes", "--as", "Nora")

    moved = typed[0] == "redrive" or "--resend" in typed
    assert (told["done"], told["left"], told["changed"], told["removed"]) == (1, 0, 0, 0)
    assert told["dry_run"] is False
    assert (told["move"], told["note"]) == ((1, 0) if moved else (0, 1))
    assert (told["remove"], told["leave"]) == (0, 0)
    row = cloud.row("m1")
    given = {} if why is None else {"why": why}
    assert row["actions"] == [{"at": ANY, "by": "Nora", "did": did, **given}]
    assert cloud.failed() == ["other"]
    assert "actions" not in cloud.row("other")
    expected = {"resolve sent": "sent", "discard": "canceled"}.get(did, state)
    assert row["state"] == expected
    reasons = {"resolve sent": "resolved_by_operator", "discard": "discarded"}
    assert row.get("reason") == reasons.get(did)
    if not moved:
        assert cloud.mailed() == []
        return
    [message] = cloud.sqs.queues[MAIL].messages
    assert (message.body, message.attributes) == (before.body, before.attributes)


def test_what_was_only_to_be_shown_is_told_to_programs(cloud: Cloud) -> None:
    letters(cloud)

    told = cloud.json("failed", "redrive", "--dry-run")

    assert {key: told[key] for key in told if key != "mails"} == {
        "dry_run": True,
        "move": 3,
        "note": 0,
        "remove": 0,
        "leave": 0,
    }
    assert told["mails"][0] == {
        "id": "m1",
        "state": "failed",
        "reason": "sender_refused",
        "code": 14,
        "from": "shop@acme.sa",
        "client": "shop",
        "since": AGO,
        "action": "move",
        "why": "one more try",
    }
    assert [mail["id"] for mail in told["mails"]] == ["m1", "m2", "m4"]


def test_where_there_is_nothing_to_do_nobody_is_asked(cloud: Cloud) -> None:
    cloud.fail(1, "unknown")

    code, out, err = cloud.run("failed", "redrive")
    left, said, told = cloud.run("failed", "redrive", "--id", cloud.failed()[0])

    assert (code, words(out)) == (0, ["There is nothing to do."])
    assert "to do" not in words(err)
    assert (left, words(said)) == (0, ["There is nothing to do."])
    assert "to do" not in words(told)


def test_mails_that_are_left_alone_are_told_with_the_reason(cloud: Cloud) -> None:
    cloud.fail(1, row=None)
    cloud.fail(1, row="sent")

    _, out, err = cloud.run("failed", "redrive", "--yes")

    assert words(out) == [
        "Done: moved 0 of 1; 1 removed that needed nothing more.",
    ]
    told = words(err)
    at = told.index("count what why") + 1
    assert told[at : at + 2] == [
        (
            "1 leave its record is gone, so it may have been sent since: --without-record sends it "
            "again"
        ),
        "1 remove the mail is sent already",
    ]
    assert len(cloud.failed()) == 1


def test_a_mail_without_a_record_is_sent_again_where_that_is_asked_for(cloud: Cloud) -> None:
    [mail] = cloud.fail(1, row=None)

    asked = cloud.run("failed", "redrive", "--without-record")
    told = cloud.json("failed", "redrive", "--without-record", "--yes")

    assert "Send again 1, in" in " ".join(words(asked[2]))
    assert "1 of them may arrive twice." in " ".join(words(asked[2]))
    assert told["done"] == 1
    assert [found["id"] for found in cloud.mailed()] == [mail]
    assert mail not in cloud.dynamo.items


def test_of_many_only_so_many_are_changed(cloud: Cloud) -> None:
    for n in range(5):
        cloud.fail(1, id=f"m{n}", sent_at=NOW - 10 + n)
    cloud.fail(1, row=None, id="m9", sent_at=NOW - 50)

    told = cloud.json("failed", "redrive", "--limit", "3", "--yes")

    assert (told["move"], told["leave"]) == (3, 1)
    assert [mail["id"] for mail in told["mails"]] == ["m9", "m0", "m1", "m2"]
    assert sorted(cloud.failed()) == ["m3", "m4", "m9"]


def test_each_mail_goes_back_to_its_lane_and_keeps_its_group(cloud: Cloud) -> None:
    for lane in ("normal", "bulk"):
        cloud.fail(1, id=lane)
        [message] = [m for m in cloud.sqs.queues[FAILED].messages if f'"{lane}"' in m.body]
        message.group = f"of-{lane}"
        message.attributes["lane"] = {"DataType": "String", "StringValue": lane}

    cloud.json("failed", "redrive", "--yes")

    for url, lane in ((MAIL, "normal"), (BULK, "bulk")):
        [message] = cloud.sqs.queues[url].messages
        assert (json.loads(message.body)["id"], message.group) == (lane, f"of-{lane}")
        assert message.attributes["attempt"] == {"DataType": "Number", "StringValue": "1"}


def test_a_stack_of_one_lane_takes_all_into_it(cloud: Cloud) -> None:
    del cloud.outputs["BulkQueueUrl"], cloud.outputs["BulkQueueArn"]
    cloud.fail(1)
    message = cloud.sqs.queues[FAILED].messages[0]
    message.attributes["lane"] = {"DataType": "String", "StringValue": "bulk"}

    cloud.json("failed", "redrive", "--yes")

    assert list(cloud.held()) == [MAIL]


def test_what_came_from_either_lane_is_ours(cloud: Cloud) -> None:
    cloud.put("normal", "", came_from=Queue(30, 86400, arn="arn:mail"))
    cloud.put("bulk", "", came_from=Queue(30, 86400, arn="arn:bulk"))
    cloud.put("other", "", came_from=Queue(30, 86400, arn="arn:orders"))

    told = cloud.json("failed", "redrive", "--yes")

    assert told["done"] == 2
    assert cloud.failed() == ["other"]


@pytest.mark.parametrize("group", ["failed", "unknown"])
def test_an_unknown_mail_s_answer_must_be_given(cloud: Cloud, group: str) -> None:
    [mail] = cloud.fail(1, "unknown")

    code, _, err = cloud.run(group, "resolve", mail, "--yes")

    assert code == 2
    assert "give --sent or --resend" in err
    assert cloud.row(mail)["state"] == "unknown"


@pytest.mark.parametrize(("answer", "state"), [("--sent", "sent"), ("--resend", "unknown")])
def test_an_unknown_mail_is_settled_by_its_id(cloud: Cloud, answer: str, state: str) -> None:
    [mail] = cloud.fail(1, "unknown")
    [other] = cloud.fail(1, "unknown")

    told = cloud.json("unknown", "resolve", answer, "--id", mail, "--yes")

    assert told["done"] == 1
    assert (cloud.row(mail)["state"], cloud.row(other)["state"]) == (state, "unknown")
    assert cloud.failed() == [other]
    assert len(cloud.mailed()) == (answer == "--resend")


def test_ids_may_come_on_standard_input(cloud: Cloud) -> None:
    ids = cloud.fail(3, "unknown")

    typed = "\n".join(ids[:2])
    code, out, _ = cloud.run("unknown", "resolve", "--sent", "-", "--yes", "--json", typed=typed)

    assert (code, json.loads(out)["done"]) == (0, 2)
    assert cloud.failed() == ids[2:]


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("failed", "this mail is failed, not unknown"),
        (None, "this mail has no record, not unknown"),
    ],
)
@pytest.mark.parametrize("way", [(), ("--id",)])
def test_a_mail_that_is_not_unknown_is_refused(
    cloud: Cloud, state: str | None, said: str, way: tuple[str, ...]
) -> None:
    [mail] = cloud.fail(1, row=state)

    code, _, err = cloud.run("unknown", "resolve", "--sent", *way, mail, "--yes")

    assert (code, words(err)) == (1, [f"Error: {said}", "see `mail show` and `failed list`"])


def test_why_mails_are_discarded_is_asked_for(cloud: Cloud) -> None:
    [mail] = cloud.fail(1)

    missing = cloud.run("failed", "discard", "--yes")
    dry = cloud.run("failed", "discard", "--dry-run")
    plain = cloud.run("failed", "discard", "--yes", "--why", "a;b")
    typed = cloud.run("failed", "discard", typed="sent by phone\n")

    assert (missing[0], words(missing[2])) == (
        1,
        ["Error: --why is missing", "say in a few words why they are discarded"],
    )
    assert dry[0] == 0
    assert words(plain[2]) == ["Error: --why takes up to 80 letters, digits, spaces and . _ : , -"]
    assert typed[0] == 1  # nobody to ask whether to do it
    assert "Discard for good 1, in" in typed[2]
    assert cloud.row(mail)["state"] == "failed"
    assert cloud.run("failed", "discard", "--yes", "--why", "x" * 80)[0] == 0
    assert cloud.row(mail)["actions"][0]["why"] == "x" * 80


def test_what_another_terminal_holds_is_told_and_by_the_exit_code(cloud: Cloud) -> None:
    cloud.fail(5)
    cloud.sqs.take(cloud.sqs.queues[FAILED], 2, 300)

    listed = cloud.run("failed", "list", "--json")
    dry = cloud.run("failed", "redrive", "--dry-run")
    code, out, err = cloud.run("failed", "redrive", "--yes")

    said = "3 of about 5 seen; 2 are held by another terminal until 11:11Z"
    assert listed[0] == dry[0] == code == 3
    assert json.loads(listed[2]) == {"warning": f"Not all was seen: {said}."}
    assert f"{said}." in words(dry[2])
    assert words(out) == ["Done: moved 3 of 3."]
    assert words(err)[-1] == f"Not all was seen: {said}."


def test_a_queue_that_does_not_show_all_is_told(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failed_queue, "_LOOK_SECONDS", 0.05)
    cloud.sqs.lag = 2
    cloud.fail(1)

    code, _, err = cloud.run("failed", "list")

    assert code == 3
    assert "Not all was seen: 1 of about 3 seen; SQS did not show the rest in 0 s." in words(err)


def test_what_changed_or_was_not_taken_is_told(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = cloud.fail(4)
    monkeypatch.setattr("ops.workbench._LAST_SECONDS", 0.0)

    def meanwhile(*_: Any, **__: Any) -> None:
        cloud.dynamo.items[ids[0]]["state"] = {"S": "sending"}

    monkeypatch.setattr("ops.screen.Screen.confirm", meanwhile)
    cloud.sqs.refuses_entry = lambda name, entry: (
        name == "SendMessageBatch" and ids[1] in entry["MessageBody"]
    )
    code, out, _ = cloud.run("failed", "redrive")

    assert code == 1
    assert words(out) == [
        "Done: moved 2 of 4; 1 not touched: they have changed; 1 left: run it again for the rest."
    ]
    assert sorted(cloud.failed()) == sorted(ids[:2])


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (("--since", "yesterday"), "'yesterday' is no time"),
        (("--until", "2026-13-01"), "'2026-13-01' is no time"),
        (("-",), "no id came on standard input"),
    ],
)
def test_what_cannot_be_chosen_is_told(cloud: Cloud, typed: tuple[str, ...], said: str) -> None:
    code, _, err = cloud.run("failed", "redrive", "--yes", *typed)

    assert code == 1
    assert f"Error: {said}" in words(err)


def test_a_word_that_is_no_id_is_told(cloud: Cloud) -> None:
    code, _, err = cloud.run("failed", "redrive", "--yes", "-", typed=f"{'x' * 128} {'y' * 129}")
    fine = cloud.run("failed", "redrive", "--yes", "-", typed="x" * 128)

    assert (code, words(err)) == (
        1,
        ["Error: a word on standard input is no id: it is longer than 128"],
    )
    assert fine[0] == 0
