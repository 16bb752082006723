"""`pause`, `resume`, `token set`, `local env`: what is switched, and what is said of it."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.faults.standins.errors import client_error
from tests.unit.ops.cloud import NOW, Cloud, lines

WHERE = "taqnyat-mail (nowhere)"


def mappings(cloud: Cloud) -> list[str]:
    """Return the states of the mappings."""
    return [mapping.state for mapping in cloud.functions.mappings]


def test_a_pause_by_hand_is_written_and_the_mappings_follow(cloud: Cloud) -> None:
    told = cloud.json("pause", "--reason", "new sender: x", "--yes")

    assert told == {"paused": True, "reason": "new sender: x", "mapping_follows": True}
    found = cloud.row("#pause")
    assert (found["paused"], found["by"], found["reason"]) == (True, "operator", "new sender: x")
    assert found["next_probe"] == 0
    assert mappings(cloud) == ["Disabling"] * 2


def test_a_pause_is_asked_for_and_has_a_reason_of_its_own(cloud: Cloud) -> None:
    refused = cloud.run("pause")
    unpaused = "#pause" not in cloud.dynamo.items
    code, out, err = cloud.run("pause", "--yes")

    assert refused[0] == 1
    assert lines(refused[2]) == [
        f"Error: not done without an answer to: Pause all sending of {WHERE}?",
        "add --yes",
    ]
    assert unpaused
    assert (code, lines(out), err) == (0, ["Paused."], "")
    assert cloud.row("#pause")["reason"] == "paused by an operator"


@pytest.mark.parametrize("reason", ["", "x" * 81, "nora@example.com", "a\nb"])
def test_a_reason_is_plain(cloud: Cloud, reason: str) -> None:
    code, _, err = cloud.run("pause", "--yes", "--reason", reason)

    assert code == 1
    assert lines(err) == ["Error: --reason takes up to 80 letters, digits, spaces and . _ : , -"]
    assert "#pause" not in cloud.dynamo.items
    assert mappings(cloud) == ["Enabled"] * 2


def test_a_pause_whose_mappings_do_not_follow_says_so(cloud: Cloud) -> None:
    cloud.functions.mappings[0].switch(enabled=False)  # it is being switched, and refuses
    cloud.functions.mappings[0].switch = _refuses  # type: ignore[method-assign]
    cloud.functions.mappings[0].shown = lambda state="": {  # type: ignore[method-assign]
        "UUID": cloud.functions.mappings[0].uuid,
        "EventSourceArn": "arn:mail",
        "State": state or "Enabled",
    }

    assert cloud.json("pause", "--yes")["mapping_follows"] is False


def _refuses(**_: Any) -> None:
    raise client_error("UpdateEventSourceMapping", "ResourceInUseException")


@pytest.mark.parametrize(
    ("by", "note"),
    [
        ("system", ["paused by itself: x; it does again if the cause is still there"]),
        ("operator", []),
    ],
)
def test_sending_is_resumed_and_why_it_was_paused_is_told(
    cloud: Cloud, by: str, note: list[str]
) -> None:
    cloud.pause(by=by, reason="x", next_probe=0)

    refused = cloud.run("resume")
    still = cloud.row("#pause")["paused"]
    code, out, err = cloud.run("resume", "--yes")

    assert (refused[0], still) == (1, True)
    assert f"Send all waiting mails of {WHERE}?" in refused[2]
    assert (code, lines(out), lines(err)) == (0, ["Resumed."], note)
    assert cloud.row("#pause")["paused"] is False
    assert mappings(cloud) == ["Enabled"] * 2


def test_mappings_that_were_off_are_switched_on_without_a_pause_too(cloud: Cloud) -> None:
    for mapping in cloud.functions.mappings:
        mapping.switch(enabled=False)
    cloud.clock.now += 60  # type: ignore[attr-defined]

    code, out, _ = cloud.run("resume")

    assert (code, lines(out)) == (0, ["Sending was not paused."])
    assert mappings(cloud) == ["Enabling"] * 2
    assert cloud.json("resume") == {"paused": False, "was_paused": False}


def test_what_was_resumed_is_told_to_programs(cloud: Cloud) -> None:
    cloud.pause(by="operator", reason="x")

    assert cloud.json("resume", "--yes") == {"paused": False, "was_paused": True}


def test_a_pause_that_somebody_else_changed_is_left(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.pause(by="system", reason="x")
    monkeypatch.setattr(
        "ops.screen.Screen.confirm", lambda *_, **__: cloud.set("#pause", since=int(NOW))
    )

    code, out, err = cloud.run("resume")

    assert (code, out) == (1, "")
    assert lines(err)[1:] == [
        "Error: the pause changed at the same time",
        "see `status`, and try again",
    ]
    assert cloud.row("#pause")["paused"] is True


def test_a_resume_whose_mappings_do_not_follow_is_an_error(cloud: Cloud) -> None:
    cloud.pause(by="operator", reason="x")
    cloud.functions.list_event_source_mappings = _refuses  # type: ignore[method-assign]

    code, _, err = cloud.run("resume", "--yes")

    assert code == 1
    assert lines(err) == [
        "Error: resumed, but the event source mapping could not be enabled",
        "the status check tries it again each minute; see `status`",
    ]
    assert cloud.row("#pause")["paused"] is False


@pytest.mark.parametrize(
    ("pause", "note"),
    [
        (False, "`doctor` shows whether Taqnyat accepts it."),
        (True, "Sending is paused (token_refused); `resume` tries it at once."),
    ],
)
def test_a_token_comes_from_a_pipe_and_is_never_shown(
    cloud: Cloud, note: str, *, pause: bool
) -> None:
    if pause:
        cloud.pause(by="system", reason="token_refused")

    code, out, err = cloud.run("token", "set", typed="  new-token\n")

    assert (code, lines(out), lines(err)) == (0, ["Stored."], [note])
    assert cloud.secrets.text("token") == "new-token"
    assert cloud.secrets.labels["arn:token"].keys() == {"AWSCURRENT"}
    told = cloud.run("token", "set", "--json", typed="another")
    assert json.loads(told[1]) == {"stored": True, "paused": pause}
    assert "another" not in f"{told[1]}{told[2]}"


def test_a_token_is_asked_for_hidden_at_a_terminal(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def prompt(text: str, **more: Any) -> str:
        asked.append((text, more))
        return "typed-token"

    monkeypatch.setattr("click.testing._NamedTextIOWrapper.isatty", lambda _: True, raising=False)
    monkeypatch.setattr("ops.commands.token.click.prompt", prompt)

    assert cloud.run("token", "set")[0] == 0
    assert asked == [("Taqnyat's bearer token", {"hide_input": True, "err": True})]
    assert cloud.secrets.text("token") == "typed-token"


@pytest.mark.parametrize("text", ["", "a b", "Bearer x y"])
def test_what_is_no_token_is_not_stored(cloud: Cloud, text: str) -> None:
    code, _, err = cloud.run("token", "set", typed=text)

    assert code == 1
    error, remedy = lines(err)
    assert error.startswith("Error: the token")
    assert remedy == "copy it again from Taqnyat's account"
    assert "a b" not in err
    assert cloud.secrets.text("token") == "tok-en"


FACTS = {
    "api_url": "http://127.0.0.1:1/v1",
    "api_key": "it's",
    "inbox_url": "http://127.0.0.1:2",
    "simulator_url": "",
    "aws_endpoint_url": "http://127.0.0.1:3",
    "access_key_id": "id",
    "secret_access_key": "s",
    "region": "here",
}
PLAIN = [
    "export API_URL=http://127.0.0.1:1/v1",
    "export API_KEY='it'\"'\"'s'",
    "export INBOX_URL=http://127.0.0.1:2",
]
OF_AWS = [
    "export AWS_ENDPOINT_URL=http://127.0.0.1:3",
    "export AWS_ACCESS_KEY_ID=id",
    "export AWS_SECRET_ACCESS_KEY=s",
    "export AWS_REGION=here",
    "export AWS_DEFAULT_REGION=here",
]


@pytest.mark.parametrize(("words", "more"), [((), []), (("--aws",), OF_AWS)])
def test_the_local_stack_is_told_to_the_shell(
    cloud: Cloud, tmp_path: Path, words: tuple[str, ...], more: list[str]
) -> None:
    path = tmp_path / "stack.json"
    path.write_text(json.dumps(FACTS))

    code, out, _ = cloud.run("local", "env", "--stack-json", str(path), *words)

    assert (code, out.splitlines()) == (0, [*PLAIN, *more])


@pytest.mark.parametrize("text", [None, "{"])
def test_a_local_stack_that_is_not_up_is_told(
    cloud: Cloud, tmp_path: Path, text: str | None
) -> None:
    path = tmp_path / "stack.json"
    if text is not None:
        path.write_text(text)

    code, out, err = cloud.run("local", "env", "--stack-json", str(path))

    assert (code, out) == (1, "")
    assert err == "Error: the local stack is not up\n  start it with `make run`\n"
