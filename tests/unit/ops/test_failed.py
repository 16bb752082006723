"""The workbench of a bad night, typed as commands: nothing is missed, lost or done in silence."""

import json
import os
import re
import signal
import threading
import time
from typing import Any

import pytest
from click.testing import CliRunner

from ops import failed_queue, interrupt
from ops.dead_letters import Choice, Task
from ops.operator import by_arn
from tests.faults.standins.fairness import Queue
from tests.unit.ops.office import FAILED, MAIL, Office


@pytest.mark.parametrize(
    "words",
    [
        ("redrive", "--yes"),
        ("discard", "--why", "x", "--yes"),
        ("discard", "--why", "x", "--yes", "--id", "strange"),
        ("redrive", "--without-record", "--yes"),
        ("resolve", "--resend", "--yes"),
    ],
)
def test_no_command_touches_what_is_none_of_ours(office: Office, words: tuple[str, ...]) -> None:
    orders = Queue(30, 86400, arn="arn:orders")
    office.put("strange", "", came_from=orders)
    office.put("strange", "failed", came_from=orders)  # anybody can write our attributes
    office.put("strange", "", came_from=None)  # nothing says that it is ours

    office.run("failed", *words)

    assert office.failed() == ["strange"] * 3
    assert office.mailed() == []
    found = office.json("failed", "list", "--all")
    assert {letter["state"] for letter in found} == {"strange"}


def test_groups_come_before_mails_and_alone_failed_lists(office: Office) -> None:
    office.fail(3)
    office.fail(2, "unknown", reason="timeout", code=None, client="news")

    code, out, err = office.run("failed")
    found = office.json("failed", "groups")

    assert code == 0, err
    assert out.index("groups") < out.index("mails")
    assert [(g["count"], g["state"], g["reason"], g["client"]) for g in found] == [
        (3, "failed", "sender_refused", "shop"),
        (2, "unknown", "timeout", "news"),
    ]
    assert office.hidden() == 0
    assert "Secret" not in out
    assert "nora@" not in out


def test_a_whole_queue_is_seen_and_let_go(office: Office) -> None:
    office.fail(537)

    listed = office.json("failed", "list")

    assert len(listed) == 537
    assert office.hidden() == 0
    assert len(office.sqs.queues[FAILED].messages) == 537
    receives = office.sqs.calls.count("ReceiveMessage")
    assert receives < 90  # ten at a time


def hold(office: Office, count: int) -> None:
    """Hide messages, as another terminal does."""
    held = 0
    while held < count:
        taken = office.sqs.take(office.sqs.queues[FAILED], min(10, count - held), 300)
        held += len(taken)


def test_what_another_terminal_holds_is_said(office: Office) -> None:
    office.fail(50)
    hold(office, 30)

    code, out, err = office.run("failed", "list")
    json_code, _, json_err = office.run("failed", "list", "--json")
    dry = office.run("failed", "redrive", "--dry-run")

    assert (code, json_code, dry[0]) == (3, 3, 3)
    assert "20 mail(s)" in out
    said = r"20 of about 50 seen; 30 are held by another terminal until \d\d:\d\dZ"
    assert re.search(said, err)
    assert re.search(said, json.loads(json_err)["warning"])
    assert re.search(said, dry[2])


def test_counts_that_do_not_agree_are_waited_for_and_told(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.fail(5)
    office.sqs.lag = 4
    monkeypatch.setattr(failed_queue, "_LOOK_SECONDS", 0.3)
    begun = time.monotonic()

    code, _, err = office.run("failed", "list")

    assert code == 3
    assert time.monotonic() - begun > 0.3
    assert "5 of about 9 seen; SQS did not show the rest" in err


def test_a_queue_of_which_sqs_hides_no_more_is_told(office: Office) -> None:
    office.fail(60)
    office.sqs.most_hidden = 40

    code, out, err = office.run("failed", "list")

    assert code == 3
    assert "4" in out
    assert "of about 60 seen" in err


def test_redrive_moves_all_once_with_body_attributes_and_history(office: Office) -> None:
    ids = office.fail(123, code=14)
    before = {message.body: message.attributes for message in office.sqs.queues[FAILED].messages}

    dry = office.json("failed", "redrive", "--dry-run")
    assert len(office.failed()) == 123
    done = office.json("failed", "redrive", "--yes")

    assert (dry["move"], dry["dry_run"]) == (123, True)
    assert (done["move"], done["done"], done["left"]) == (123, 123, 0)
    moved = {message.body: message.attributes for message in office.sqs.queues[MAIL].messages}
    assert moved == before
    assert len(office.sqs.queues[MAIL].messages) == 123
    assert not office.failed()
    (action,) = office.row(ids[0])["actions"]
    assert (action["did"], action["by"]) == (
        "redrive",
        by_arn("arn:aws:sts::123456789012:assumed-role/MailOperator/nora@example.com"),
    )
    assert "nora" not in json.dumps(office.row(ids[0])["actions"])


def test_calls_are_made_for_many_at_once(office: Office) -> None:
    office.fail(200)

    office.json("failed", "redrive", "--yes")

    calls = office.sqs.calls
    assert calls.count("SendMessageBatch") <= 30
    assert calls.count("DeleteMessageBatch") <= 30
    assert calls.count("ReceiveMessage") <= 80
    assert office.ledger.calls.count("transact_write_items") <= 30
    assert "update_item" not in office.ledger.calls


@pytest.mark.parametrize(
    ("words", "state", "done"),
    [
        (("redrive",), "failed", "redrive"),
        (("resolve", "--sent"), "unknown", "resolve sent"),
        (("discard", "--why", "old"), "failed", "discard"),
    ],
)
def test_of_many_written_at_once_one_that_changed_is_left_out(
    office: Office, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], state: str, done: str
) -> None:
    """The others are told what was done with them, and nothing is told of it."""
    first, *others = office.fail(9, state)
    write = office.dynamo.transact_write_items

    def late(**arguments: Any) -> Any:
        office.dynamo.items[first]["state"] = {"S": "sending"}
        return write(**arguments)

    monkeypatch.setattr(office.dynamo, "transact_write_items", late)
    found = office.json("failed", *words, "--yes")

    assert (found["done"], found["changed"], found["left"]) == (8, 1, 0)
    assert {office.row(mail)["actions"][0]["did"] for mail in others} == {done}
    assert "actions" not in office.row(first)
    assert office.failed() == [first]
    assert len(office.mailed()) == (8 if done == "redrive" else 0)


def test_two_copies_of_one_mail_are_told_of_once(office: Office) -> None:
    (mail,) = office.fail()
    office.put(mail)
    office.fail(3)

    assert office.json("failed", "redrive", "--yes")["done"] == 5
    assert len(office.row(mail)["actions"]) == 1
    assert not office.failed()


def test_who_acts_may_be_named(office: Office) -> None:
    (mail,) = office.fail()

    office.json("failed", "redrive", "--yes", "--as", "Night shift 2")
    code, _, err = office.run("failed", "redrive", "--yes", "--as", "nora@example.com")

    assert office.row(mail)["actions"][0]["by"] == "Night shift 2"
    assert (code, "--as takes" in err) == (1, True)


def test_selectors_are_the_same_everywhere(office: Office) -> None:
    old = office.fail(2, sent_at=time.time() - 7200)
    other = office.fail(3, client="news", reason="expired", code=None)

    def chosen(*words: str) -> int:
        found: int = office.json("failed", "redrive", "--dry-run", *words)["move"]
        return found

    assert chosen() == 5
    assert chosen("--client", "news") == 3
    assert chosen("--until", "1h") == 2
    assert chosen("--since", "1h") == 3
    assert chosen("--reason", "expired") == 3
    assert chosen("--code", "14") == 2
    assert chosen("--from", "@ACME") == 5
    assert chosen(old[0], "--id", other[0]) == 2
    assert chosen("--limit", "4") == 4
    words = ("failed", "redrive", "--dry-run", "--json", "-")
    assert json.loads(office.run(*words, typed="\n".join(other))[1])["move"] == 3
    assert office.run(*words, typed="")[0] == 1


def test_an_empty_selector_is_no_choice_of_all(office: Office) -> None:
    """A shell's variable that is not set."""
    ids = office.fail(2)
    office.fail(1, client=None)

    for words in (("--from", ""), ("--client", ""), ("--reason", ""), ("--id", ""), ("",)):
        code, _, err = office.run("failed", "redrive", "--yes", *words)
        assert (code, "it must have 1 to" in err) == (2, True)
    for typed in (("mail", "show", "x" * 3000), ("failed", "show", ""), ("mail", "cancel", "")):
        assert office.run(*typed)[0] == 2
    long = office.run("failed", "redrive", "--yes", "-", typed="x" * 3000)
    none = office.json("failed", "redrive", "--dry-run", "--client", "-")

    assert (long[0], "is no id" in long[2]) == (1, True)
    assert none["move"] == 1
    assert set(office.failed()) > set(ids)
    assert not office.mailed()


def test_resolving_many_that_arrived_takes_one_command(office: Office) -> None:
    ids = office.fail(131, "unknown", reason="timeout", code=None)
    office.fail(4)

    done = office.json("failed", "resolve", "--sent", "--reason", "timeout", "--yes")

    assert done["done"] == 131
    assert {office.row(mail)["state"] for mail in ids} == {"sent"}
    assert len(office.failed()) == 4
    assert not office.mailed()
    row_ = office.row(ids[0])
    assert row_["attempts"][-1]["reason"] == "resolved_by_operator"
    assert row_["actions"][-1]["did"] == "resolve sent"


def test_a_mail_whose_message_is_gone_can_be_noted_as_sent(office: Office) -> None:
    (mail,) = office.fail(1, "unknown")
    office.sqs.queues[FAILED].messages.clear()

    assert office.json("failed", "resolve", "--sent", mail, "--yes")["done"] == 1
    assert office.row(mail)["state"] == "sent"


def test_resending_says_that_it_may_arrive_twice(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = office.fail(3, "unknown")
    asked: list[str] = []
    monkeypatch.setattr("ops.screen.Screen.confirm", lambda _self, q, **_: asked.append(q))

    office.run("unknown", "resolve", "--resend", *ids)

    assert "3 of them may arrive twice" in asked[0]
    assert len(office.mailed()) == 3
    assert office.row(ids[0])["actions"][-1]["did"] == "resend"


def test_discarding_is_recorded_and_final(office: Office) -> None:
    ids = office.fail(2) + office.fail(1, "unknown")
    office.fail(1, "invalid")

    refused = office.run("failed", "discard", "--yes")
    done = office.json("failed", "discard", "--why", "sent by hand", "--yes")

    assert (refused[0], "--why is missing" in refused[2]) == (1, True)
    assert (done["note"], done["remove"], done["done"]) == (3, 1, 3)
    assert not office.failed()
    for mail in ids:
        found = office.row(mail)
        assert (found["state"], found["reason"]) == ("canceled", "discarded")
        assert found["actions"][-1] | {"at": ""} == {
            "at": "",
            "by": found["actions"][-1]["by"],
            "did": "discard",
            "why": "sent by hand",
        }
    # A copy that comes late needs no more.
    office.put(ids[0])
    late = office.json("failed", "redrive", "--dry-run")
    assert late["mails"][0]["why"] == "the mail was discarded"
    shown = office.run("mail", "show", ids[0])[1]
    assert "sent by hand" in shown


@pytest.mark.parametrize("why", ["a\x1b[2J", "nora@example.com", "x" * 81, ""])
def test_a_reason_to_discard_is_plain(office: Office, why: str) -> None:
    office.fail()

    code, _, err = office.run("failed", "discard", "--yes", "--why", why)

    assert (code, "--why takes" in err) == (1, True)
    assert len(office.failed()) == 1


def test_what_sqs_does_not_take_stays_and_is_told(office: Office) -> None:
    office.fail(30)
    refused: set[str] = set()

    def once(name: str, entry: dict[str, Any]) -> bool:
        if name == "SendMessageBatch" and entry["Id"] == "3" and len(refused) < 3:
            refused.add(entry["MessageBody"])
            return True
        return False

    office.sqs.refuses_entry = once
    code, out, _ = office.run("failed", "redrive", "--yes")

    assert code == 1
    assert "moved 27 of 30" in out
    assert "3 left: run it again" in out
    assert len(office.failed()) == 3
    assert office.hidden() == 0
    assert office.json("failed", "redrive", "--yes")["done"] == 3
    assert len(office.sqs.queues[MAIL].messages) == 30


def test_a_mail_that_changed_meanwhile_is_left_alone(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = office.fail(2)

    def meanwhile(*_: object, **__: object) -> None:
        office.dynamo.items[first]["state"] = {"S": "sending"}

    monkeypatch.setattr("ops.screen.Screen.confirm", meanwhile)
    code, out, _ = office.run("failed", "redrive")

    assert code == 0
    assert "1 not touched: they have changed" in out
    assert [mail["id"] for mail in office.mailed()] == [second]
    assert office.failed() == [first]
    assert office.hidden() == 0


def test_the_lease_is_prolonged_while_the_question_is_open(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.fail(25)
    monkeypatch.setattr(failed_queue, "HOLD_SECONDS", 2)
    monkeypatch.setattr(failed_queue, "_RENEW_SECONDS", 0.4)
    hidden: list[int] = []

    def thinking(*_: object, **__: object) -> None:
        for _turn in range(7):
            time.sleep(0.5)
            hidden.append(office.hidden())

    monkeypatch.setattr("ops.screen.Screen.confirm", thinking)

    assert office.run("failed", "redrive")[0] == 0
    assert hidden == [25] * 7
    assert not office.failed()


def test_ctrl_c_stops_in_good_order_and_says_how_far(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.fail(1500)
    monkeypatch.setattr(interrupt, "_SECONDS", 20.0)  # on the busiest machine
    send = office.sqs.send_message_batch
    pressed, noticed = threading.Event(), threading.Event()
    ask = interrupt.Stop.ask

    def asked(stop: interrupt.Stop) -> None:
        ask(stop)
        noticed.set()

    def pressing(**arguments: Any) -> Any:
        if len(office.sqs.queues[MAIL].messages) > 200 and not pressed.is_set():
            pressed.set()
            os.kill(os.getpid(), signal.SIGINT)
        if pressed.is_set():
            noticed.wait(20)
        return send(**arguments)

    monkeypatch.setattr(interrupt.Stop, "ask", asked)
    monkeypatch.setattr(office.sqs, "send_message_batch", pressing)
    code, out, _ = office.run("failed", "redrive", "--yes")

    moved = len(office.sqs.queues[MAIL].messages)
    assert code == 130
    assert 200 < moved < 500
    said = re.search(r"Stopped: moved ([\d,]+) of 1,500; ([\d,]+) left: run it again", out)
    assert said is not None
    assert int(said[1].replace(",", "")) == moved
    assert len(office.failed()) == 1500 - moved
    assert office.hidden() == 0
    assert office.json("failed", "redrive", "--yes")["done"] == 1500 - moved


def test_no_as_an_answer_does_nothing_and_lets_go(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.fail(12)
    monkeypatch.setattr("ops.screen.sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("click.testing._NamedTextIOWrapper.isatty", lambda _: True, raising=False)

    result = CliRunner(mix_stderr=False).invoke(
        __import__("ops.cli", fromlist=["main"]).main, ["failed", "redrive"], input="n\n"
    )

    assert result.exit_code == 1
    assert len(office.failed()) == 12
    assert office.hidden() == 0


def test_two_operators_move_each_mail_once(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both look at the same time, and each moves what it has seen."""
    monkeypatch.setattr("ops.workbench._OTHERS_SECONDS", 1)
    ids = office.fail(400)
    codes: list[int] = []

    def work() -> None:
        stack = office.stack()
        from ops.commands import queues  # noqa: PLC0415  as the command does
        from ops.history import History  # noqa: PLC0415
        from ops.interrupt import Stop  # noqa: PLC0415
        from ops.workbench import Workbench  # noqa: PLC0415

        stop, queue = Stop(), queues.failed_queue(stack)
        bench = Workbench(stack, queue, History(stack.table, "x"), Task.REDRIVE)
        with queue.look(stop) as look:
            steps = bench.plan(look, Choice(), None, stop)
            for done in bench.carry_out(look, steps, stop):
                moved = done.moved
            codes.append(moved if steps else 0)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(codes) == 400
    assert sorted(mail["id"] for mail in office.mailed()) == sorted(ids)
    assert not office.failed()


def test_large_bodies_are_never_many_in_memory(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = json.dumps({"id": "x", "from": "shop@acme.sa", "text": "x" * 900_000})
    ids = [office.fail(1, text=body.replace('"x"', f'"m{n}"', 1), id=f"m{n}")[0] for n in range(40)]
    sizes: list[int] = []
    receive = office.sqs.receive_message

    def measuring(**arguments: Any) -> Any:
        answer = receive(**arguments)
        sizes.append(sum(len(found["Body"]) for found in answer.get("Messages", [])))
        return answer

    monkeypatch.setattr(office.sqs, "receive_message", measuring)
    assert office.json("failed", "redrive", "--yes")["done"] == 40
    assert max(sizes) <= 3_000_000
    assert len(ids) == 40


def test_an_invalid_mail_can_be_shown(office: Office) -> None:
    (mail,) = office.fail(1, "invalid", reason="invalid:to[0]", code=None)

    shown = office.json("mail", "show", mail)
    code, _, err = office.run("mail", "show", "nothing")

    assert (shown["wrong field"], shown["record"]) == ("to[0]", None)
    assert (code, "there is no record" in err) == (1, True)


def test_failed_show_has_the_history_and_nothing_of_the_mail(office: Office) -> None:
    (mail,) = office.fail()

    shown = office.json("failed", "show", mail)
    code, _, err = office.run("failed", "show", "nothing")

    assert (shown["reason"], shown["record"]["state"]) == ("sender_refused", "failed")
    assert "Secret" not in json.dumps(shown)
    assert "claim_token" not in shown["record"]
    assert (code, "no message of this mail" in err) == (1, True)
