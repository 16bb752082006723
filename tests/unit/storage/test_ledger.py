"""The ledger: what accepting, canceling and moving a mail write, whole; and when they do not."""

import pytest
from botocore.exceptions import ClientError
from outbox.mail.states import State
from outbox.mail.times import iso
from outbox.storage.claims import Claims
from outbox.storage.ledger import Ledger, TableBusyError

from tests.clock import Clock
from tests.faults.standins.errors import client_error
from tests.unit.storage.rows import AT, BEGUN, KEPT, MAIL, NOW, Table, claimed, known


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
    row = known(ledger)
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
    claims.settle(claimed(claims), State.QUEUED, None)
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
    before, row = table.row(), known(ledger)
    clock.now += 1
    assert ledger.reschedule(row, NOW + 900, "next") is True
    moved = {"scheduled_at": NOW + 900, "schedule": "next", "ttl": NOW + 900 + KEPT}
    assert table.row() == before | moved | {"updated": iso(NOW + 1)}
    assert ledger.reschedule(row, NOW + 900, "next") is True  # the SDK's repetition
    assert ledger.reschedule(row, NOW + 901, "next") is False
    assert ledger.reschedule(row, NOW + 900, "third") is False
    assert ledger.reschedule(known(ledger), NOW + 700, "third") is True
    assert table.row()["scheduled_at"] == NOW + 700


def test_what_is_not_scheduled_any_more_is_not_moved(ledger: Ledger, table: Table) -> None:
    ledger.create(MAIL._replace(scheduled_at=NOW + 500), State.SCHEDULED)
    row = known(ledger)
    table.change(state="queued", schedule="next", scheduled_at=NOW + 900)
    assert ledger.reschedule(row, NOW + 900, "next") is False
    assert ledger.reschedule(known(ledger), NOW + 700, "third") is False


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
