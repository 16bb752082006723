"""What the page asks for, as JSON: lists with a search, one mail, one journey."""

from collections.abc import Callable, Iterator, Mapping
from itertools import islice, takewhile
from typing import Any

from local.console import inbox, ledger, rendering, search, timeline
from local.console.inbox import Mail
from local.console.watch import Watch

PAGE = 100


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

    def inbox(self, query: str, before: str) -> dict[str, Any]:
        """Return a page of the mails that Taqnyat took and that the search finds, newest first."""
        number = int(before) if before.isdecimal() else None
        return _page(self._found(query, number), self._summary, lambda mail: str(mail["n"]))

    def numbers(self, query: str) -> list[int]:
        """Return the numbers of the mails that the search finds."""
        return [mail["n"] for mail in self._found(query)]

    def first(self, wanted: Mapping[str, str], after: int) -> tuple[int | None, int]:
        """Return the oldest mail above a number that has what is wanted, and the newest number.

        `to` is one whole address; `from`, `subject` and `campaign` are parts of theirs.
        """
        if self._watch.inbox is None:
            raise NotThereError("there is no inbox: mails go to a real provider")
        new = list(takewhile(lambda mail: mail["n"] > after, self._watch.inbox.find(())))
        fits = [mail["n"] for mail in new if inbox.has(mail, wanted)]
        return (fits[-1] if fits else None), max([after, *(mail["n"] for mail in new)])

    def letter(self, number: str) -> dict[str, Any]:
        """Return one mail of the inbox, its fields as they were sent."""
        mail = self.mail(number)
        summary = self._summary(mail)
        row = self._watch.ledger.row(summary["row"] or "")
        body = str(mail["fields"].get("msg", ""))
        return summary | {
            "fields": mail["fields"],
            "steps": [] if row is None else timeline.steps(row),
            "links": rendering.links(body),
            "hints": rendering.hints(body),
        }

    def mail(self, number: str) -> Mail:
        """Return one mail of the inbox."""
        found = None
        if self._watch.inbox is not None and number.isdecimal():
            found = self._watch.inbox.mail(int(number))
        if found is None:
            raise NotThereError("there is no mail with this number")
        return found

    def mails(self, query: str, state: str, before: str) -> dict[str, Any]:
        """Return a page of the ledger's rows in a state (all: empty) that the search finds."""
        terms = search.parse(query)
        found = self._watch.ledger.find(terms, state, before or None)
        return _page(found, timeline.summary, ledger.place)

    def journey(self, mail_id: str) -> dict[str, Any]:
        """Return one row with its timeline, and the numbers of its mails in the inbox."""
        row = self._watch.ledger.row(mail_id)
        if row is None:
            self._watch.latest(fresh=True)
            row = self._watch.ledger.row(mail_id)
        if row is None:
            raise NotThereError("there is no mail with this id")
        mails = () if self._watch.inbox is None else self._watch.inbox.like(row)
        numbers = [mail["n"] for mail in mails if self._watch.ledger.row_of(mail) == mail_id]
        return timeline.summary(row) | {"steps": timeline.steps(row), "inbox": numbers}

    def _found(self, query: str, before: int | None = None) -> Iterator[Mail]:
        if self._watch.inbox is None:
            return iter(())
        return self._watch.inbox.find(search.parse(query), before)

    def _summary(self, mail: Mail) -> dict[str, Any]:
        return inbox.summary(mail, self._watch.ledger.row_of(mail))


def _page(
    found: Iterator[Any], shown: Callable[[Any], dict[str, Any]], place: Callable[[Any], str]
) -> dict[str, Any]:
    """Return the first of what was found, how much there is, and where the next page begins."""
    first = list(islice(found, PAGE))
    more = sum(1 for _ in found)
    return {
        "matching": len(first) + more,
        "mails": [shown(one) for one in first],
        "next": place(first[-1]) if more else None,
    }
