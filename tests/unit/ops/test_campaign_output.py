"""`campaign`, typed on a whole stack: what it says, asks, writes and queues, exactly."""

import csv
import json
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest
from click.testing import CliRunner

from ops.cli import main
from tests.unit.ops.cloud import BULK, MAIL, Cloud, lines

ROWS = "to,name\na@x.sa,A\nb@x.sa,B\n"
WHERE = "taqnyat-mail (nowhere)"
COLUMNS = ["row", "id", "result", "state", "reason", "code", "msg_id", "price", "error"]


def words(text: str) -> list[str]:
    """Return lines with single spaces."""
    return [" ".join(line.split()) for line in lines(text)]


def reported(cloud: Cloud, name: str = "a.report.csv") -> list[dict[str, str]]:
    """Return the lines of a report."""
    with (cloud.folder / name).open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        found = list(reader)
        assert reader.fieldnames == COLUMNS
    return found


def test_a_campaign_asks_sends_and_reports(cloud: Cloud) -> None:
    cloud.sheet(ROWS)

    asked = cloud.run(*cloud.campaign())
    code, out, err = cloud.run(*cloud.campaign("--yes"))

    path = cloud.folder / "a.report.csv"
    assert asked[0] == 1
    assert (
        "answer to: Campaign spring: 2 row(s): 2 are new. Send 2 mail(s) by "
        f"{WHERE}, 200 a second (about 0 s)?"
    ) in " ".join(lines(asked[2]))
    assert (code, words(out)[:6]) == (
        0,
        ["result rows", "accepted 2", "state rows", "queued 2", *words(out)[4:6]],
    )
    assert "".join(words(out)[4:]).replace(" ", "") == f"Report:{path}".replace(" ", "")
    assert "Note:" not in err
    ids = {mail["to"][0]: mail["id"] for mail in cloud.mailed(BULK)}
    assert reported(cloud) == [
        dict.fromkeys(COLUMNS, "")
        | {"row": row, "id": ids[to], "result": "accepted", "state": "queued"}
        for row, to in (("2", "a@x.sa"), ("3", "b@x.sa"))
    ]
    assert not list(cloud.folder.glob("*.tmp"))


def test_a_campaign_is_told_to_programs(cloud: Cloud) -> None:
    cloud.sheet(f"{ROWS}nobody,C\na@x.sa,A\n")
    more = ("--skip-invalid", "--report", str(cloud.folder / "r.csv"), "--priority", "normal")

    dry = cloud.json(*cloud.campaign("--dry-run"), code=1)
    told = cloud.json(*cloud.campaign("--yes", *more), code=1)

    note = (
        "1 row(s) are the same mail to the same address as an earlier row, and are not sent: "
        "row 5 (--key COLUMN tells such rows apart)"
    )
    assert dry == {
        "campaign": "spring",
        "rows": 4,
        "invalid": 1,
        "duplicates": 1,
        "before": 0,
        "changed": 0,
        "new": 2,
        "again": 0,
        "notes": [note],
        "dry_run": True,
    }
    assert told == {
        "campaign": "spring",
        "rows": 4,
        "results": {"invalid": 1, "duplicate": 1, "accepted": 2},
        "states": {"-": 2, "queued": 2},
        "report": str(cloud.folder / "r.csv"),
    }
    assert list(cloud.held()) == [MAIL]
    lines_ = reported(cloud, "r.csv")
    assert [(line["row"], line["result"], line["error"]) for line in lines_] == [
        ("2", "accepted", ""),
        ("3", "accepted", ""),
        ("4", "invalid", ANY),
        ("5", "duplicate", "as row 2"),
    ]
    assert lines_[2]["error"] == "`to` is not a valid e-mail address"
    assert (lines_[2]["id"], lines_[3]["id"]) == ("", "")


def test_rows_that_are_not_valid_are_shown_and_stop_it(cloud: Cloud) -> None:
    cloud.sheet("to,name\n" + "".join(f"bad{n},A\n" for n in range(12)) + "a@x.sa,A\n")

    code, out, err = cloud.run(*cloud.campaign("--yes"))
    dry = cloud.run(*cloud.campaign("--dry-run"))

    told = words(err)
    assert (code, out) == (1, "")
    assert told[0] == "row error"
    assert told[1].startswith("2 `to` ")
    assert told[10].startswith("11 `to` ")
    assert told[11:] == [
        "and 2 more",
        "Error: 12 of 13 rows are not valid; nothing was sent",
        "correct them, or send the other rows with --skip-invalid",
    ]
    assert dry[0] == 1
    assert words(dry[1]) == ["13 row(s): 12 are not valid, 1 are new. Nothing was sent."]
    assert cloud.held() == {}
    ten = "".join(f"bad{n},A\n" for n in range(10))
    cloud.sheet(f"to,name\n{ten}")
    assert "more" not in cloud.run(*cloud.campaign("--yes"))[2]


def test_a_second_run_tells_what_was_accepted_before(cloud: Cloud) -> None:
    cloud.sheet(ROWS)
    cloud.json(*cloud.campaign("--yes"))
    cloud.sheet("to,name\na@x.sa,A\nb@x.sa,Bob\nc@x.sa,C\nd@x.sa,D\nD@x.sa,Dan\n")

    asked = cloud.run(*cloud.campaign())
    dry = cloud.run(*cloud.campaign("--dry-run", "--yes"))
    told = cloud.json(*cloud.campaign("--yes"), code=1)

    question = " ".join(lines(asked[2]))
    assert (
        "5 row(s): 1 were accepted before, 4 are new, 1 of them to an address that already got "
        "this campaign. Send 5 mail(s) by"
    ) in question
    assert "Note: 1 row(s) are another mail to an address of an earlier row." in question
    notes = " ".join(lines(dry[2]))
    assert (
        "Note: 1 row(s) have another text for an address that already got this campaign, and are "
        "not sent: --again sends them."
    ) in notes
    assert told["results"] == {"before": 1, "changed": 1, "accepted": 3}
    assert reported(cloud)[1]["result"] == "changed"
    assert reported(cloud)[1]["id"] in cloud.dynamo.items
    assert sorted(mail["to"][0] for mail in cloud.mailed()) == sorted(
        ["a@x.sa", "b@x.sa", "a@x.sa", "c@x.sa", "d@x.sa", "D@x.sa"]
    )


def test_a_key_whose_text_changed_is_named(cloud: Cloud) -> None:
    cloud.sheet("to,name,no\na@x.sa,A,1\nb@x.sa,B,2\n")
    cloud.json(*cloud.campaign("--yes", "--key", "no"))
    cloud.sheet("to,name,no\na@x.sa,Ann,1\nb@x.sa,B,2\n")

    code, out, err = cloud.run(*cloud.campaign("--key", "no", "--dry-run"))

    assert code == 0
    assert words(out) == [
        (
            "2 row(s): 1 were accepted before, 1 were accepted before with another text, "
            "and are not sent again, 0 are new. Nothing was sent."
        ),
    ]
    assert words(err) == ["Note: accepted before with another text, which stays: row 2."]


def test_where_all_were_sent_nobody_is_asked(cloud: Cloud) -> None:
    cloud.sheet(ROWS)
    cloud.json(*cloud.campaign("--yes"))
    for name, item in cloud.dynamo.items.items():
        if "client" in item:
            item |= {"state": {"S": "sent"}, "price": {"S": "0.05"}, "msg_id": {"S": f"of-{name}"}}
            item |= {"reason": {"S": "sent"}, "code": {"N": "0"}}

    code, out, _ = cloud.run(*cloud.campaign())

    assert code == 0
    assert words(out)[:4] == ["result rows", "before 2", "state rows", "sent 2"]
    for line in reported(cloud):
        assert (line["price"], line["reason"], line["code"]) == ("0.05", "sent", "0")
        assert line["msg_id"] == f"of-{line['id']}"


def test_many_rows_are_named_in_short(cloud: Cloud) -> None:
    cloud.sheet("to,name\n" + "a@x.sa,A\n" * 13)

    dry = cloud.json(*cloud.campaign("--dry-run"))

    assert dry["notes"] == [
        (
            "12 row(s) are the same mail to the same address as an earlier row, and are not sent: "
            "row 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 and 2 more (--key COLUMN tells such rows apart)"
        )
    ]
    cloud.sheet("to,name\n" + "a@x.sa,A\n" * 11)
    assert "more" not in cloud.json(*cloud.campaign("--dry-run"))["notes"][0]


def test_the_report_follows_the_mails_for_a_while(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []

    def wait(_self: Any, seconds: float) -> bool:
        if seconds == 1.0:
            waited.append(seconds)
        if len(waited) == 2:
            for mail in cloud.mailed():
                cloud.dynamo.items[mail["id"]]["state"] = {"S": "sent"}
        return False

    monkeypatch.setattr("ops.interrupt.Stop.wait", wait)
    cloud.sheet(ROWS)

    told = cloud.json(*cloud.campaign("--yes", "--wait", "600"))

    assert told["states"] == {"sent": 2}
    assert waited == [1.0, 1.0]


def test_a_row_is_rendered_into_a_file_and_nothing_is_sent(cloud: Cloud) -> None:
    cloud.sheet(ROWS)

    code, out, err = cloud.run(*cloud.campaign("--preview", "3"))
    told = cloud.json(*cloud.campaign("--preview", "2"))

    path = cloud.folder / "a.row-3.html"
    assert (code, words(out)) == (0, ["Nothing was sent."])
    assert "".join(lines(err)).replace(" ", "") == (
        f"Row 3 is in {path}; its subject: Hi B".replace(" ", "")
    )
    assert path.read_text("utf-8") == "<p>B</p>"
    assert told == {
        "campaign": "spring",
        "row": 2,
        "preview": str(cloud.folder / "a.row-2.html"),
        "subject": "Hi A",
    }
    assert cloud.held() == {}


def test_a_plain_row_is_rendered_as_text(cloud: Cloud) -> None:
    cloud.sheet(ROWS)
    (cloud.folder / "mail.txt").write_text("Salam {{ name }}", "utf-8")

    cloud.json(*cloud.campaign("--preview", "2"), "--template", str(cloud.folder / "mail.txt"))

    assert (cloud.folder / "a.row-2.txt").read_text("utf-8") == "Salam A"


@pytest.mark.parametrize(
    ("rows", "more", "said"),
    [
        ("to,name\n", ("--preview", "2"), "a.csv has no row"),
        (ROWS, ("--preview", "9"), "row 9 of a.csv holds no mail"),
        ("to,name\na@x.sa\nb@x.sa,B\n", ("--preview", "2"), "row 2 has 1 cells, the header has 2"),
    ],
)
def test_a_row_that_holds_no_mail_is_told(
    cloud: Cloud, rows: str, more: tuple[str, ...], said: str
) -> None:
    cloud.sheet(rows)

    code, _, err = cloud.run(*cloud.campaign(*more))

    assert (code, words(err)[-1]) == (1, f"Error: {said}")


def test_a_preview_that_cannot_be_written_is_told(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.sheet(ROWS)

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", refuse)
    code, _, err = cloud.run(*cloud.campaign("--preview", "2"))

    assert (code, words(err)) == (
        1,
        ["Error: the preview cannot be written: No space left on device"],
    )


@pytest.mark.parametrize(
    ("state", "wait", "code"), [("sent", (), 0), ("failed", (), 1), ("queued", ("--wait", "7"), 1)]
)
def test_one_mail_is_tried_with_an_address_of_one_s_own(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, state: str, wait: tuple[str, ...], code: int
) -> None:
    cloud.sheet(ROWS)
    follows: list[float] = []

    def follow(ledger: Any, mail_id: str, seconds: float) -> Any:
        follows.append(seconds)
        cloud.dynamo.items[mail_id]["state"] = {"S": state}
        return ledger.get(mail_id)

    monkeypatch.setattr("ops.commands.campaign.sending.follow", follow)
    told = cloud.json(*cloud.campaign("--test", "me@x.sa", "--yes", *wait), code=code)

    [mail] = cloud.mailed(MAIL)
    assert cloud.mailed(BULK) == []
    assert (mail["to"], mail["subject"], mail["html"]) == (["me@x.sa"], "Hi A", "<p>A</p>")
    assert told == {"campaign": "spring", "row": 2, "id": mail["id"], "state": state}
    assert follows == [7.0 if wait else 30.0]


def test_a_test_asks_first_and_may_be_of_another_row(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.sheet(ROWS)
    monkeypatch.setattr("ops.commands.campaign.sending.follow", lambda *_: None)
    more = ("--test", "-", "--preview", "3")

    asked = cloud.run(*cloud.campaign(*more), typed="me@x.sa\n")
    none = cloud.held()
    code, out, _ = cloud.run(*cloud.campaign(*more, "--yes"), typed="me@x.sa\n")

    assert asked[0] == 1
    assert f"answer to: Send row 3's mail to one address by {WHERE}?" in asked[2]
    assert none == {}
    [mail] = cloud.mailed()
    assert (code, words(out)) == (1, [f"{mail['id']}: unknown"])
    assert (mail["to"], mail["subject"]) == (["me@x.sa"], "Hi B")


def test_likely_mistakes_are_noted_before_a_preview_too(cloud: Cloud) -> None:
    cloud.sheet("to,name,\na@x.sa,A,9\n")
    arabic = "<p>\u0633\u0644\u0627\u0645 {{ name }}</p>"
    (cloud.folder / "mail.html").write_text(arabic, "utf-8")

    _, _, err = cloud.run(*cloud.campaign("--preview", "2"))
    dry = cloud.json(*cloud.campaign("--dry-run"))

    told = " ".join(words(err))
    for note in dry["notes"]:
        assert f"Note: {note}." in told
    assert dry["notes"][0] == ("1 row(s) have a value in a column without a name; it is ignored")
    assert "no direction" in dry["notes"][1]
    assert len(dry["notes"]) == 2


def test_the_name_is_the_file_s_if_none_is_given(cloud: Cloud) -> None:
    cloud.sheet(ROWS, "autumn.csv")
    given = [word for word in cloud.campaign() if word not in {"--name", "spring"}]

    told = cloud.json(given[0], str(cloud.folder / "autumn.csv"), *given[2:], "--yes")

    assert told["campaign"] == "autumn"
    assert told["report"] == str(cloud.folder / "autumn.report.csv")
    assert {mail["campaign_name"] for mail in cloud.mailed()} == {"autumn"}


@pytest.mark.parametrize(
    ("name", "text", "error", "remedy"),
    [
        ("a.csv", None, "--report would overwrite a.csv", "give it a name of its own"),
        ("mail.html", None, "--report would overwrite mail.html", "give it a name of its own"),
        (
            "r.csv",
            "to,name\n",
            "r.csv exists, and is not a report of a campaign",
            "give --report another name",
        ),
    ],
)
def test_no_other_file_is_written_over(
    cloud: Cloud, name: str, text: str | None, error: str, remedy: str
) -> None:
    cloud.sheet(ROWS)
    path = cloud.folder / name
    if text is not None:
        path.write_text(text)
    before = path.read_bytes()

    code, _, err = cloud.run(*cloud.campaign("--yes", "--report", str(path)))

    assert (code, words(err)) == (1, [f"Error: {error}", remedy])
    assert path.read_bytes() == before
    assert cloud.held() == {}


@pytest.mark.parametrize("text", ["", ",".join(COLUMNS) + "\n", ",".join(COLUMNS) + "\r\n1,2\n"])
def test_an_earlier_report_is_written_over(cloud: Cloud, text: str) -> None:
    cloud.sheet(ROWS)
    (cloud.folder / "a.report.csv").write_bytes(text.encode())

    cloud.json(*cloud.campaign("--yes"))

    assert len(reported(cloud)) == 2


def test_a_report_that_cannot_be_written_is_told_before_anything_is_sent(cloud: Cloud) -> None:
    cloud.sheet(ROWS)
    path = cloud.folder / "no" / "r.csv"

    code, _, err = cloud.run(*cloud.campaign("--yes", "--report", str(path)))

    told = words(err)
    assert code == 1
    assert "Error: the report cannot be written to" in told[0]
    assert told[-1] == "nothing was sent; give --report another place"
    assert cloud.held() == {}


def test_a_report_that_fails_in_the_end_says_what_to_do(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.sheet(ROWS)

    def refuse(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", refuse)
    code, _, err = cloud.run(*cloud.campaign("--yes"))

    assert code == 1
    assert words(err)[-2:] == [
        "Error: the report could not be written: No space left on device",
        "run the campaign again: nothing is sent twice, and the report is made then",
    ]
    assert not list(cloud.folder.glob("*.tmp"))


@pytest.mark.parametrize("rate", ["0", "0.009", "201", "nan"])
def test_a_rate_that_there_is_not_is_named(cloud: Cloud, rate: str) -> None:
    cloud.sheet(ROWS)

    result = CliRunner(mix_stderr=False).invoke(main, [*cloud.campaign(), "--rate", rate])

    assert result.exit_code == 2
    assert "--rate" in result.stderr
    assert json.dumps(cloud.held()) == "{}"


def test_the_ids_of_rows_stay_what_they_are(cloud: Cloud) -> None:
    """A later version must know them: they say what was sent."""
    cloud.sheet("to,name,no\nA@x.sa,A,1\n")

    cloud.json(*cloud.campaign("--yes"))
    by_text = reported(cloud)[0]["id"]
    cloud.json(*cloud.campaign("--yes", "--key", "no", "--report", str(cloud.folder / "k.csv")))

    assert by_text == "e8efee34-c662-521f-9620-6566195092ff"
    assert reported(cloud, "k.csv")[0]["id"] == "c31de97b-c3f4-57d2-993b-95f49b10a747"
