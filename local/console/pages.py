"""What the page asks for, as JSON: lists with a search, one mail, one journey."""

from collections.abc import Iterable
from typing import Any

from local.console import inbox, timeline
from local.console.inbox import Links, Mail
from local.console.watch import Snapshot, Watch

_MOST = 200


class NotThereError(LookupError):
    """There is nothing of that name; the message is for the reader."""


class Pages:
    """Reads what the watch has seen."""

    def __init__(self, watch: Watch) -> None:
        """Read nothing yet."""
        self._watch = watch

    def state(self) -> dict[str, Any]:
        """Return all that the head of the page shows."""
        seen = self._watch.latest()
        return {"pipeline": seen.pipeline, **seen.panels}

    def inbox(self, query: str) -> dict[str, Any]:
        """Return the newest mails that Taqnyat took and that have every word of `query`."""
        links = self._links()
        words = inbox.folded(query).split()
        found = [mail for mail in reversed(self._received()) if inbox.matches(mail, words)]
        shown = [inbox.summary(mail, links.row_of(mail)) for mail in found[:_MOST]]
        return {"matching": len(found), "mails": shown}

    def letter(self, number: str) -> dict[str, Any]:
        """Return one mail of the inbox, its fields as they were sent."""
        mail = self._find(number)
        row = self._links().row_of(mail)
        steps = timeline.steps(self._watch.latest().rows[row]) if row is not None else []
        return inbox.summary(mail, row) | {"fields": mail["fields"], "steps": steps}

    def mail(self, number: str) -> str:
        """Return the body of one mail of the inbox."""
        return str(self._find(number)["fields"].get("msg", ""))

    def mails(self, query: str, state: str) -> dict[str, Any]:
        """Return the newest rows of the ledger in a state (all: empty) with every word."""
        rows = [
            timeline.summary(row)
            for row in self._watch.latest().rows.values()
            if not state or row["state"] == state
        ]
        words = inbox.folded(query).split()
        found = [row for row in rows if _has(row.values(), words)]
        found.sort(key=lambda row: row["created"] or "", reverse=True)
        return {"matching": len(found), "mails": found[:_MOST]}

    def journey(self, mail_id: str) -> dict[str, Any]:
        """Return one row with its timeline, and the numbers of its mails in the inbox."""
        row = self._watch.latest().rows.get(mail_id) or self._fresh().rows.get(mail_id)
        if row is None:
            raise NotThereError("there is no mail with this id")
        links = self._links()
        numbers = [mail["n"] for mail in self._received() if links.row_of(mail) == mail_id]
        return timeline.summary(row) | {"steps": timeline.steps(row), "inbox": numbers}

    def _fresh(self) -> Snapshot:
        return self._watch.latest(fresh=True)

    def _links(self) -> Links:
        return Links(self._watch.latest().rows)

    def _received(self) -> list[Mail]:
        simulator = self._watch.simulator
        return [] if simulator is None else list(simulator.inbox())

    def _find(self, number: str) -> Mail:
        for mail in self._received():
            if str(mail["n"]) == number:
                return mail
        raise NotThereError("there is no mail with this number")


def _has(values: Iterable[object], words: list[str]) -> bool:
    text = inbox.folded(" ".join(str(value) for value in values))
    return all(word in text for word in words)
