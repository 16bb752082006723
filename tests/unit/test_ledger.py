"""The ledger: what each arrow writes, whole; and when it is not taken."""

import random
import time
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError
from outbox.mail.mail import Mail
from outbox.mail.states import State
from outbox.mail.times import iso
from outbox.storage.claims import MAX_ATTEMPTS, Claims, NoRecordError
from outbox.storage.expressions import pack_item, unpack_item
from outbox.storage.ledger import Ledger, TableBusyError
from outbox.storage.row import Row
from outbox.storage.table import LedgerTable
from outbox.throttling import is_throttled

from tests.clock import Clock
from tests.faults.standins.dynamo import Dynamo
from tests.faults.standins.errors import client_error

NOW = 1_800_000_000
AT = "2027-01-15T08:00:00.000Z"
LEASE = 120
KEPT = 90 * 86400
MAIL = Mail(
    id="m1",
    sender="shop@example.com",
    recipients=("a@example.com", "b@example.com"),
    subject="s",
    body="b",
    campaign="news",
    client="shop",
    on_unknown="resend",
    expires_at=NOW + 900,
    accepted_at=NOW - 60.25,
)
PRODUCED = MAIL._replace(client=None)  # of a direct producer: it has no row yet
BEGUN = {
    "fingerprint": MAIL.fingerprint,
    "client": "shop",
    "sender": "shop@example.com",
    "to": list(MAIL.masked),
    "to_count": 2,
    "campaign": "news",
    "created": "2027-01-15T07:58:59.750Z",
    "on_unknown": "resend",
    "expires_at": NOW + 900,
}
PRODUCED_BEGUN = {key: value for key, value in BEGUN.items() if key != "client"}
CLAIMED = {
    "pk": "m1",
    "state": "sending",
    "claim": "t1",
    "claimed_at": AT,
    "lease": NOW + LEASE,
    "updated": AT,
    "ttl": NOW + KEPT,
    "attempt_count": 1,
    "resends": 0,
}
ATTEMPT = {"at": AT, "ms": 12, "reason": "timeout"}


class Table(Dynamo):
    """The table. What `vanishes` does so when a write has found it: its time to live has ended.

    What it `hides` is not shown with the error, and must be read.
    """

    def __init__(self) -> None:
        super().__init__("ledger")
        self.vanishes = False
        self.hides = False
        self.reads = 0

    def put_item(self, **arguments: object) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = super().put_item(**arguments)
        except ClientError:
            if self.hides:
                raise client_error("PutItem", "ConditionalCheckFailedException") from None
            raise
        return answer

    def update_item(self, **arguments: object) -> dict[str, Any]:
        assert arguments["ReturnValues"] in {"NONE", "ALL_NEW"}
        try:
            answer: dict[str, Any] = super().update_item(**arguments)
        except ClientError:
            if self.vanishes:
                self.items.clear()
            if self.vanishes or self.hides:
                raise client_error("UpdateItem", "ConditionalCheckFailedException") from None
            raise
        return answer

    def get_item(self, **arguments: object) -> dict[str, Any]:
        assert arguments["ConsistentRead"] is True
        self.reads += 1
        answer: dict[str, Any] = super().get_item(**arguments)
        return answer

    def row(self, mail_id: str = "m1") -> dict[str, Any]:
        return unpack_item(self.items[mail_id])

    def put(self, **values: object) -> None:
        self.items[str(values["pk"])] = pack_item(values)

    def change(self, **values: object) -> None:
        self.put(**self.row() | values)


@pytest.fixture
def table() -> Table:
    return Table()


@pytest.fixture
def clock() -> Clock:
    return Clock(float(NOW))


@pytest.fixture
def ledger_table(table: Table, clock: Clock) -> LedgerTable:
    return LedgerTable(cast("Any", table), "ledger", 90, clock)


@pytest.fixture
def ledger(ledger_table: LedgerTable) -> Ledger:
    return Ledger(ledger_table)


@pytest.fixture
def claims(ledger_table: LedgerTable) -> Claims:
    return Claims(ledger_table, LEASE)


def _known(ledger: Ledger) -> Row:
    row = ledger.get("m1")
    assert row is not None
    return row


def _claimed(claims: Claims, mail: Mail = PRODUCED) -> Row:
    taken, row = claims.claim(mail, "t1")
    assert taken
    return row


def test_a_new_row_says_all_of_its_mail_but_what_is_private(ledger: Ledger, table: Table) -> None:
    assert ledger.create(MAIL, State.QUEUED, "request") is None
    begin = {"pk": "m1", "state": "queued", "updated": AT, "request": "request"}
    assert table.row() == BEGUN | begin | {"ttl": NOW + KEPT}


def test_a_row_outlives_the_time_for_which_its_mail_is_scheduled(
    ledger: Ledger, table: Table
) -> None:
    ledger.create(MAIL._replace(scheduled_at=NOW + 500), State.SCHEDULED)
    assert (table.row()["ttl"], table.row()["scheduled_at"]) == (NOW + 500 + KEPT, NOW + 500)
    assert "request" not in table.row()


def test_a_row_that_stands_is_returned_and_not_written_over(ledger: Ledger, table: Table) -> None:
    ledger.create(MAIL, State.QUEUED, "first")
    before = table.row()
    standing = ledger.create(MAIL._replace(subject="other"), State.QUEUED, "second")
    assert standing is not None
    assert (standing.id, standing.request, standing.state) == ("m1", "first", State.QUEUED)
    assert table.row() == before


def test_a_row_is_read_as_it_was_written(ledger: Ledger, table: Table) -> None:
    ledger.create(MAIL, State.QUEUED, "request")
    table.change(of_a_later_version=1)
    row = _known(ledger)
    assert (row.to, row.to_count, row.attempts) == (MAIL.masked, 2, ())
    assert (row.client, row.sender, row.campaign) == ("shop", "shop@example.com", "news")
    assert (row.created, row.updated) == (BEGUN["created"], AT)
    assert (row.expires_at, row.on_unknown) == (NOW + 900, "resend")
    assert row.schedule_name == "m1"
    assert row._replace(schedule="another").schedule_name == "another"


def test_what_is_no_row_is_not_read_as_one(ledger: Ledger, table: Table) -> None:
    assert ledger.get("m1") is None
    table.put(pk="m1", paused=True)
    assert ledger.get("m1") is None


def test_of_a_batch_all_rows_are_written_or_none(ledger: Ledger, table: Table) -> None:
    mails = [(MAIL._replace(id=name), State.QUEUED, "request") for name in ("m1", "m2")]
    assert ledger.create_all(mails) == []
    assert {name: table.row(name)["request"] for name in table.items} == {
        "m1": "request",
        "m2": "request",
    }
    again = ledger.create_all([*mails[1:], (MAIL._replace(id="m3"), State.QUEUED, "request")])
    assert [row.id for row in again] == ["m2"]
    assert set(table.items) == {"m1", "m2"}


@pytest.mark.parametrize(
    ("code", "error"), [("TransactionConflict", TableBusyError), ("Other", ClientError)]
)
def test_of_a_batch_nothing_was_written_when_another_writes_it(
    ledger: Ledger, table: Table, monkeypatch: pytest.MonkeyPatch, code: str, error: type[Exception]
) -> None:
    def refuse(**_: object) -> None:
        reasons = [{"Code": "None"}, {"Code": code}, {}]
        raise client_error(
            "TransactWriteItems", "TransactionCanceledException", CancellationReasons=reasons
        )

    monkeypatch.setattr(table, "transact_write_items", refuse)
    with pytest.raises(error):
        ledger.create_all([(MAIL, State.QUEUED, None)])


@pytest.mark.parametrize("state", list(State))
def test_what_was_not_accepted_is_withdrawn_while_no_worker_has_it(
    ledger: Ledger, table: Table, clock: Clock, state: State
) -> None:
    ledger.create(MAIL, state)
    before = table.row()
    clock.now += 1
    if state in {State.QUEUED, State.SCHEDULED}:
        ledger.withdraw(["m1"])
        found = {"state": "canceled", "reason": "not_accepted", "updated": iso(NOW + 1)}
        assert table.row() == before | found
        return
    with pytest.raises(ClientError):
        ledger.withdraw(["m1"])
    assert table.row() == before


def test_what_a_worker_has_is_not_withdrawn_nor_is_anything_beside_it(
    ledger: Ledger, claims: Claims, table: Table
) -> None:
    ledger.create(MAIL._replace(id="m2"), State.QUEUED)
    claims.settle(_claimed(claims), State.QUEUED, None)
    with pytest.raises(ClientError):
        ledger.withdraw(["m2", "m1"])
    with pytest.raises(ClientError):
        ledger.withdraw(["m3"])
    assert {row["state"]["S"] for row in table.items.values()} == {"queued"}
    assert set(table.items) == {"m1", "m2"}


def test_an_error_without_reasons_is_raised(
    ledger: Ledger, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: object) -> None:
        raise client_error("TransactWriteItems", "InternalServerError")

    monkeypatch.setattr(table, "transact_write_items", refuse)
    with pytest.raises(ClientError, match="InternalServerError"):
        ledger.create_all([(MAIL, State.QUEUED, None)])


def test_a_claim_makes_the_row_of_a_direct_producers_mail(
    ledger: Ledger, claims: Claims, table: Table
) -> None:
    row = _claimed(claims)
    assert table.row() == PRODUCED_BEGUN | CLAIMED
    assert row == _known(ledger)
    assert (row.claim_token, row.lease, row.attempt_count) == ("t1", NOW + LEASE, 1)


def test_a_claim_keeps_what_the_row_said(
    ledger: Ledger, claims: Claims, table: Table, clock: Clock
) -> None:
    ledger.create(MAIL._replace(client="first"), State.QUEUED, "request")
    table.change(attempt_count=3)
    clock.now += 10
    taken, row = claims.claim(MAIL, "t1")
    assert (taken, row.client, row.request, row.attempt_count) == (True, "first", "request", 4)
    assert (table.row()["lease"], table.row()["ttl"]) == (NOW + 10 + LEASE, NOW + KEPT)


@pytest.mark.parametrize("state", list(State))
def test_a_claim_is_taken_of_a_queued_mail_only(
    ledger: Ledger, claims: Claims, table: Table, state: State
) -> None:
    ledger.create(MAIL, state)
    table.change(claim="another", scheduled_at=NOW + 6)
    taken, row = claims.claim(MAIL, "t1")
    assert taken is (state is State.QUEUED)
    assert row.claim_token == ("t1" if taken else "another")
    assert row == _known(ledger)


@pytest.mark.parametrize(("early", "taken"), [(-1, True), (0, True), (5, True), (6, False)])
def test_a_scheduled_mail_is_claimed_a_little_early_at_most(
    ledger: Ledger, claims: Claims, early: int, *, taken: bool
) -> None:
    mail = MAIL._replace(scheduled_at=NOW + early)
    ledger.create(mail, State.SCHEDULED)
    assert claims.claim(mail, "t1")[0] is taken


def test_another_mail_under_the_same_id_claims_nothing(ledger: Ledger, claims: Claims) -> None:
    ledger.create(MAIL, State.QUEUED)
    taken, row = claims.claim(MAIL._replace(subject="other"), "t1")
    assert (taken, row.state) == (False, State.QUEUED)


def test_the_row_that_stands_costs_no_read(ledger: Ledger, claims: Claims, table: Table) -> None:
    ledger.create(MAIL, State.SENT)
    ledger.create(MAIL, State.SENT)
    claims.claim(MAIL, "t1")
    assert table.reads == 0


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("attempt", [1, 2, 3])
def test_a_redrive_claims_what_its_own_attempt_parked(
    ledger: Ledger, claims: Claims, table: Table, state: State, attempt: int
) -> None:
    ledger.create(MAIL, state)
    table.change(attempt_count=2, claim="another")
    ended = state in {State.FAILED, State.UNKNOWN}
    taken, _ = claims.claim(MAIL, "t1", attempt)
    assert taken is ((ended and attempt == 2) or state is State.QUEUED)


@pytest.mark.parametrize(
    ("standing", "redrive_attempt", "maybe", "resends"),
    [
        (None, 0, 1, 1),
        (None, 3, 1, 1),
        (0, None, None, 0),
        (0, 0, None, 0),
        (1, None, 1, 1),
    ],
)
def test_a_claim_counts_the_resend_before_it_is_made(
    ledger: Ledger,
    claims: Claims,
    table: Table,
    standing: int | None,
    redrive_attempt: int | None,
    maybe: int | None,
    resends: int,
) -> None:
    if standing is not None:
        ledger.create(MAIL, State.QUEUED)
        table.change(**({"maybe": standing} if standing else {}))
    taken, row = claims.claim(MAIL, "t1", redrive_attempt)
    assert taken
    assert (table.row().get("maybe"), row.resends) == (maybe, resends)


def test_a_claim_that_the_sdk_made_twice_is_ours(claims: Claims) -> None:
    first = _claimed(claims)
    assert claims.claim(MAIL, "t1") == (True, first)
    assert claims.claim(MAIL, "t2") == (False, first)
    claims.settle(first, State.SENT, None)
    assert claims.claim(MAIL, "t1")[0] is False


def test_a_row_that_vanishes_before_it_is_read_has_no_record(
    ledger: Ledger, claims: Claims, table: Table
) -> None:
    ledger.create(MAIL, State.SENT)
    table.vanishes = True
    with pytest.raises(NoRecordError):
        claims.claim(MAIL, "t1")


def test_a_clients_mail_without_a_row_is_claimed_by_a_re_drive_only(
    claims: Claims, table: Table
) -> None:
    mail = MAIL._replace(client="shop")
    with pytest.raises(NoRecordError):
        claims.claim(mail, "t1")
    assert table.items == {}
    taken, row = claims.claim(mail, "t1", 0)
    assert (taken, row.possibly_sent, row.resends, row.attempt_count) == (True, 1, 1, 1)
    assert row.client is None  # who wrote the message is not known
    assert claims.claim(mail, "t1", 0) == (True, row)  # the SDK's repetition
    assert claims.claim(mail, "t2", 0) == (False, row)


LATER = NOW + 10 * KEPT


def test_no_write_brings_the_end_of_a_row_nearer(
    ledger: Ledger, claims: Claims, table: Table
) -> None:
    """A schedule that was to be deleted may fire at its time all the same."""
    ledger.create(MAIL, State.SCHEDULED)

    def later(**changes: object) -> None:
        table.change(ttl=LATER, **changes)

    later(scheduled_at=NOW + 500)
    assert ledger.reschedule(_known(ledger), NOW + 600, "next")
    assert table.row()["ttl"] == LATER
    later(state="queued")
    row = _claimed(claims)
    assert table.row()["ttl"] == LATER
    claims.settle(row, State.UNKNOWN, None)
    assert table.row()["ttl"] == LATER
    claims.keep("m1")
    assert table.row()["ttl"] == LATER
    later(state="queued")
    assert ledger.cancel("m1").state is State.CANCELED
    assert table.row()["ttl"] == LATER


def test_a_row_is_kept_for_another_copy_of_its_message(
    ledger: Ledger, claims: Claims, table: Table, clock: Clock
) -> None:
    claims.keep("m1")
    assert table.items == {}
    ledger.create(MAIL, State.QUEUED)
    before = table.row()
    clock.now += 7
    claims.keep("m1")
    assert table.row() == before | {"ttl": NOW + 7 + KEPT}


def test_a_record_is_kept_for_longer_than_both_queues_keep_a_message(table: Table) -> None:
    rows = LedgerTable(cast("Any", table), "ledger", 15, lambda: NOW)
    assert rows.expiry() == NOW + 30 * 86400


def test_a_row_that_is_not_shown_is_read(ledger: Ledger, claims: Claims, table: Table) -> None:
    row = _claimed(claims)
    claims.settle(row, State.SENT, None)
    table.hides = True
    standing = _known(ledger)
    assert ledger.create(MAIL, State.QUEUED) == standing
    assert claims.claim(MAIL, "t2") == (False, standing)
    assert ledger.cancel("m1") == standing
    assert ledger.reschedule(row, NOW, "next") is False
    assert claims.settle(row, State.SENT, None) is True


def test_what_is_taken_over_is_a_resend_with_its_history(
    ledger: Ledger, claims: Claims, table: Table, clock: Clock
) -> None:
    row = _claimed(claims)
    clock.now += LEASE
    taken, now = claims.take_over(row, "t2", ATTEMPT)
    later = "2027-01-15T08:02:00.000Z"
    assert taken
    assert table.row() == PRODUCED_BEGUN | CLAIMED | {
        "claim": "t2",
        "claimed_at": later,
        "updated": later,
        "lease": NOW + 2 * LEASE,
        "attempt_count": 2,
        "resends": 1,
        "maybe": 1,
        "attempts": [ATTEMPT],
    }
    assert now == _known(ledger)
    assert claims.take_over(row, "t3", ATTEMPT) == (False, now)
    assert claims.take_over(row, "t2", ATTEMPT) == (True, now)  # the SDK's repetition


def test_what_is_settled_is_not_taken_over(claims: Claims) -> None:
    row = _claimed(claims)
    claims.settle(row, State.SENT, None)
    assert claims.take_over(row, "t2", ATTEMPT)[0] is False


def test_a_call_is_settled_once(claims: Claims, table: Table, clock: Clock) -> None:
    row = _claimed(claims)
    table.change(code=15)
    clock.now += 1
    assert claims.settle(row, State.SENT, ATTEMPT, reason="sent", msg_id="7", code=None)
    assert table.row() == PRODUCED_BEGUN | CLAIMED | {
        "state": "sent",
        "updated": "2027-01-15T08:00:01.000Z",
        "ttl": NOW + 1 + KEPT,
        "attempts": [ATTEMPT],
        "reason": "sent",
        "msg_id": "7",
    }
    assert claims.settle(row, State.SENT, ATTEMPT) is True  # the SDK's repetition
    assert claims.settle(row, State.FAILED, ATTEMPT) is False
    assert table.row()["attempts"] == [ATTEMPT]


def test_two_attributes_are_taken_away_at_once(claims: Claims, table: Table) -> None:
    row = _claimed(claims)
    table.change(code=15, retry_until=1)
    claims.settle(row, State.QUEUED, None, code=None, retry_until=None)
    assert table.row() == PRODUCED_BEGUN | CLAIMED | {"state": "queued"}


def test_a_call_whose_claim_was_taken_over_settles_nothing(claims: Claims, table: Table) -> None:
    row = _claimed(claims)
    claims.take_over(row, "t2", ATTEMPT)
    before = table.row()
    assert claims.settle(row, State.SENT, ATTEMPT) is False
    assert claims.settle(row, State.SENDING, ATTEMPT) is False
    assert table.row() == before


@pytest.mark.parametrize("many", [MAX_ATTEMPTS - 1, MAX_ATTEMPTS, MAX_ATTEMPTS + 1])
def test_of_very_many_attempts_the_last_are_kept(
    ledger: Ledger, claims: Claims, table: Table, many: int
) -> None:
    _claimed(claims)
    given = [{"ms": number} for number in range(many)]
    table.change(attempts=given)
    claims.settle(_known(ledger), State.SENT, ATTEMPT)
    assert table.row()["attempts"] == [*given, ATTEMPT][-MAX_ATTEMPTS:]


@pytest.mark.parametrize("state", list(State))
def test_only_a_mail_that_waits_is_canceled(ledger: Ledger, table: Table, state: State) -> None:
    ledger.create(MAIL, state)
    before = table.row()
    row = ledger.cancel("m1")
    if state in {State.QUEUED, State.SCHEDULED}:
        assert row.state is State.CANCELED
        assert table.row() == before | {"state": "canceled"}
    else:
        assert (row.state, table.row()) == (state, before)


def test_a_canceled_row_is_dated_anew(ledger: Ledger, table: Table, clock: Clock) -> None:
    ledger.create(MAIL, State.QUEUED)
    clock.now += 1
    ledger.cancel("m1")
    assert (table.row()["updated"], table.row()["ttl"]) == (iso(NOW + 1), NOW + 1 + KEPT)


def test_a_mail_that_may_have_been_sent_is_not_canceled(ledger: Ledger, table: Table) -> None:
    ledger.create(MAIL, State.QUEUED)
    table.change(maybe=1)
    assert ledger.cancel("m1").state is State.QUEUED


def test_a_mail_that_is_not_there_is_not_canceled(ledger: Ledger, table: Table) -> None:
    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        ledger.cancel("m1")
    assert table.items == {}


def test_a_scheduled_mail_is_moved(ledger: Ledger, table: Table, clock: Clock) -> None:
    ledger.create(MAIL._replace(scheduled_at=NOW + 500), State.SCHEDULED)
    before, row = table.row(), _known(ledger)
    clock.now += 1
    assert ledger.reschedule(row, NOW + 900, "next") is True
    moved = {"scheduled_at": NOW + 900, "schedule": "next", "ttl": NOW + 900 + KEPT}
    assert table.row() == before | moved | {"updated": iso(NOW + 1)}
    assert ledger.reschedule(row, NOW + 900, "next") is True  # the SDK's repetition
    assert ledger.reschedule(row, NOW + 901, "next") is False
    assert ledger.reschedule(row, NOW + 900, "third") is False
    assert ledger.reschedule(_known(ledger), NOW + 700, "third") is True
    assert table.row()["scheduled_at"] == NOW + 700


def test_what_is_not_scheduled_any_more_is_not_moved(ledger: Ledger, table: Table) -> None:
    ledger.create(MAIL._replace(scheduled_at=NOW + 500), State.SCHEDULED)
    row = _known(ledger)
    table.change(state="queued", schedule="next", scheduled_at=NOW + 900)
    assert ledger.reschedule(row, NOW + 900, "next") is False
    assert ledger.reschedule(_known(ledger), NOW + 700, "third") is False


def test_any_other_error_is_raised(
    ledger: Ledger, claims: Claims, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.create(MAIL, State.QUEUED)

    def refuse(**_: object) -> None:
        raise client_error("UpdateItem", "ThrottlingException")

    monkeypatch.setattr(table, "update_item", refuse)
    with pytest.raises(ClientError, match="Throttling"):
        claims.claim(MAIL, "t1")


def test_a_time_is_written_to_the_millisecond_and_sorts_as_text() -> None:
    assert iso(NOW) == AT
    assert iso(NOW + 0.0015) == "2027-01-15T08:00:00.001Z"


# ---- A worker that was silent too long ----------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "state", "may"),
    [
        ("worker_died", State.SENT, True),
        ("worker_died", State.FAILED, False),
        ("worker_died", State.QUEUED, False),
        ("timeout", State.SENT, False),
    ],
)
def test_whoever_was_declared_dead_may_still_say_that_its_mail_was_sent(
    claims: Claims,
    table: Table,
    reason: str,
    state: State,
    may: bool,  # noqa: FBT001
) -> None:
    row = _claimed(claims)
    assert claims.settle(row, State.UNKNOWN, None, reason=reason)
    assert claims.settle(row, state, ATTEMPT, reason="late", msg_id="7") is may
    assert table.row()["state"] == ("sent" if may else "unknown")
    assert table.row().get("msg_id") == ("7" if may else None)


def test_what_another_took_over_is_the_others_to_settle(
    claims: Claims, table: Table, clock: Clock
) -> None:
    row = _claimed(claims)
    clock.now += LEASE
    assert claims.take_over(row, "t2", ATTEMPT)[0]
    assert not claims.settle(row, State.SENT, ATTEMPT, reason="late")
    assert table.row()["state"] == "sending"


# ---- Many rows ----------------------------------------------------------------------------------


def test_what_dynamodb_leaves_unprocessed_is_asked_for_again_after_waits_that_grow(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[object] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    monkeypatch.setattr(random, "uniform", lambda low, high: (low, high))
    rows = LedgerTable(cast("Any", table), "ledger", 90, lambda: NOW)
    Ledger(rows).create_all(
        [(MAIL._replace(id=f"m{number}"), State.QUEUED, None) for number in range(8)]
    )
    table.put(pk="m9", paused=True)
    table.answers_at_once = 1

    found = rows.get_all([*(f"m{number}" for number in range(10)), "m3"])

    assert set(found) == {f"m{number}" for number in range(8)}
    assert all(row.id == key and row.client == "shop" for key, row in found.items())
    longest = [0.02, 0.05, 0.1, 0.2, 0.4, 0.4, 0.4, 0.4, 0.4]
    assert waits == [(wait / 2, wait) for wait in longest]


def test_a_table_that_answers_with_nothing_is_throttled(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without an end the status check would be killed, and nobody would end a pause."""
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    monkeypatch.setattr(random, "uniform", lambda _, high: high)
    rows = LedgerTable(cast("Any", table), "ledger", 90, lambda: NOW)
    table.answers_at_once = 0

    with pytest.raises(ClientError) as refused:
        rows.get_all(["m1", "m2"])

    assert is_throttled(refused.value)
    assert 2 < sum(waits) < 4


def test_a_row_has_what_the_owner_gave_beside_the_mail(ledger: Ledger, table: Table) -> None:
    tagged = MAIL._replace(
        tags=(("kind", "receipt"),),
        headers=(("X-Tag", "a"), ("X-Entity", "b")),
        not_carried=("reply_to",),
        scheduled_at=NOW + 900,
    )
    ledger.create(tagged, State.SCHEDULED)
    kept = table.row()
    assert kept["tags"] == [{"name": "kind", "value": "receipt"}]
    assert kept["headers"] == [{"name": "X-Tag", "value": "a"}, {"name": "X-Entity", "value": "b"}]
    assert kept["not_carried"] == ["reply_to"]
    assert kept["scheduled_at"] == NOW + 900


def test_an_equal_call_joins_for_its_time_and_its_item_is_taken_away_a_day_later(
    ledger: Ledger, table: Table, clock: Clock
) -> None:
    assert ledger.join("hash", "first", 60) == "first"
    assert table.row("#join#hash") == {
        "pk": "#join#hash",
        "key": "first",
        "until": NOW + 60,
        "ttl": NOW + 60 + 86400,
    }
    clock.now += 59
    assert ledger.join("hash", "second", 60) == "first"
    assert ledger.join("other", "third", 60) == "third"
    clock.now += 1
    assert ledger.join("hash", "fourth", 60) == "fourth"
    assert table.row("#join#hash")["until"] == NOW + 120
