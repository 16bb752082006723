"""The table, and what is written in it."""

from typing import Any, cast

import pytest
from outbox.storage.claims import Claims
from outbox.storage.ledger import Ledger
from outbox.storage.table import LedgerTable

from tests.clock import Clock
from tests.unit.storage.rows import LEASE, NOW, Table


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
