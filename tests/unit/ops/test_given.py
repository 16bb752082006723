"""What people give to a command: as an argument, on standard input, at a terminal."""

import io

import click
import pytest

from ops.commands.given import Amount, Word, from_input
from ops.errors import OpsError
from tests.unit.ops.cloud import Cloud


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
