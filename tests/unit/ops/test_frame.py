"""What all commands have in common: which stack, what failed as a sentence, the exit codes."""

import errno
import io
import json
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
from ops.commands.given import Amount, Word, from_input
from ops.errors import OpsError, explain
from ops.stack import Stack
from tests.faults.standins.errors import client_error
from tests.unit.ops.cloud import MORE_OUTPUTS, Cloud, lines

FACTS = {
    "access_key_id": "id",
    "secret_access_key": "secret",
    "region": "here",
    "stack_name": "mine",
    "aws_endpoint_url": "http://127.0.0.1:1",
}


class Session:
    """botocore's session, which notes what it is asked for."""

    def __init__(self, **given: Any) -> None:
        self.given = given
        self.clients: list[tuple[str, dict[str, Any], Any]] = []

    def get_config_variable(self, name: str) -> None:
        assert name == "region"  # the environment has none

    def create_client(self, service: str, *, config: Any, **given: Any) -> object:
        self.clients.append((service, given, config))
        return object()


@pytest.fixture
def sessions(monkeypatch: pytest.MonkeyPatch) -> list[Session]:
    """Give the sessions that are made."""
    made: list[Session] = []

    def make(**given: Any) -> Session:
        made.append(Session(**given))
        return made[-1]

    monkeypatch.setattr("ops.stack.botocore.session.Session", make)
    return made


@pytest.mark.parametrize(
    ("region", "set_region", "used"),
    [
        ("me-central-1", None, "me-central-1"),
        ("me-central-1", "eu-central-1", "me-central-1"),
        (None, "eu-central-1", "eu-central-1"),  # botocore alone would not read it
        (None, "", None),
        (None, None, None),
    ],
)
def test_a_stack_is_found_by_name_region_and_profile(
    sessions: list[Session],
    monkeypatch: pytest.MonkeyPatch,
    region: str | None,
    set_region: str | None,
    used: str | None,
) -> None:
    monkeypatch.delenv("AWS_REGION", raising=False)
    if set_region is not None:
        monkeypatch.setenv("AWS_REGION", set_region)
    found = stacks.find("mail", region, "work")

    [session] = sessions
    shown = f"mail ({used or 'no region'})"
    assert session.given == {"profile": "work"}
    assert str(found) == shown
    assert found.place == {"name": "mail", "region": used, "profile": "work"}
    assert session.clients == []  # nothing is made before it is needed
    assert found.client("sqs") is found.client("sqs")
    [(service, given, config)] = session.clients
    assert (service, given) == ("sqs", {"region_name": used})
    assert (config.connect_timeout, config.read_timeout) == (5, 70)
    assert config.retries in (
        {"mode": "standard", "total_max_attempts": 4},
        {"mode": "standard", "max_attempts": 4},
    )
    assert config.max_pool_connections == 16


def test_the_local_stack_is_found_by_its_file(sessions: list[Session], tmp_path: Path) -> None:
    path = tmp_path / "stack.json"
    path.write_text(json.dumps(FACTS), "utf-8")

    found = stacks.find_local(path)
    found.client("sqs")

    [session] = sessions
    assert found.place == {"path": str(path.resolve())}
    assert str(found) == "mine (local)"
    assert session.clients[0][:2] == (
        "sqs",
        {
            "endpoint_url": "http://127.0.0.1:1",
            "aws_access_key_id": "id",
            "aws_secret_access_key": "secret",
            "region_name": "here",
        },
    )


def test_a_local_stack_that_is_not_up_is_told(tmp_path: Path) -> None:
    with pytest.raises(OpsError, match="the local stack is not up") as error:
        stacks.find_local(tmp_path / "stack.json")

    assert error.value.remedy == "start it with `make run`"


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


def test_a_stack_that_there_is_not_is_told(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> None:
        raise client_error("DescribeStacks", "ValidationError")

    monkeypatch.setattr(cloud, "describe_stacks", refuse)
    code, _, err = cloud.run("pause", "--yes")
    told = cloud.run("pause", "--yes", "--json")

    error = "there is no stack taqnyat-mail (nowhere)"
    remedy = "give its name with --stack, its region with --region, or --local for `make run`'s"
    assert (code, lines(err)) == (1, [f"Error: {error}", remedy])
    assert told[:2] == (1, "")
    assert json.loads(told[2]) == {"error": error, "remedy": remedy}


def test_another_refusal_of_cloudformation_is_no_missing_stack(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: object) -> None:
        raise client_error("DescribeStacks", "ExpiredToken")

    monkeypatch.setattr(cloud, "describe_stacks", refuse)

    assert lines(cloud.run("pause", "--yes")[2]) == [
        "Error: the AWS session has expired",
        "log in again",
    ]


@pytest.mark.parametrize("name", ["LedgerTable", "ApiKeysSecretArn"])
def test_an_output_that_a_stack_does_not_have_is_told(cloud: Cloud, name: str) -> None:
    cloud.outputs = dict(MORE_OUTPUTS)
    cloud.outputs.pop(name, None)

    with pytest.raises(OpsError) as error:
        cloud.stack().output(name)

    assert str(error.value) == f"the stack taqnyat-mail (nowhere) has no output {name}"
    assert error.value.remedy == (
        "is it this project's, wholly deployed, and of this version? "
        "See `aws cloudformation describe-stacks`"
    )


def test_a_stack_is_described_once_and_its_parts_are_kept(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    describe = cloud.describe_stacks

    def counting(**given: Any) -> Any:
        asked.append(given)
        return describe(**given)

    monkeypatch.setattr(cloud, "describe_stacks", counting)
    stack = cloud.stack()

    for name in ("ledger", "table", "pause", "money", "event_source", "submission", "updater"):
        assert getattr(stack, name) is getattr(stack, name)
    assert asked == [{"StackName": "taqnyat-mail"}]
    assert stack.described_headers == {"date": "Wed, 18 Nov 2026 11:06:40 GMT"}
    assert (stack.table.name, stack.settings) == ("ledger", cloud.settings())


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


@pytest.mark.parametrize(
    ("word", "typed", "lines_", "found"),
    [
        ("x", "y", False, "x"),
        (None, " y \nz\n", False, "y"),
        ("-", "y\n", False, "y"),
        (None, " y \nz\n", True, " y \nz\n"),
    ],
)
def test_what_is_given_comes_from_the_argument_or_standard_input(
    monkeypatch: pytest.MonkeyPatch, word: str | None, typed: str, found: str, *, lines_: bool
) -> None:

    monkeypatch.setattr("sys.stdin", io.StringIO(typed))

    assert from_input(word, "Address", lines=lines_) == found


def test_what_is_given_is_asked_for_at_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:

    terminal = io.StringIO("rest")
    terminal.isatty = lambda: True  # type: ignore[method-assign]
    asked: list[object] = []

    def prompt(*given: object, **more: object) -> str:
        asked.append((given, more))
        return "typed"

    monkeypatch.setattr("sys.stdin", terminal)
    monkeypatch.setattr("ops.commands.given.click.prompt", prompt)

    assert from_input(None, "Address") == "typed"
    assert asked == [(("Address",), {"err": True})]
    assert from_input("-", "--text", lines=True) == "rest"


def test_what_is_not_given_or_no_text_is_told(monkeypatch: pytest.MonkeyPatch) -> None:

    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    with pytest.raises(OpsError, match="Address is missing") as error:
        from_input("-", "Address")
    assert error.value.remedy == "give it as an argument, or on standard input"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"\xff\n"), "utf-8"))
    with pytest.raises(OpsError, match="Address: standard input is not text in UTF-8"):
        from_input(None, "Address")


def test_a_word_of_no_or_too_many_letters_is_told_with_the_usage(cloud: Cloud) -> None:
    for words in (("mail", "show", ""), ("mail", "show", "x" * 129)):
        code, _, err = cloud.run(*words)

        assert code == 2
        assert err.startswith("Usage: main mail show [OPTIONS] ID\n")
        assert "Invalid value for 'ID': it must have 1 to 128 characters." in err
    assert cloud.run("mail", "show", "x" * 128)[0] == 1


def test_a_number_that_is_none_is_told_with_the_usage(cloud: Cloud) -> None:
    for number, said in (("nan", "nan is not a number."), ("-1", "-1.0 is not in the range")):
        code, _, err = cloud.run("send", "--from", "a@b.sa", "--subject", "x", "--wait", number)

        assert code == 2
        assert err.startswith("Usage: main send [OPTIONS]\n")
        assert f"Invalid value for '--wait': {said}" in err


PARAMETER = click.Option(["--size"])
CONTEXT = click.Context(click.Command("order"))


def as_typed(value: object, how: click.ParamType) -> object:
    """Read a value of the parameter."""
    return how.convert(value, PARAMETER, CONTEXT)


@pytest.mark.parametrize(
    ("how", "value", "said"),
    [
        (Word(3), "", "it must have 1 to 3 characters."),
        (Word(3), "abcd", "it must have 1 to 3 characters."),
        (Amount(0, 5), "nan", "nan is not a number."),
        (Amount(0, 5), "5.1", "5.1 is not in the range 0<=x<=5."),
    ],
)
def test_what_is_typed_wrong_is_told_of_its_parameter(
    how: click.ParamType, value: str, said: str
) -> None:
    with pytest.raises(click.BadParameter) as error:
        as_typed(value, how)

    assert (error.value.message, error.value.param, error.value.ctx) == (said, PARAMETER, CONTEXT)


def test_what_is_typed_well_is_read() -> None:
    assert [as_typed(value, Word(3)) for value in ("a", "abc", 12)] == ["a", "abc", "12"]
    assert [as_typed(value, Amount(0, 5)) for value in ("0", "2.5", "5")] == [0.0, 2.5, 5.0]
    assert Word(3).name == "text"


@pytest.mark.parametrize("lines_", [False, True])
def test_no_more_than_two_mebibytes_are_read(
    monkeypatch: pytest.MonkeyPatch, *, lines_: bool
) -> None:
    most = 2 * 1024 * 1024
    monkeypatch.setattr("sys.stdin", io.StringIO("x" * (most + 1)))

    assert len(from_input(None, "Address", lines=lines_)) == most


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
