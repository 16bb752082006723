"""Claims: what taking and settling one write, whole; and when it is not taken."""

import pytest
from outbox.mail.states import State
from outbox.storage.claims import MAX_ATTEMPTS, Claims, NoRecordError
from outbox.storage.ledger import Ledger

from tests.clock import Clock
from tests.unit.storage.rows import (
    ATTEMPT,
    CLAIMED,
    KEPT,
    LATER,
    LEASE,
    MAIL,
    NOW,
    PRODUCED_BEGUN,
    Table,
    claimed,
    known,
)


def test_a_claim_makes_the_row_of_a_direct_producers_mail(
    ledger: Ledger, claims: Claims, table: Table
) -> None:
    row = claimed(claims)
    assert table.row() == PRODUCED_BEGUN | CLAIMED
    assert row == known(ledger)
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
    assert row == known(ledger)


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
    first = claimed(claims)
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


def test_no_write_brings_the_end_of_a_row_nearer(
    ledger: Ledger, claims: Claims, table: Table
) -> None:
    """A schedule that was to be deleted may fire at its time all the same."""
    ledger.create(MAIL, State.SCHEDULED)

    def later(**changes: object) -> None:
        table.change(ttl=LATER, **changes)

    later(scheduled_at=NOW + 500)
    assert ledger.reschedule(known(ledger), NOW + 600, "next")
    assert table.row()["ttl"] == LATER
    later(state="queued")
    row = claimed(claims)
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


def test_a_row_that_is_not_shown_is_read(ledger: Ledger, claims: Claims, table: Table) -> None:
    row = claimed(claims)
    claims.settle(row, State.SENT, None)
    table.hides = True
    standing = known(ledger)
    assert ledger.create(MAIL, State.QUEUED) == standing
    assert claims.claim(MAIL, "t2") == (False, standing)
    assert ledger.cancel("m1") == standing
    assert ledger.reschedule(row, NOW, "next") is False
    assert claims.settle(row, State.SENT, None) is True


def test_what_is_taken_over_is_a_resend_with_its_history(
    ledger: Ledger, claims: Claims, table: Table, clock: Clock
) -> None:
    row = claimed(claims)
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
    assert now == known(ledger)
    assert claims.take_over(row, "t3", ATTEMPT) == (False, now)
    assert claims.take_over(row, "t2", ATTEMPT) == (True, now)  # the SDK's repetition


def test_what_is_settled_is_not_taken_over(claims: Claims) -> None:
    row = claimed(claims)
    claims.settle(row, State.SENT, None)
    assert claims.take_over(row, "t2", ATTEMPT)[0] is False


def test_a_call_is_settled_once(claims: Claims, table: Table, clock: Clock) -> None:
    row = claimed(claims)
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
    row = claimed(claims)
    table.change(code=15, retry_until=1)
    claims.settle(row, State.QUEUED, None, code=None, retry_until=None)
    assert table.row() == PRODUCED_BEGUN | CLAIMED | {"state": "queued"}


def test_a_call_whose_claim_was_taken_over_settles_nothing(claims: Claims, table: Table) -> None:
    row = claimed(claims)
    claims.take_over(row, "t2", ATTEMPT)
    before = table.row()
    assert claims.settle(row, State.SENT, ATTEMPT) is False
    assert claims.settle(row, State.SENDING, ATTEMPT) is False
    assert table.row() == before


@pytest.mark.parametrize("many", [MAX_ATTEMPTS - 1, MAX_ATTEMPTS, MAX_ATTEMPTS + 1])
def test_of_very_many_attempts_the_last_are_kept(
    ledger: Ledger, claims: Claims, table: Table, many: int
) -> None:
    claimed(claims)
    given = [{"ms": number} for number in range(many)]
    table.change(attempts=given)
    claims.settle(known(ledger), State.SENT, ATTEMPT)
    assert table.row()["attempts"] == [*given, ATTEMPT][-MAX_ATTEMPTS:]


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
    row = claimed(claims)
    assert claims.settle(row, State.UNKNOWN, None, reason=reason)
    assert claims.settle(row, state, ATTEMPT, reason="late", msg_id="7") is may
    assert table.row()["state"] == ("sent" if may else "unknown")
    assert table.row().get("msg_id") == ("7" if may else None)


def test_what_another_took_over_is_the_others_to_settle(
    claims: Claims, table: Table, clock: Clock
) -> None:
    row = claimed(claims)
    clock.now += LEASE
    assert claims.take_over(row, "t2", ATTEMPT)[0]
    assert not claims.settle(row, State.SENT, ATTEMPT, reason="late")
    assert table.row()["state"] == "sending"
