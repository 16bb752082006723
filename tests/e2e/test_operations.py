"""The operators' command line against the running stack, as it would be typed."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ops.cli import main


class Operator:
    """Types commands, and reads their JSON."""

    def __init__(self, world: Any) -> None:  # noqa: ANN401 - the fixture's class is in conftest
        """Work on the stack of a world."""
        self.world = world
        self._at = ["--stack-json", str(world.stack.folder.stack_json)]

    def run(self, *words: str, typed: str = "") -> tuple[int, str, str]:
        """Run a command; return exit code, standard output and standard error."""
        result = CliRunner(mix_stderr=False).invoke(main, [*words, *self._at], input=typed)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.output
        return result.exit_code, result.stdout, result.stderr

    def json(self, *words: str, code: int = 0, typed: str = "") -> Any:  # noqa: ANN401 - JSON
        """Run a command for its JSON."""
        found, out, err = self.run(*words, "--json", typed=typed)
        assert found == code, (out, err)
        return json.loads(out)

    def check(self, name: str) -> dict[str, str]:
        """Return one check of the doctor."""
        _, out, _ = self.run("doctor", "--json")
        (found,) = [check for check in json.loads(out)["checks"] if check["name"] == name]
        checked: dict[str, str] = found
        return checked

    def secret(self, output: str, text: str | None = None) -> str:
        """Return a secret's text; put another one in its place if it is given."""
        client, name = self.world.stack.client("secretsmanager"), self.world.stack.outputs[output]
        before: str = client.get_secret_value(SecretId=name)["SecretString"]
        if text is not None:
            client.put_secret_value(SecretId=name, SecretString=text)
        return before


@pytest.fixture
def operator(world: Any) -> Iterator[Operator]:  # noqa: ANN401 - the fixture's class is in conftest
    """Give an operator; afterwards both secrets and the pause are as they were."""
    operator = Operator(world)
    outputs = ("TokenSecretArn", "ApiKeysSecretArn")
    before = {output: operator.secret(output) for output in outputs}
    token = world.simulator.token
    yield operator
    for output, text in before.items():
        operator.secret(output, text)
    world.simulator.account(token=token, balance=None, enabled=True, ip_allowed=True)
    world.simulator.clear_script()
    operator.run("resume", "--yes")


def test_a_healthy_stack_is_well(operator: Operator) -> None:
    found = operator.json("doctor")

    assert found["ok"]
    assert {check["level"] for check in found["checks"]} <= {"ok", "warning"}


def test_the_doctor_sees_a_token_that_is_not_stored(operator: Operator) -> None:
    operator.secret("TokenSecretArn", " ")

    assert operator.check("token") == {
        "name": "token",
        "level": "failed",
        "found": "the token secret is empty",
        "remedy": "store it with `token set`",
    }
    assert operator.run("doctor")[0] == 1


def test_the_doctor_sees_a_token_that_taqnyat_refuses_and_token_set_mends_it(
    operator: Operator,
) -> None:
    operator.world.simulator.account(token="another-token")

    refused = operator.check("Taqnyat's account")
    stored = operator.json("token", "set", typed="another-token\n")

    assert refused["found"] == "Taqnyat refuses: token_refused"
    assert "token set" in refused["remedy"]
    assert stored["stored"]
    assert operator.check("Taqnyat's account")["level"] == "ok"


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"enabled": False}, "Taqnyat refuses: api_disabled"),
        ({"ip_allowed": False}, "Taqnyat refuses: ip_refused, address 127.0.0.1"),
    ],
)
def test_the_doctor_sees_what_the_account_refuses(
    operator: Operator, change: dict[str, Any], found: str
) -> None:
    operator.world.simulator.account(**change)

    check = operator.check("Taqnyat's account")

    assert (check["level"], check["found"]) == ("failed", found)
    assert check["remedy"]
    assert not operator.world.received()  # asking sends nothing


def test_the_doctor_sees_that_nobody_has_a_key(operator: Operator) -> None:
    operator.secret("ApiKeysSecretArn", "{}")
    check = operator.check("API keys")
    assert (check["level"], check["remedy"]) == ("failed", "make one with `keys add`")

    operator.secret("ApiKeysSecretArn", "[]")
    assert operator.check("API keys")["level"] == "failed"


def test_the_doctor_sees_that_taqnyat_is_down(operator: Operator) -> None:
    operator.world.simulator.script({"target": "status", "answer": "cut"})
    operator.world.until(lambda: operator.check("Taqnyat")["level"] == "failed")
    operator.world.simulator.clear_script()
    operator.world.until(lambda: operator.check("Taqnyat")["level"] == "ok")


def test_pause_and_resume(operator: Operator) -> None:
    world = operator.world
    assert operator.json("pause", "--reason", "maintenance", "--yes")["paused"]
    mail = world.post(world.mail())

    check = operator.check("sending")
    status = operator.json("status")
    assert check["level"] == "failed"
    assert "paused by hand" in check["found"]
    assert check["remedy"] == "`resume` when that is over"
    assert (status["sending"]["reason"], status["sending"]["by"]) == ("maintenance", "operator")
    assert status["mail_queue"]["waiting"] == 1
    assert not world.received()

    assert operator.json("resume", "--yes")["was_paused"]
    world.until_state(mail, "sent")
    assert len(world.received()) == 1
    assert operator.check("sending")["level"] == "ok"


def test_a_mapping_that_is_off_is_turned_on_again_by_the_status_check(operator: Operator) -> None:
    stack = operator.world.stack
    functions = stack.client("lambda")
    name = stack.outputs["WorkerFunction"]
    mappings = functions.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
    assert len(mappings) == 2
    for mapping in mappings:
        functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    operator.world.until(lambda: operator.check("event source mapping")["level"] == "ok")


def test_an_own_trouble_of_the_account_names_its_remedy(operator: Operator) -> None:
    world = operator.world
    world.simulator.account(balance=0)
    mail = world.post(world.mail())
    world.until(lambda: operator.json("status")["sending"]["paused"])

    check = operator.check("sending")
    assert "balance_empty" in check["found"]
    assert "top the account up" in check["remedy"]

    world.simulator.account(balance=None)
    _, resumed, note = operator.run("resume", "--yes")
    assert resumed == "Resumed.\n"
    assert note == "paused by itself: balance_empty; it does again if the cause is still there\n"
    world.until_state(mail, "sent")
    assert len(world.received()) == 1


def campaign(operator: Operator, folder: Path, *more: str, code: int = 0) -> Any:  # noqa: ANN401 - JSON
    """Run the campaign of a folder."""
    return operator.json(
        "campaign",
        str(folder / "customers.csv"),
        "--template",
        str(folder / "mail.html"),
        "--from",
        "shop@acme.sa",
        "--subject",
        "Hello {{ name }}",
        "--name",
        operator.world.domain,
        "--rate",
        "100",
        "--yes",
        *more,
        code=code,
    )


def test_a_campaign_that_is_run_twice_sends_no_row_twice(
    operator: Operator, tmp_path: Path
) -> None:
    world = operator.world
    rows = [f"{world.address(f'c{n}')},Nora <{n}>" for n in range(6)]
    (tmp_path / "mail.html").write_text("<p>{{ name }}</p>", "utf-8")
    (tmp_path / "customers.csv").write_text("\n".join(["to,name", *rows[:4]]), "utf-8")

    first = campaign(operator, tmp_path, "--wait", "30")
    # Two rows more, one of them at the front, and another text: what was sent stays sent.
    changed = ["to,name", rows[5], *rows[:4], rows[4]]
    (tmp_path / "customers.csv").write_text("\n".join(changed), "utf-8")
    second = campaign(operator, tmp_path, "--wait", "30")
    (tmp_path / "mail.html").write_text("<b>{{ name }}</b>", "utf-8")
    third = campaign(operator, tmp_path, code=1)

    assert (first["results"], first["states"]) == ({"accepted": 4}, {"sent": 4})
    assert second["results"] == {"accepted": 2, "before": 4}
    assert second["states"] == {"sent": 6}
    assert third["results"] == {"changed": 6}
    bodies = [mail["fields"]["msg"] for n in range(6) for mail in world.received(f"c{n}")]
    assert bodies == [f"<p>Nora &lt;{n}&gt;</p>" for n in range(6)]
    report = (tmp_path / "customers.report.csv").read_text("utf-8")
    assert report.count("changed,sent") == 6
    assert world.domain not in report  # no address


def test_a_campaign_with_a_row_that_is_not_valid_sends_nothing(
    operator: Operator, tmp_path: Path
) -> None:
    (tmp_path / "mail.html").write_text("<p>{{ name }}</p>", "utf-8")
    text = f"to,name\n{operator.world.address()},Nora\nnobody,Ali\n"
    (tmp_path / "customers.csv").write_text(text, "utf-8")
    words = ("campaign", str(tmp_path / "customers.csv"), "--template", str(tmp_path / "mail.html"))

    code, _, err = operator.run(*words, "--from", "shop@acme.sa", "--subject", "Hi", "--yes")

    assert code == 1
    assert "`to` is not a valid e-mail address" in err
    assert "1 of 2 rows are not valid; nothing was sent" in err
    assert not operator.world.rows_of_this_test()


def test_send_follows_a_mail_to_its_end(operator: Operator) -> None:
    words = ("--from", "shop@acme.sa", "--to", operator.world.address(), "--subject", "Hi")

    sent = operator.json("send", *words, "--text", "Hello", "--yes")

    assert sent["state"] == "sent"
    assert len(operator.world.received()) == 1
    assert operator.json("mail", "show", sent["id"])["attempts"][0]["verdict"] == "sent"


def test_nothing_is_sent_without_an_answer(operator: Operator) -> None:
    words = ("--from", "shop@acme.sa", "--to", operator.world.address(), "--subject", "Hi")

    code, _, err = operator.run("send", *words, "--text", "Hello")

    assert code == 1
    assert "add --yes" in err
    assert not operator.world.rows_of_this_test()


def test_a_failed_mail_is_seen_redriven_and_sent_once(operator: Operator) -> None:
    world = operator.world
    world.simulator.script({"to": world.address(), "answer": "code:14"})
    mail = world.post(world.mail())
    world.until_state(mail, "failed")
    listed = operator.world.until(lambda: operator.json("failed", "list", "--id", mail))
    shown = operator.json("failed", "show", mail)
    world.simulator.clear_script()

    dry = operator.json("failed", "redrive", "--id", mail, "--dry-run")
    still = operator.json("failed", "list", "--reason", "sender_refused", "--code", "14")
    done = operator.json("failed", "redrive", "--id", mail, "--yes")

    assert (listed[0]["reason"], listed[0]["code"]) == ("sender_refused", 14)
    assert shown["record"]["state"] == "failed"
    assert (dry["dry_run"], dry["move"]) == (True, 1)
    assert mail in [entry["id"] for entry in still]
    assert (done["move"], done["remove"], done["leave"]) == (1, 0, 0)
    row = world.until_state(mail, "sent")
    assert row["attempt_count"] == 2
    assert len(world.received()) == 1
    assert not operator.json("failed", "list", "--id", mail)


def unknown(operator: Operator) -> str:
    """Make a mail whose outcome is unknown, though it was sent; return its id."""
    world = operator.world
    world.simulator.script({"to": world.address(), "answer": "accept_then_cut", "times": 1})
    mail: str = world.post(world.mail(on_unknown="hold"))
    world.until_state(mail, "unknown")
    world.until(lambda: operator.json("failed", "list", "--id", mail))
    return mail


def test_an_unknown_mail_is_noted_as_sent(operator: Operator) -> None:
    mail = unknown(operator)

    # Not among those that are sent again unless asked for.
    assert operator.json("failed", "redrive", "--id", mail, "--dry-run")["mails"] == []
    operator.json("unknown", "resolve", mail, "--sent", "--yes")

    shown = operator.json("mail", "show", mail)
    assert (shown["state"], shown["reason"]) == ("sent", "resolved_by_operator")
    assert not operator.json("failed", "list", "--id", mail)
    assert len(operator.world.received()) == 1
    code, _, err = operator.run("unknown", "resolve", mail, "--resend", "--yes")
    assert code == 1
    assert "is sent, not unknown" in err


def test_an_unknown_mail_is_sent_again_and_the_record_says_so(operator: Operator) -> None:
    mail = unknown(operator)

    operator.json("unknown", "resolve", mail, "--resend", "--yes")

    row = operator.world.until_state(mail, "sent")
    assert row["resends"] == 1
    assert row["attempts"][-1]["resend"] is True
    assert len(operator.world.received()) == 2


def test_the_life_of_a_key(operator: Operator) -> None:
    world = operator.world
    client = f"shop-{world.domain[:8]}"

    def answer(key: str) -> int:
        status: int = world.call("GET", "/status", headers={"Authorization": f"Bearer {key}"})[0]
        return status

    first = operator.json("keys", "add", client, "--from", "*@acme.sa")["key"]
    second = operator.json("keys", "rotate", client)["key"]
    assert (answer(first), answer(second)) == (200, 200)
    assert [entry["keys"] for entry in operator.json("keys", "list") if entry["client"] == client]

    operator.json("keys", "rotate", client, "--finish")
    assert operator.secret("ApiKeysSecretArn").count(client) == 1
    assert first not in operator.secret("ApiKeysSecretArn")
    assert answer(second) == 200

    operator.json("keys", "revoke", client, "--yes")
    listed = [entry["client"] for entry in operator.json("keys", "list")]
    assert client not in listed
    assert operator.run("keys", "rotate", client)[0] == 1


def test_a_person_is_erased(operator: Operator) -> None:
    world = operator.world
    sent = world.post(world.mail())
    world.until_state(sent, "sent")
    world.simulator.script({"to": world.address(), "answer": "code:15"})
    failed = world.post(world.mail())
    world.until_state(failed, "failed")
    world.until(lambda: operator.json("failed", "list", "--id", failed))

    erased = operator.json("mail", "erase", world.address(), "--yes")

    assert set(erased["records"]) == {sent, failed}
    assert erased["failed_mails"] == 1
    assert erased["still_waiting"] == []
    assert not world.rows_of_this_test()
    assert world.row(sent)["to"] == ["erased"]
    assert world.row(sent)["state"] == "sent"  # the record itself stays
    assert not operator.json("failed", "list", "--id", failed)


def test_erasing_a_person_names_the_mails_that_still_wait(operator: Operator) -> None:
    world = operator.world
    operator.json("pause", "--yes")
    waiting = world.post(world.mail())

    first = operator.json("mail", "erase", world.address(), "--yes", code=1)
    operator.json("resume", "--yes")
    world.until_state(waiting, "sent")
    second = operator.json("mail", "erase", world.address(), "--yes")

    assert (first["records"], first["still_waiting"]) == ([], [waiting])
    assert (second["records"], second["still_waiting"]) == ([waiting], [])


def test_an_unknown_id_is_told_without_a_traceback(operator: Operator) -> None:
    code, out, err = operator.run("mail", "show", "nothing")

    assert (code, out) == (1, "")
    assert "there is no record of this mail" in err
    assert "Traceback" not in err


def test_a_deployed_stack_s_account_is_verified(operator: Operator, tmp_path: Path) -> None:
    report = ("--report", str(tmp_path / "r.json"))
    words = ("verify", "--from", "shop@acme.sa", "--to", "me@verified.example", "--yes", *report)

    found = operator.json(*words)

    assert [call["call"] for call in found["calls"] if call["differs"]] == []
    assert found["calls_that_could_send"] == {"allowed": 5, "made": 5}
    assert len(operator.world.simulator.inbox("me@verified.example")) == 2
    operator.secret("TokenSecretArn", "of-nobody")
    found = operator.json(*words, code=1)
    assert (found["ended"], found["calls_that_could_send"]["made"]) == ("trouble", 0)
