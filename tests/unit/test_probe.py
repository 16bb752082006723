"""A probe: which mails it takes, in which order, and what follows from their answers."""

import json
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError
from outbox.mail.lanes import Lane
from outbox.mail.report import Report
from outbox.mail.states import State
from outbox.queues.message import ReceivedMessage
from outbox.sending.breaker import Call, HalfOpenBreaker
from outbox.sending.control import PauseState, Refusal
from outbox.sending.probe import Probe
from outbox.storage.row import Row
from taqnyat import Outcome, Scope, Verdict

NOW = 1_800_000_000.0
TROUBLE = ClientError({"Error": {"Code": "Throttled"}}, "ReceiveMessage")
PAUSED = PauseState(
    paused=True, reason="balance_empty", by="system", since=1, next_probe=int(NOW), cause="account"
)
DOWN = PAUSED._replace(reason="provider_failing", cause="provider")

SENT = Outcome(Verdict.SENT, Scope.MAIL, "sent", 201)
OWN_FAULT = Outcome(Verdict.TERMINAL, Scope.MAIL, "bad_address", 400)
ACCOUNT = Outcome(Verdict.RETRYABLE, Scope.ACCOUNT, "ip_refused", 400, 102, ip="10.0.0.1")
EITHER = Outcome(Verdict.RETRYABLE, Scope.EITHER, "balance_too_low", 400, 3)
FAILED = Outcome(Verdict.RETRYABLE, Scope.PROVIDER, "status_503", 503)
LATE = Outcome(Verdict.UNKNOWN, Scope.PROVIDER, "timeout")
LIMITED = Outcome(Verdict.RETRYABLE, Scope.RATE, "rate_limited", 429)


def message(name: str, client: str = "", **fields: Any) -> ReceivedMessage:  # noqa: ANN401 - JSON
    body = json.dumps({"id": name, "client": client or name, "from": "a@acme.sa", **fields})
    return ReceivedMessage(name, f"h-{name}", body, {}, NOW - 7)


MANY = [message(name) for name in "abcdefg"]


def batch(name: str) -> ReceivedMessage:
    return ReceivedMessage(name, f"h-{name}", '{"version":1,"batch":[', {}, NOW - 7)


class Desk:
    """A queue, a ledger and a Taqnyat; and all that the probe did, in order."""

    def __init__(
        self, *waiting: ReceivedMessage, answers: dict[str, Outcome] | None = None
    ) -> None:
        self.polls: dict[Lane, list[Sequence[ReceivedMessage]]] = {
            Lane.NORMAL: [waiting] if waiting else [],
            Lane.BULK: [],
        }
        self.answers = answers or {}
        self.script: list[Outcome] = []  # of whatever is sent, before `answers`
        self.rows: dict[str, Row] = {}
        self.taken = True
        self.fails = ""
        self.breaks: dict[str, Exception] = {}
        self.now = NOW
        self.call_takes = 0.0
        self.sent: list[str] = []
        self.kept: list[tuple[str, float]] = []
        self.deleted: list[str] = []
        self.later: list[tuple[str, int]] = []
        self.did: list[tuple[Any, ...]] = []
        self.ages: list[tuple[Lane, float]] = []
        self.asked: list[list[str]] = []
        part = cast("Any", self)
        self._probe = Probe(part, part, part, self._delivery, part, 25.0, lambda: self.now)

    def probe(self, state: PauseState = PAUSED, seconds: float = 60) -> list[str]:
        reports = self._probe.probe(state, self.now, self.now + seconds)
        return [report.mail_id for report in reports]

    # Pause
    def take_probe(self, state: PauseState, until: float) -> bool:
        self.did.append(("take", state, until))
        return self.taken

    def end(self, state: PauseState) -> None:
        self.did.append(("end", state))

    def probe_failed(self, *what: object) -> None:
        self.did.append(("failed", *what))

    def probe_again(self, *what: object) -> None:
        self.did.append(("again", *what))

    # MailQueue
    def receive(self, lane: Lane) -> Sequence[ReceivedMessage]:
        if self.fails == "receive":
            raise TROUBLE
        return self.polls[lane].pop(0) if self.polls[lane] else []

    def delete(self, message: ReceivedMessage) -> None:
        self.deleted.append(message.message_id)

    def retry_later(self, message: ReceivedMessage, delay: int) -> None:
        self.later.append((message.message_id, delay))

    # LedgerTable, Notes
    def get_all(self, ids: list[str]) -> dict[str, Row]:
        self.asked.append(ids)
        return {mail_id: self.rows[mail_id] for mail_id in ids if mail_id in self.rows}

    def error(self, *what: object) -> None:
        self.did.append(what)

    def retried(self, lane: Lane, age: float) -> None:
        self.ages.append((lane, age))

    def _delivery(self, breaker: HalfOpenBreaker) -> Any:  # noqa: ANN401 - in Delivery's place
        def deliver(message: ReceivedMessage, deadline: float) -> Report:
            assert deadline >= NOW
            self.sent.append(message.message_id)
            if bug := self.breaks.get(message.message_id):
                raise bug
            self.now += self.call_takes
            outcome = self.script.pop(0) if self.script else self.answers.get(message.message_id)
            if outcome is not None:
                breaker.record(Call(message.message_id, "a@acme.sa", outcome, self.now))
            done = outcome is None or outcome.verdict in {Verdict.SENT, Verdict.TERMINAL}
            return Report(mail_id=message.message_id, retry_in=None if done else 9)

        def keep(message: ReceivedMessage, now: float) -> None:
            self.kept.append((message.message_id, now))

        return SimpleNamespace(deliver=deliver, keep=keep)


@pytest.mark.parametrize("due", [0, int(NOW) + 1])
def test_a_probe_that_is_not_due_does_nothing(due: int) -> None:
    desk = Desk(message("a"))
    assert desk.probe(PAUSED._replace(next_probe=due)) == []
    assert (desk.did, desk.sent) == ([], [])


def test_a_probe_of_another_check_is_left_alone() -> None:
    desk = Desk(message("a"))
    desk.taken = False
    assert desk.probe() == []
    assert (desk.did, desk.ages) == ([("take", PAUSED, NOW + 120)], [])


def test_one_mail_that_goes_through_ends_a_pause_of_the_account() -> None:
    desk = Desk(message("a"), message("b"), answers={"a": SENT})
    assert desk.probe() == ["a"]
    assert desk.did == [("take", PAUSED, NOW + 120), ("end", PAUSED)]
    assert (desk.deleted, desk.later, desk.kept) == (["a"], [("b", 1)], [("b", NOW)])
    assert desk.ages == [(Lane.NORMAL, 7.0)] * 2


@pytest.mark.parametrize(
    ("state", "answers", "did"),
    [
        (PAUSED, [OWN_FAULT], ("end",)),
        (PAUSED, [EITHER, FAILED, SENT], ("end",)),
        (PAUSED, [EITHER, EITHER, FAILED], ("failed", "status_503", "")),
        (PAUSED, [ACCOUNT], ("failed", "ip_refused", "10.0.0.1")),
        (PAUSED, [EITHER, LATE], ("failed", "timeout", "")),
        (PAUSED, [LIMITED, EITHER, LIMITED, LIMITED], ("again", 0, 1)),
        (DOWN, [SENT, SENT], ("end",)),
        (DOWN, [SENT, FAILED, SENT], ("end",)),
        (DOWN, [FAILED, SENT, FAILED], ("failed", "status_503", "")),
        (DOWN, [SENT, LIMITED, LIMITED, LIMITED], ("again", 1, 0)),
    ],
)
def test_the_answers_decide(
    state: PauseState, answers: list[Outcome], did: tuple[Any, ...]
) -> None:
    desk = Desk(*MANY)
    desk.script = list(answers)
    desk.call_takes = 5.0
    desk.probe(state, 25.0 + 5.0 * (len(answers) - 1))
    began = (NOW,) if did[0] == "failed" else ()
    assert desk.did[1:] == [(did[0], state, *did[1:], *began)]
    assert len(desk.sent) == len(answers)


@pytest.mark.parametrize(
    ("answer", "did"), [(SENT, ("end",)), (FAILED, ("failed", "status_503", "", NOW))]
)
def test_where_fewer_mails_wait_than_a_probe_needs_those_decide(
    answer: Outcome, did: tuple[Any, ...]
) -> None:
    desk = Desk(message("a"), answers={"a": answer})
    desk.probe(DOWN)
    assert desk.did[1:] == [(did[0], DOWN, *did[1:])]


def test_a_few_of_which_one_failed_keep_the_pause() -> None:
    earlier = DOWN._replace(failed=1)
    desk = Desk(message("a"), answers={"a": LIMITED})
    desk.probe(earlier)
    assert desk.did[1:] == [("failed", earlier, "rate_limited", "", NOW)]


def test_what_an_earlier_part_of_the_probe_found_counts() -> None:
    earlier = DOWN._replace(passed=1)
    desk = Desk(message("a"), answers={"a": SENT})
    desk.polls[Lane.NORMAL].append([message("b")])
    desk.probe(earlier)
    assert (desk.did[1:], desk.sent) == ([("end", earlier)], ["a"])


def test_without_a_mail_it_comes_again() -> None:
    desk = Desk()
    assert desk.probe() == []
    assert desk.did[1:] == [("again", PAUSED, 0, 0)]


def test_bulk_is_probed_when_no_normal_mail_waits() -> None:
    desk = Desk(answers={"b": SENT})
    desk.polls[Lane.BULK] = [[message("b")]]
    assert desk.probe() == ["b"]


def test_it_receives_until_there_are_three_callers() -> None:
    desk = Desk(message("a", "x"), message("b", "x"))
    desk.polls[Lane.NORMAL] += [[message("c", "y")], [message("d", "z")], [message("e", "v")]]
    desk.probe()
    assert desk.asked == [["a", "b"], ["c"], ["d"]]
    assert len(desk.polls[Lane.NORMAL]) == 1


def test_it_holds_fifty_at_most() -> None:
    desk = Desk()
    desk.polls[Lane.NORMAL] = [[message(f"{n}.{m}", "x") for m in range(10)] for n in range(7)]
    desk.probe(seconds=25)
    assert len(desk.polls[Lane.NORMAL]) == 2


@pytest.mark.parametrize(("seconds", "polls", "sent"), [(25.0, 1, 1), (24.9, 0, 0)])
def test_without_time_for_a_call_nothing_is_begun(seconds: float, polls: int, sent: int) -> None:
    desk = Desk(message("a"), answers={"a": EITHER})
    desk.call_takes = 1.0
    desk.polls[Lane.NORMAL].append([message("b", "y"), message("c", "z")])
    desk.probe(seconds=seconds)
    assert (2 - len(desk.polls[Lane.NORMAL]) > 0, len(desk.sent)) == (bool(polls), sent)
    assert len(desk.did) == 2


def test_an_error_of_aws_ends_the_probe_and_is_told() -> None:
    desk = Desk()
    desk.fails = "receive"
    assert desk.probe() == []
    assert desk.did[1:] == [("again", PAUSED, 0, 0), ("probe_failed", TROUBLE)]


def test_a_mail_that_a_bug_breaks_ends_the_probe_and_not_the_check() -> None:
    desk = Desk(message("a"), message("b"))
    bug = KeyError("at")
    desk.breaks = {"a": bug}
    assert desk.probe() == []
    assert desk.did[1:] == [("again", PAUSED, 0, 0), ("probe_failed", bug)]
    assert desk.later == [("b", 1)]


def test_a_batch_is_spread_and_counts_as_no_mail() -> None:
    desk = Desk(batch("batch"), message("a"), answers={"a": SENT})
    assert desk.probe() == ["batch", "a"]
    assert desk.asked[0] == ["a"]
    assert desk.deleted == ["batch", "a"]


def test_dead_messages_are_ended_after_the_answer_at_most_twenty() -> None:
    dead = [message(f"d{n}", expires_at=int(NOW)) for n in range(21)]
    alive = message("a", expires_at=int(NOW) + 1)
    desk = Desk(*dead, message("canceled"), alive, answers={"a": SENT})
    desk.rows["canceled"] = Row(id="canceled", state=State.CANCELED)
    assert desk.probe() == ["a", *(f"d{n}" for n in range(20))]
    assert desk.asked[0] == ["canceled", "a"]


def test_dead_messages_wait_when_there_is_no_time() -> None:
    desk = Desk(message("a"), message("d", expires_at=1), answers={"a": SENT})
    desk.call_takes = 1.0
    assert desk.probe(seconds=25) == ["a"]


def row(state: State, **fields: Any) -> Row:  # noqa: ANN401 - a row's fields
    return Row(id="m", state=state, **fields)


@pytest.mark.parametrize(
    ("found", "attempt", "goes"),
    [
        (row(State.QUEUED), "", True),
        (row(State.SENT), "", False),
        (row(State.SENDING, lease=int(NOW)), "", True),
        (row(State.SENDING, lease=int(NOW) + 1), "", False),
        (row(State.SCHEDULED, scheduled_at=int(NOW)), "", True),
        (row(State.SCHEDULED, scheduled_at=int(NOW) + 1), "", False),
        (row(State.SCHEDULED), "", True),
        (row(State.FAILED, attempt_count=2), "2", True),
        (row(State.FAILED, attempt_count=2), "1", False),
        (row(State.UNKNOWN, attempt_count=2), "2", True),
    ],
)
def test_only_a_mail_that_may_be_claimed_is_a_probe(
    found: Row, attempt: str, *, goes: bool
) -> None:
    given = message("m")
    if attempt:
        given = given._replace(attributes={"state": "failed", "attempt": attempt})
    desk = Desk(given, answers={"m": SENT})
    desk.rows["m"] = found
    desk.probe()
    assert desk.did[1][0] == ("end" if goes else "again")


def order(desk: Desk, **fields: Any) -> list[str]:  # noqa: ANN401 - of a PauseState
    """Return the mails that a probe takes, as long as each is refused for itself or the account."""
    names = [one.message_id for poll in desk.polls[Lane.NORMAL] for one in poll]
    desk.answers = dict.fromkeys(names, EITHER)
    desk.probe(PAUSED._replace(**fields))
    return desk.sent


@pytest.mark.parametrize(("probes", "taken"), [(0, "agd"), (1, "gfc"), (2, "agd")])
def test_it_takes_the_first_the_last_and_one_from_the_middle(probes: int, taken: str) -> None:
    assert order(Desk(*MANY), probes=probes) == list(taken)


def test_mails_that_paused_come_last_and_new_callers_first() -> None:
    desk = Desk(message("a"), message("b", "x"), message("c", "x"), message("d", "y"))
    assert order(desk, blamed=(Refusal("a", "", "r"), Refusal("d", "", "r"))) == ["b", "c", "d"]


def attempt(scope: Scope, at: str = "2") -> tuple[dict[str, Any], ...]:
    return ({"at": "0", "scope": Scope.MAIL}, {"at": at, "scope": scope})


def test_mails_that_were_refused_come_after_others_those_with_strikes_after_them() -> None:
    desk = Desk(message("struck"), message("late"), message("early"), message("fresh"))
    desk.rows = {
        "struck": row(State.QUEUED, strikes=1, attempts=attempt(Scope.EITHER, "0")),
        "late": row(State.QUEUED, attempts=attempt(Scope.PROVIDER, "3")),
        "early": row(State.QUEUED, attempts=attempt(Scope.RATE, "2")),
        "fresh": row(State.QUEUED, attempts=attempt(Scope.MAIL, "1")),
    }
    desk.rows = {name: found._replace(id=name) for name, found in desk.rows.items()}
    assert order(desk) == ["fresh", "early", "late"]
