"""Mails of the ledger, newest first."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass

from outbox.storage.listing import Listing
from outbox.storage.row import Row

from ops.stack import Stack

_PAGE = 99  # of a BatchGetItem's hundred, one is for "there is more"


@dataclass(frozen=True, slots=True)
class Wanted:
    """The selection of mails. `since` is ISO 8601; `after` is the last mail of the page before."""

    client: str | None
    states: frozenset[str]
    since: str
    after: Row | None = None

    def takes(self, row: Row) -> bool:
        """Return whether a mail is selected."""
        return (
            (not self.states or row.state in self.states)
            and row.created >= self.since
            and (self.client is None or row.client == self.client)
        )


def newest(stack: Stack, wanted: Wanted, most: int) -> list[Row]:
    """Return up to `most` mails; raises botocore's errors."""
    if wanted.client is not None:
        found: list[Row] = []
        for row in of_client(stack, wanted.client, wanted.after):
            if row.created < wanted.since or len(found) == most:
                break
            if wanted.takes(row):
                found.append(row)
        return found
    before = (wanted.after.created, wanted.after.id) if wanted.after else None
    rows = (
        row
        for row in _all(stack)
        if wanted.takes(row) and (before is None or (row.created, row.id) < before)
    )
    return heapq.nlargest(most, rows, key=lambda row: (row.created, row.id))


def of_client(stack: Stack, client: str, after: Row | None = None) -> Iterator[Row]:
    """Yield a caller's mails, newest first."""
    listing = Listing(stack.table)
    more = True
    while more:
        rows, more = listing.page(client, _PAGE, after)
        yield from rows
        if not rows:
            return
        after = rows[-1]


def _all(stack: Stack) -> Iterator[Row]:
    pages = stack.client("dynamodb").get_paginator("scan")
    for page in pages.paginate(TableName=stack.output("LedgerTable")):
        yield from (Row.of(item) for item in page["Items"] if "state" in item)
