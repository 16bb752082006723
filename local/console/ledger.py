"""The ledger as the console knows it: every row that changed was told once, and is indexed."""

import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from local.console import search
from local.console.inbox import Links, Mail
from local.console.search import Term, Text

Row = Mapping[str, Any]
_MOST_ROWS = 50_000


class Ledger:
    """The rows by id, bounded: of more than 50,000 the oldest are only counted.

    Taken by one thread, read by many.
    """

    def __init__(self) -> None:
        """Begin empty."""
        self.special: dict[str, Row] = {}
        self._lock = threading.Lock()
        self._rows: dict[str, tuple[Row, Text]] = {}
        self._states: dict[str, str] = {}  # of those too that are only counted
        self._links = Links()

    def take(self, items: Iterable[Row]) -> int:
        """Take what changed; return how many rows were among it."""
        return sum(self._take(item) for item in items)

    def _take(self, item: Row) -> bool:
        key = str(item["pk"])
        state = item.get("state")
        if key.startswith("#") or (state is None and key not in self._states):
            self.special[key] = item
            return False
        with self._lock:
            known, _ = self._rows.pop(key, (None, None))
            if state is None:
                del self._states[key]
                return True
            self._states[key] = state
            self._rows[key] = item, _text(item)
            self._links.add(key, item)
            if len(self._rows) > _MOST_ROWS:
                del self._rows[min(self._rows, key=lambda one: place(self._rows[one][0]))]
        return known != item

    @property
    def rows(self) -> dict[str, Row]:
        """All rows that are kept, by id."""
        with self._lock:
            return {key: row for key, (row, _) in self._rows.items()}

    def row(self, key: str) -> Row | None:
        """Return one row."""
        with self._lock:
            return self._rows.get(key, (None,))[0]

    def counts(self) -> Counter[str]:
        """Return how many rows are in each state."""
        with self._lock:
            return Counter(self._states.values())

    def __len__(self) -> int:
        """Return how many rows there are."""
        with self._lock:
            return len(self._states)

    def row_of(self, mail: Mail) -> str | None:
        """Return the id of the row of a mail of the inbox."""
        with self._lock:
            return self._links.row_of(mail)

    def find(self, terms: Iterable[Term], state: str, before: str | None = None) -> Iterator[Row]:
        """Yield the rows in a state (any: empty) that fulfil all terms, the newest first.

        `before` is a place of `place`: only what comes after it.
        """
        terms = tuple(terms)
        with self._lock:
            rows = [(place(row), row, text) for row, text in self._rows.values()]
        rows.sort(key=lambda found: found[0], reverse=True)
        for at, row, text in rows:
            fits = (not state or row["state"] == state) and (before is None or at < before)
            if fits and all(term.holds(text) for term in terms):
                yield row


def place(row: Row) -> str:
    """Return where a row stands in the list."""
    return f"{row.get('created') or ''} {row['pk']}"


def _text(row: Row) -> Text:
    named = {
        "to": " ".join(map(str, row.get("to") or ())),
        "from": str(row.get("sender", "")),
        "campaign": str(row.get("campaign", "")),
    }
    more = [row["pk"], row["state"], row.get("reason"), row.get("msg_id"), row.get("client")]
    told = " ".join(str(value) for value in more if value is not None)
    return search.text(named, told, row.get("created") or "")
