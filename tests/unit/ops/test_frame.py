"""What all commands have in common: their options, what failed as a sentence, the exit codes."""

import errno
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
)
from click.testing import CliRunner, Result

from ops import stack as stacks
from ops import version
from ops.cli import main
from ops.commands.frame import _drop_output, on_a_stack
from ops.errors import OpsError, explain
from ops.stack import Stack
from tests.faults.standins.errors import client_error
from tests.unit.ops.cloud import Cloud, lines


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        ((), ("find", "taqnyat-mail", None, None)),
        (
            ("--stack", "b", "--region", "r", "--profile", "p"),
            ("find", "b", "r", "p"),
        ),
        (("--local",), ("find_local", stacks.LOCAL_STACK)),
        (("--stack-json", "x.json"), ("find_local", Path("x.json"))),
    ],
)
def test_each_command_finds_its_stack_by_the_same_options(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], asked: tuple[object, ...]
) -> None:
    calls: list[tuple[object, ...]] = []
    for name in ("find", "find_local"):

        def found(*given: object, name: str = name) -> Stack:
            calls.append((name, *given))
            return cloud.stack()

        monkeypatch.setattr(stacks, name, found)

    assert cloud.run("keys", "list", *words)[0] == 0
    assert calls == [asked]


@pytest.mark.parametrize(
    ("error", "said", "remedy"),
    [
        (
            NoCredentialsError(),
            "no AWS credentials were found",
            "run `aws configure` or give --profile",
        ),
        (
            PartialCredentialsError(provider="x", cred_var="y"),
            "no AWS credentials were found",
            "run `aws configure` or give --profile",
        ),
        (NoRegionError(), "no AWS region is set", "give --region or set AWS_REGION"),
        (
            ProfileNotFound(profile="x"),
            "there is no such AWS profile",
            "see `aws configure list-profiles`",
        ),
        (
            EndpointConnectionError(endpoint_url="https://x"),
            "AWS cannot be reached",
            "look at this machine's network, and at --region",
        ),
        (BotoCoreError(), "AWS did not answer (BotoCoreError)", "try again"),
        *(
            (
                client_error("Scan", code),
                "these AWS credentials may not do Scan",
                "use a role that may; docs/operations.md lists what the command line needs",
            )
            for code in ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")
        ),
        *(
            (client_error("Scan", code), "the AWS session has expired", "log in again")
            for code in ("ExpiredToken", "ExpiredTokenException", "RequestExpired")
        ),
        *(
            (
                client_error("Scan", code),
                "AWS does not know these credentials",
                "log in again or give --profile",
            )
            for code in (
                "InvalidClientTokenId",
                "UnrecognizedClientException",
                "SignatureDoesNotMatch",
                "InvalidAccessKeyId",
            )
        ),
        (client_error("Scan", "Throttling"), "AWS answered Throttling to Scan", "try again"),
        (ClientError({}, "Scan"), "AWS answered ? to Scan", "try again"),
    ],
)
def test_a_failure_of_aws_ends_a_command_as_a_sentence(
    cloud: Cloud,
    monkeypatch: pytest.MonkeyPatch,
    error: ClientError | BotoCoreError,
    said: str,
    remedy: str,
) -> None:
    def refuse(**_: object) -> None:
        raise error

    monkeypatch.setattr(cloud.secrets, "get_secret_value", refuse)
    code, out, err = cloud.run("keys", "list")

    assert (code, out, lines(err)) == (1, "", [f"Error: {said}", remedy])
    assert (str(explain(error)), explain(error).remedy) == (said, remedy)


def test_ctrl_c_ends_a_command_with_its_exit_code(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(**_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cloud.secrets, "get_secret_value", interrupt)

    assert cloud.run("keys", "list") == (130, "", "Stopped.\n")


def test_the_version_is_told() -> None:
    result = CliRunner().invoke(main, ["--version"], prog_name="taqnyat-mail")

    assert result.output == f"taqnyat-mail {version.VERSION}\n"


@pytest.mark.parametrize("word", ["-h", "--help"])
def test_all_commands_are_listed(word: str) -> None:
    out = CliRunner().invoke(main, [word]).output

    for name in (
        *("doctor", "status", "send", "verify", "campaign", "mail", "failed", "unknown"),
        *("leftover", "pause", "resume", "keys", "webhooks", "token", "local"),
    ):
        assert f"\n  {name} " in out


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Give a command of one's own: it does what the test says."""
    monkeypatch.setattr(stacks, "find", lambda *given: ("found", *given))
    monkeypatch.setattr(stacks, "find_local", lambda *given: ("local", *given))

    def run(does: Callable[[], object], *words: str) -> Result:
        @click.command()
        @on_a_stack
        def command(stack: object, screen: Any) -> object:
            click.echo(f"{stack} {screen.as_json}")
            return does()

        return CliRunner(mix_stderr=False).invoke(command, words)

    return run


def raising(error: BaseException, during: BaseException | None = None) -> Callable[[], object]:
    """Make what a command does: it ends by an error, perhaps while another is handled."""

    def does() -> object:
        error.__context__ = during
        raise error

    return does


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "('found', 'taqnyat-mail', None, None) False"),
        (
            ("--stack", "b", "--region", "r", "--profile", "p", "--json"),
            "('found', 'b', 'r', 'p') True",
        ),
        (("--local",), f"('local', {stacks.LOCAL_STACK!r}) False"),
        (("--stack-json", "x.json"), f"('local', {Path('x.json')!r}) False"),
        (("--local", "--stack-json", "x.json"), f"('local', {Path('x.json')!r}) False"),
    ],
)
def test_a_command_is_handed_the_stack_that_was_asked_for(
    command: Callable[..., Result], words: tuple[str, ...], told: str
) -> None:
    assert command(lambda: None, *words).stdout == f"{told}\n"


@pytest.mark.parametrize(("result", "code"), [(None, 0), (False, 0), (True, 1), (3, 3)])
def test_what_a_command_returns_is_its_exit_code(
    command: Callable[..., Result], result: object, code: int
) -> None:
    assert command(lambda: result).exit_code == code


DISK = "look at its disk, and at where the output goes; what the command had done stays done"


@pytest.mark.parametrize(
    ("does", "code", "said"),
    [
        (raising(OpsError("no", "do so")), 1, ["Error: no", "do so"]),
        (raising(NoRegionError()), 1, ["Error: no AWS region is set", "give --region or set "]),
        (raising(client_error("Scan", "Odd")), 1, ["Error: AWS answered Odd to Scan", "try again"]),
        (raising(KeyboardInterrupt()), 130, ["Stopped."]),
        (raising(click.Abort(), KeyboardInterrupt()), 130, ["Stopped; nothing was done."]),
        (raising(click.Abort(), EOFError()), 1, ["Nothing was done."]),
        (
            raising(OSError(errno.ENOSPC, "No space left on device")),
            1,
            ["Error: this machine cannot go on: No space left on device", DISK],
        ),
        (raising(TimeoutError()), 1, ["Error: this machine cannot go on: TimeoutError", DISK]),
        (raising(BrokenPipeError(errno.EPIPE, "Broken pipe")), 1, []),
    ],
)
def test_an_end_that_is_expected_is_a_sentence_and_an_exit_code(
    command: Callable[..., Result], does: Callable[[], object], code: int, said: list[str]
) -> None:
    result = command(does)

    assert result.exit_code == code
    assert len(lines(result.stderr)) == len(said)
    assert all(map(str.startswith, lines(result.stderr), said))


def test_an_error_of_our_own_is_not_hidden(command: Callable[..., Result]) -> None:
    assert isinstance(command(raising(KeyError("x"))).exception, KeyError)


def test_what_could_not_be_written_goes_nowhere(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "out"
    with path.open("w") as out:
        monkeypatch.setattr(sys, "stdout", out)
        _drop_output()
        out.write("lost")
    assert path.read_text() == ""


@pytest.mark.parametrize("error", [OSError(errno.EBADF, "Bad"), ValueError("closed")])
def test_an_output_that_has_no_file_is_left(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(fileno=raising(error)))

    _drop_output()
