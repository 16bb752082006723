"""`mail show`, `list`, `cancel`, typed on a whole stack: what is seen, done and left."""

from typing import Any
from unittest.mock import ANY

import pytest
from outbox.accepting.updater import MailUpdater, TooLateError

from tests.faults.standins.scheduler import Schedule
from tests.unit.ops.cloud import AT, NOW, Cloud, lines

LATER = int(NOW) + 7200


WHERE = "taqnyat-mail (nowhere)"


WHOLE = {
    "reason": "balance_empty",
    "code": 3,
    "campaign": "spring",
    "scheduled_at": LATER,
    "expires_at": LATER + 60,
    "msg_id": "m-9",
    "price": "0.05",
    "resends": 2,
    "attempt_count": 2,
    "tags": [{"name": "a", "value": "1"}, {"name": "b", "value": "2"}],
    "headers": [{"name": "X-A", "value": "v"}],
    "not_carried": ["reply_to", "headers"],
    "attempts": [
        {
            "at": "2026-11-18T10:00:00.000Z",
            "verdict": "retryable",
            "scope": "account",
            "reason": "balance_empty",
            "status": 400,
            "code": 3,
            "ms": 12,
            "resend": True,
        },
        {"at": "2026-11-18T10:01:00.000Z", "verdict": "unknown"},
    ],
    "actions": [{"at": AT, "by": "Nora", "did": "discard", "why": "old"}, {"at": AT, "by": "B"}],
}


def test_a_mail_s_whole_history_is_shown(cloud: Cloud) -> None:
    cloud.mail("m1", "failed", **WHOLE, claim="t", request="r")

    code, out, err = cloud.run("mail", "show", "m1")
    found = [" ".join(line.split()) for line in lines(out)]

    assert (code, err) == (0, "")
    assert found[:3] == ["id m1", "state failed", "reason balance_empty"]
    assert found[3].startswith("meaning ")
    assert found[4].startswith("remedy ")
    rest = found[found.index("code 3") :]
    assert rest == [
        "code 3",
        "from shop@acme.sa",
        "to n***@example.com",
        "campaign spring",
        "client shop",
        f"created {AT}",
        f"updated {AT}",
        "scheduled 2026-11-18 13:06:40Z",
        "expires 2026-11-18 13:07:40Z",
        "msgId m-9",
        "price 0.05",
        "resends 2",
        "tags a=1, b=2",
        "headers X-A=v",
        "not carried reply_to, headers",
        "2 attempt(s)",
        "at verdict scope reason status code ms resend",
        "2026-11-18T10:00:00.000Z retryable account balance_empty 400 3 12 True",
        "2026-11-18T10:01:00.000Z unknown - - - - - -",
        "operators",
        "at by did why",
        f"{AT} Nora discard old",
        f"{AT} B - -",
    ]


def test_what_a_mail_does_not_have_is_not_shown(cloud: Cloud) -> None:
    cloud.mail("m1", "sent", reason="balance_empty", to=["a***@x.sa", "b***@x.sa"])

    _, out, _ = cloud.run("mail", "show", "m1")

    assert [" ".join(line.split()) for line in lines(out)] == [
        "id m1",
        "state sent",
        "reason balance_empty",
        "from shop@acme.sa",
        "to a***@x.sa, b***@x.sa",
        "campaign -",
        "client shop",
        f"created {AT}",
        f"updated {AT}",
        "0 attempt(s)",
        "at verdict scope reason status code ms resend",
    ]


@pytest.mark.parametrize(
    ("state", "explained"),
    [("failed", True), ("unknown", True), ("queued", True), ("sent", False), ("canceled", False)],
)
def test_programs_get_the_row_without_what_is_secret(
    cloud: Cloud, state: str, *, explained: bool
) -> None:
    cloud.mail("m1", state, **WHOLE, claim="t", request="r")

    told = cloud.json("mail", "show", "m1")

    assert (told["id"], told["state"], told["msg_id"]) == ("m1", state, "m-9")
    assert not told.keys() & {"fingerprint", "request", "claim_token"}
    assert ("meaning" in told, "remedy" in told) == (explained, explained)


def test_a_mail_that_is_not_valid_has_only_its_message(cloud: Cloud) -> None:
    cloud.put("bad-1", "invalid", reason="invalid:to[0]", code=None)
    cloud.put("bad-2", "failed", reason="sender_refused")

    _, out, _ = cloud.run("mail", "show", "bad-1")
    told = cloud.json("mail", "show", "bad-1")
    other = cloud.json("mail", "show", "bad-2")

    assert told == {
        "id": "bad-1",
        "state": "invalid",
        "reason": "invalid:to[0]",
        "code": None,
        "from": "shop@acme.sa",
        "client": "shop",
        "since": AT,
        "bytes": ANY,
        "wrong field": "to[0]",
        "record": None,
    }
    assert other["wrong field"] is None
    found = [" ".join(line.split()) for line in lines(out)]
    assert f"since {AT}" in found
    assert "wrong field to[0]" in found
    assert found[-1] == (
        "It has no record: correct it at its producer and send it again; then `failed discard`."
    )


def test_a_mail_that_nobody_knows_is_told_with_how_long_records_are_kept(cloud: Cloud) -> None:
    code, out, err = cloud.run("mail", "show", "nothing")

    assert (code, out) == (1, "")
    assert lines(err)[-2:] == [
        "Error: there is no record of this mail",
        (
            "records are kept for 90 days; a mail that was sent to the queue directly "
            "gets one at its first try"
        ),
    ]


def test_a_page_of_mails_is_told_and_where_it_goes_on(cloud: Cloud) -> None:
    for n in range(4):
        more = {"reason": "r", "code": 3} if n == 3 else {}
        cloud.mail(f"m{n}", "failed", created=f"2026-11-18T11:0{n}:00.000Z", **more)

    code, out, err = cloud.run("mail", "list", "--limit", "3")
    told = cloud.json("mail", "list", "--limit", "3", "--after", "m2")

    assert (code, err) == (0, "")
    assert [" ".join(line.split()) for line in lines(out)] == [
        "id state reason code client from accepted",
        "m3 failed r 3 shop shop@acme.sa 2026-11-18T11:03:00.000Z",
        "m2 failed - - shop shop@acme.sa 2026-11-18T11:02:00.000Z",
        "m1 failed - - shop shop@acme.sa 2026-11-18T11:01:00.000Z",
        "3 mail(s)",
        "There are more: --after m1",
    ]
    assert [one["id"] for one in told] == ["m1", "m0"]
    assert "fingerprint" not in told[0]
    assert "more" not in cloud.run("mail", "list", "--limit", "4")[1]


@pytest.mark.parametrize("client", [(), ("--client", "shop")])
def test_mails_are_chosen_by_state_and_time(cloud: Cloud, client: tuple[str, ...]) -> None:
    for n, state in enumerate(("sent", "failed", "failed", "queued")):
        cloud.mail(f"m{n}", state, created=f"2026-11-18T11:0{n}:00.000Z")
    cloud.mail("other", "failed", client="till", created="2026-11-18T11:05:00.000Z")

    def listed(*words: str) -> list[str]:
        found = cloud.json("mail", "list", *client, *words)
        return [one["id"] for one in found if one["id"] != "other" or client]

    assert listed("--state", "failed") == ["m2", "m1"]
    assert listed("--state", "failed", "--state", "queued") == ["m3", "m2", "m1"]
    assert listed("--since", "2026-11-18T11:02Z") == ["m3", "m2"]
    assert listed("--since", "400s") == ["m3", "m2", "m1", "m0"]
    assert listed("--after", "m2") == ["m1", "m0"]
    assert listed() == ["m3", "m2", "m1", "m0"]
    code, _, err = cloud.run("mail", "list", "--after", "nothing", *client)
    assert (code, lines(err)) == (1, ["Error: there is no record of the mail of --after"])


def test_what_would_be_canceled_is_shown(cloud: Cloud) -> None:
    cloud.mail("m1", "queued")
    cloud.mail("m2", "scheduled", scheduled_at=LATER)
    cloud.mail("m3", "sent")

    code, out, err = cloud.run("mail", "cancel", "m1", "m2", "m3", "gone", "gone", "--dry-run")
    told = cloud.json("mail", "cancel", "--client", "shop", "--dry-run")

    assert (code, lines(out)) == (0, ["2 wait. Nothing was done."])
    assert [" ".join(line.split()) for line in lines(err)] == [
        "state mails",
        "queued 1",
        "scheduled 1",
        "sent 1",
        "1 id(s) have no record.",
    ]
    assert told == {
        "dry_run": True,
        "waiting": ["m2", "m1"],
        "states": {"queued": 1, "scheduled": 1, "sent": 1},
    }
    assert [cloud.row(mail)["state"] for mail in ("m1", "m2")] == ["queued", "scheduled"]


def test_mails_that_wait_are_canceled_and_who_did_it_is_kept(cloud: Cloud) -> None:
    cloud.mail("m1", "queued")
    cloud.mail("m2", "scheduled", scheduled_at=LATER)
    cloud.scheduler.schedules["m2"] = Schedule(LATER, {})

    asked = cloud.run("mail", "cancel", "m1", "m2")
    code, out, err = cloud.run("mail", "cancel", "m1", "m2", "--yes", "--as", "Nora")

    assert asked[0] == 1
    assert lines(asked[2])[-2:] == [
        f"Error: not done without an answer to: Cancel 2 mail(s) for good, in {WHERE}?",
        "add --yes",
    ]
    assert (code, lines(out)) == (0, ["Canceled 2 of 2; 0 were past it"])
    assert "no record" not in err
    for mail in ("m1", "m2"):
        row = cloud.row(mail)
        assert row["state"] == "canceled"
        assert row["actions"] == [{"at": ANY, "by": "Nora", "did": "cancel"}]
    assert cloud.scheduler.schedules == {}


def test_an_operator_without_a_name_is_who_aws_says(cloud: Cloud) -> None:
    cloud.mail("m1", "queued")

    assert cloud.json("mail", "cancel", "m1", "--yes") == {
        "canceled": ["m1"],
        "too_late": [],
        "left": 0,
    }
    assert cloud.row("m1")["actions"][0]["by"].startswith("MailOperator#")


def test_what_is_past_it_or_unknown_is_told_by_the_exit_code(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.mail("m1", "queued")
    cloud.mail("m2", "queued")
    cancel = MailUpdater.cancel

    def late(self: MailUpdater, row: Any) -> None:
        if row.id == "m2":
            raise TooLateError("it is being sent")
        cancel(self, row)

    monkeypatch.setattr(MailUpdater, "cancel", late)
    code, out, _ = cloud.run("mail", "cancel", "m1", "m2", "--yes")
    cloud.mail("m1", "queued")
    unknown = cloud.json("mail", "cancel", "m1", "gone", "--yes", code=1)

    assert (code, lines(out)) == (1, ["Canceled 1 of 2; 1 were past it"])
    assert (unknown["canceled"], unknown["too_late"]) == (["m1"], [])


@pytest.mark.parametrize(
    ("words", "code"), [(("m1",), 1), (("m1", "--dry-run"), 0), (("--client", "shop"), 0)]
)
def test_where_nothing_waits_nobody_is_asked(
    cloud: Cloud, words: tuple[str, ...], code: int
) -> None:
    cloud.mail("m1", "sent")

    found, out, _ = cloud.run("mail", "cancel", *words)

    assert (found, lines(out)) == (code, ["0 wait. Nothing was done."])


def test_all_that_wait_of_a_caller_since_a_time(cloud: Cloud) -> None:
    cloud.mail("old", "queued", created="2026-11-18T08:00:00.000Z")
    cloud.mail("new", "queued", created="2026-11-18T11:00:00.000Z")
    cloud.mail("theirs", "queued", client="till")

    since = cloud.json("mail", "cancel", "--client", "shop", "--since", "2h", "--yes")
    code, _, err = cloud.run("mail", "cancel", "old", "--since", "2h", "--yes")

    assert since == {"canceled": ["new"], "too_late": [], "left": 0}
    assert cloud.row("old")["state"] == "queued"
    assert (code, lines(err)) == (1, ["Error: --since goes with --client"])
    assert cloud.json("mail", "cancel", "--client", "shop", "--yes")["canceled"] == ["old"]
    assert cloud.row("theirs")["state"] == "queued"


def test_rows_that_dynamodb_left_out_are_read_again(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ops.rows._WAIT_SECONDS", 0.0)
    cloud.dynamo.answers_at_once = 2
    for n in range(5):
        cloud.mail(f"m{n}", "queued")

    told = cloud.json("mail", "cancel", *(f"m{n}" for n in range(5)), "--dry-run")

    assert sorted(told["waiting"]) == [f"m{n}" for n in range(5)]


@pytest.mark.parametrize("words", [(), ("m1", "--client", "shop")])
def test_mails_are_named_in_one_way(cloud: Cloud, words: tuple[str, ...]) -> None:
    code, _, err = cloud.run("mail", "cancel", *words)

    assert code == 2
    assert "give ids, or --client" in err
