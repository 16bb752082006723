"""The table: what each row has, and reads of many rows."""

import random
import time
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError
from outbox.mail.states import State
from outbox.mail.times import iso
from outbox.storage.claims import Claims
from outbox.storage.ledger import Ledger
from outbox.storage.table import LedgerTable
from outbox.throttling import is_throttled

from tests.faults.standins.errors import client_error
from tests.unit.storage.rows import (
    AT,
    MAIL,
    NOW,
    Table,
)


def test_a_record_is_kept_for_longer_than_both_queues_keep_a_message(table: Table) -> None:
    rows = LedgerTable(cast("Any", table), "ledger", 15, lambda: NOW)
    assert rows.expiry() == NOW + 30 * 86400


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
