"""Campaigns, typed as commands: what makes a mail the same, what is said, what is sent once."""

import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from ops.runner import paced
from tests.unit.ops.office import BULK, MAIL, Office

ROWS = "to,name\na@x.sa,A\nb@x.sa,B\n"
SENT = ("--yes",)


def sent_to(office: Office) -> list[str]:
    """Return who gets a mail, in order of address, each as often as there are mails."""
    return sorted(mail["to"][0] for mail in office.mailed())


def run(office: Office, rows: str | bytes, *more: str, code: int = 0) -> Any:
    """Write the sheet and run its campaign."""
    office.sheet(rows)
    return office.json(*office.campaign(*more), "--yes", code=code)


def test_each_row_gets_a_mail_and_a_line_in_the_report(office: Office) -> None:
    done = run(office, ROWS)

    assert done["results"] == {"accepted": 2}
    assert sent_to(office) == ["a@x.sa", "b@x.sa"]
    report = (office.folder / "a.report.csv").read_text("utf-8")
    assert report.splitlines()[0].startswith("row,id,result,state")
    assert report.count("accepted,queued") == 2
    assert "x.sa" not in report
    assert not list(office.folder.glob("*.tmp"))


def test_a_campaign_is_bulk_unless_told_otherwise(office: Office) -> None:
    run(office, ROWS)
    assert sent_to(office) == ["a@x.sa", "b@x.sa"]
    assert [message.group for message in office.sqs.queues[BULK].messages] == ["operator"] * 2
    assert office.mailed(MAIL) == []
    run(office, "to,name\nc@x.sa,C\n", "--priority", "normal")
    assert [mail["to"] for mail in office.mailed(MAIL)] == [["c@x.sa"]]


@pytest.mark.parametrize(
    ("template", "first", "second"),
    [
        ("{{ name }}", ROWS, "to,unused,name\nb@x.sa,9,B\nc@x.sa,9,C\na@x.sa,9,A\n"),
        ("{{ name }}", ROWS, "sep=;\nTo;name;;\n\nA@X.sa;A;;\nb@X.SA;B;;\n"),
        ("{{ name }}", ROWS, ROWS.encode("utf-16")),
        ("{{ n|float }}", "to,n,name\na@x.sa,10.50,A\n", "to,n,name\na@x.sa,10.5,A\n"),
    ],
)
def test_what_is_rendered_and_to_whom_makes_a_mail_the_same(
    office: Office, template: str, first: str, second: str | bytes
) -> None:
    (office.folder / "mail.html").write_text(template, "utf-8")
    before = run(office, first)["rows"]
    mails = len(office.mailed())

    done = run(office, second)

    assert done["results"]["before"] == before
    # Those that no worker has seen are queued again, under the same id.
    assert {mail["id"] for mail in office.mailed()} == set(office.rows())
    assert mails == before
    assert "changed" not in done["results"]


def test_another_text_for_an_address_is_told_and_not_sent_unasked(office: Office) -> None:
    run(office, "to,name\na@x.sa,A\nb@x.sa,B\n")
    changed = "to,name\nA@x.sa,Ann\nb@x.sa,B\nc@x.sa,C\n"

    dry = run(office, changed, "--dry-run")
    left = run(office, changed, code=1)
    rows = len(office.rows())
    asked = run(office, changed, "--again")

    assert (dry["before"], dry["new"], dry["again"]) == (1, 2, 1)
    assert "--again sends them" in "".join(dry["notes"])
    assert left["results"] == {"accepted": 1, "before": 1, "changed": 1}
    assert rows == 3
    assert asked["results"] == {"accepted": 1, "before": 2}
    assert len(office.rows()) == 4


def test_the_question_says_what_was_accepted_before(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(office, ROWS)
    office.sheet("to,name\na@x.sa,A\nb@x.sa,Bob\nc@x.sa,C\n")
    asked: list[str] = []
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr(
        "ops.screen.Screen.confirm", lambda _self, question, **_: asked.append(question)
    )

    office.run(*office.campaign())

    assert (
        "3 row(s): 1 were accepted before, 2 are new, "
        "1 of them to an address that already got this campaign. Send 3 mail(s)"
    ) in asked[0]


def test_a_key_says_which_row_it_is_and_a_changed_text_is_named(office: Office) -> None:
    run(office, "to,name,no\na@x.sa,A,1\nb@x.sa,B,2\n", "--key", "no")

    dry = run(office, "to,name,No\na@x.sa,Ann,1\nb@x.sa,B,2\n", "--key", "no", "--dry-run")
    done = run(office, "to,name,No\na@x.sa,Ann,1\nb@x.sa,B,2\n", "--key", "no", code=1)

    assert (dry["changed"], dry["before"], dry["new"]) == (1, 1, 0)
    assert "accepted before with another text, which stays: row 2" in dry["notes"]
    assert done["results"] == {"before": 1, "changed": 1}


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("to,no,name\na@x.sa,1,A\nb@x.sa, 1,B\n", "row 3 repeats the value of row 2 in `no`"),
        ("to,no,name\na@x.sa,1,A\nb@x.sa,\u200f1,B\n", "row 3 repeats the value of row 2 in `no`"),
        ("to,no,name\na@x.sa,,A\n", "has no value in `no`"),
        ("to,name\na@x.sa,A\n", "no column `no`"),
    ],
)
def test_what_is_wrong_with_a_key_is_told(office: Office, rows: str, said: str) -> None:
    office.sheet(rows)

    code, _, err = office.run(*office.campaign("--key", "no", "--yes"))

    assert code == 1
    assert said in err
    assert not office.rows()


def test_duplicates_are_told_before_the_question_and_sent_once(office: Office) -> None:
    rows = "to,name\na@x.sa,A\na@x.sa,A\nA@x.sa ,A\nb@x.sa,B\nb@x.sa,Bob\n"

    dry = run(office, rows, "--dry-run")
    done = run(office, rows)

    assert (dry["duplicates"], dry["new"]) == (2, 3)
    assert "2 row(s) are the same mail to the same address" in dry["notes"][0]
    assert "row 3, 4" in dry["notes"][0]
    assert "1 row(s) are another mail to an address of an earlier row" in dry["notes"][1]
    assert done["results"] == {"accepted": 3, "duplicate": 2}
    assert sent_to(office) == ["a@x.sa", "b@x.sa", "b@x.sa"]


def test_another_campaign_is_another_mail(office: Office) -> None:
    run(office, ROWS)
    office.json(*office.campaign("--yes"), "--name", "autumn")

    assert len(office.rows()) == 4


@pytest.mark.parametrize(
    ("more", "first_id"),
    [
        # What 0.1.0 gave this row under this name; without a key, and with the key `name`.
        ((), "08958a12-7629-521b-ac94-206252c21e75"),
        (("--key", "name"), "b66e05a5-6682-58bf-b99a-d91ad9ddc676"),
    ],
)
def test_a_row_that_version_0_1_0_accepted_is_not_sent_again(
    office: Office, more: tuple[str, ...], first_id: str
) -> None:
    row = {"pk": {"S": first_id}, "state": {"S": "sent"}, "fingerprint": {"S": "f"}}
    office.dynamo.items[first_id] = row

    done = run(office, "to,name\nnora@example.com,Nora\n", *more, code=1)

    assert done["results"] == {"changed": 1}
    assert done["states"] == {"sent": 1}
    assert not office.mailed()


def test_a_file_that_changes_while_its_campaign_runs_changes_nothing(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = "to,name\n" + "".join(f"c{n}@x.sa,Name {n}\n" for n in range(30))
    file = office.sheet(rows)
    put = office.sqs.send_message

    def saved_meanwhile(**arguments: Any) -> Any:
        file.write_text("to,name\n" + "".join(f"c{n + 1}@x.sa,Spliced\n" for n in range(40)))
        (office.folder / "mail.html").write_text("another")
        return put(**arguments)

    monkeypatch.setattr(office.sqs, "send_message", saved_meanwhile)
    office.json(*office.campaign("--yes"))

    assert {(mail["to"][0], mail["html"]) for mail in office.mailed()} == {
        (f"c{n}@x.sa", f"<p>Name {n}</p>") for n in range(30)
    }


@pytest.mark.parametrize("signals", [1, 2])
def test_ctrl_c_stops_says_how_far_and_reports(
    office: Office, monkeypatch: pytest.MonkeyPatch, signals: int
) -> None:
    office.sheet("to,name\n" + "".join(f"c{n}@x.sa,N\n" for n in range(2000)))
    put, pressed = office.sqs.send_message, threading.Event()

    def pressing(**arguments: Any) -> Any:
        if len(office.rows()) >= 40 and not pressed.is_set():
            pressed.set()
            for _ in range(signals):
                os.kill(os.getpid(), signal.SIGINT)
        return put(**arguments)

    monkeypatch.setattr(office.sqs, "send_message", pressing)
    begun = time.monotonic()
    code, _, err = office.run(*office.campaign("--yes"))

    assert code == 130
    assert time.monotonic() - begun < 5
    accepted = len(office.rows())
    assert 40 <= accepted < 200
    report = (office.folder / "a.report.csv").read_text("utf-8")
    assert report.count("not_begun") >= 2000 - accepted
    assert "Stopped" in err
    monkeypatch.setattr(office.sqs, "send_message", put)
    if signals == 1:
        assert "of 2,000 done; run it again for the rest" in err
        assert report.count(",accepted,") == accepted


def test_a_call_that_hangs_does_not_hold_up_ctrl_c(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.sheet("to,name\n" + "".join(f"c{n}@x.sa,N\n" for n in range(50)))
    hangs = threading.Event()

    def hanging(**_: object) -> None:
        if not hangs.is_set():
            os.kill(os.getpid(), signal.SIGINT)
        hangs.wait(20)

    monkeypatch.setattr(office.sqs, "send_message", hanging)
    begun = time.monotonic()
    code, _, _ = office.run(*office.campaign("--yes"))
    seconds = time.monotonic() - begun
    hangs.set()

    assert code == 130
    assert seconds < 4


def test_two_operators_and_interruptions_send_each_mail_once(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.sheet("to,name\n" + "".join(f"c{n}@x.sa,N{n}\n" for n in range(300)))
    put, presses = office.sqs.send_message, iter((60, 150))
    until = [next(presses)]

    def pressing(**arguments: Any) -> Any:
        if len(office.rows()) >= until[0]:
            until[0] = next(presses, 10**9)
            os.kill(os.getpid(), signal.SIGINT)
        return put(**arguments)

    monkeypatch.setattr(office.sqs, "send_message", pressing)
    codes = [office.run(*office.campaign("--yes"))[0] for _ in range(3)]
    other = office.run(*office.campaign("--yes", "--report", str(office.folder / "o.csv")))

    assert codes == [130, 130, 0]
    assert other[0] == 0
    assert len(office.rows()) == 300
    assert {mail["id"] for mail in office.mailed()} == set(office.rows())


def test_what_another_terminal_accepts_meanwhile_is_no_other_text(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes between the look at the rows and the look at the index."""
    office.sheet(ROWS)
    assert office.run(*office.campaign("--yes"))[0] == 0
    accepted = office.rows()
    monkeypatch.setattr("ops.past.rows_of", lambda *_: {})

    counts = office.json(*office.campaign("--dry-run"))
    code, _, _ = office.run(*office.campaign("--yes"))

    assert counts["again"] == 0
    assert code == 0
    assert office.rows() == accepted


def test_a_report_is_made_ready_first_and_writes_over_nothing(office: Office) -> None:
    file = office.sheet(ROWS)
    (office.folder / "old.csv").write_text("to,name\nsomebody@x.sa,S\n")

    def refused(report: Path) -> str:
        code, _, err = office.run(*office.campaign("--yes", "--report", str(report)))
        assert code == 1
        assert not office.rows()
        assert "Traceback" not in err
        return err

    assert "cannot be written" in refused(office.folder / "no" / "such" / "r.csv")
    assert "would overwrite a.csv" in refused(file)
    assert "would overwrite mail.html" in refused(office.folder / "." / "mail.html")
    assert "not a report of a campaign" in refused(office.folder / "old.csv")
    device = office.folder / "device"
    os.mkfifo(device)  # as /dev/null, which a report would take the place of
    assert "not a report of a campaign" in refused(device)
    assert device.is_fifo()
    assert "--report is empty" in office.run(*office.campaign("--yes", "--report", ""))[2]
    assert file.read_text() == ROWS


def test_a_row_is_rendered_into_a_file(office: Office) -> None:
    office.sheet("to,name\n\na@x.sa,Nora\n")

    shown = office.json(*office.campaign("--preview", "3"))
    code, _, err = office.run(*office.campaign("--preview", "2"))

    assert shown["subject"] == "Hi Nora"
    assert Path(shown["preview"]).read_text("utf-8") == "<p>Nora</p>"
    assert (code, "row 2 of a.csv holds no mail" in err) == (1, True)
    assert not office.rows()


@pytest.mark.parametrize("address", ["me@acme.sa", "-"])
def test_one_row_is_sent_to_oneself(
    office: Office, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    office.sheet(ROWS)
    monkeypatch.setattr("ops.commands.campaign._TEST_SECONDS", 0.0)

    for _ in range(2):
        code, out, _ = office.run(
            *office.campaign("--test", address, "--preview", "3", "--yes"), typed="me@acme.sa\n"
        )

    assert (code, "queued" in out) == (1, True)  # nobody sends it here
    assert [(mail["to"], mail["html"]) for mail in office.mailed(MAIL)] == [
        (["me@acme.sa"], "<p>B</p>")
    ] * 2
    assert run(office, ROWS)["results"] == {"accepted": 2}


def test_a_bad_row_is_called_by_its_number_and_nothing_is_sent(office: Office) -> None:
    office.sheet('to,name,street\na@x.sa,A,"A\nB"\nnobody,C,"C\nD"\n')

    code, _, err = office.run(*office.campaign("--yes"))

    assert code == 1
    assert "3    `to` is not a valid e-mail address" in err
    assert "1 of 2 rows are not valid; nothing was sent" in err
    assert not office.rows()
    done = office.json(*office.campaign("--yes", "--skip-invalid"), code=1)
    assert done["results"] == {"accepted": 1, "invalid": 1}


def test_when_aws_refuses_all_it_ends_and_says_so(office: Office) -> None:
    office.sheet("to,name\n" + "".join(f"c{n}@x.sa,N\n" for n in range(500)))
    calls: list[object] = []

    def refuse(**_: object) -> None:
        calls.append(1)
        raise EndpointConnectionError(endpoint_url="https://x")

    office.dynamo.put_item = refuse  # type: ignore[method-assign]
    code, _, err = office.run(*office.campaign("--yes"))

    assert code == 1
    assert "AWS cannot be reached" in err
    assert len(calls) < 60
    assert (office.folder / "a.report.csv").read_text().count("not_begun") > 400


def test_a_dry_run_says_it_all_and_sends_nothing(office: Office) -> None:
    (office.folder / "mail.html").write_text("<p>مرحبا {{ name }}</p>", "utf-8")

    done = run(office, "to,name\na@x.sa,A\nnobody,B\n", "--dry-run", code=1)

    assert (done["rows"], done["invalid"], done["new"]) == (2, 1, 1)
    assert "right to left" in done["notes"][0]
    assert not office.rows()


@pytest.mark.parametrize("option", ["--rate", "--wait"])
def test_nan_is_no_number(office: Office, option: str) -> None:
    """It is within all bounds, and no time is ever past it."""
    office.sheet(ROWS)

    code, _, err = office.run(*office.campaign("--yes", option, "nan"))

    assert (code, "nan is not a number" in err) == (2, True)
    assert not office.rows()


def test_rows_go_out_no_faster_than_the_rate() -> None:
    waits: list[float] = []
    lines: list[Any] = [object()] * 5

    assert len(list(paced(lines, rate=10.0, wait=waits.append))) == 5
    assert waits == pytest.approx([0.1, 0.2, 0.3, 0.4], abs=0.05)
    assert not list(paced(lines[:1] * 2, 0.001, lambda _: True))[1:]


@pytest.mark.parametrize("option", ["--key", "--name", "--encoding"])
def test_an_option_from_an_unset_variable_is_not_taken_for_none(
    office: Office, option: str
) -> None:
    """Without its key or its name a campaign is another one: everybody would get it again."""
    office.sheet("to,name\na@example.com,Nora\n")

    code, _, err = office.run(*office.campaign("--yes", option, ""))

    assert code == 2
    assert option in err
    assert not office.mailed(BULK)


def test_ctrl_c_stops_a_template_that_runs_for_long(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.sheet("to,name\na@example.com,Nora\n")
    pressed: list[int] = []

    def fields(*_: object) -> dict[str, str]:
        pressed.append(1)
        os.kill(os.getpid(), signal.SIGINT)
        for _turn in range(10**9):  # the first Ctrl-C ends it
            pass
        raise AssertionError

    monkeypatch.setattr("ops.letterhead.Letterhead.fields", fields)
    code, _, err = office.run(*office.campaign("--yes"))

    assert (code, "Stopped" in err, pressed) == (130, True, [1])
