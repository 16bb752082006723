"""`verify`, typed: what is asked in which order, what is shown, asked and written, exactly."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from taqnyat import Fault

from local.simulator import guide
from ops.cli import main
from ops.commands import verified, verify
from ops.verification import calls
from ops.version import VERSION
from tests.unit.ops.cloud import Cloud, lines
from tests.unit.ops.provider import BALANCE, Taqnyat

TOKEN = "made-up-token"


SENDER, ME, ALSO_ME = "shop@acme.sa", "nora@mailbox.sa", "nora+2@mailbox.sa"


URL = "http://127.0.0.1:1"


@dataclass(frozen=True, slots=True)
class Done:
    """What a command did."""

    code: int
    out: str
    err: str
    report: dict[str, Any]


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Done]:
    """Give the command, with a report in a folder of its own."""
    path = tmp_path / "report.json"

    def typed(*words: str, typed: str = "", token: str | None = TOKEN, yes: bool = True) -> Done:
        given = ("--from", SENDER, "--to", ME, "--url", URL, "--report", str(path))
        result = CliRunner(mix_stderr=False).invoke(
            main,
            ["verify", *given, *(["--yes"] if yes else []), *words],
            input=typed,
            env={"TAQNYAT_TOKEN": token},
        )
        error = result.exception
        assert error is None or isinstance(error, SystemExit), result.exc_info
        report = json.loads(path.read_text("utf-8")) if path.exists() else {}
        return Done(result.exit_code, result.stdout, result.stderr, report)

    return typed


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a person at a terminal."""
    for module in (verified, verify):
        monkeypatch.setattr(module, "may_be_asked", lambda screen: not screen.as_json)


def words(text: str) -> list[str]:
    """Return lines with single spaces."""
    return [" ".join(line.split()) for line in lines(text)]


NOTHING = [
    "Nothing differs from what is expected.",
    "What to look for in the mailbox:",
    "Did mail 1 arrive? (expected: no)",
    "Did mail 2 arrive? (expected: no)",
    "Did mail 3 arrive? (expected: yes)",
    "Did your second address get mail 3 as well?",
    "Does mail 3 show both addresses among its recipients?",
    "Are subject and text of mail 3 whole Arabic, from right to left?",
    "Does mail 3 show the sender's name, Taqnyat check?",
    "Did mail 4 arrive? (expected: no)",
    "Did mail 5 arrive? (expected: yes)",
    "Does the text of mail 5 have four lines, the third one empty?",
    "Are the words between b tags in mail 5 bold, the tags not shown?",
    "taqnyat-mail verify --mailbox REPORT asks this again, and writes it into the report.",
]


@pytest.mark.usefixtures("taqnyat")
def test_as_expected_all_is_shown_and_nothing_differs(run: Callable[..., Done]) -> None:
    done = run()

    found = words(done.out)
    assert done.code == 0
    assert {line[-2:] for line in found[1:13]} == {" -"}
    assert [line.removesuffix(" -") for line in found[:13]] == [
        "call what expected answered differs",
        "status GET /system/status 200, operational 200, operational",
        "balance GET /account/balance 200, balance_read 200, balance_read",
        "wrong_method POST to /system/status 405, wrong_endpoint 405, wrong_endpoint",
        (
            "wrong_token a made-up token, no recipient 400, code 104, token_refused "
            "400, code 104, token_refused"
        ),
        *(
            f"{name} {does} 400, code 15, recipients_refused 400, code 15, recipients_refused"
            for name, does in (
                ("no_recipient", "no recipient"),
                ("no_recipient_json", "no recipient, as JSON"),
            )
        ),
        (
            "no_recipient_named no recipient, a name in `from` not known "
            "400, code 15, recipients_refused"
        ),
        (
            "empty_subject an empty subject 400, code 16, subject_refused "
            "400, code 16, subject_refused"
        ),
        (
            "unapproved_sender a sender that is not approved 400, code 14, sender_refused "
            "400, code 14, sender_refused"
        ),
        "html_two_recipients Arabic HTML to two addresses, a name in `from` 201, sent 201, sent",
        (
            "one_invalid_recipient a valid and an invalid recipient "
            "400, code 15, recipients_refused 400, code 15, recipients_refused"
        ),
        "text_json a text with line breaks, as JSON 201, sent 201, sent",
    ]
    assert found[13:] == [
        "5 of at most 5 calls that could send were made: 2 sent, 0 may have been, 3 refused.",
        *NOTHING,
    ]
    assert words(done.err) == [
        *(f"{n} of 7: {call.does}" for n, call in enumerate(calls.HARMLESS, 1)),
        *(f"may send: {n} of 5: {call.does}" for n, call in enumerate(calls.MAILS, 1)),
        "The report is in report.json.",
    ]


def test_the_calls_are_made_in_order_and_in_the_forms_that_were_understood(
    taqnyat: Taqnyat, run: Callable[..., Done]
) -> None:
    run()

    assert [(method, path) for method, path, *_ in taqnyat.asked][:3] == [
        ("GET", "/system/status"),
        ("GET", "/account/balance"),
        ("POST", "/system/status"),
    ]
    assert {method for method, *_ in taqnyat.asked[3:]} == {"POST"}
    assert [kind for *_, kind, _ in taqnyat.asked] == [
        *("", "", "", "form", "form", "json", "form"),
        *("form", "form", "form", "form", "json"),
    ]
    texts = [body.decode() for body in taqnyat.bodies]
    assert taqnyat.asked[1][4] == f"Bearer {TOKEN}"
    with_token = [
        TOKEN in text or TOKEN in asked[4] for text, asked in zip(texts, taqnyat.asked, strict=True)
    ]
    assert with_token == [False, True, False, False, *[True] * 8]
    senders = ["shop%40acme.sa"] * 2 + ["shop@acme.sa"] + ["Taqnyat+check+%3Cshop%40acme.sa%3E"]
    assert [sender in text for sender, text in zip(senders, texts[3:7], strict=True)] == [True] * 4
    assert "not-approved%40example.com" in texts[8]


def test_programs_get_the_report(taqnyat: Taqnyat, run: Callable[..., Done]) -> None:
    done = run("--json")

    told = json.loads(done.out)
    assert done.report == {key: told[key] for key in told if key != "report"}
    assert told["report"] == "report.json"
    assert (done.code, done.err) == (0, "")
    assert {key: told[key] for key in told if key != "calls"} == {
        "made_by": "taqnyat-mail verify",
        "format": 1,
        "version": VERSION,
        "on": told["on"],
        "calls_that_could_send": {"allowed": 5, "made": 5},
        "ended": "complete",
        "mailbox": {},
        "report": "report.json",
    }
    assert told["calls"][9] | {"body": {}} == {
        "call": "html_two_recipients",
        "could_send": True,
        "encoding": "form",
        "named": True,
        "status": 201,
        "fault": None,
        "result": "success",
        "code": None,
        "verdict": "sent",
        "scope": "mail",
        "reason": "sent",
        "body": {},
        "differs": [],
    }
    assert told["calls"][11]["encoding"] == "json"
    assert told["calls"][0] | {"body": {}} == {
        "call": "status",
        "could_send": False,
        "encoding": "form",
        "named": False,
        "status": 200,
        "fault": None,
        "result": None,
        "code": None,
        "verdict": "",
        "scope": "",
        "reason": "operational",
        "body": {},
        "differs": [],
    }
    assert len(taqnyat.asked) == 12


def test_what_differs_is_named_and_tells_the_exit_code(
    taqnyat: Taqnyat, run: Callable[..., Done]
) -> None:
    taqnyat.answers[1] = (200, BALANCE.replace('"12.50"', "12.5"))
    taqnyat.answers[9] = (400, guide.failure_json(1))
    done = run("--yes")

    found = words(done.out)
    assert done.code == 1
    at = found.index("What differs:")
    assert found[at + 1] == (
        "balance: field balance: number_string expected, number answered "
        "(it is documented for Taqnyat's other channels)"
    )
    assert found[at + 2].startswith("html_two_recipients: classification: sent expected, ")
    assert ": the gateway " in found[at + 2]
    assert "Nothing differs from what is expected." not in found
    assert next(line for line in found if line.startswith("balance ")).endswith("yes")
    assert found[at - 1] == (
        "5 of at most 5 calls that could send were made: 1 sent, 0 may have been, 4 refused."
    )


def test_no_mail_is_sent_where_none_may_be(taqnyat: Taqnyat, run: Callable[..., Done]) -> None:
    done = run("--mails", "0")

    assert (done.code, done.report["ended"]) == (0, "harmless_only")
    assert len(taqnyat.asked) == 7
    assert words(done.out)[-2:] == [
        "0 of at most 0 calls that could send were made: 0 sent, 0 may have been, 0 refused.",
        "Nothing differs from what is expected.",
    ]


def test_only_so_many_mails_are_sent(taqnyat: Taqnyat, run: Callable[..., Done]) -> None:
    done = run("--mails", "2")

    assert (done.code, done.report["ended"]) == (0, "complete")
    assert len(taqnyat.asked) == 9
    assert done.report["calls_that_could_send"] == {"allowed": 2, "made": 2}


def test_without_anybody_to_ask_no_mail_is_sent(taqnyat: Taqnyat, run: Callable[..., Done]) -> None:
    done = run(yes=False)

    assert (done.code, done.report["ended"]) == (1, "declined")
    assert "No mail was sent: there is nobody to ask. Add --yes." in words(done.err)
    assert words(done.out)[-1] == "No mail was sent."
    assert len(taqnyat.asked) == 7


@pytest.mark.usefixtures("terminal")
def test_a_person_may_decline(taqnyat: Taqnyat, run: Callable[..., Done]) -> None:
    done = run(yes=False, typed="n\n")

    question = (
        f"Make up to 5 calls that could send a mail, to {ME} and {ALSO_ME} alone? "
        "Both must be your own [y/N]:"
    )
    assert question in done.err
    assert (done.code, done.report["ended"]) == (1, "declined")
    assert words(done.out)[-1] == "No mail was sent."
    assert len(taqnyat.asked) == 7


@pytest.mark.usefixtures("terminal")
def test_a_person_may_stop(
    taqnyat: Taqnyat, run: Callable[..., Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object, err: bool) -> bool:
        assert err
        raise click.Abort

    monkeypatch.setattr("ops.commands.verify.click.confirm", stop)
    done = run(yes=False)

    assert (done.code, done.report["ended"]) == (130, "stopped")
    assert words(done.out)[-1] == "Stopped. What was asked so far is in the report."
    assert len(taqnyat.asked) == 7


@pytest.mark.usefixtures("taqnyat", "terminal")
def test_what_arrived_is_asked_and_written(run: Callable[..., Done]) -> None:
    answers = ["y", "n", "n", "y", "?", "y", "?", "n", "y", "y", "n"]
    done = run(yes=False, typed="y\n" + "\n".join(answers) + "\n")

    assert done.report["mailbox"] == {
        "empty_subject_arrived": True,
        "unapproved_sender_arrived": False,
        "html_two_recipients_arrived": False,
        "second_address_got_it": True,
        "recipients_see_each_other": None,
        "arabic_is_whole": True,
        "name_is_shown": None,
        "one_invalid_recipient_arrived": False,
        "text_json_arrived": True,
        "lines_are_kept": True,
        "text_is_html": False,
    }
    assert "Look into the mailbox. y: yes, n: no, ?: not known yet." in words(done.err)
    found = words(done.out)
    at = found.index("What differs:")
    assert found[at + 1 : at + 3] == [
        (
            "mailbox, empty_subject_arrived: a mail that was answered with a refusal arrived: the "
            "gateway says that it was not sent, and whoever sends it again sends it twice"
        ),
        (
            "mailbox, html_two_recipients_arrived: a mail that was answered as sent did not "
            "arrive: look into the spam folder first"
        ),
    ]
    at = found.index("What to look for in the mailbox:")
    assert found[at + 1 : at + 3] == [
        "Does mail 3 show both addresses among its recipients?",
        "Does mail 3 show the sender's name, Taqnyat check?",
    ]
    assert done.code == 1


@pytest.mark.usefixtures("terminal")
def test_what_arrived_is_asked_again_for_an_earlier_report(
    taqnyat: Taqnyat, run: Callable[..., Done], tmp_path: Path
) -> None:
    run()
    path = tmp_path / "report.json"

    done = run("--mailbox", str(path), typed="n\n" * 2 + "y\n" * 2 + "\n")
    again = run("--mailbox", str(path), typed="\n" * 11)

    assert len(taqnyat.asked) == 12  # nothing was asked of Taqnyat again
    assert done.code == again.code == 0
    assert again.report["mailbox"]["second_address_got_it"] is True
    assert again.report["mailbox"]["arabic_is_whole"] is None
    assert again.report["mailbox"]["unapproved_sender_arrived"] is False
    assert "Did mail 1 arrive? (y, n, ?) [n]:" in again.err
    assert words(again.err)[-1].endswith("The report is in report.json.")
    assert not list(tmp_path.glob("*.tmp"))


def test_without_anybody_to_ask_nothing_is_asked_again(
    taqnyat: Taqnyat, run: Callable[..., Done], tmp_path: Path
) -> None:
    run()

    done = run("--mailbox", str(tmp_path / "report.json"))

    assert (done.code, words(done.err)) == (
        1,
        ["Error: there is nobody to ask what arrived", "type it on a terminal"],
    )
    assert len(taqnyat.asked) == 12


@pytest.mark.parametrize(
    ("at", "answer", "asked"),
    [
        (0, Fault.UNREACHABLE, 1),
        (4, (400, guide.failure_json(104)), 5),
        (7, (400, guide.failure_json(104)), 8),
    ],
)
def test_where_asking_further_is_of_no_use_it_ends(
    taqnyat: Taqnyat,
    run: Callable[..., Done],
    at: int,
    answer: Any,
    asked: int,
) -> None:
    taqnyat.answers[at] = answer

    done = run()

    assert (done.code, done.report["ended"]) == (1, "trouble")
    assert len(taqnyat.asked) == asked
    [line] = [line for line in words(done.out) if line.startswith("Not asked further.")]
    assert len(line) > len("Not asked further. ")


def test_a_stop_during_a_call_counts_it_as_a_mail(
    taqnyat: Taqnyat, run: Callable[..., Done]
) -> None:
    taqnyat.answers[8] = KeyboardInterrupt()

    done = run()

    assert (done.code, done.report["ended"]) == (130, "stopped")
    last = done.report["calls"][-1]
    assert {key: last[key] for key in ("call", "could_send", "fault", "verdict", "reason")} == {
        "call": "unapproved_sender",
        "could_send": True,
        "fault": "interrupted",
        "verdict": "unknown",
        "reason": "interrupted",
    }
    assert last["scope"] == "provider"
    assert done.report["calls_that_could_send"] == {"allowed": 5, "made": 2}
    assert "2 of at most 5 calls that could send were made: 0 sent, 1 may have been, 1" in done.out


def test_an_answer_of_another_mail_is_not_believed(
    taqnyat: Taqnyat, run: Callable[..., Done]
) -> None:
    taqnyat.answers[11] = (201, guide.success_json(7001, "1"))

    last = run().report["calls"][-1]

    assert (last["verdict"], last["reason"]) == ("unknown", "answer_of_another_mail")


def test_names_and_json_are_used_only_where_they_were_understood(
    taqnyat: Taqnyat, run: Callable[..., Done]
) -> None:
    taqnyat.answers[5] = taqnyat.answers[6] = (400, guide.failure_json(14))

    report = run().report["calls"]

    assert (report[9]["named"], report[11]["encoding"]) == (False, "form")
    assert "Taqnyat check" not in taqnyat.bodies[9].decode().replace("+", " ")


def test_the_stack_s_token_and_url_are_used_where_a_stack_is_named(
    cloud: Cloud, taqnyat: Taqnyat, tmp_path: Path
) -> None:
    cloud.functions.settings["check"]["TAQNYAT_URL"] = "https://proxy.acme.sa/"
    words_ = ("--from", SENDER, "--to", ME, "--mails", "0", "--report", str(tmp_path / "r.json"))

    result = CliRunner(mix_stderr=False).invoke(
        main, ["verify", *words_, "--stack", "taqnyat-mail"], env={"TAQNYAT_TOKEN": None}
    )
    without = CliRunner(mix_stderr=False).invoke(
        main, ["verify", *words_], env={"TAQNYAT_TOKEN": None}
    )

    assert result.exit_code == 0
    assert taqnyat.asked[1][4] == "Bearer tok-en"
    assert without.exit_code == 1
    assert lines(without.stderr) == [
        "Error: there is no token",
        "set TAQNYAT_TOKEN, give --token-file, or --stack for a deployed stack's own",
    ]


@pytest.mark.parametrize(
    ("words_", "typed"), [(("--token-file", "-"), f"{TOKEN}\n"), (("--token-file", "{file}"), "")]
)
def test_a_token_comes_from_a_file_or_standard_input(
    taqnyat: Taqnyat,
    run: Callable[..., Done],
    tmp_path: Path,
    words_: tuple[str, ...],
    typed: str,
) -> None:
    file = tmp_path / "token.txt"
    file.write_text(f"\ufeff{TOKEN}\n", "utf-8")

    done = run("--mails", "0", *(w.format(file=file) for w in words_), token=None, typed=typed)

    assert done.code == 0
    assert taqnyat.asked[1][4] == f"Bearer {TOKEN}"


@pytest.mark.parametrize(
    ("data", "error", "remedy"),
    [
        (None, "the file of --token-file cannot be read: No such file or directory", None),
        (b"\xff\xfe", "the file of --token-file is not text in UTF-8", None),
        (
            b"a b",
            "the file of --token-file holds no token",
            "copy it again from Taqnyat's account, alone in one line",
        ),
    ],
)
def test_a_file_that_holds_no_token_is_told(
    run: Callable[..., Done],
    tmp_path: Path,
    data: bytes | None,
    error: str,
    remedy: str | None,
) -> None:
    file = tmp_path / "token.txt"
    if data is not None:
        file.write_bytes(data)

    done = run("--token-file", str(file))

    assert done.code == 1
    assert lines(done.err) == [f"Error: {error}", *([remedy] if remedy else [])]


def test_a_token_is_asked_for_hidden_at_a_terminal(
    taqnyat: Taqnyat, run: Callable[..., Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def prompt(text: str, **more: Any) -> str:
        asked.append((text, more))
        return TOKEN

    monkeypatch.setattr("click.testing._NamedTextIOWrapper.isatty", lambda _: True, raising=False)
    monkeypatch.setattr("ops.verification.given.click.prompt", prompt)

    assert run("--mails", "0", token=None).code == 0
    assert asked == [("Taqnyat's bearer token", {"hide_input": True, "err": True})]
    assert taqnyat.asked[1][4] == f"Bearer {TOKEN}"


def test_addresses_may_come_on_standard_input(taqnyat: Taqnyat, tmp_path: Path) -> None:
    words_ = ["--url", URL, "--mails", "0", "--report", str(tmp_path / "r.json")]

    result = CliRunner(mix_stderr=False).invoke(
        main, ["verify", *words_], input=f"{ME}\n{SENDER}\n", env={"TAQNYAT_TOKEN": TOKEN}
    )

    assert result.exit_code == 0
    assert SENDER.replace("@", "%40") in taqnyat.bodies[4].decode()
    assert ME.replace("@", "%40") not in taqnyat.bodies[4].decode()
