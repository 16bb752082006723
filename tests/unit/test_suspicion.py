"""Suspicions in the control record: raised once, counted by mail, cleared by what goes through."""

from typing import Any, cast

import pytest
from outbox.sending.control import Control, ControlRecord, PauseState, Refusal, Suspicion
from outbox.sending.rate import Rate
from outbox.sending.suspicion import Suspicions
from outbox.storage.expressions import pack_item, unpack_item

from tests.clock import Clock
from tests.faults.standins.dynamo import Dynamo

NOW = 1_800_000_000
FIRST = Refusal("m1", "shop@example.com", "balance_too_low", 3, 400)
SECOND = Refusal("m2", "shop@example.com", "http_404", status=404)
RAISED: dict[str, Any] = {
    "pk": "#pause",
    "suspect": {
        "mail_id": "m1",
        "sender": "shop@example.com",
        "reason": "balance_too_low",
        "code": 3,
        "status": 400,
    },
    "suspected_at": NOW,
    "suspect_mails": 1,
    "suspicion_told": False,
    "paused": False,
    "resumed_at": 0,
}


@pytest.fixture
def table() -> Dynamo:
    return Dynamo("ledger")


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW + 0.9)


@pytest.fixture
def suspicions(table: Dynamo, clock: Clock) -> Suspicions:
    return Suspicions(cast("Any", table), "ledger", clock)


def record(table: Dynamo) -> dict[str, Any]:
    """Return the control record."""
    return unpack_item(table.items["#pause"])


def control(table: Dynamo) -> Control:
    """Return what reads the record."""
    return Control(cast("Any", table), "ledger")


def test_the_first_refusal_is_written_down_whole(suspicions: Suspicions, table: Dynamo) -> None:
    assert suspicions.raise_against(FIRST) == Suspicion(FIRST, NOW)
    assert record(table) == RAISED
    assert control(table).read().suspicion == Suspicion(FIRST, NOW, told=False, mails=1)


def test_the_same_mail_again_changes_nothing(
    suspicions: Suspicions, table: Dynamo, clock: Clock
) -> None:
    suspicions.raise_against(FIRST)
    clock.now += 60

    again = suspicions.raise_against(FIRST._replace(code=None))

    assert again == Suspicion(FIRST, NOW)
    assert record(table) == RAISED


def test_another_mail_is_counted(suspicions: Suspicions, table: Dynamo, clock: Clock) -> None:
    suspicions.raise_against(FIRST)
    clock.now += 60

    assert suspicions.raise_against(SECOND) == Suspicion(FIRST, NOW, mails=2)
    assert suspicions.raise_against(SECOND) == Suspicion(FIRST, NOW, mails=3)
    assert record(table) == RAISED | {"suspect_mails": 3}


def test_a_suspicion_that_was_cleared_meanwhile_is_told_as_it_was(
    suspicions: Suspicions, table: Dynamo
) -> None:
    suspicions.raise_against(FIRST)
    update, calls = table.update_item, 0

    def late(**arguments: Any) -> Any:  # noqa: ANN401 - botocore's shape
        nonlocal calls
        calls += 1
        if calls > 1:
            table.items["#pause"] = pack_item({"pk": "#pause", "paused": False})
        return update(**arguments)

    table.update_item = late  # type: ignore[method-assign]

    assert suspicions.raise_against(SECOND) == Suspicion(FIRST, NOW)
    assert "suspect" not in record(table)


def test_what_was_known_of_the_pause_stays(suspicions: Suspicions, table: Dynamo) -> None:
    known = {"pk": "#pause", "paused": True, "resumed_at": 7, "reason": "maintenance"}
    table.items["#pause"] = pack_item(known)

    suspicions.raise_against(FIRST)

    assert record(table) == RAISED | known


def test_a_mail_that_goes_through_clears_it(suspicions: Suspicions, table: Dynamo) -> None:
    standing = suspicions.raise_against(FIRST)

    suspicions.clear(standing, NOW + 5.9)

    assert record(table) == {
        "pk": "#pause",
        "paused": False,
        "resumed_at": 0,
        "sent_at": NOW + 5,
    }
    found = control(table).read()
    assert found == ControlRecord(PauseState(resumed_at=0), None, Rate(sent_at=NOW + 5))
    assert found.sent_at == NOW + 5


@pytest.mark.parametrize("other", [Suspicion(SECOND, NOW), Suspicion(FIRST, NOW - 1)])
def test_another_suspicion_than_the_one_that_was_read_stays(
    suspicions: Suspicions, table: Dynamo, other: Suspicion
) -> None:
    suspicions.raise_against(FIRST)

    suspicions.clear(other, NOW + 5)

    assert record(table) == RAISED


def test_a_record_from_before_mails_were_counted_has_one() -> None:
    kept = {"suspect": FIRST.plain()}

    found = ControlRecord.of(pack_item(kept))

    assert found.suspicion == Suspicion(FIRST, 0, told=False, mails=1)
    assert ControlRecord.of({}) == ControlRecord()


def test_a_refusal_is_kept_without_what_is_not_known() -> None:
    assert Refusal("m", "s", "r").plain() == {"mail_id": "m", "sender": "s", "reason": "r"}
    assert Refusal(**SECOND.plain()) == SECOND
