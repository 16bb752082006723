"""The mails that the simulator took: what is searched of each, and the ledger's row of each."""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from local.console import search
from local.console.search import Term, Text
from local.simulator.books import Books
from local.simulator.call import recipients

Mail = Mapping[str, Any]
Row = Mapping[str, Any]
_KINDS = ("html", "text")
_SHOWN = ("n", "at", "msg_id", "auth", "token", "content_type")
_TAG = re.compile(r"<[^>]*>")


def summary(mail: Mail, row: str | None) -> dict[str, Any]:
    """Return what the list shows of a mail; `row` is the id of its ledger row."""
    fields = mail["fields"]
    return {
        **{name: mail.get(name) for name in _SHOWN},
        "from": fields.get("from"),
        "to": list(recipients(fields.get("to"))),
        "subject": fields.get("subject"),
        "campaign": fields.get("campaignName"),
        "row": row,
    }


def has(mail: Mail, wanted: Mapping[str, str]) -> bool:
    """Return whether a mail is to an address, and its other fields have what is wanted in them."""
    shown = summary(mail, None)
    to = [address.lower() for address in shown["to"]]
    return all(
        text.lower() in to
        if name == "to"
        else search.folded(text) in search.folded(str(shown[name]))
        for name, text in wanted.items()
    )


class Inbox:
    """The simulator's inbox with what is searched of each mail, made when the mail comes."""

    def __init__(self, books: Books) -> None:
        """Take what is there, and then follow."""
        self.books = books
        self._texts: dict[int, Text] = {}
        self._names: dict[int, tuple[str, ...]] = {}
        books.observe(self._take)
        for mail in books.newest():
            self._take({"event": "mail", **mail})

    def find(self, terms: Iterable[Term], before: int | None = None) -> list[Mail]:
        """Return the mails that fulfil all terms, the newest first, older than a number."""
        found, texts = self.books.newest(before), self._texts
        for term in terms:
            found = [m for m in found if (text := texts.get(m["n"])) and term.holds(text)]
        return found

    def like(self, row: Row) -> list[Mail]:
        """Return the mails that may be the row's: they have its msgId, or what was sent."""
        wanted = {str(row.get("msg_id")), str(row.get("fingerprint"))}
        # A copy is made in one step, a list of pairs is not: its tuples wake the collector.
        numbers = [n for n, has in self._names.copy().items() if not wanted.isdisjoint(has)]
        return [mail for number in sorted(numbers) if (mail := self.books.find(number)) is not None]

    def _take(self, event: Mapping[str, Any]) -> None:
        gone: Iterable[int] = event["numbers"] if event["event"] == "removed" else ()
        if event["event"] == "mail":
            self._texts[event["n"]] = _text(event)
            self._names[event["n"]] = tuple(names(event))
            # It may have been removed before this was told of it.
            gone = () if self.books.find(event["n"]) else (event["n"],)
        for number in gone:
            self._texts.pop(number, None)
            self._names.pop(number, None)


def _text(mail: Mail) -> Text:
    shown = summary(mail, None)
    named = {name: str(shown[name] or "") for name in ("from", "subject", "campaign")}
    body = _TAG.sub(" ", str(mail["fields"].get("msg", "")))
    return search.text({"to": ",".join(shown["to"]), **named}, body, mail["at"])


class Links:
    """Which row a mail of the inbox belongs to: by msgId, else by what was sent.

    A mail whose answer never came has no msgId in its row, but the row has the fingerprint.
    """

    def __init__(self, rows: Mapping[str, Row] | None = None) -> None:
        """Index the rows, by id."""
        self._ids: dict[str, str] = {}
        for row_id, row in (rows or {}).items():
            self.add(row_id, row)

    def add(self, row_id: str, row: Row) -> None:
        """Index one more row, or what is new of one."""
        msg_id, sent = row.get("msg_id"), row.get("fingerprint")
        if msg_id:
            self._ids[str(msg_id)] = row_id
        if sent and (sent not in self._ids or not msg_id):
            self._ids[sent] = row_id

    def row_of(self, mail: Mail) -> str | None:
        """Return the id of the mail's row, None if there is none (yet)."""
        return next((self._ids[name] for name in names(mail) if name in self._ids), None)


def names(mail: Mail) -> Iterator[str]:
    """Yield what a row may know a mail by: its msgId, then the fingerprints of what was sent."""
    yield str(mail["msg_id"])
    yield from (fingerprint(mail, kind) for kind in _KINDS)


def fingerprint(mail: Mail, kind: str) -> str:
    """Return what the ledger's row has of a mail with these fields; held by a test."""
    fields = mail["fields"]
    parts = [
        *(fields.get("from"), *recipients(fields.get("to")), "", fields.get("campaignName")),
        *(fields.get("subject"), kind, fields.get("msg")),
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
