"""Ctrl-C at any moment, and a place for the output that takes none: a sentence, and soon."""

import errno
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from botocore.exceptions import ConfigParseError, TokenRetrievalError

from ops import __main__ as entry
from ops import failed_queue, let_go
from ops import stack as stacks
from ops.errors import OpsError, explain
from tests.unit.ops.office import FAILED, Office


def press() -> None:
    """Press Ctrl-C."""
    os.kill(os.getpid(), signal.SIGINT)


def press_at(office: Office, call: str, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Press it at the n-th call of a kind."""
    made = getattr(office.sqs, call)
    left = [number]
    lock = threading.Lock()

    def pressing(**arguments: Any) -> Any:
        with lock:
            left[0] -= 1
            if left[0] == 0:
                press()
        return made(**arguments)

    monkeypatch.setattr(office.sqs, call, pressing)


def at_a_terminal(monkeypatch: pytest.MonkeyPatch, key: BaseException) -> None:
    """Let a person sit there, who presses a key at each question."""

    def pressing(_: str) -> str:
        raise key

    monkeypatch.setattr("click.testing._NamedTextIOWrapper.isatty", lambda _: True, raising=False)
    monkeypatch.setattr("click.termui.confirm", _confirming(pressing))
    monkeypatch.setattr("click.confirm", _confirming(pressing))


def _confirming(pressing: Any) -> Any:
    def confirm(*_: object, **__: object) -> bool:
        import click  # noqa: PLC0415  as click's own does

        try:
            pressing("")
        except (KeyboardInterrupt, EOFError):
            raise click.Abort from None
        return True

    return confirm


@pytest.mark.parametrize(
    "words",
    [
        ("failed", "list"),
        ("failed", "groups"),
        ("failed", "show", "nothing"),
        ("mail", "show", "x"),
    ],
)
def test_a_look_that_was_stopped_says_how_much_it_saw(
    office: Office, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    office.fail(300)
    press_at(office, "receive_message", 12, monkeypatch)

    code, _, err = office.run(*words)

    assert code == 130
    assert "Stopped: " in err
    assert "of about 300" in err
    assert "no record" not in err
    assert office.hidden() == 0


def test_a_poll_that_ends_after_the_release_gives_back_what_it_got(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.fail(100)
    monkeypatch.setattr("ops.interrupt._SECONDS", 0.1)
    receive = office.sqs.receive_message
    gone, late = threading.Event(), threading.Event()

    def slow(**arguments: Any) -> Any:
        if threading.current_thread() is threading.main_thread() or gone.is_set():
            return receive(**arguments)
        answer = receive(**arguments)
        if office.hidden() > 20 and not gone.is_set():
            gone.set()
            press()
            time.sleep(0.5)
            late.set()
        return answer

    monkeypatch.setattr(office.sqs, "receive_message", slow)
    assert office.run("failed", "list")[0] == 130
    assert late.wait(10)
    end = time.monotonic() + 10
    while office.hidden() and time.monotonic() < end:
        time.sleep(0.01)

    assert office.hidden() == 0


@pytest.mark.parametrize(
    ("key", "code", "said"),
    [
        (KeyboardInterrupt(), 130, "Stopped; nothing was done."),
        (EOFError(), 1, "Nothing was done."),
    ],
)
def test_ctrl_c_at_a_question(
    office: Office, monkeypatch: pytest.MonkeyPatch, key: BaseException, code: int, said: str
) -> None:
    office.fail(30)
    at_a_terminal(monkeypatch, key)

    found, _, err = office.run("failed", "redrive")

    assert (found, said in err, "Aborted" in err) == (code, True, False)
    assert office.hidden() == 0


def test_what_cannot_be_released_within_the_second_is_released_in_the_background(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.fail(400)
    at_a_terminal(monkeypatch, KeyboardInterrupt())
    change = office.sqs.change_message_visibility_batch
    handed: list[tuple[Any, list[str]]] = []

    def slow(**arguments: Any) -> Any:
        time.sleep(0.2)  # forty calls, eight at once
        return change(**arguments)

    monkeypatch.setattr(office.sqs, "change_message_visibility_batch", slow)
    monkeypatch.setattr(let_go, "later", lambda place, handles: handed.append((place, handles)))
    found, stack = stacks.find, office.stack()
    stack.place = {"name": "x", "region": None, "profile": None}
    monkeypatch.setattr(stacks, "find", lambda *_: stack)

    begin = time.monotonic()
    code, _, err = office.run("failed", "redrive")
    took = time.monotonic() - begin

    monkeypatch.setattr(stacks, "find", found)
    ((place, handles),) = handed
    assert code == 130
    assert f"{len(handles)} held mail(s) can be seen again in a moment." in err
    assert place == stack.place
    assert 0 < len(handles) <= 400
    assert took < 20  # all the rest of it, on the busiest machine
    failed_queue.FailedQueue(office.sqs, FAILED).let_go(handles)
    assert office.hidden() == 0


def test_the_background_finds_the_stack_again_and_releases(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.fail(25)
    handles = [
        message["ReceiptHandle"]
        for _ in range(3)
        for message in office.sqs.receive_message(
            QueueUrl=FAILED, MaxNumberOfMessages=10, VisibilityTimeout=300
        )["Messages"]
    ]
    assert office.hidden() == 25
    found: list[Any] = []

    def at(place: Any) -> Any:
        found.append(place)
        return office.stack()

    monkeypatch.setattr(stacks, "at", at)
    place = {"name": "x", "region": "eu-central-1", "profile": None}
    given = json.dumps({"place": place, "handles": handles})
    monkeypatch.setattr(sys, "stdin", io.StringIO(given))

    let_go.main()

    assert found == [place]
    assert office.hidden() == 0


def test_the_process_in_the_background_gets_it_all_and_no_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun: list[tuple[list[str], dict[str, Any], str]] = []

    def popen(words: list[str], **given: Any) -> None:
        begun.append((words, given, given["stdin"].read()))

    monkeypatch.setattr(subprocess, "Popen", popen)
    let_go.later({"path": "x"}, ["h"] * 5000)

    ((words, given, sent),) = begun
    assert words[1:] == ["-P", "-m", "ops.let_go"]
    assert json.loads(sent) == {"place": {"path": "x"}, "handles": ["h"] * 5000}
    assert given["start_new_session"]
    assert given["stdout"] == given["stderr"] == subprocess.DEVNULL


def test_a_stack_is_found_again_by_its_place(tmp_path: Path) -> None:
    facts = {"access_key_id": "1", "secret_access_key": "2", "region": "us-east-1"}
    facts |= {"aws_endpoint_url": "http://127.0.0.1:1", "stack_name": "here"}
    path = tmp_path / "stack.json"
    path.write_text(json.dumps(facts))

    local, remote = stacks.find_local(path), stacks.find("mine", "eu-central-1", None)

    assert local.place is not None
    assert remote.place is not None
    assert str(stacks.at(local.place)) == "here (local)"
    assert str(stacks.at(remote.place)) == "mine (eu-central-1)"


def test_ctrl_c_while_it_is_loaded_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Loading(ModuleType):
        @property
        def main(self) -> object:
            raise KeyboardInterrupt

    monkeypatch.setitem(sys.modules, "ops.cli", Loading("ops.cli"))
    with pytest.raises(SystemExit) as ended:
        entry.run()

    assert ended.value.code == 130
    assert capsys.readouterr().err == "Stopped; nothing was done.\n"


@pytest.mark.parametrize("stream", ["stdin", "stdout", "stderr"])
def test_a_stream_that_the_shell_closed(monkeypatch: pytest.MonkeyPatch, stream: str) -> None:
    monkeypatch.setattr(sys, stream, None)
    monkeypatch.setattr(sys, "argv", ["taqnyat-mail", "--version"])
    with pytest.raises(SystemExit) as ended:
        entry.run()

    assert ended.value.code == 0
    getattr(sys, stream).close()


@pytest.mark.parametrize("words", [("failed",), ("failed", "--json")])
def test_output_that_cannot_be_written_is_a_sentence(
    office: Office, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("ops.screen.Screen.show", full)
    monkeypatch.setattr("ops.commands.frame._drop_output", lambda: None)
    code, _, err = office.run(*words)

    assert code == 1
    assert "No space left on device" in err
    assert "what the command had done stays done" in err


@pytest.mark.parametrize("region", ["", "us east", "mars one"])
def test_a_region_that_is_none(monkeypatch: pytest.MonkeyPatch, region: str) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    with pytest.raises(OpsError, match="no address of AWS") as told:
        stacks.find("x", region, None).client("sqs")
    assert "--region" in told.value.remedy


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ConfigParseError(path="x"), "settings of this machine cannot be read"),
        (TokenRetrievalError(provider="sso", error_msg="x"), "credentials cannot be had"),
    ],
)
def test_credentials_and_settings_that_cannot_be_had(error: Any, said: str) -> None:
    found = explain(error)
    assert said in str(found)
    assert found.remedy != "try again"
