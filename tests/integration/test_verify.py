"""`verify` against variants of Taqnyat: each planted difference is found, no mail too many is sent.

The variants are the simulator's own: rules, an account, or a profile written by hand.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from outbox.settings import Settings

from local.simulator import FieldError, Simulator, guide, profile
from ops import stack as stacks
from ops.cli import main
from ops.commands import verified, verify
from ops.stack import Stack

TOKEN = "made-up-token-4711"
SENDER = "shop@acme.sa"
ME = "nora.alharbi@mailbox.sa"
ALSO_ME = "nora.alharbi+2@mailbox.sa"
ROOT = Path(__file__).parents[2]
COULD_SEND = 5
# A body that repeats whatever it can of what was sent.
ECHO = {
    "status": 1,
    "ResponseStatus": "fail",
    "Data": {ME: "queued", TOKEN: 1, "alharbi": 2, "10.0.0.1": 3, "Taqnyat check, mail 3": 4},
    "Error": {
        "ErrorCode": 15,
        "MessageEn": f"{ME} is not specified; token {TOKEN}; ip 10.0.0.1; from {SENDER}",
        "MessageAr": "فحص تقنيات، الرسالة",
    },
}
SECRETS = (TOKEN, ME, ALSO_ME, "alharbi", SENDER, "10.0.0.1", "127.0.0.1", "Taqnyat check", "فحص")


@dataclass(frozen=True, slots=True)
class Done:
    """What a command did."""

    code: int
    out: str
    err: str
    report: dict[str, Any]

    def differs(self) -> set[str]:
        calls = self.report["calls"]
        return {f"{call['call']}: {line}" for call in calls for line in call["differs"]}

    def call(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = next(c for c in self.report["calls"] if c["call"] == name)
        return found


@dataclass(frozen=True, slots=True)
class Desk:
    """Where the command is typed."""

    folder: Path

    @property
    def path(self) -> Path:
        return self.folder / "report.json"

    def run(self, *words: str, typed: str = "", token: str | None = TOKEN) -> Done:
        env = {"TAQNYAT_TOKEN": token}
        where = ("--report", str(self.path)) if "--report" not in words else ()
        result = CliRunner(mix_stderr=False).invoke(
            main, ["verify", *words, *where], input=typed, env=env
        )
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
        found = json.loads(self.path.read_text("utf-8")) if self.path.exists() else {}
        return Done(result.exit_code, result.stdout, result.stderr, found)

    def ask(self, simulator: Simulator, *more: str, typed: str = "", yes: bool = True) -> Done:
        words = ["--from", SENDER, "--to", ME, "--url", simulator.base_url, "--timeout", "10"]
        return self.run(*words, *more, *(["--yes"] if yes else []), typed=typed)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return Desk(tmp_path)


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(token=TOKEN) as running:
        yield running


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a person at a terminal."""
    for module in (verified, verify):
        monkeypatch.setattr(module, "may_be_asked", lambda screen: not screen.as_json)


def could_send(simulator: Simulator) -> int:
    """Count the calls that could have sent a mail."""
    return sum(bool(call["to"]) for call in simulator.calls()["calls"])


def hand_written(call: str, **changes: Any) -> profile.Profile:  # noqa: ANN401 - JSON
    """Return a profile in which one call is answered otherwise than the guide has it."""
    body = changes.pop("body", {"form": "json", "bytes": 9, "fields": []})
    one = {"call": call, "status": 200, "code": None, "result": None, "verdict": "unknown"}
    one |= {"encoding": "form"}
    mailbox = {f"{call}_arrived": changes.pop("arrived", None)}
    more = {"calls": [{**one, "fault": None, "body": body, **changes}], "mailbox": mailbox}
    return profile.read_report({"made_by": "taqnyat-mail verify", "format": 1, **more})


ERROR_FIELDS = ("ResponseStatus", "Error", "Error__ErrorCode")


def refusal(code: int) -> dict[str, Any]:
    """Return what a profile has of a refusal."""
    kinds = dict(zip(ERROR_FIELDS, ("string", "object", "number"), strict=True))
    return {"status": 400, "code": code, "result": "fail", "verdict": "terminal"} | {
        "body": fields(**kinds)
    }


def fields(**kinds: str) -> dict[str, Any]:
    """Return a body with fields of these types; `__` is a dot."""
    lines = [
        {"name": name.replace("__", "."), "type": kind, "length": 3} for name, kind in kinds.items()
    ]
    return {"form": "json", "bytes": 99, "fields": lines}


def test_as_the_guide_has_it_nothing_differs(desk: Desk, simulator: Simulator) -> None:
    done = desk.ask(simulator)

    assert (done.code, done.differs()) == (0, set())
    assert "Nothing differs from what is expected." in done.out
    assert "5 of at most 5 calls that could send were made: 2 sent, 0 may have been, 3" in done.out
    assert done.report["ended"] == "complete"
    assert could_send(simulator) == COULD_SEND
    html, text = (mail["fields"] for mail in simulator.inbox())
    assert (html["to"], html["from"]) == (f"{ME},{ALSO_ME}", SENDER)  # the simulator takes no name
    assert 'dir="rtl"' in html["msg"]
    assert (text["to"], text["msg"].count("\n")) == ([ME], 4)
    assert simulator.inbox()[1]["content_type"] == "application/json"


Plant = Callable[[Simulator], None]


def rule(answer: str, **more: Any) -> Plant:  # noqa: ANN401 - JSON
    return lambda simulator: simulator.script({"answer": answer, **more})


FAIL = json.loads(guide.failure_json(15))
SUCCESS = json.loads(guide.success_json(202, "1"))
MIXED = {"to": "not-an-address"}
UNAPPROVED = {"from": "not-approved@*"}
TWO = {"to": ALSO_ME}
RECORDS = ": the gateway records it as sent"
NOT_READ = (
    "classification: sent expected, unreadable_answer found: the gateway holds the mail: it may "
    "have been sent"
)
HOLDS = ": the gateway holds the mail: it may have been sent"


@pytest.mark.parametrize(
    ("plant", "found"),
    [
        (
            rule("code:99", **UNAPPROVED),
            ["unapproved_sender: code: 14 expected, 99 answered"],
        ),
        (
            rule("success", accept=False, status=201, body=json.dumps(SUCCESS), **UNAPPROVED),
            [
                "unapproved_sender: classification: sender_refused expected, sent found" + RECORDS,
                "unapproved_sender: result: fail expected, success answered",
            ],
        ),
        (
            rule("code:15", **MIXED, status=200),
            ["one_invalid_recipient: status: 400 expected, 200 answered"],
        ),
        (
            rule("code:15", **MIXED, body=json.dumps({**FAIL, "Error": {"Code": 15}})),
            [
                "one_invalid_recipient: field Error.ErrorCode: missing",
                "one_invalid_recipient: field Error.Code: new (number)",
                "one_invalid_recipient: code: 15 expected, none answered",
            ],
        ),
        (
            rule("success", **TWO, body=json.dumps({**SUCCESS, "Data": {"msgId": "m-1"}})),
            [
                "html_two_recipients: field Data.msgId: number expected, string answered",
                "html_two_recipients: field Data.price: missing",
            ],
        ),
        (
            rule("success", **TWO, body=json.dumps({**SUCCESS, "Data": {"price": 2}})),
            [
                "html_two_recipients: classification: sent expected, unreadable_answer found"
                + HOLDS,
                "html_two_recipients: field Data.msgId: missing",
            ],
        ),
        (
            rule("success", to="*@*", body=json.dumps(SUCCESS), status=201),
            [
                "text_json: classification: sent expected, answer_of_another_mail found" + HOLDS,
            ],
        ),
        (rule("accept_then_hang", **TWO), ["html_two_recipients: no whole answer: timeout"]),
        (rule("accept_then_cut", **TWO), ["html_two_recipients: no whole answer: connection_lost"]),
        (rule("unreadable", **TWO), ["html_two_recipients: body: JSON expected, html answered"]),
        (rule("empty", **TWO), ["html_two_recipients: body: JSON expected, empty answered"]),
        (rule("status:429", **TWO), ["html_two_recipients: status: 201 expected, 429 answered"]),
        (
            rule("status:500", target="balance", body='{"balance": 12.5, "unit": "SAR",}'),
            [
                "balance: classification: balance_read expected, unreadable found",
                "balance: status: 200 expected, 500 answered",
                "balance: field balance: number_string expected, number answered",
                "balance: field currency: missing",
                "balance: field unit: new (string)",
            ],
        ),
        (
            rule("affected_list", target="status"),
            [
                "status: classification: operational expected, affected found",
                "status: field status: object expected, array answered",
            ],
        ),
        (rule("hang", target="status"), ["status: no whole answer: timeout"]),
    ],
)
def test_each_planted_difference_is_found(
    desk: Desk, simulator: Simulator, plant: Plant, found: list[str]
) -> None:
    plant(simulator)

    hangs = any("timeout" in line for line in found)
    done = desk.ask(simulator, "--timeout", "1" if hangs else "10")

    assert done.code == 1
    assert set(found) <= done.differs()
    assert {line.partition(":")[0] for line in done.differs()} == {
        line.partition(":")[0] for line in found
    }
    assert all(line in done.out for line in found)
    assert could_send(simulator) <= COULD_SEND


@pytest.mark.parametrize(
    ("seen", "found"),
    [
        (
            hand_written("wrong_token", body=fields(status="number", ResponseStatus="string")),
            {
                "wrong_token: classification: token_refused expected, unreadable_answer found",
                "wrong_token: status: 400 expected, 200 answered",
            },
        ),
        (
            hand_written("wrong_method", body=fields(message="string")),
            {"wrong_method: status: 405 expected, 200 answered"},
        ),
        (
            hand_written("no_recipient_json", **refusal(17)),
            {"no_recipient_json: code: 15 expected, 17 answered"},
        ),
    ],
    ids=["wrong token", "wrong method", "json"],
)
def test_differences_of_what_cannot_be_sent(
    desk: Desk, seen: profile.Profile, found: set[str]
) -> None:
    with Simulator(token=TOKEN, profile=seen) as simulator:
        done = desk.ask(simulator, "--mails", "0")

        assert could_send(simulator) == 0
    assert (done.code, done.report["ended"]) == (1, "harmless_only")
    assert found <= done.differs() | {
        line for line in done.differs() if line.startswith(tuple(found))
    }


def test_json_that_is_not_understood_is_not_used_for_the_mail(desk: Desk) -> None:
    with Simulator(
        token=TOKEN, profile=hand_written("no_recipient_json", **refusal(17))
    ) as simulator:
        done = desk.ask(simulator)

        assert done.call("text_json")["encoding"] == "form"
        assert [mail["content_type"] for mail in simulator.inbox()] == [
            "application/x-www-form-urlencoded"
        ] * 2


def test_a_name_in_from_is_sent_where_it_is_not_refused(desk: Desk, simulator: Simulator) -> None:
    seen = desk.ask(simulator).report
    seen["calls"] = [call for call in seen["calls"] if call["call"] != "no_recipient_named"]
    with Simulator(token=TOKEN, profile=profile.read_report(seen)) as other:
        done = desk.ask(other)

        assert done.call("html_two_recipients")["named"]
        assert "Does mail 3 show the sender's name" in done.out
        assert other.inbox()[0]["fields"]["from"].endswith(f" <{SENDER}>")


@pytest.mark.parametrize("allowed", [0, 1, 4])
@pytest.mark.parametrize(
    "answer",
    ["success", "accept_then_500", "code:104", "status:429", "cut", "code:2", "accept_then_cut"],
)
def test_there_are_never_more_than_the_allowed_calls(
    desk: Desk, simulator: Simulator, answer: str, allowed: int
) -> None:
    simulator.script({"answer": answer, "to": "*@*"})

    done = desk.ask(simulator, "--mails", str(allowed))

    assert could_send(simulator) <= allowed
    counted = done.report["calls_that_could_send"]
    assert counted == {"allowed": allowed, "made": could_send(simulator)}
    assert len(simulator.inbox()) <= allowed


def test_hanging_calls_are_made_once(desk: Desk, simulator: Simulator) -> None:
    simulator.script({"answer": "hang", "to": "*@*"})

    done = desk.ask(simulator, "--timeout", "1", "--mails", "2")

    assert could_send(simulator) == 2
    assert "0 sent, 2 may have been, 0 refused" in done.out


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("code:2", "The balance of the Taqnyat account is 0"),
        ("code:104", "Taqnyat refused the bearer token"),
        ("status:503", "Taqnyat was not available"),
        ("code:102", "does not allow the gateway's IP address"),
    ],
)
def test_where_the_account_takes_no_mail_none_is_tried(
    desk: Desk, simulator: Simulator, answer: str, said: str
) -> None:
    simulator.script(answer)

    done = desk.ask(simulator)

    assert (done.code, done.report["ended"]) == (1, "trouble")
    assert said in done.out
    assert could_send(simulator) == 0


def test_nothing_there_is_a_sentence(desk: Desk, simulator: Simulator) -> None:
    simulator.stop()

    done = desk.ask(simulator)

    assert (done.code, done.report["ended"]) == (1, "trouble")
    assert "Taqnyat could not be reached; nothing was sent." in done.out
    assert len(done.report["calls"]) == 1


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_what_was_sent_is_in_no_file_and_no_output(
    desk: Desk, simulator: Simulator, more: tuple[str, ...]
) -> None:
    simulator.script(
        {"answer": "code:15", "body": json.dumps(ECHO, ensure_ascii=False)},
        {"answer": "status:500", "target": "balance", "body": json.dumps(ECHO)},
    )

    done = desk.ask(simulator, *more)

    files = [path.read_text("utf-8") for path in desk.folder.rglob("*") if path.is_file()]
    assert files
    for text in (*files, done.out, done.err):
        assert not [secret for secret in SECRETS if secret in text]
    names = {field["name"] for field in done.call("no_recipient")["body"]["fields"]}
    assert "Data.other" in names


@pytest.mark.usefixtures("terminal")
def test_the_person_is_asked_first_and_sees_the_addresses(desk: Desk, simulator: Simulator) -> None:
    done = desk.ask(simulator, yes=False, typed="n\n")

    assert f"up to 5 calls that could send a mail, to {ME} and {ALSO_ME} alone?" in done.err
    assert (done.code, done.report["ended"]) == (1, "declined")
    assert could_send(simulator) == 0
    assert ME not in done.out + desk.path.read_text("utf-8")


def test_without_anybody_to_ask_no_mail_is_sent(desk: Desk, simulator: Simulator) -> None:
    done = desk.ask(simulator, yes=False)

    assert (done.code, done.report["ended"]) == (1, "declined")
    assert "there is nobody to ask. Add --yes" in done.err
    assert could_send(simulator) == 0


def of_the_mailbox(simulator: Simulator) -> str:
    """Type what a person sees who looks into the mailbox: which mails arrived; the rest unknown."""
    bodies = [mail["fields"]["msg"] for mail in simulator.inbox(to=ME)]
    arrived = [
        any(f"Mail {n} of" in text or f"الرسالة {n}" in text for text in bodies)
        for n in range(1, COULD_SEND + 1)
    ]
    words = ["y" if found else "n" for found in arrived]
    more = {2: ["?"] * 3, 4: ["?"] * 2}  # of the HTML and of the text
    typed = [word for at, one in enumerate(words) for word in (one, *more.get(at, ()))]
    return "".join(f"{word}\n" for word in typed)


@pytest.mark.usefixtures("terminal")
def test_fifteen_that_reached_the_valid_one_is_found(desk: Desk) -> None:
    planted = hand_written("one_invalid_recipient", arrived=True, **refusal(15))
    with Simulator(token=TOKEN, profile=planted) as simulator:
        desk.ask(simulator)
        typed = of_the_mailbox(simulator)
    assert typed.split("\n")[6] == "y"

    done = desk.run("--mailbox", str(desk.path), typed=typed)

    assert done.code == 1
    assert "code 15 does not mean that the mail went to nobody" in done.out
    assert done.report["mailbox"]["one_invalid_recipient_arrived"] is True
    assert done.report["mailbox"]["html_two_recipients_arrived"] is True
    assert done.report["mailbox"]["lines_are_kept"] is None


@pytest.mark.usefixtures("terminal")
def test_on_a_terminal_the_mailbox_is_asked_about_at_once(desk: Desk, simulator: Simulator) -> None:
    answers = "n\nn\ny\ny\ny\ny\nn\ny\ny\nn\n"

    done = desk.ask(simulator, yes=False, typed=f"y\n{answers}")

    assert (done.code, done.report["ended"]) == (0, "complete")
    assert done.report["mailbox"] == {
        "empty_subject_arrived": False,
        "unapproved_sender_arrived": False,
        "html_two_recipients_arrived": True,
        "second_address_got_it": True,
        "recipients_see_each_other": True,
        "arabic_is_whole": True,
        "one_invalid_recipient_arrived": False,
        "text_json_arrived": True,
        "lines_are_kept": True,
        "text_is_html": False,
    }


MADE = '"made_by": "taqnyat-mail verify"'
VARIANTS: dict[str, list[dict[str, Any]]] = {
    "guide": [],
    "valid json": [
        {"answer": "code:15", "to": "not-an-address", "valid_json": True},
        {"answer": "success", "to": "*@*", "valid_json": True, "from": SENDER, "subject": "?*"},
    ],
    "others": [
        {"answer": "code:99", "from": "not-approved@*"},
        {"answer": "code:15", "to": "not-an-address", "status": 200},
        {"answer": "unreadable", "to": ALSO_ME},
        {"answer": "success", "to": ME, "body": json.dumps({"messages": [{"id": "x1"}]})},
        {"answer": "status:404", "target": "balance"},
        {"answer": "affected_list", "target": "status", "body": '{"up": true, "status": ["x"]}'},
    ],
    "another envelope": [
        {"answer": "code:15", "to": "not-an-address", "body": '{"message": "402", "reason": "x"}'},
        {
            "answer": "success",
            "to": ALSO_ME,
            "body": '{"ResponseStatus": "success", "msgId": "7", "price": 0.5, "ok": true}',
        },
    ],
    "faults": [
        {"answer": "accept_then_hang", "to": ALSO_ME},
        {"answer": "cut", "to": "not-an-address"},
    ],
    "nothing but text": [{"answer": "status:400", "body": "Bad request"}],
}


@pytest.mark.parametrize("rules", VARIANTS.values(), ids=VARIANTS)
def test_the_simulator_answers_as_a_report_has_it(
    desk: Desk, simulator: Simulator, rules: list[dict[str, Any]]
) -> None:
    simulator.script(*rules)
    wait = ("--timeout", "1" if "accept_then_hang" in str(rules) else "10")
    first = desk.ask(simulator, *wait)

    with Simulator(token=TOKEN, profile=profile.load(desk.path)) as fresh:
        second = desk.ask(fresh, *wait)

        # What may have been sent counts as sent.
        assert all(_has(fresh, mail["fields"]["to"]) for mail in simulator.inbox())
    assert _answers(second) == _answers(first)


def _has(simulator: Simulator, to: object) -> bool:
    return any(mail["fields"]["to"] == to for mail in simulator.inbox())


def _answers(done: Done) -> list[Any]:
    """Return status, code, field names and types of each answer, and what is made of it."""
    return [
        (
            *(call[name] for name in ("call", "status", "fault", "code", "result")),
            *(call[name] for name in ("verdict", "scope", "encoding", "named")),
            call["body"]["form"],
            {field["name"]: field["type"] for field in call["body"]["fields"]},
        )
        for call in done.report["calls"]
    ]


def test_codes_that_were_not_seen_come_in_the_shape_of_those_that_were(
    desk: Desk, simulator: Simulator
) -> None:
    simulator.script({"answer": "code:16", "status": 422, "valid_json": True})
    desk.ask(simulator)

    with Simulator(token=TOKEN, profile=profile.load(desk.path)) as fresh:
        fresh.account(balance=0)
        done = desk.ask(fresh)

    assert done.call("no_recipient")["status"] == 422  # as it was seen
    fresh_profile = profile.load(desk.path)
    failure = fresh_profile.failure(2)
    assert failure is not None
    assert (failure.status, failure.code) == (422, 2)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("no", "is not JSON"),
        ("{}", "made_by is wrong"),
        (f'{{{MADE}, "format": 2}}', "format is wrong"),
        (f'{{{MADE}, "format": 1, "calls": 1}}', "calls is wrong"),
        (f'{{{MADE}, "format": 1, "calls": [1], "mailbox": {{}}}}', "calls[0] is wrong"),
    ],
)
def test_what_is_no_profile_is_named(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "p.json"
    path.write_text(text)

    with pytest.raises(FieldError) as error:
        profile.load(path)
    assert said in str(error.value)


def test_a_simulator_with_no_profile_does_not_start(tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    path.write_text("{}")

    done = subprocess.run(
        [sys.executable, "-m", "local.simulator", "--profile", path],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 2
    assert "argument --profile: " in done.stderr
    assert "Traceback" not in done.stderr


def test_the_token_comes_from_a_file_or_standard_input(desk: Desk, simulator: Simulator) -> None:
    file = desk.folder / "token.txt"
    file.write_text(f"\ufeff{TOKEN}\n", "utf-8")
    words = ("--from", SENDER, "--to", ME, "--url", simulator.base_url, "--mails", "0")

    assert desk.run(*words, "--token-file", str(file), token=None).code == 0
    assert desk.run(*words, "--token-file", "-", token=None, typed=f"{TOKEN}\n").code == 0


class Secrets:
    """Secrets Manager with the stack's token."""

    def get_secret_value(self, *, SecretId: str) -> dict[str, str]:  # noqa: N803 - AWS's own
        assert SecretId == "arn:token"
        return {"SecretString": json.dumps({"bearerToken": TOKEN}), "VersionId": "v"}


@pytest.mark.parametrize("words", [("--stack", "mail"), ("--region", "me-south-1"), ("--local",)])
def test_after_deploying_token_and_url_are_the_stack_s(
    desk: Desk, simulator: Simulator, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    stack = Stack("mail", lambda service: {"secretsmanager": Secrets()}[service], "here")
    outputs = [{"OutputKey": "TokenSecretArn", "OutputValue": "arn:token"}]
    stack.__dict__["described"] = {"Outputs": outputs}
    stack.__dict__["settings"] = Settings("", "", "", taqnyat_url=simulator.base_url)
    monkeypatch.setattr(stacks, "find", lambda *_: stack)
    monkeypatch.setattr(stacks, "find_local", lambda *_: stack)

    done = desk.run("--from", SENDER, "--to", ME, "--yes", *words, token="of-another-account")

    assert (done.code, done.report["ended"]) == (0, "complete")
    assert could_send(simulator) == COULD_SEND


def test_no_color_is_respected(
    desk: Desk, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator.script("code:2")
    monkeypatch.setenv("FORCE_COLOR", "1")
    colored = re.compile(r"\x1b\[[0-9;]*3[0-7]")
    assert colored.search(desk.ask(simulator).out)

    monkeypatch.setenv("NO_COLOR", "1")

    assert not colored.search(desk.ask(simulator).out)


@pytest.mark.parametrize("word", ["verfy", "verifi"])
def test_a_slip_of_the_keys_is_understood(word: str) -> None:
    result = CliRunner(mix_stderr=False).invoke(main, [word])

    assert (result.exit_code, "did you mean `verify`?" in result.stderr) == (2, True)


@pytest.mark.parametrize(
    ("more", "token", "said"),
    [
        ((), None, "there is no token"),
        ((), "to ken", "TAQNYAT_TOKEN holds no token"),
        (("--token-file", "no-such-file"), TOKEN, "cannot be read"),
        (("--token-file", "-"), None, "the file of --token-file holds no token"),
        (("--url", "http://taqnyat.sa"), TOKEN, "--url is no https URL"),
        (("--report", "no/such/dir/r.json"), TOKEN, "the report cannot be written there"),
        (("--to", "nobody"), TOKEN, "--to is not a valid e-mail address"),
        (("--from", "a b@acme.sa"), TOKEN, "--from"),
    ],
)
def test_what_is_wrong_is_a_sentence_before_anything_is_asked(
    desk: Desk, simulator: Simulator, more: tuple[str, ...], token: str | None, said: str
) -> None:
    words = [*("--from", SENDER, "--to", ME, "--url", simulator.base_url), *more]

    done = desk.run(*words, token=token)

    assert (done.code, done.report) == (1, {})
    assert said in done.err
    assert not [secret for secret in (TOKEN, "to ken", ME, "nobody") if secret in done.err]
    assert simulator.calls()["status_calls"] == 0
    assert not list(desk.folder.iterdir())


def start(desk: Desk, simulator: Simulator, *more: str) -> subprocess.Popen[str]:
    """Type the command in a process of its own."""
    words = ["--from", SENDER, "--to", ME, "--url", simulator.base_url, "--yes"]
    where = ["--report", str(desk.path), *more]
    return subprocess.Popen(
        [sys.executable, "-m", "ops", "verify", *words, *where],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={
            **os.environ,
            "TAQNYAT_TOKEN": TOKEN,
            "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'layers' / 'taqnyat'}",
        },
    )


def ended(desk: Desk) -> str:
    return str(json.loads(desk.path.read_text("utf-8"))["ended"])


def until(condition: Callable[[], bool]) -> None:
    """Wait for something."""
    end = time.monotonic() + 100
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize("presses", [1, 2])
def test_ctrl_c_leaves_the_report_of_what_was_seen(
    desk: Desk, simulator: Simulator, presses: int
) -> None:
    simulator.script({"answer": "hang", "to": "*@*"})
    with start(desk, simulator, "--timeout", "1" if presses == 1 else "100") as running:
        try:
            until(lambda: could_send(simulator) == 1 or running.poll() is not None)
            running.send_signal(signal.SIGINT)
            while presses > 1 and running.poll() is None and ended(desk) == "running":
                running.send_signal(signal.SIGINT)  # one that comes with the one before is none
                time.sleep(0.05)
            out, err = running.communicate(timeout=60)
        finally:
            running.kill()

    assert running.returncode == 130
    report = json.loads(desk.path.read_text("utf-8"))
    assert report["ended"] == "stopped"
    assert report["calls_that_could_send"]["made"] == could_send(simulator) == 1
    assert report["calls"][-1]["fault"] == ("timeout" if presses == 1 else "interrupted")
    assert "1 may have been" in out
    assert "Traceback" not in err
    assert not [path for path in desk.folder.iterdir() if path != desk.path]
