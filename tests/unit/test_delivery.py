"""One mail's delivery: the whole report, the row as it is left, and what the parts were told."""

import json
import random
import time
from collections.abc import Callable
from typing import Any, NoReturn, cast

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from outbox.mail.lanes import Lane, Route
from outbox.mail.report import Report
from outbox.mail.states import State
from outbox.mail.times import iso
from outbox.queues.message import ReceivedMessage, encode_batch
from outbox.sending.breaker import Call, Reaction
from outbox.sending.delivery import Delivery
from outbox.sending.policy import EXPIRED, WORKER_DIED
from outbox.settings import Settings
from outbox.storage.claims import Claims
from outbox.storage.expressions import pack_item, unpack_item
from outbox.storage.table import LedgerTable
from taqnyat import Letter, Outcome, Scope, Verdict

from tests.faults.standins.dynamo import Dynamo
from tests.faults.standins.errors import client_error

NOW = 1_800_000_000.0
DEADLINE = NOW + 60
LEASE = 120
SENT = Outcome(Verdict.SENT, Scope.MAIL, "sent", 201, msg_id="7", price="0.05")
REFUSED = Outcome(Verdict.TERMINAL, Scope.MAIL, "recipients_refused", 400, code=15)
BUSY = Outcome(Verdict.RETRYABLE, Scope.PROVIDER, "provider_unavailable", 503)
LIMITED = Outcome(Verdict.RETRYABLE, Scope.RATE, "rate_limited", 429)
LATE = Outcome(Verdict.UNKNOWN, Scope.PROVIDER, "timeout")
EMPTY = Outcome(Verdict.RETRYABLE, Scope.ACCOUNT, "balance_empty", 400, code=2)
OFFER = {"from": "shop@example.com", "to": ["a@example.com"], "subject": "s", "text": "b"}
NO_ANSWER = [
    client_error("SendMessage", "ThrottlingException"),
    EndpointConnectionError(endpoint_url="https://sqs"),
]


class Parts:
    """All that a delivery is handed; the parts keep what they were told."""

    def __init__(self, **settings: object) -> None:
        self.now = NOW
        self.tripped = False
        self.outcome = SENT
        self.call_seconds = 1.5
        self.claim_seconds = 0.0
        self.stops_first = False
        self.takes = 2
        self.batches: list[tuple[str, list[Route], int]] = []
        self.park_error: Exception | None = None
        self.pause_error: Exception | None = None
        self.while_sending: dict[str, Any] = {}
        self.letters: list[tuple[Letter, float]] = []
        self.observed: list[Outcome] = []
        self.calls: list[Call] = []
        self.sent_at = 0.0
        self.paused: list[tuple[Outcome, float]] = []
        self.parked: list[tuple[object, ...]] = []
        self.queued: list[list[tuple[str, Route]]] = []
        self.requeued: list[ReceivedMessage] = []
        self.schedules: list[tuple[str, int, str, Lane]] = []
        self.dynamo = Dynamo("ledger", lambda *_: self.pass_time(self.claim_seconds))
        part = cast("Any", self)
        table = LedgerTable(cast("Any", self.dynamo), "ledger", 90, lambda: self.now)
        claims = Claims(table, LEASE)
        given: dict[str, Any] = {"ledger_table": "t", "mail_queue_url": "q", "mail_queue_arn": "a"}
        self.delivery = Delivery(
            claims, part, part, part, part, Settings(**given | settings), lambda: self.now
        )

    def pass_time(self, seconds: float) -> None:
        self.now += seconds

    # Provider
    def send(self, letter: Letter, deadline: float) -> Outcome:
        self.letters.append((letter, deadline))
        self.pass_time(self.call_seconds)
        self.change(**self.while_sending)
        return self.outcome

    # Breaker
    def refuses(self) -> str:
        return "paused" if self.tripped else ""

    def record(self, call: Call) -> Reaction | None:
        self.observed.append(call.outcome)
        self.calls.append(call)
        return Reaction.PAUSE if self.stops_first else None

    def react(self, reaction: Reaction, call: Call) -> None:
        assert reaction is Reaction.PAUSE
        self.paused.append((call.outcome, call.started))
        if self.pause_error is not None:
            raise self.pause_error

    # MailQueue
    def dead_letter(self, *arguments: object) -> None:
        self.parked.append(arguments)
        if self.park_error is not None:
            raise self.park_error

    def send_all(
        self, parts: list[tuple[str, Route]], may_go_on: Callable[[], bool]
    ) -> list[tuple[str, Route]]:
        assert may_go_on()
        self.queued.append(parts)
        return parts[self.takes :]

    def send_batch(self, text: str, routes: list[Route], delay: int) -> None:
        self.batches.append((text, routes, delay))

    def has_strayed(self, message: ReceivedMessage) -> bool:
        return message.lane is not message.queue

    def requeue(self, message: ReceivedMessage) -> None:
        self.requeued.append(message)

    # Schedules
    def create(self, name: str, at: int, text: str, lane: Lane) -> None:
        self.schedules.append((name, at, text, lane))

    # The row
    def row(self) -> dict[str, Any]:
        return unpack_item(self.dynamo.items["m1"])

    def said(self, *names: str) -> tuple[Any, ...]:
        row = self.row()
        return tuple(row.get(name) for name in names)

    def change(self, **values: object) -> None:
        if values:
            self.dynamo.items["m1"] = pack_item(self.row() | values)

    def deliver(self, message: ReceivedMessage, deadline: float = DEADLINE) -> Report:
        return self.delivery.deliver(message, deadline)


def message(body: object = None, **attributes: str) -> ReceivedMessage:
    text = body if isinstance(body, str) else json.dumps(body or OFFER)
    return ReceivedMessage("m1", "handle", text, attributes, NOW - 30)


def claimed(parts: Parts, **changes: object) -> ReceivedMessage:
    """Leave the row as a worker does that dies while it sends."""
    received = message()
    parts.deliver(received)
    parts.change(**{"state": "sending", "attempts": [], "maybe": None, **changes})
    parts.letters.clear()
    parts.observed.clear()
    parts.now = NOW
    return received


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> Parts:
    made = Parts()
    monkeypatch.setattr(time, "sleep", made.pass_time)
    return made


@pytest.fixture(autouse=True)
def _no_luck(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random, "uniform", lambda low, high: low * 1000 + high)


def test_a_mail_is_sent_once_and_all_is_told(parts: Parts) -> None:
    report = parts.deliver(message())
    assert report == Report(
        mail_id="m1",
        retry_in=None,
        state=State.SENT,
        outcome=SENT,
        reason="sent",
        seconds=1.5,
        waited=31.5,
    )
    letter = Letter("shop@example.com", ("a@example.com",), "s", "b", "transactional")
    assert [given.subject for given, _ in parts.letters] == ["s"]
    assert parts.letters[0][0].campaign == letter.campaign
    assert parts.letters[0][1] == NOW + 25
    assert parts.observed == [SENT]
    assert parts.paused == []
    assert parts.said("state", "reason", "msg_id", "price") == ("sent", "sent", "7", "0.05")
    assert parts.said("lease", "attempt_count", "resends") == (NOW + LEASE, 1, 0)
    assert parts.row()["attempts"] == [
        {
            "at": iso(NOW),
            "ms": 1500,
            "verdict": "sent",
            "scope": "mail",
            "reason": "sent",
            "status": 201,
        }
    ]
    assert parts.parked == []


def test_each_claim_has_a_token_of_its_own(parts: Parts) -> None:
    other = Parts()
    parts.deliver(message())
    other.deliver(message())
    assert len({*parts.said("claim"), *other.said("claim")}) == 2


def test_a_waiting_time_is_never_negative(parts: Parts) -> None:
    ahead = ReceivedMessage("m1", "handle", json.dumps(OFFER), {}, NOW + 90)
    assert parts.deliver(ahead).waited == 0.0


def test_a_mail_of_an_unknown_age_is_as_old_as_its_delivery(parts: Parts) -> None:
    received = ReceivedMessage("m1", "handle", json.dumps(OFFER), {}, 0.0)
    assert parts.deliver(received).waited == 1.5


def test_while_sending_is_paused_nothing_is_claimed(parts: Parts) -> None:
    parts.tripped = True
    assert parts.deliver(message()) == Report(mail_id="m1", retry_in=30, reason="paused")
    assert parts.dynamo.items == {}


@pytest.mark.parametrize(("probe", "delay"), [(300, 30), (59, 29), (2, 1), (1, 1)])
def test_a_pause_that_ends_soon_is_waited_for_less(probe: int, delay: int) -> None:
    parts = Parts(probe_delays_seconds=(probe, 1000))
    parts.tripped = True
    assert parts.deliver(message()).retry_in == delay


@pytest.mark.parametrize(("left", "sent"), [(24.9, False), (25.0, True)])
def test_no_call_begins_that_could_not_end(parts: Parts, left: float, *, sent: bool) -> None:
    report = parts.deliver(message(), NOW + left)
    assert bool(parts.letters) is sent
    if not sent:
        assert report == Report(mail_id="m1", retry_in=0, reason="no_time_left")
        assert parts.dynamo.items == {}


def test_a_pause_that_begins_while_it_claims_stops_the_call(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A claim that AWS throttles is repeated for half a minute, in which others are refused."""
    write = parts.dynamo.update_item

    def trip(**arguments: object) -> dict[str, Any]:
        parts.tripped = True
        answer: dict[str, Any] = write(**arguments)
        return answer

    monkeypatch.setattr(parts.dynamo, "update_item", trip)
    report = parts.deliver(message())
    assert report == Report(mail_id="m1", state="queued", retry_in=30, reason="paused")
    assert parts.letters == []
    assert parts.said("state", "attempts") == ("queued", None)


@pytest.mark.parametrize(("slow", "sent"), [(35.0, True), (35.1, False)])
def test_a_claim_that_took_too_long_is_given_back(parts: Parts, slow: float, *, sent: bool) -> None:
    parts.claim_seconds = slow
    report = parts.deliver(message())
    assert bool(parts.letters) is sent
    if not sent:
        assert report == Report(mail_id="m1", state="queued", retry_in=0, reason="no_time_left")
        assert parts.said("state", "attempts") == ("queued", None)


@pytest.mark.parametrize(("left", "sent"), [(0, False), (1, True)])
def test_what_has_expired_is_not_sent(parts: Parts, left: int, *, sent: bool) -> None:
    received = message(OFFER | {"version": 1, "id": "m1", "expires_at": int(NOW) + left})
    report = parts.deliver(received)
    assert bool(parts.letters) is sent
    if not sent:
        assert (report.outcome, report.state) == (EXPIRED, State.FAILED)
        assert (report.retry_in, report.reason, report.seconds) == (None, "expired", 0.0)
        assert parts.said("state", "reason", "attempts") == ("failed", "expired", None)
        assert parts.parked == [(received, "m1", State.FAILED, "expired", None, 1)]


def test_what_is_refused_is_parked(parts: Parts) -> None:
    parts.outcome = REFUSED
    received = message()
    report = parts.deliver(received)
    assert (report.retry_in, report.state, report.reason) == (None, "failed", "recipients_refused")
    assert parts.said("state", "reason", "code") == ("failed", "recipients_refused", 15)
    assert parts.parked == [(received, "m1", State.FAILED, "recipients_refused", 15, 1)]
    [attempt] = parts.row()["attempts"]
    assert (attempt["code"], attempt["verdict"], attempt["status"]) == (15, "terminal", 400)


@pytest.mark.parametrize("error", NO_ANSWER)
def test_what_could_not_be_parked_is_seen_again_and_parks_itself(
    parts: Parts, error: Exception
) -> None:
    parts.outcome, parts.park_error = REFUSED, error
    received = message()
    assert parts.deliver(received).retry_in == 5
    parts.park_error = None
    assert parts.deliver(received) == Report(
        mail_id="m1", state=State.FAILED, reason="parked_again"
    )
    assert parts.parked == [(received, "m1", State.FAILED, "recipients_refused", 15, 1)] * 2
    assert len(parts.letters) == 1


def test_what_ended_without_a_reason_parks_itself(parts: Parts) -> None:
    received = claimed(parts, state="unknown", reason=None, attempt_count=4)
    assert parts.deliver(received).reason == "parked_again"
    assert parts.parked == [(received, "m1", State.UNKNOWN, "", None, 4)]


@pytest.mark.parametrize("state", [State.SENT, State.CANCELED])
def test_what_has_ended_well_is_passed_over(parts: Parts, state: State) -> None:
    received = claimed(parts, state=state)
    report = parts.deliver(received)
    assert report == Report(mail_id="m1", state=state, reason="already_settled")
    assert parts.letters == []


def test_a_row_that_was_given_back_meanwhile_is_seen_again_at_once(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    received = claimed(parts, state="queued")
    asked: list[object] = []

    def refuse(**arguments: object) -> NoReturn:
        asked.append(arguments)
        item = parts.dynamo.items["m1"]
        raise client_error("UpdateItem", "ConditionalCheckFailedException", Item=item)

    monkeypatch.setattr(parts.dynamo, "update_item", refuse)
    report = parts.deliver(received)
    assert report == Report(mail_id="m1", state=State.QUEUED, retry_in=1, reason="not_ours_now")
    assert len(asked) == 1


def test_a_re_drive_is_a_new_attempt_and_a_resend_of_an_unknown_mail(parts: Parts) -> None:
    parts.outcome = LATE
    parts.deliver(message())
    parts.outcome = SENT
    again = message(state="unknown", attempt="1", id="m1")
    report = parts.deliver(again)
    assert (report.state, report.resend) == (State.SENT, True)
    assert parts.said("resends", "maybe", "attempt_count") == (1, 1, 2)
    assert [attempt.get("resend") for attempt in parts.row()["attempts"]] == [None, True]
    assert parts.row()["attempts"][0]["reason"] == "timeout"


def test_a_re_drive_that_outlives_its_row_is_a_resend(parts: Parts) -> None:
    report = parts.deliver(message(state="unknown", attempt="1", id="m1"))
    assert (report.state, report.resend) == (State.SENT, True)


def test_a_code_of_an_attempt_before_is_forgotten(parts: Parts) -> None:
    parts.outcome = EMPTY
    parts.deliver(message())
    assert parts.said("code", "reason") == (2, "balance_empty")
    parts.outcome = SENT
    parts.deliver(message())
    assert parts.said("state", "code", "reason") == ("sent", None, "sent")


def test_unknown_is_held(parts: Parts) -> None:
    parts.outcome = LATE
    received = message()
    report = parts.deliver(received)
    assert (report.state, report.retry_in, report.resend) == (State.UNKNOWN, None, False)
    assert parts.said("state", "maybe", "reason") == ("unknown", 1, "timeout")
    assert parts.parked == [(received, "m1", State.UNKNOWN, "timeout", None, 1)]


def test_unknown_is_resent_where_that_is_the_policy_and_then_never_failed() -> None:
    parts = Parts(on_unknown="resend", max_resends=2)
    parts.outcome = LATE
    report = parts.deliver(message())
    assert (report.state, report.retry_in, report.resend) == (State.QUEUED, 5, False)
    retry_until = int(NOW + 1.5) + 86400
    assert parts.said("state", "maybe", "retry_until") == ("queued", 1, retry_until)
    parts.outcome = REFUSED
    report = parts.deliver(message())
    assert (report.state, report.resend, report.reason) == ("unknown", True, "recipients_refused")


@pytest.mark.parametrize(("resends", "state"), [(1, "queued"), (2, "unknown")])
def test_resends_have_an_end(resends: int, state: str) -> None:
    parts = Parts(on_unknown="resend", max_resends=2)
    parts.outcome = LATE
    parts.deliver(message())
    parts.change(resends=resends - 1)
    assert parts.deliver(message()).state == state


@pytest.mark.parametrize(
    ("stack", "mail", "state"), [("hold", "resend", "queued"), ("resend", "hold", "unknown")]
)
def test_a_mails_own_policy_comes_first(stack: str, mail: str, state: str) -> None:
    parts = Parts(on_unknown=stack)
    parts.outcome = LATE
    received = message(OFFER | {"version": 1, "id": "m1", "on_unknown": mail})
    assert parts.deliver(received).state == state


@pytest.mark.parametrize(("after", "state"), [(-1, "queued"), (0, "failed"), (1, "failed")])
def test_the_retry_window_ends(parts: Parts, after: int, state: str) -> None:
    parts.outcome, parts.call_seconds = BUSY, 1
    report = parts.deliver(message())
    until = int(NOW) + 1 + 86400
    assert (report.state, report.retry_in) == (State.QUEUED, 5)
    assert parts.said("retry_until", "reason", "code") == (until, "provider_unavailable", None)
    parts.now = until + after - 1
    report = parts.deliver(message(), parts.now + 60)
    assert report.state == state
    reason = "provider_unavailable" if state == "queued" else "retry_window_ended"
    assert parts.said("reason", "retry_until") == (reason, until)
    assert report.reason == reason


def test_a_window_that_ends_in_doubt_leaves_it_unknown() -> None:
    parts = Parts(on_unknown="resend", retry_window_seconds=10)
    parts.outcome = LATE
    parts.deliver(message())
    parts.now += 10
    report = parts.deliver(message())
    assert (report.state, report.reason) == (State.UNKNOWN, "retry_window_ended")
    assert parts.said("maybe") == (1,)


def test_an_account_in_trouble_costs_nothing_of_the_window(parts: Parts) -> None:
    parts.outcome = BUSY
    parts.deliver(message())
    parts.outcome = EMPTY
    report = parts.deliver(message())
    assert (report.state, report.retry_in, report.reason) == (State.QUEUED, 30, "balance_empty")
    assert parts.said("retry_until", "code") == (None, 2)


@pytest.mark.parametrize(
    ("attempts", "delay"), [(1, 5), (2, 10), (3, 20), (8, 640), (9, 900), (100, 900)]
)
def test_each_retry_waits_longer(parts: Parts, attempts: int, delay: int) -> None:
    parts.outcome = BUSY
    parts.deliver(message())
    parts.change(attempt_count=attempts - 1)
    assert parts.deliver(message()).retry_in == delay


@pytest.mark.parametrize(("attempts", "delay"), [(1, 0), (2, 1), (3, 3), (6, 31), (7, 60), (9, 60)])
def test_a_mail_above_the_rate_is_soon_back_to_take_a_turn(
    parts: Parts, attempts: int, delay: int
) -> None:
    parts.outcome = LIMITED
    parts.deliver(message())
    parts.change(attempt_count=attempts - 1, attempts=[])
    assert parts.deliver(message()).retry_in == delay


def test_a_step_has_an_end_however_small_the_base() -> None:
    parts = Parts(retry_base_seconds=1, retry_cap_seconds=10**9)
    parts.outcome = BUSY
    parts.deliver(message())
    parts.change(attempt_count=30)
    assert parts.deliver(message()).retry_in == 2**16


@pytest.mark.parametrize(
    ("asked", "base", "delay"), [(60.0, 5, 60), (2.0, 5, 5), (5000.0, 5, 900), (None, 0, 1)]
)
def test_what_the_provider_asks_for_is_heard(asked: float | None, base: int, delay: int) -> None:
    parts = Parts(retry_base_seconds=base)
    parts.outcome = Outcome(Verdict.RETRYABLE, Scope.PROVIDER, "busy", 503, retry_after=asked)
    assert parts.deliver(message()).retry_in == delay


def test_who_stops_first_pauses_all_once_the_row_is_written(parts: Parts) -> None:
    parts.outcome, parts.stops_first = EMPTY, True
    parts.deliver(message())
    assert parts.paused == [(EMPTY, NOW)]
    assert parts.observed == [EMPTY]


@pytest.mark.parametrize("error", NO_ANSWER)
def test_a_pause_that_cannot_be_written_hides_no_outcome(parts: Parts, error: Exception) -> None:
    parts.outcome, parts.stops_first, parts.pause_error = EMPTY, True, error
    assert parts.deliver(message()).reason == "balance_empty"
    assert parts.said("state") == ("queued",)


def test_a_row_that_cannot_be_written_is_raised_and_pauses_all_the_same(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts.outcome, parts.stops_first = EMPTY, True
    write = parts.dynamo.update_item

    def once(**arguments: object) -> dict[str, Any]:
        if parts.letters:
            raise client_error("UpdateItem", "ThrottlingException")
        answer: dict[str, Any] = write(**arguments)
        return answer

    monkeypatch.setattr(parts.dynamo, "update_item", once)
    with pytest.raises(ClientError):
        parts.deliver(message())
    assert parts.paused == [(EMPTY, NOW)]


@pytest.mark.parametrize(("call_seconds", "tries"), [(1.5, 6), (60.0, 2), (61.0, 2)])
def test_a_row_is_settled_until_the_deadline_and_for_a_second_at_least(
    parts: Parts, monkeypatch: pytest.MonkeyPatch, call_seconds: float, tries: int
) -> None:
    parts.call_seconds = call_seconds
    tried: list[float] = []
    write = parts.dynamo.update_item

    def never(**arguments: object) -> dict[str, Any]:
        if parts.letters:
            tried.append(parts.now)
            raise client_error("UpdateItem", "TransactionConflictException")
        answer: dict[str, Any] = write(**arguments)
        return answer

    monkeypatch.setattr(parts.dynamo, "update_item", never)
    monkeypatch.setattr(random, "uniform", lambda _, high: high * 20)
    with pytest.raises(ClientError):
        parts.deliver(message())
    assert len(tried) == tries


LOST = client_error("UpdateItem", "InternalServerError", ResponseMetadata={"HTTPStatusCode": 500})
THROTTLED = client_error("UpdateItem", "ThrottlingException")


@pytest.mark.parametrize(
    ("errors", "times"),
    [
        ([LOST], [0, 10, 30]),
        ([LOST, THROTTLED], [0, 10, 30]),
        ([THROTTLED], [0, 10]),  # it changed nothing, and its turn is over
    ],
)
def test_a_claim_whose_answer_is_lost_is_tried_while_a_whole_call_has_time(
    parts: Parts, monkeypatch: pytest.MonkeyPatch, errors: list[Exception], times: list[int]
) -> None:
    tried: list[float] = []

    def never(**_: object) -> dict[str, Any]:
        tried.append(parts.now - NOW)
        raise errors[min(len(tried), len(errors)) - 1]

    monkeypatch.setattr(parts.dynamo, "update_item", never)
    monkeypatch.setattr(random, "uniform", lambda _, high: high * 200)
    with pytest.raises(ClientError):
        parts.deliver(message())
    assert tried == times  # the next one at 70: later than 35
    assert parts.letters == []


def test_a_claim_that_was_taken_over_while_it_sent_settles_nothing(parts: Parts) -> None:
    parts.outcome = REFUSED
    parts.while_sending = {"claim": "another"}
    report = parts.deliver(message())
    assert (report.state, report.retry_in) == (State.FAILED, 5)
    assert parts.said("state", "attempts") == ("sending", None)
    assert parts.parked == []


@pytest.mark.parametrize(("left", "delay"), [(1, 2), (100, 101), (899, 900), (5000, 900)])
def test_anothers_claim_is_waited_for(parts: Parts, left: int, delay: int) -> None:
    received = claimed(parts, lease=int(NOW) + left)
    assert parts.deliver(received) == Report(
        mail_id="m1", state=State.SENDING, retry_in=delay, reason="not_ours_now"
    )


def test_a_dead_workers_mail_is_held(parts: Parts) -> None:
    received = claimed(parts, lease=int(NOW), claimed_at="then")
    report = parts.deliver(received)
    assert report == Report(
        mail_id="m1",
        state=State.UNKNOWN,
        outcome=WORKER_DIED,
        reason="worker_died",
        waited=30.0,
    )
    assert parts.letters == []
    [attempt] = parts.row()["attempts"]
    assert attempt == {
        "at": "then",
        "ms": 0,
        "verdict": "unknown",
        "scope": "provider",
        "reason": "worker_died",
    }
    assert parts.parked == [(received, "m1", State.UNKNOWN, "worker_died", None, 1)]


def test_a_dead_workers_mail_is_resent_where_that_is_the_policy() -> None:
    parts = Parts(on_unknown="resend")
    received = claimed(parts, lease=int(NOW), claimed_at="then", claim="dead")
    report = parts.deliver(received)
    assert parts.said("claim") != ("dead",)
    assert (report.state, report.resend) == (State.SENT, True)
    died, sent = parts.row()["attempts"]
    assert (died["at"], died["ms"], died["reason"]) == ("then", 0, "worker_died")
    assert sent["resend"] is True
    assert parts.said("resends", "attempt_count") == (1, 2)
    assert len(parts.letters) == 1


@pytest.mark.parametrize(
    ("ahead", "delay"), [(6, 7), (899, 900), (900, 900), (901, None), (5000, None)]
)
def test_a_mail_that_comes_too_early_waits_or_is_scheduled_again(
    parts: Parts, ahead: int, delay: int | None
) -> None:
    at = int(NOW) + ahead
    received = claimed(parts, state="scheduled", scheduled_at=at, schedule="again", lease=0)
    report = parts.deliver(received)
    if delay is None:
        assert report == Report(mail_id="m1", state=State.SCHEDULED, reason="scheduled")
        assert parts.schedules == [("again", at, received.body, Lane.NORMAL)]
    else:
        assert report == Report(
            mail_id="m1", state=State.SCHEDULED, retry_in=delay, reason="not_ours_now"
        )
        assert parts.schedules == []


def test_a_schedule_without_a_time_is_seen_again_at_once(parts: Parts) -> None:
    report = parts.deliver(claimed(parts, state="scheduled"))
    assert (report.retry_in, report.reason) == (1, "not_ours_now")


def test_what_is_no_mail_is_parked(parts: Parts) -> None:
    received = message(OFFER | {"to": []})
    report = parts.deliver(received)
    assert report == Report(mail_id="m1", state="invalid", reason="invalid:to")
    assert parts.parked == [(received, "m1", "invalid", "invalid:to", None, 0)]
    assert parts.dynamo.items == {}


def test_another_mail_under_the_same_id_is_parked(parts: Parts) -> None:
    parts.deliver(message())
    other = ReceivedMessage(
        "m2", "handle", json.dumps(OFFER | {"subject": "other", "id": "m1"}), {}, NOW
    )
    report = parts.deliver(other)
    assert report == Report(mail_id="m1", state="invalid", reason="invalid:id_conflict")
    assert parts.parked == [(other, "m1", "invalid", "invalid:id_conflict", None, 0)]


def test_a_default_campaign_that_changed_does_not_make_another_mail(parts: Parts) -> None:
    parts.outcome = BUSY
    parts.deliver(message())
    parts.outcome = SENT
    changed = Parts(default_campaign="another")
    changed.dynamo.items = parts.dynamo.items
    before = changed.said("claim")
    report = changed.deliver(ReceivedMessage("m1", "handle", json.dumps(OFFER), {}, 0.0))
    assert report.waited == 1.5
    assert changed.said("claim") != before
    assert (report.state, report.mail_id) == (State.SENT, "m1")
    assert changed.letters[0][0].campaign == "transactional"
    assert changed.said("attempt_count") == (2,)


@pytest.mark.parametrize(("takes", "delay"), [(2, None), (1, None), (0, 5)])
def test_a_batch_is_spread(parts: Parts, takes: int, delay: int | None) -> None:
    """What is left goes on as a smaller batch; where nothing was taken, as the same message."""
    parts.takes = takes
    batch = encode_batch(['{"id":"a"}', '{"id":"b"}'])
    report = parts.deliver(message(batch))
    assert report == Report(mail_id="m1", retry_in=delay, reason="batch_spread")
    assert parts.queued == [[('{"id":"a"}', Route()), ('{"id":"b"}', Route())]]
    left = [(encode_batch(['{"id":"b"}']), [Route()], 5)]
    assert parts.batches == (left if takes == 1 else [])


@pytest.mark.parametrize("body", [OFFER, encode_batch(['{"id":"a"}'])])
def test_a_bulk_message_among_the_normal_ones_goes_to_its_lane(parts: Parts, body: object) -> None:
    received = message(body, lane="bulk")
    report = parts.deliver(received)
    assert report == Report(mail_id="m1", reason="to_its_lane")
    assert (parts.requeued, parts.letters, parts.dynamo.items) == ([received], [], {})


def test_a_batch_that_is_none_is_parked(parts: Parts) -> None:
    received = message(encode_batch(['{"id":1}']))
    report = parts.deliver(received)
    assert report == Report(mail_id="m1", state="invalid", reason="invalid:batch[0]")
    assert parts.parked == [(received, "m1", "invalid", "invalid:batch[0]", None, 0)]
