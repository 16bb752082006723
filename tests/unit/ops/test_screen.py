"""What is said: failures of AWS as sentences, moments as people type them, questions asked."""

import json

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
)
from outbox.mail.times import iso

from ops.errors import OpsError, explain
from ops.moment import moment
from ops.screen import Screen, ago, table

NOW = 1_795_000_000.0


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (NoCredentialsError(), "no AWS credentials"),
        (NoRegionError(), "no AWS region"),
        (EndpointConnectionError(endpoint_url="https://x"), "cannot be reached"),
        (BotoCoreError(), "did not answer"),
        (ClientError({"Error": {"Code": "AccessDenied"}}, "Scan"), "may not do Scan"),
        (ClientError({"Error": {"Code": "ExpiredToken"}}, "Scan"), "has expired"),
        (ClientError({"Error": {"Code": "InvalidClientTokenId"}}, "Scan"), "does not know"),
        (ClientError({"Error": {"Code": "X", "Message": "secret"}}, "Scan"), "AWS answered X"),
    ],
)
def test_a_failure_of_aws_is_a_sentence_with_a_remedy(
    error: ClientError | BotoCoreError, said: str
) -> None:
    found = explain(error)

    assert said in str(found)
    assert found.remedy
    assert "secret" not in str(found)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2h", NOW - 7200),
        (" 45s ", NOW - 45),
        ("30 min", NOW - 1800),
        ("3d", NOW - 3 * 86400),
        ("2026-11-23", 1_795_392_000.0),
        ("2026-11-23T08:00Z", 1_795_420_800.0),
        ("2026-11-23T11:00+03:00", 1_795_420_800.0),
        ("999999d", 0.0),
        ("0001-01-01", 0.0),
        ("9999-12-31T23:59-23:59", 253_402_300_799.0),
    ],
)
def test_a_moment(text: str, seconds: float) -> None:
    assert moment(text, NOW) == seconds
    assert iso(moment(text, NOW))


@pytest.mark.parametrize("text", ["", "yesterday", "2 weeks", "2026-13-01"])
def test_no_moment(text: str) -> None:
    with pytest.raises(OpsError) as error:
        moment(text, NOW)

    assert str(error.value) == f"{text!r} is no time"
    assert error.value.remedy == "write 2026-11-23, 2026-11-23T08:00Z, 30min, 2h or 3d"


def test_without_anybody_to_ask_nothing_is_done() -> None:
    with pytest.raises(OpsError) as error:
        Screen(as_json=True).confirm("Send?", yes=False)

    assert error.value.remedy == "add --yes"
    Screen(as_json=True).confirm("Send?", yes=True)


def test_json_goes_to_standard_output_and_failures_beside_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    screen = Screen(as_json=True)
    screen.show({"to": "س"}, "a table")
    screen.note("not with JSON")
    screen.failed(OpsError("bad", "mend it"))

    out, err = capsys.readouterr()
    assert json.loads(out) == {"to": "س"}
    assert json.loads(err) == {"error": "bad", "remedy": "mend it"}


@pytest.mark.parametrize(
    ("seconds", "text"), [(5, "5 s"), (90, "2 min"), (7200, "2 h"), (172800, "2 d")]
)
def test_a_length_of_time(seconds: float, text: str) -> None:
    assert ago(seconds) == text


STEERING = "\x1b[2J\x1b]0;t\x07\x9b31m\u202egpj.exe\u2066\u2028\x7f\r\x00"


def test_nothing_that_is_shown_steers_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen(as_json=False)
    hostile = f"shop{STEERING}@acme.sa"
    screen.show(None, table((hostile,), [(hostile,)], title=hostile), hostile)
    screen.note(hostile)
    screen.failed(OpsError(hostile, hostile))

    for shown in capsys.readouterr():
        assert "shop" in shown
        assert not {char for char in STEERING if not char.isprintable()} & set(shown)


def test_brackets_are_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    """The name of a file or campaign may have them."""
    odd = "[/list] of [red]customers[0]"
    screen = Screen(as_json=False)
    screen.show(None, odd, table(("a",), [(odd,)]))
    screen.note(odd)
    screen.warn(odd)
    screen.failed(OpsError(odd, odd))

    out, err = capsys.readouterr()
    assert (out.count(odd), err.count(odd)) == (2, 4)


def test_json_holds_the_same_without_steering(capsys: pytest.CaptureFixture[str]) -> None:
    Screen(as_json=True).show({"from": f"{STEERING} سلام"})

    out, _ = capsys.readouterr()
    assert json.loads(out) == {"from": f"{STEERING} سلام"}
    assert out.strip().isprintable()


def test_no_color_is_respected(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    Screen(as_json=False).failed(OpsError("bad", "mend it"))

    assert "\x1b[" not in capsys.readouterr().err.replace("\x1b[1m", "").replace("\x1b[0m", "")
