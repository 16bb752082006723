"""Asking Taqnyat for `verify`: what is counted, timed and heard of each call."""

import json
import time
from typing import Any

import pytest
from taqnyat import Fault, Scope
from taqnyat.client import ANSWER_OF_ANOTHER
from taqnyat.transport import Answer, Transport

from local.simulator import guide
from ops.verification import calls
from ops.verification.asking import Allowance, Asker, _Listening, trouble
from ops.verification.mailbox import Person
from ops.verification.seen import Seen
from ops.verification.shape import OTHER
from tests.unit.ops.provider import Taqnyat

TOKEN = "made-up-token"
SENDER, ME, ALSO_ME = "shop@acme.sa", "nora@mailbox.sa", "nora+2@mailbox.sa"


URL = "http://127.0.0.1:1"


def test_no_more_is_sent_than_is_allowed() -> None:
    allowance = Allowance(1)
    allowance.take()

    assert (allowance.left, allowance.made) == (0, 1)
    with pytest.raises(AssertionError):
        allowance.take()
    assert allowance.made == 1


def test_a_call_that_could_send_is_counted_before_it_is_made(taqnyat: Taqnyat) -> None:
    allowance = Allowance(1)
    asker = Asker(URL, TOKEN, Person(SENDER, ME, ALSO_ME), allowance, 3.0)
    taqnyat.answers[0] = Fault.TIMEOUT

    one = asker.ask(calls.EMPTY_SUBJECT)

    assert (allowance.made, one.may_have_been_sent, one.milliseconds) == (1, True, 250)
    assert (one.fault, one.status) == ("timeout", None)
    with pytest.raises(AssertionError):
        asker.ask(calls.TEXT_JSON)
    assert len(taqnyat.asked) == 1


def asker(seconds: float = 3.0, allowed: int = 5) -> Asker:
    """Give what asks."""
    return Asker(URL, TOKEN, Person(SENDER, ME, ALSO_ME), Allowance(allowed), seconds)


def test_a_second_mail_with_the_number_of_the_first_says_nothing(taqnyat: Taqnyat) -> None:
    taqnyat.answers[:3] = [(201, guide.success_json(7001, "1"))] * 2 + [
        (201, guide.success_json(7002, "1"))
    ]
    one = asker()
    found = [one.ask(call) for call in (calls.EMPTY_SUBJECT, calls.TEXT_JSON, calls.TEXT_JSON)]

    assert [(each.verdict, each.scope, each.reason, each.status) for each in found] == [
        ("sent", "mail", "sent", 201),
        ("unknown", "provider", ANSWER_OF_ANOTHER, 201),
        ("sent", "mail", "sent", 201),
    ]
    assert one.seen == found


@pytest.mark.parametrize("word", [TOKEN, SENDER, ME, ALSO_ME])
def test_what_is_the_person_s_is_no_name_of_a_field(taqnyat: Taqnyat, word: str) -> None:
    taqnyat.answers[0] = (400, json.dumps({word.partition("@")[0].partition("+")[0]: 1}))

    found = asker().ask(calls.NO_RECIPIENT)

    assert [each.name for each in found.shape.fields] == [OTHER]


@pytest.mark.parametrize("call", [calls.STATUS, calls.BALANCE, calls.WRONG_METHOD, calls.TEXT_JSON])
def test_a_call_has_its_time_and_all_of_it(monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    deadlines: list[float] = []

    def answered(_self: object, _method: str, _path: str, deadline: float, *_: object) -> Answer:
        deadlines.append(deadline - time.time())
        return Answer(400, b"", 0.25)

    monkeypatch.setattr(Transport, "request", answered)
    asker(20.0).ask(call)

    assert deadlines == [pytest.approx(20.0, abs=2)]


def test_what_listens_passes_all_on_and_remembers_the_last_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heard: list[tuple[object, ...]] = []
    answer = Answer(200, b"", 0.25)

    def answered(_self: object, *given: object) -> Answer:
        heard.append(given)
        if len(heard) == 2:
            raise KeyboardInterrupt
        return answer

    monkeypatch.setattr(Transport, "request", answered)
    listening = _Listening(URL, 1.0)
    given: Any = ("GET", "/", 5.0, b"x", {"a": "b"}, bool, list)

    assert listening.request(*given) is listening.answer is answer
    with pytest.raises(KeyboardInterrupt):
        listening.request(*given)
    assert heard == [given] * 2
    assert listening.answer is None  # and not that of the call before


def of(call: str, verdict: str, scope: str, **more: Any) -> Seen:
    """Return what was seen of a call."""
    could_send = any(mail.name == call for mail in calls.MAILS)
    return Seen(call=call, could_send=could_send, reason="r", verdict=verdict, scope=scope, **more)


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        (of(calls.STATUS, "", "", fault=Fault.UNREACHABLE), "r"),
        (of(calls.STATUS, "", "", fault=Fault.TIMEOUT), None),
        (of(calls.NO_RECIPIENT, "retryable", "account"), "r"),
        (of(calls.NO_RECIPIENT, "retryable", Scope.EITHER), "r"),
        (of(calls.NO_RECIPIENT, "terminal", "mail"), None),
        (of(calls.WRONG_TOKEN, "retryable", "account"), None),
        (of(calls.TEXT_JSON, "retryable", "provider"), "r"),
        (of(calls.TEXT_JSON, "retryable", Scope.EITHER), None),
        (of(calls.TEXT_JSON, "unknown", "provider"), None),
    ],
)
def test_what_makes_asking_further_of_no_use(seen: Seen, reason: str | None) -> None:
    assert trouble([of(calls.STATUS, "", "", fault=Fault.UNREACHABLE), seen]) == reason
