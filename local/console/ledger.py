"""The ledger as the console knows it: every row that changed was told once, and is indexed."""

from collections import Counter
from collections.abc import Iterable, Mapping
from operator import itemgetter
from typing import Any

from local.console import search
from local.console.inbox import Links
from local.console.search import Term, Text

Row = Mapping[str, Any]
_MOST_ROWS = 50_000
_SLACK = 5_000  # so that the oldest are looked for once in so many rows


class Ledger:
    """The rows by id, bounded: of more than 50,000 the oldest are only counted.

    Taken by one thread, read by many: each looks at a dictionary at one moment.
    """

    def __init__(self) -> None:
        """Begin empty."""
        self.special: dict[str, Row] = {}
        self._rows: dict[str, tuple[str, Row, Text]] = {}  # place, row, what is searched
        self._states: dict[str, str] = {}  # of those too that are only counted
        self._links = Links()
        self.row_of = self._links.row_of

    def take(self, items: Iterable[Row]) -> int:
        """Take what changed; return how many rows were among it."""
        return sum(self._take(item) for item in items)

    def _take(self, item: Row) -> bool:
        key, state = str(item["pk"]), item.get("state")
        if key.startswith("#") or (state is None and key not in self._states):
            self.special[key] = item
            return False
        known = self.row(key)
        if state is None:
            del self._states[key]
            self._rows.pop(key, None)
            return True
        self._states[key] = state
        self._rows[key] = place(item), item, _text(item)
        self._links.add(key, item)
        if len(self._rows) > _MOST_ROWS + _SLACK:
            for old in self.find(())[_MOST_ROWS:]:
                del self._rows[old["pk"]]
        return known != item

    @property
    def rows(self) -> dict[str, Row]:
        """All rows that are kept, by id."""
        return {key: row for key, (_, row, _) in self._rows.copy().items()}

    def row(self, key: str) -> Row | None:
        """Return one row."""
        return self._rows.get(key, ("", None))[1]

    def counts(self) -> Counter[str]:
        """Return how many rows are in each state, those included that are only counted."""
        return Counter(list(self._states.values()))

    def find(self, terms: Iterable[Term], before: str | None = None) -> list[Row]:
        """Return the rows that fulfil all terms, the newest first; `before`: after this place."""
        found = [known for known in list(self._rows.values()) if not before or known[0] < before]
        for term in terms:
            found = [known for known in found if term.holds(known[2])]
        return [row for _, row, _ in sorted(found, key=itemgetter(0), reverse=True)]


def place(row: Row) -> str:
    """Return where a row stands in the list."""
    return f"{row.get('created') or ''} {row['pk']}"


def _text(row: Row) -> Text:
    named = {
        "to": " ".join(map(str, row.get("to") or ())),
        "from": str(row.get("sender", "")),
        "campaign": str(row.get("campaign", "")),
        "state": row["state"],
    }
    more = [row.get(name) for name in ("pk", "reason", "msg_id", "client")]
    told = " ".join(str(value) for value in more if value is not None)
    return search.text(named, told, row.get("created") or "")
